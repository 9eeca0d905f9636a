//go:build linux

package oci_test

import (
	"os"
	"os/exec"
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
}
