//go:build linux

package rootfs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"imgc/stdlib/component"
	"imgc/stdlib/component/componenttest"
	"imgc/stdlib/rootfs"
)

// steps change the root one after another: files come, change and go, and a folder is replaced.
var steps = []func(t *testing.T, m component.Machine){
	func(t *testing.T, m component.Machine) { write(t, m, "/etc/a", "1"); write(t, m, "/srv/d/old", "old") },
	func(t *testing.T, m component.Machine) { write(t, m, "/etc/a", "2"); remove(t, m, "/srv/d") },
	func(t *testing.T, m component.Machine) { write(t, m, "/srv/d/new", "new"); write(t, m, "/etc/b", "b") },
	func(t *testing.T, m component.Machine) { remove(t, m, "/etc/b"); write(t, m, "/etc/c", "c") },
}

// write puts a file and the folders above it into the root.
func write(t *testing.T, m component.Machine, path, text string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := m.Upload(t.Context(), dir+"/", "/", component.Transfer{}); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, m component.Machine, path string) {
	t.Helper()
	if err := m.Remove(t.Context(), path); err != nil {
		t.Fatal(err)
	}
}

// build runs the steps from one on, and gives the digest of the root that comes of it.
func build(t *testing.T, env *componenttest.Env, from int, restore string) string {
	t.Helper()
	c := rootfs.New()
	o := c.Options().(*rootfs.Options)
	o.Network, o.Hostname = "none", "imgc"
	b := c.Builder(o)
	e := *env.Env
	e.RestoreFrom = restore
	m, err := b.Start(t.Context(), &e)
	if err != nil {
		t.Fatal(err)
	}
	for i := from; i < len(steps); i++ {
		steps[i](t, m)
		if err := b.(component.Checkpointer).Checkpoint(t.Context(), &e, m, fmt.Sprint("digest", i)); err != nil {
			t.Fatal(err)
		}
	}
	a, err := b.Finish(t.Context(), &e, m)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Stop(t.Context(), &e, m); err != nil {
		t.Fatal(err)
	}
	return a.Files[0].SHA256
}

func checkpoints(t *testing.T, env *componenttest.Env) map[string]bool {
	t.Helper()
	c := rootfs.New()
	have, err := c.Builder(c.Options()).(component.Checkpointer).Checkpoints(t.Context(), env.Env, []string{"digest0", "digest1", "digest2", "digest3", "other"})
	if err != nil {
		t.Fatal(err)
	}
	return have
}

// TestRestartAtEachStep builds from scratch, then again from each checkpoint: the roots are the same to the byte.
func TestRestartAtEachStep(t *testing.T) {
	env := componenttest.NewEnv(t)
	whole := build(t, env, 0, "")
	for i := range steps {
		d := fmt.Sprint("digest", i)
		if !checkpoints(t, env)[d] {
			t.Fatalf("there is no checkpoint %s", d)
		}
		if got := build(t, env, i+1, d); got != whole {
			t.Errorf("from checkpoint %d comes another root", i)
		}
	}
	if checkpoints(t, env)["other"] {
		t.Error("there is a checkpoint that nobody made")
	}
	// One layer that is gone takes the checkpoints above it with it, and nothing else.
	if err := os.RemoveAll(filepath.Join(env.StateDir, "cache", "rootfs", "step-digest1")); err != nil {
		t.Fatal(err)
	}
	have := checkpoints(t, env)
	if !have["digest0"] || have["digest1"] || have["digest2"] || have["digest3"] {
		t.Errorf("checkpoints without the second layer: %v", have)
	}
	if got := build(t, env, 1, "digest0"); got != whole {
		t.Error("after the loss of a layer comes another root")
	}
	left, err := filepath.Glob(filepath.Join(env.StateDir, "cache", "rootfs", "work-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}
