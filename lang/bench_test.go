package lang_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"imgc/lang"
	"imgc/lang/format"
)

// megabyte is a program of about 1 MB: the project's own, over and over.
func megabyte(b testing.TB) string {
	b.Helper()
	src, err := os.ReadFile("../testdata/consul/consul.imgc")
	if err != nil {
		b.Fatal(err)
	}
	var all strings.Builder
	for i := 0; all.Len() < 1<<20; i++ {
		fmt.Fprintf(&all, "# copy %d\n", i)
		all.WriteString(strings.ReplaceAll(string(src), "/tmp/", fmt.Sprintf("/tmp/%d/", i)))
		all.WriteByte('\n')
	}
	return all.String()
}

func BenchmarkParseCold(b *testing.B) {
	src := megabyte(b)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if ds := lang.Parse("a.imgc", src).Diagnostics(); len(ds) > 0 {
			b.Fatal(ds)
		}
	}
}

// BenchmarkReparseOneEdit parses a megabyte after one edit, and cold, in turns, and prints how many times as fast the edit is.
func BenchmarkReparseOneEdit(b *testing.B) {
	src := megabyte(b)
	p := lang.NewParser()
	p.Parse("a.imgc", src)
	at := strings.Index(src[len(src)/2:], "retry 2") + len(src)/2
	b.SetBytes(int64(len(src)))
	i := 0
	var edited, cold time.Duration
	for b.Loop() {
		i++
		text := fmt.Sprintf("%sretry %d%s", src[:at], i, src[at+len("retry 2"):])
		start := time.Now()
		p.Parse("a.imgc", text)
		edited += time.Since(start)
		if i%30 == 1 {
			start = time.Now()
			lang.Parse("a.imgc", text)
			cold += 30 * time.Since(start)
		}
	}
	b.ReportMetric(float64(edited.Microseconds())/float64(i), "µs/edit")
	b.ReportMetric(float64(cold)/float64(edited)*float64(i)/float64((i+29)/30*30), "x-cold")
}

func BenchmarkFormat(b *testing.B) {
	src := megabyte(b)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if _, err := format.Source("a.imgc", src); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTokens(b *testing.B) {
	src := megabyte(b)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		lang.Tokens(src)
	}
}
