//go:build linux

package oci_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"imgc/executor/machine/sandbox"
	"imgc/stdlib/component/componenttest"
	"imgc/stdlib/oci"
	"imgc/stdlib/rootfs"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}

func TestScratchToArchive(t *testing.T) {
	skopeo := componenttest.NeedTool(t, "skopeo")
	env := componenttest.NewEnv(t)
	c := rootfs.New()
	ro := c.Options().(*rootfs.Options)
	ro.Network, ro.Hostname = "host", "imgc"
	b := c.Builder(ro)
	m, err := b.Start(t.Context(), env.Env)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	defer b.Stop(t.Context(), env.Env, m)
	if err := m.WriteFile(t.Context(), "/hello", strings.NewReader("hi"), 0o755); err != nil {
		t.Fatal(err)
	}
	a, err := b.Finish(t.Context(), env.Env, m)
	if err != nil {
		t.Fatal(err)
	}
	o := oci.New()
	var sums []string
	for _, out := range []string{"one.tar", "two.tar"} {
		opts := o.Options().(*oci.Options)
		opts.Output, opts.Compression, opts.Cmd = out, "gzip", []string{"/hello"}
		got, err := o.Post(opts).Process(t.Context(), env.Env, a)
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, got.Files[0].SHA256)
	}
	if sums[0] != sums[1] {
		t.Error("the same input gave other bytes")
	}
	text, err := exec.Command(skopeo, "inspect", "--config", "oci-archive:"+env.Path("one.tar")).CombinedOutput()
	if err != nil || !strings.Contains(string(text), "/hello") {
		t.Errorf("skopeo: %v %s", err, text)
	}

	// Other tools take it: skopeo makes a docker archive of it, and podman loads it into a store of its own.
	archive := "oci-archive:" + env.Path("one.tar")
	if text, err := exec.Command(skopeo, "copy", "-q", "--insecure-policy", archive, "docker-archive:"+filepath.Join(t.TempDir(), "docker.tar")).CombinedOutput(); err != nil {
		t.Errorf("skopeo copy: %v %s", err, text)
	}
	podman := componenttest.NeedTool(t, "podman")
	store := t.TempDir()
	where := []string{"--root", filepath.Join(store, "root"), "--runroot", filepath.Join(store, "run"), "--storage-driver", "vfs"}
	if text, err := exec.Command(podman, append(where, "load", "-q", "-i", env.Path("one.tar"))...).CombinedOutput(); err != nil || !strings.Contains(string(text), "Loaded image") {
		t.Errorf("podman load: %v %s", err, text)
	}

	// And it is a base itself, as an archive and as a layout: the root that comes of it is the root it was made of.
	unpacked := t.TempDir()
	if text, err := exec.Command("tar", "-C", unpacked, "-xf", env.Path("one.tar")).CombinedOutput(); err != nil {
		t.Fatalf("tar: %v %s", err, text)
	}
	for _, base := range []string{env.Path("one.tar"), unpacked} {
		ro := c.Options().(*rootfs.Options)
		ro.Network, ro.Hostname, ro.Base = "host", "imgc", &base
		e := *env.Env
		e.Unit, e.Source, e.RunID = "again.box", "box", "run-"+filepath.Base(base)
		b := c.Builder(ro)
		m, err := b.Start(t.Context(), &e)
		if err != nil {
			t.Fatal(err)
		}
		again, err := b.Finish(t.Context(), &e, m)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Stop(t.Context(), &e, m); err != nil {
			t.Fatal(err)
		}
		if again.Files[0].SHA256 != a.Files[0].SHA256 {
			t.Errorf("from the base %s comes another root", filepath.Base(base))
		}
	}
}
