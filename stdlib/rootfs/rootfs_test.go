//go:build linux

package rootfs_test

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imgc/executor/machine/sandbox"
	"imgc/stdlib/component/componenttest"
	"imgc/stdlib/rootfs"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}

func TestBadBases(t *testing.T) {
	var escape bytes.Buffer
	tw := tar.NewWriter(&escape)
	if err := tw.WriteHeader(&tar.Header{Name: "../evil", Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	tw.Close()
	for name, content := range map[string]string{"escape": escape.String(), "cut": escape.String()[:100], "zst": "\x28\xb5\x2f\xfdjunk"} {
		env := componenttest.NewEnv(t)
		env.Write(t, "base.tar", content)
		c := rootfs.New()
		o, base := c.Options().(*rootfs.Options), "base.tar"
		o.Base, o.Network, o.Hostname = &base, "none", "imgc"
		b := c.Builder(o)
		_, err := b.Start(t.Context(), env.Env)
		if err == nil || !strings.Contains(err.Error(), "unpacking the base base.tar") {
			t.Errorf("%s: %v", name, err)
		}
		if err := b.Stop(t.Context(), env.Env, nil); err != nil {
			t.Error(err)
		}
		if left, _ := filepath.Glob(env.Path(".imgc/cache/rootfs/*")); len(left) > 0 {
			t.Errorf("%s left %v", name, left)
		}
	}
}
