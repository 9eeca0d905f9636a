package journal

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"imgc/planner"
)

// TestCompactForgetsRecords holds that records which are in the state by now do not come back from a journal that stays
// because of an effect that could not be undone.
func TestCompactForgetsRecords(t *testing.T) {
	dir, file := written(t)
	j, _, err := Open(dir, "run-2", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Write(Entry{Type: Unit, Addr: "web.vm", Unit: &planner.UnitState{Digest: "old"}}); err != nil {
		t.Fatal(err)
	}
	if err := j.Compact(); err != nil {
		t.Fatal(err)
	}
	if err := j.Write(Entry{Type: Intend, Kind: "builder", Effect: effect("c")}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		if e.Type == Unit {
			t.Errorf("the record of %s would come back", e.Addr)
		}
	}
	if d := cmp.Diff([]string{"c", "b"}, unsettled(t, dir)); d != "" {
		t.Error(d)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if more, _ := filepath.Glob(filepath.Join(dir, "*")); len(more) != 1 {
		t.Errorf("left beside the journal: %v", more)
	}
}

// TestUnendedLineDoesNotCount: an entry whose line has no end was never reported as written, so what it speaks of has not
// begun. It is told by neither Open, which takes it off the file, nor Read.
func TestUnendedLineDoesNotCount(t *testing.T) {
	dir, file := written(t)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, whole[:len(whole)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	seen, err := Read(dir)
	if err != nil || len(seen) != 3 {
		t.Fatalf("%d entries, not 3: %v", len(seen), err)
	}
	for range 2 { // the second time after the file was mended
		if d := cmp.Diff([]string{"b", "a"}, unsettled(t, dir)); d != "" {
			t.Error(d)
		}
	}
}
