package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"imgc/executor/machine/sandbox"
	"imgc/stdlib/component"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}

func start(t *testing.T) *sandbox.Machine {
	t.Helper()
	box, err := exec.LookPath("busybox")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("busybox is needed")
		}
		t.Skip("busybox is not installed")
	}
	dir := t.TempDir()
	lower := filepath.Join(dir, "lower")
	for _, d := range []string{"bin", "etc"} {
		if err := os.MkdirAll(filepath.Join(lower, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(box)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lower+"/bin/busybox", content, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"sh", "cat", "ls", "sleep", "mknod", "id", "grep", "ps", "touch", "rm"} {
		if err := os.Symlink("busybox", lower+"/bin/"+n); err != nil {
			t.Fatal(err)
		}
	}
	m, err := sandbox.Start(t.Context(), sandbox.Config{Lower: []string{lower}, Upper: dir + "/box/upper", Work: dir + "/box/work"})
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	t.Cleanup(func() {
		m.Close()
		_ = os.Chmod(dir+"/box/work/work", 0o700) // overlayfs leaves it closed to an ordinary user
	})
	return m
}

func sh(t *testing.T, m *sandbox.Machine, script string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	code, err := m.Run(t.Context(), component.Command{Shell: script, Stdout: &out, Stderr: &out, Stdin: strings.NewReader("in"), Env: map[string]string{"A": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), code
}

func TestRunIsIsolated(t *testing.T) {
	m := start(t)
	host := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(host, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		script, out string
		code        int
	}{
		{"cat; echo $A; exit 3", "inb\n", 3},
		{"test -e " + host, "", 1},
		{"echo 1 2>/dev/null > /proc/sys/kernel/printk || echo refused", "refused\n", 0},
		{"echo x > /dev/null && ls /", "bin\ndev\netc\nproc\nsys\n", 0},
		{"kill -9 $$", "", 137},
	} {
		out, code := sh(t, m, c.script)
		if out != c.out || code != c.code {
			t.Errorf("%s: %q %d, want %q %d", c.script, out, code, c.out, c.code)
		}
	}
}

func TestCancelKillsEverything(t *testing.T) {
	m := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := m.Run(ctx, component.Command{Shell: "sleep 1000 & sleep 1000"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if out, _ := sh(t, m, "ps | grep '[s]leep 1000'"); out != "" {
		t.Errorf("left: %s", out)
	}
}

func TestTransfer(t *testing.T) {
	m, dir := start(t), t.TempDir()
	if err := os.MkdirAll(dir+"/a/b", 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/a/b/f", []byte("x"), 0o751); err != nil {
		t.Fatal(err)
	}
	if err := m.Upload(t.Context(), dir+"/a", "/opt/", component.Transfer{}); err != nil {
		t.Fatal(err)
	}
	if err := m.WriteFile(t.Context(), "/opt/w", strings.NewReader("w"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := m.Download(t.Context(), "/opt", dir+"/back", component.Transfer{}); err != nil {
		t.Fatal(err)
	}
	for p, mode := range map[string]os.FileMode{"/back/a/b/f": 0o751, "/back/w": 0o640} {
		info, err := os.Stat(dir + p)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", p, info, err)
		}
	}
	sh(t, m, "rm /bin/id")
	var one, two bytes.Buffer
	if err := errors.Join(m.Export(t.Context(), &one, 0), m.Export(t.Context(), &two, 0)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) || bytes.Contains(one.Bytes(), []byte("bin/id")) {
		t.Error("the export differs or holds what was removed")
	}
}

// A child of the test starts a sandbox and is killed; what ran inside has to be gone at once.
func TestKillLeavesNothing(t *testing.T) {
	if os.Getenv("SANDBOX_TEST_CHILD") != "" {
		m := start(t)
		_, err := m.Run(context.Background(), component.Command{Shell: "echo ready; sleep 4242", Stdout: os.Stdout})
		t.Fatal(err)
	}
	start(t).Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestKillLeavesNothing$")
	cmd.Env = append(os.Environ(), "SANDBOX_TEST_CHILD=1", "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for range 100 {
		left, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		found := false
		for _, p := range left {
			text, _ := os.ReadFile(p)
			found = found || strings.Contains(string(text), "sleep\x004242")
		}
		if !found {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("the sandbox outlived the process that started it")
}
