package journal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"imgc/stdlib/component"
)

func effect(id string) *component.Effect {
	return &component.Effect{Unit: "web.vm", Component: "null", Kind: "folder", ID: id}
}

// written makes a journal with two effects, the first of which is settled, and returns its file.
func written(t *testing.T) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	j, left, err := Open(dir, "run-1", nil)
	if err != nil || len(left) > 0 {
		t.Fatal(left, err)
	}
	for _, e := range []Entry{{Type: Begin}, {Type: Intend, Kind: "builder", Effect: effect("a")}, {Type: Intend, Kind: "builder", Effect: effect("b")}, {Type: Settled, Kind: "builder", Effect: effect("a")}} {
		if err := j.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, filepath.Join(dir, "journal.jsonl")
}

func unsettled(t *testing.T, dir string) []string {
	t.Helper()
	j, _, err := Open(dir, "run-2", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	var ids []string
	for _, e := range j.Unsettled() {
		ids = append(ids, e.Effect.ID)
	}
	return ids
}

func TestUnsettled(t *testing.T) {
	dir, file := written(t)
	if d := cmp.Diff([]string{"b"}, unsettled(t, dir)); d != "" {
		t.Error(d)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

// TestCutAtEveryByte cuts the file as a crash in a write does: every whole line before the cut still counts, and the
// journal can be written on.
func TestCutAtEveryByte(t *testing.T) {
	_, file := written(t)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "journal.jsonl"), whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		j, left, err := Open(dir, "run-2", nil)
		if err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		if lines := strings.Count(string(whole[:n]), "\n"); len(left) < lines {
			t.Fatalf("cut at %d: %d entries of %d lines", n, len(left), lines)
		}
		if err := j.Write(Entry{Type: Intend, Effect: effect("c")}); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		ids := unsettled(t, dir)
		if len(ids) == 0 || ids[0] != "c" {
			t.Fatalf("cut at %d: an entry written after it is lost: %v", n, ids)
		}
	}
}

// TestWrongLine changes a byte of each line but the last: what it said is not known, and nothing is lost.
func TestWrongLine(t *testing.T) {
	_, file := written(t)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(whole), "\n"), "\n")
	at := 0
	for i, l := range lines[:len(lines)-1] {
		dir := t.TempDir()
		bad := []byte(string(whole))
		bad[at+len(l)/2] ^= 0x20
		at += len(l)
		path := filepath.Join(dir, "journal.jsonl")
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := Open(dir, "run-2", nil)
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("line %d: %v", i+1, err)
		}
		after, _ := os.ReadFile(path)
		if string(after) != string(bad) {
			t.Errorf("line %d: the file was changed", i+1)
		}
	}
}

func TestCompactKeepsWhatIsUnsettled(t *testing.T) {
	dir, _ := written(t)
	j, _, err := Open(dir, "run-2", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Compact(); err != nil {
		t.Fatal(err)
	}
	if len(j.Unsettled()) != 1 {
		t.Fatal("an effect was forgotten")
	}
	if err := j.Write(Entry{Type: Settled, Effect: effect("b")}); err != nil {
		t.Fatal(err)
	}
	if err := j.Compact(); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := Read(dir); err != nil || len(left) > 0 {
		t.Errorf("%v %v", left, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("{\"crc\":1,\"entry\":{}}\n"))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := decode(b, "journal")
		if err == nil {
			for _, e := range entries {
				if (e.Type == Intend || e.Type == Settled) && e.Effect == nil {
					t.Error("an effect is missing")
				}
			}
		}
	})
}
