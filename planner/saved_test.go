package planner

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"imgc/compiler"
	"imgc/stdlib/component"
)

func savedPlanOf(t *testing.T, p *Plan) (string, *Plan) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "web.plan")
	if err := WriteSaved(path, p); err != nil {
		t.Fatal(err)
	}
	got, err := ReadSaved(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, got
}

func TestSavedRoundTrip(t *testing.T) {
	w := newWorld(t)
	w.file("setup.sh", "")
	p := w.plan(base()...)
	path, got := savedPlanOf(t, p)
	ignored := cmp.Options{cmpopts.IgnoreFields(Node{}, "Recorded", "Call"), cmpopts.IgnoreFields(Change{}, "Unit"), cmpopts.IgnoreUnexported(Plan{}), cmpopts.EquateEmpty()}
	if diff := cmp.Diff(p, got, ignored); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	if !IsSaved(path) || IsSaved(filepath.Join(w.dir, "setup.sh")) || IsSaved(w.dir) {
		t.Error("a plan is not told from a program")
	}
	if why := got.Stale(w.plan(base()...)); why != "" {
		t.Errorf("stale: %s", why)
	}
}

func TestSavedDamage(t *testing.T) {
	w := newWorld(t)
	w.file("setup.sh", "")
	path, _ := savedPlanOf(t, w.plan(base()...))
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, b := range map[string][]byte{
		"cut":     good[:len(good)/2],
		"empty":   nil,
		"edited":  bytes.Replace(good, []byte("base.vm"), []byte("basf.vm"), 1),
		"longer":  append(bytes.Clone(good), "x"...),
		"no body": good[:len(savedMagic)+64],
		"other":   []byte("imgc plan 2 x\n{}"),
	} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSaved(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "imgc plan --out") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestStale(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(w *world, us []*compiler.Unit) []*compiler.Unit
		want string
	}{
		"applied since": {func(w *world, us []*compiler.Unit) []*compiler.Unit { w.state.Serial++; return us }, "the state has serial 2, the plan was made at 1"},
		"another state": {func(w *world, us []*compiler.Unit) []*compiler.Unit { w.state.Lineage = "x"; return us }, "it was made against another state"},
		"a file":        {func(w *world, us []*compiler.Unit) []*compiler.Unit { w.file("setup.sh", "b"); return us }, "since it was made, setup.sh changed in base.vm"},
		"an option": {func(w *world, us []*compiler.Unit) []*compiler.Unit { us[0].Builder.Options[0] = size(11); return us },
			"since it was made, option size 10GiB → 11GiB in base.vm"},
		"a secret": {func(w *world, us []*compiler.Unit) []*compiler.Unit {
			us[0].Steps[0].Options[0] = token("b")
			return us
		}, "the secret in option token changed in base.vm"},
		"a unit less": {func(w *world, us []*compiler.Unit) []*compiler.Unit { return us[:1] }, "since it was made, web.vm was removed"},
		"a step less": {func(w *world, us []*compiler.Unit) []*compiler.Unit { us[1].Steps = nil; return us }, "since it was made, web.vm got or lost a step"},
		"an artifact": {func(w *world, us []*compiler.Unit) []*compiler.Unit {
			w.seen.Artifacts["base.vm"] = component.Gone
			return us
		}, "what exists has changed: base.vm will be built again now, and in the plan it is up to date"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.file("setup.sh", "a")
			prog := func() []*compiler.Unit {
				us := base()
				us[0].Steps[0].Options[0] = token("a")
				return us
			}
			w.apply(prog()...)
			_, saved := savedPlanOf(t, w.plan(prog()...))
			if why := saved.Stale(w.plan(c.edit(w, prog())...)); !strings.Contains(why, c.want) {
				t.Errorf("%q does not say %q", why, c.want)
			}
		})
	}
}

func FuzzSaved(f *testing.F) {
	w := newWorld(f)
	w.file("setup.sh", "")
	p := w.plan(base()...)
	path := filepath.Join(f.TempDir(), "p")
	if err := WriteSaved(path, p); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good[len(savedMagic)+65:])
	f.Add([]byte(`{"format_version":1,"changes":[null]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		// With its sum right, so that what is behind the sum is reached.
		got, err := decodeSaved(sealed(body))
		if err != nil {
			return
		}
		got.Stale(p)
		if err := WriteText(new(strings.Builder), got, TextOptions{Verbose: true}); err != nil {
			t.Fatal(err)
		}
	})
}
