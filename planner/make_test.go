package planner

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"imgc/compiler"
	"imgc/stdlib/component"
)

// base is the program that the cases change.
func base() []*compiler.Unit {
	vm := unit("base.vm", call(vmSchema, "", size(10)),
		call(shellSchema, "update", inline("apt-get update")), call(shellSchema, "setup", script("setup.sh")), call(shellSchema, "", inline("reboot")))
	web := unit("web.vm", call(vmSchema, "", later(fieldFrom, "base.vm.path", "base.vm.path")), call(shellSchema, "", inline("web")))
	web.DependsOn = []string{"base.vm"}
	web.Posts = []*compiler.Chain{chain(call(checksumSchema, "")), chain(call(compressSchema, "", size(1)), call(checksumSchema, ""))}
	return []*compiler.Unit{vm, web}
}

func TestReasons(t *testing.T) {
	type edit func(w *world, us []*compiler.Unit) []*compiler.Unit
	cases := []struct {
		name string
		edit edit
		want string
	}{
		{"nothing", func(w *world, us []*compiler.Unit) []*compiler.Unit { return us }, ""},
		{"a file", func(w *world, us []*compiler.Unit) []*compiler.Unit { w.file("setup.sh", "more"); return us },
			"rebuild base.vm: setup.sh changed in step 2 (shell \"setup\")\nrebuild web.vm: base.vm, whose artifact it uses, is built"},
		{"an option of the source", func(w *world, us []*compiler.Unit) []*compiler.Unit {
			us[0].Builder.Options[0] = size(20)
			return us
		}, "rebuild base.vm: option size 10GiB → 20GiB in source vm\nrebuild web.vm: base.vm, whose artifact it uses, is built"},
		{"a step in the middle", func(w *world, us []*compiler.Unit) []*compiler.Unit {
			u := us[0]
			u.Steps = []*compiler.Call{u.Steps[0], call(shellSchema, "", inline("new")), u.Steps[1], u.Steps[2]}
			return us
		}, "rebuild base.vm: step 2 (shell) added\nrebuild web.vm: base.vm, whose artifact it uses, is built"},
		{"a step less", func(w *world, us []*compiler.Unit) []*compiler.Unit { us[1].Steps = nil; return us },
			"rebuild web.vm: step 1 (shell) removed"},
		{"steps in another order", func(w *world, us []*compiler.Unit) []*compiler.Unit {
			u := us[0]
			u.Steps = []*compiler.Call{u.Steps[1], u.Steps[0], u.Steps[2]}
			return us
		}, "rebuild base.vm: step 1 (shell \"setup\") was step 2\nrebuild web.vm: base.vm, whose artifact it uses, is built"},
		{"a new version of a component", func(w *world, us []*compiler.Unit) []*compiler.Unit {
			w.in.Version = func(kind, name string) string {
				if name == "compress" {
					return "2"
				}
				return "1"
			}
			return us
		}, "post web.vm: post compress is now compress 2, was compress 1"},
		{"an artifact gone", func(w *world, us []*compiler.Unit) []*compiler.Unit {
			w.seen.Artifacts["web.vm"] = component.Gone
			return us
		}, "rebuild web.vm: web.vm.img is gone"},
		{"an artifact changed", func(w *world, us []*compiler.Unit) []*compiler.Unit {
			w.seen.Artifacts[LinkKey("web.vm", 0, 0)] = component.Changed
			return us
		}, "post web.vm: web.vm.0.0 is not as it was made"},
		{"replaced", func(w *world, us []*compiler.Unit) []*compiler.Unit { w.in.Replace = []string{"web.vm"}; return us },
			"rebuild web.vm: forced with --replace web.vm"},
		{"another post", func(w *world, us []*compiler.Unit) []*compiler.Unit {
			us[1].Posts = append(us[1].Posts, chain(call(checksumSchema, "", size(3))))
			return us
		}, "post web.vm: post checksum is new or changed"},
		{"a unit less", func(w *world, us []*compiler.Unit) []*compiler.Unit { return us[:1] },
			"forget web.vm: no longer in the program; what it built stays"},
		{"a unit less, but another is the target", func(w *world, us []*compiler.Unit) []*compiler.Unit {
			w.in.Targets = []string{"base"}
			return us[:1]
		}, ""},
		{"a target brings what it uses", func(w *world, us []*compiler.Unit) []*compiler.Unit {
			w.in.Targets = []string{"w*.vm"}
			w.in.Replace = []string{"base.*"}
			return us
		}, "rebuild base.vm: forced with --replace base.vm\nrebuild web.vm: base.vm, whose artifact it uses, is built"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.file("setup.sh", "once")
			w.apply(base()...)
			us := c.edit(w, base())
			if diff := cmp.Diff(c.want, summary(w.plan(us...))); diff != "" {
				t.Error(diff)
			}
			w.apply(us...)
			if c.name == "replaced" || w.in.Replace != nil {
				w.in.Replace = nil
			}
			if got := summary(w.plan(us...)); got != "" {
				t.Errorf("after apply there is still something to do:\n%s", got)
			}
		})
	}
}

