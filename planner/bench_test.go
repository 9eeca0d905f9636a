package planner

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"imgc/compiler"
)

// thousand is a program of 1,000 units with 10 steps each, a tenth of which read a file.
func thousand() []*compiler.Unit {
	var us []*compiler.Unit
	for i := range 1000 {
		u := unit(fmt.Sprintf("u%d.vm", i), call(vmSchema, "", size(int64(i))))
		for j := range 10 {
			s := call(shellSchema, fmt.Sprintf("step %d", j), inline("apt-get update", fmt.Sprintf("apt-get install -y package-%d-%d", i, j)))
			if j == 5 {
				s.Options = append(s.Options, script("setup.sh"))
			}
			u.Steps = append(u.Steps, s)
		}
		us = append(us, u)
	}
	return us
}

// BenchmarkPlan1000x10 digests and compares when one step of every unit has changed, which costs the most.
func BenchmarkPlan1000x10(b *testing.B) {
	w := newWorld(b)
	w.file("setup.sh", "once")
	us := thousand()
	w.apply(us...)
	w.file("setup.sh", "twice")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		in := w.input(us...)
		d, ds := Digest(context.Background(), in)
		if ds.HasErrors() {
			b.Fatal(ds)
		}
		if p, ds := Make(in, d, w.seen); ds.HasErrors() || len(p.Changes) != 1000 {
			b.Fatal(ds)
		}
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N)/1e6, "MB/op")
	b.ReportMetric(float64(after.Sys)/1e6, "MB-from-system")
}
