package planner

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func lockFor(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Lock(context.Background(), dir, LockOptions{Command: "imgc apply"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStateRoundTrip(t *testing.T) {
	w := newWorld(t)
	w.file("setup.sh", "")
	w.apply(base()...)
	s := lockFor(t, w.dir)
	if _, err := s.EnsureKey(); err != nil {
		t.Fatal(err)
	}
	w.state.Serial = 0
	for range 2 {
		if err := s.Save(w.state); err != nil {
			t.Fatal(err)
		}
	}
	got, err := View(w.dir).Load()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.state, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if got.Serial != 2 || got.Lineage == "" || got.KeyID == "" {
		t.Errorf("serial %d, lineage %q, key %q", got.Serial, got.Lineage, got.KeyID)
	}
	var backup State
	b, err := os.ReadFile(filepath.Join(w.dir, ".imgc", "state.json.backup"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &backup); err != nil || backup.Serial != 1 {
		t.Errorf("the backup has serial %d, %v", backup.Serial, err)
	}
	for name, mode := range map[string]os.FileMode{"": 0o700, "state.json": 0o600, "state.json.backup": 0o600, "key": 0o600, "lock": 0o600, ".gitignore": 0o600} {
		info, err := os.Stat(filepath.Join(w.dir, ".imgc", name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %o", name, info.Mode().Perm())
		}
	}
}

// Looking needs no right to write and leaves nothing.
func TestViewMakesNothing(t *testing.T) {
	dir := t.TempDir()
	s := View(dir)
	st, err := s.Load()
	if err != nil || len(st.Units) != 0 {
		t.Errorf("%v, %v", st, err)
	}
	if key, err := s.Key(); key != nil || err != nil {
		t.Errorf("%v, %v", key, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestBrokenState(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		"empty":       {"", "unexpected end of JSON input"},
		"cut":         {"{\"format_version\": 1,\n \"units\": {\"a.vm\": {", "line 2: unexpected end of JSON input"},
		"edited":      {"{\"format_version\": 1,\n\n \"serial\": \"x\"}", "line 3: serial is a string"},
		"newer":       {`{"format_version": 99, "what": [1]}`, "newer imgc (format 99, this one knows 1): use that one"},
		"not a state": {`{"a": 1}`, "no format_version"},
		"null unit":   {`{"format_version": 1, "units": {"a.vm": null}}`, "unit a.vm is null"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := lockFor(t, dir)
			path := filepath.Join(s.Dir, "state.json")
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := s.Load()
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "from a copy") {
				t.Errorf("%v does not say %q", err, c.want)
			}
			if err := os.WriteFile(path+".backup", []byte(`{"format_version": 1}`), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err = s.Load(); err == nil || !strings.Contains(err.Error(), ".backup") {
				t.Errorf("%v does not speak of the backup", err)
			}
			if b, err := os.ReadFile(path); err != nil || string(b) != c.content {
				t.Error("the broken state was changed")
			}
		})
	}
}

func TestKey(t *testing.T) {
	s := lockFor(t, t.TempDir())
	key, err := s.EnsureKey()
	if err != nil || len(key) != 32 {
		t.Fatalf("%d bytes, %v", len(key), err)
	}
	if again, err := s.EnsureKey(); err != nil || string(again) != string(key) {
		t.Error("the key was made anew")
	}
	path := filepath.Join(s.Dir, "key")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Key(); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("zz"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.EnsureKey(); err == nil || strings.Contains(err.Error(), "zz") {
		t.Error(err)
	}
}

// TestHoldLock is no test of its own: the test below runs it in a process that holds the lock until it is killed.
func TestHoldLock(t *testing.T) {
	dir := os.Getenv("IMGC_TEST_HOLD")
	if dir == "" {
		t.Skip("run by TestLock")
	}
	if _, err := Lock(context.Background(), dir, LockOptions{Command: "imgc apply web"}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "held"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHoldLock$")
	cmd.Env = append(os.Environ(), "IMGC_TEST_HOLD="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end := func() {
		if !ended {
			ended = true
			_ = cmd.Process.Kill() // what is waited for is its end
			_ = cmd.Wait()
		}
	}
	defer end()
	deadline := time.Now().Add(30 * time.Second)
	for {
		if _, err := os.Stat(filepath.Join(dir, "held")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the other process did not take the lock")
		}
		time.Sleep(5 * time.Millisecond)
	}
	var locked *LockedError
	_, err := Lock(context.Background(), dir, LockOptions{})
	if !errors.As(err, &locked) || locked.Owner.PID != cmd.Process.Pid || !strings.Contains(err.Error(), "imgc apply web") {
		t.Fatalf("%v", err)
	}
	if _, err := Lock(context.Background(), dir, LockOptions{Wait: time.Millisecond}); !errors.As(err, &locked) {
		t.Errorf("a wait that was too short gives %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := Lock(ctx, dir, LockOptions{Wait: time.Minute, OnWait: func(Owner) { cancel() }}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled wait gives %v", err)
	}
	// The lock ends with its process, and whoever waits gets it.
	var waited []Owner
	s, err := Lock(context.Background(), dir, LockOptions{Wait: time.Minute, OnWait: func(o Owner) { waited = append(waited, o); end() }})
	if err != nil {
		t.Fatal(err)
	}
	if len(waited) != 1 || waited[0].PID != cmd.Process.Pid {
		t.Errorf("waited for %v", waited)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Whatever is in the file, reading it gives a state or an error, and a plan can be made from the state.
func FuzzState(f *testing.F) {
	w := newWorld(f)
	w.file("setup.sh", "")
	w.apply(base()...)
	good, err := json.Marshal(w.state)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"format_version":1,"units":{"web.vm":{"posts":[{"links":[{}]},{}]}}}`))
	f.Add([]byte(`{"format_version":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		st, err := decodeState(b)
		if err != nil {
			return
		}
		in := w.input(base()...)
		in.State = st
		d, ds := Digest(context.Background(), in)
		if ds.HasErrors() {
			t.Fatal(ds)
		}
		p, ds := Make(in, d, w.seen)
		if ds.HasErrors() {
			t.Fatal(ds)
		}
		if err := WriteText(new(strings.Builder), p, TextOptions{Verbose: true}); err != nil {
			t.Fatal(err)
		}
	})
}