func TestRestart(t *testing.T) {
	w := newWorld(t)
	w.file("setup.sh", "once")
	us := base()[:1]
	p := w.apply(us...)
	c := p.Changes[0]
	if c.RestartAt != 1 || c.RestoreFrom != "" {
		t.Errorf("a first build restarts at %d", c.RestartAt)
	}
	for _, s := range c.Steps {
		w.seen.Checkpoints[s.Digest] = true
	}
	first := c.Steps[0].Digest
	w.file("setup.sh", "twice")
	if c = w.plan(us...).Changes[0]; c.RestartAt != 2 || c.RestoreFrom != first || c.Steps[0].Runs || !c.Steps[1].Runs {
		t.Errorf("restarts at step %d from %s", c.RestartAt, c.RestoreFrom)
	}
	w.file("setup.sh", "once")
	w.seen.Artifacts["base.vm"] = component.Gone
	if c = w.plan(us...).Changes[0]; c.RestartAt != 0 || c.RestoreFrom != c.Steps[2].Digest || c.Action != Rebuild {
		t.Errorf("a lost artifact needs no step again, but restarts at %d", c.RestartAt)
	}
	w.in.Replace = []string{"base"}
	if c = w.plan(us...).Changes[0]; c.RestartAt != 1 || c.RestoreFrom != "" {
		t.Errorf("--replace restarts at %d", c.RestartAt)
	}
}

// A unit restarts at the first step that uses what is built again, not before.
func TestRestartForDependency(t *testing.T) {
	w := newWorld(t)
	a := unit("a.vm", call(vmSchema, ""))
	b := unit("b.vm", call(vmSchema, ""), call(shellSchema, "", inline("x")), call(shellSchema, "", later(fieldFrom, "a.vm.path", "a.vm.path")))
	b.DependsOn = []string{"a.vm"}
	c := unit("c.vm", call(vmSchema, ""))
	c.DependsOn = []string{"a.vm"}
	c.Posts = []*compiler.Chain{chain(call(checksumSchema, "", later(fieldFrom, "a.vm.path", "a.vm.path")))}
	p := w.apply(c, b, a)
	var order []string
	for _, ch := range p.Changes {
		order = append(order, ch.Addr)
	}
	if diff := cmp.Diff([]string{"a.vm", "c.vm", "b.vm"}, order); diff != "" {
		t.Error(diff)
	}
	for _, ch := range p.Changes {
		for _, s := range ch.Steps {
			w.seen.Checkpoints[s.Digest] = true
		}
	}
	w.seen.Artifacts["a.vm"] = component.Gone
	p = w.plan(c, b, a)
	want := "rebuild a.vm: a.vm.img is gone\npost c.vm: a.vm, whose artifact it uses, is built in post checksum\nrebuild b.vm: a.vm, whose artifact it uses, is built"
	if diff := cmp.Diff(want, summary(p)); diff != "" {
		t.Error(diff)
	}
	if at := p.Changes[2].RestartAt; at != 2 {
		t.Errorf("b restarts at step %d", at)
	}
}

func TestConsumedInput(t *testing.T) {
	w := newWorld(t)
	prog := func(n int64) *compiler.Unit {
		u := unit("a.vm", call(vmSchema, ""))
		u.Posts = []*compiler.Chain{chain(call(compressSchema, "", size(n)))}
		return u
	}
	w.apply(prog(1))
	if got, want := summary(w.plan(prog(2))), "rebuild a.vm: option size 1GiB → 2GiB in post compress; what the chain begins with was not kept, so it has to be built again (keep would keep it)"; got != want {
		t.Errorf("got %q", got)
	}
	kept := prog(1)
	kept.Posts[0].Links[0].Keep = true
	w.apply(kept)
	again := prog(2)
	again.Posts[0].Links[0].Keep = true
	if got, want := summary(w.plan(again)), "post a.vm: option size 1GiB → 2GiB in post compress"; got != want {
		t.Errorf("got %q", got)
	}
}

// Only the links from the changed one on run again, when what they take is there.
func TestChainRestart(t *testing.T) {
	w := newWorld(t)
	prog := func(n int64) *compiler.Unit {
		u := unit("a.vm", call(vmSchema, ""))
		last := call(checksumSchema, "", size(n))
		u.Posts = []*compiler.Chain{chain(call(checksumSchema, "")), chain(call(checksumSchema, "", size(7)), last)}
		return u
	}
	w.apply(prog(1))
	c := w.plan(prog(2)).Changes[0]
	if c.Action != Post || c.Posts[0][0].Runs || c.Posts[1][0].Runs || !c.Posts[1][1].Runs {
		t.Errorf("%s, runs %t, %t, %t", c.Action, c.Posts[0][0].Runs, c.Posts[1][0].Runs, c.Posts[1][1].Runs)
	}
	w.state.Units["a.vm"].Posts[1].Links = w.state.Units["a.vm"].Posts[1].Links[:1]
	if got, want := summary(w.plan(prog(1))), "post a.vm: post checksum did not finish in the last run"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestUnknownAddress(t *testing.T) {
	w := newWorld(t)
	w.file("setup.sh", "")
	in := w.input(base()...)
	d, ds := Digest(context.Background(), in)
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	in.Targets, in.Replace = []string{"web.mv"}, []string{"bsae"}
	_, ds = Make(in, d, w.seen)
	if len(ds) != 2 || ds[0].Help != `did you mean "web.vm"?` || ds[1].Help != `did you mean "base"?` {
		t.Errorf("%+v", ds)
	}
}

func TestOutputs(t *testing.T) {
	w := newWorld(t)
	out := &compiler.Output{Name: "id", Type: stringType, Value: cty.UnknownVal(cty.String)}
	w.in.Program = &compiler.Program{Outputs: []*compiler.Output{out}}
	u := unit("a.vm", call(vmSchema, ""))
	w.apply(u)
	w.state.Outputs["id"] = OutputState{Text: `"x"`}
	p := w.plan(u)
	if p.HasChanges() {
		t.Errorf("an output that waits for an unchanged unit changes: %+v", p.Outputs[0])
	}
	out.Value = cty.StringVal("y")
	if p = w.plan(u); !p.HasChanges() || p.Outputs[0].Before != `"x"` || p.Outputs[0].After != `"y"` {
		t.Errorf("%+v", p.Outputs[0])
	}
}
