package planner

import (
	"context"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/zclconf/go-cty/cty"

	"imgc/compiler"
	"imgc/stdlib/component"
)

// randomUnits draws a program: each unit may use those before it.
func randomUnits(t *rapid.T) []*compiler.Unit {
	var out []*compiler.Unit
	for i := range rapid.IntRange(0, 4).Draw(t, "units") {
		u := unit(fmt.Sprintf("u%d.vm", i), call(vmSchema, "", size(rapid.Int64Range(1, 3).Draw(t, "size"))))
		uses := func(c *compiler.Call) {
			if i > 0 && rapid.IntRange(0, 3).Draw(t, "uses") == 0 {
				on := fmt.Sprintf("u%d.vm", rapid.IntRange(0, i-1).Draw(t, "which"))
				c.Options = append(c.Options, later(fieldFrom, on+".path", on+".path"))
				u.DependsOn = append(u.DependsOn, on)
			}
		}
		uses(u.Builder)
		for range rapid.IntRange(0, 4).Draw(t, "steps") {
			s := call(shellSchema, rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "label"))
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				s.Options = append(s.Options, inline(rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "line")))
			case 1:
				s.Options = append(s.Options, script(rapid.SampledFrom([]string{"one", "two"}).Draw(t, "script")))
			case 2:
				s.Options = append(s.Options, token(rapid.SampledFrom([]string{"p", "q"}).Draw(t, "token")))
			case 3:
				s.Options = append(s.Options, option(fieldWait, cty.NumberIntVal(rapid.Int64Range(0, 2).Draw(t, "wait"))))
			}
			uses(s)
			u.Steps = append(u.Steps, s)
		}
		for range rapid.IntRange(0, 2).Draw(t, "chains") {
			ch := &compiler.Chain{}
			for range rapid.IntRange(1, 3).Draw(t, "links") {
				l := call(rapid.SampledFrom([]*compiler.Schema{compressSchema, checksumSchema}).Draw(t, "post"), "", size(rapid.Int64Range(1, 2).Draw(t, "level")))
				l.Keep = rapid.Bool().Draw(t, "keep")
				uses(l)
				ch.Links = append(ch.Links, l)
			}
			u.Posts = append(u.Posts, ch)
		}
		out = append(out, u)
	}
	return out
}

// After apply nothing is left to do, whatever was there before and whatever was lost; and what the plan says runs, and
// nothing else, is what differs.
func TestPlanAfterApplyIsEmpty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		w.file("one", "1")
		w.file("two", "2")
		for range rapid.IntRange(1, 4).Draw(rt, "rounds") {
			us := randomUnits(rt)
			if rapid.Bool().Draw(rt, "edit") {
				w.file("one", rapid.SampledFrom([]string{"1", "3"}).Draw(rt, "content"))
			}
			for addr, u := range w.state.Units {
				if !u.Consumed && rapid.IntRange(0, 5).Draw(rt, "lost") == 0 {
					w.seen.Artifacts[addr] = component.Gone
				}
				for i, ch := range u.Posts {
					for j, l := range ch.Links {
						if !l.Consumed && rapid.IntRange(0, 5).Draw(rt, "link lost") == 0 {
							w.seen.Artifacts[LinkKey(addr, i, j)] = component.Gone
						}
					}
				}
			}
			for _, c := range w.plan(us...).Changes {
				if (c.Action == None) != (len(c.Reasons) == 0) {
					rt.Fatalf("%s %s for %d reasons", c.Action, c.Addr, len(c.Reasons))
				}
			}
			w.apply(us...)
			if got := summary(w.plan(us...)); got != "" {
				rt.Fatalf("after apply there is still something to do:\n%s", got)
			}
		}
	})
}

// One step that changes rebuilds its unit and those that use it, and no other; steps before it keep their digests.
func TestOneChange(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		w.file("one", "1")
		w.file("two", "2")
		us := randomUnits(rt)
		if len(us) == 0 {
			return
		}
		before, ds := Digest(context.Background(), w.input(us...))
		if ds.HasErrors() {
			rt.Fatal(ds)
		}
		w.apply(us...)
		k := rapid.IntRange(0, len(us)-1).Draw(rt, "unit")
		at := rapid.IntRange(0, len(us[k].Steps)).Draw(rt, "step")
		steps := append([]*compiler.Call{}, us[k].Steps[:at]...)
		us[k].Steps = append(append(steps, call(shellSchema, "new", inline("something else"))), us[k].Steps[at:]...)
		after, ds := Digest(context.Background(), w.input(us...))
		if ds.HasErrors() {
			rt.Fatal(ds)
		}
		for i := range at {
			if before.Units[us[k].Addr].Steps[i].Digest != after.Units[us[k].Addr].Steps[i].Digest {
				rt.Fatalf("step %d before the new one has another digest", i+1)
			}
		}
		// may are the units that are built perhaps: a post chain of one whose artifact is used up may have to run again,
		// and then that unit is built, and with it those that use it.
		dirty, may := map[string]bool{us[k].Addr: true}, map[string]bool{us[k].Addr: true}
		for _, u := range us {
			may[u.Addr] = may[u.Addr] || w.state.Units[u.Addr].Consumed
			for _, c := range append([]*compiler.Call{u.Builder}, u.Steps...) {
				for _, a := range usedUnits(c) {
					dirty[u.Addr] = dirty[u.Addr] || dirty[a]
					may[u.Addr] = may[u.Addr] || may[a]
				}
			}
		}
		for _, c := range w.plan(us...).Changes {
			if built := c.Action == Build || c.Action == Rebuild; built && !may[c.Addr] || dirty[c.Addr] && !built {
				rt.Fatalf("%s: %s", c.Addr, c.Action)
			}
			if c.Addr == us[k].Addr && c.Reasons[len(c.Reasons)-1].Code != StepAdded {
				rt.Fatalf("a new step at %d gives %v", at+1, c.Reasons)
			}
		}
	})
}
