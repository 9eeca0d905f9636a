// Package componenttest has what tests of components need: an environment, a machine that is a folder of
// this host, and a journal that remembers. It is not for anything but tests.
//
// Start reading at NewEnv.
package componenttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"imgc/stdlib/component"
)

// Env is an environment whose output can be looked at.
type Env struct {
	*component.Env
	Out, Err *Buffer
	Said     *Buffer
	Journal  *Effects
}

// NewEnv makes an environment in a fresh folder.
func NewEnv(t testing.TB) *Env {
	t.Helper()
	dir := t.TempDir()
	for _, sub := range []string{".imgc", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	e := &Env{Out: &Buffer{}, Err: &Buffer{}, Said: &Buffer{}, Journal: &Effects{}}
	e.Env = &component.Env{
		Dir: dir, StateDir: filepath.Join(dir, ".imgc"), TempDir: filepath.Join(dir, "tmp"),
		RunID: "6f0e6f5c-0000-4000-8000-000000000001", Unit: "web.vm", Build: "web", Source: "vm", Builder: "null",
		Digest: strings.Repeat("ab", 32),
		Stdout: e.Out, Stderr: e.Err,
		Say:      func(format string, args ...any) { fmt.Fprintf(e.Said, format+"\n", args...) },
		Progress: func(string, int64, int64) {},
		Effects:  e.Journal,
	}
	return e
}

// Write makes files in the environment's folder: path, content, path, content …
func (e *Env) Write(t testing.TB, pathsAndContents ...string) {
	t.Helper()
	for i := 0; i < len(pathsAndContents); i += 2 {
		path := e.Path(pathsAndContents[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(pathsAndContents[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Read gives the content of a file in the environment's folder.
func (e *Env) Read(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(e.Path(path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// Artifact makes an artifact of files in the environment's folder.
func (e *Env) Artifact(t testing.TB, paths ...string) component.Artifact {
	t.Helper()
	a, err := component.LocalArtifact(t.Context(), e.Env, "files", paths)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Decode fills options from attributes and fails the test when that cannot be.
func Decode(t testing.TB, into any, attrs map[string]cty.Value) {
	t.Helper()
	if err := component.Decode(cty.ObjectVal(attrs), into); err != nil {
		t.Fatal(err)
	}
}

// NeedTool skips the test when a program is missing, and fails it where CI is set: there it must be there.
func NeedTool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is needed for this test and is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
	return path
}

// Buffer is a bytes.Buffer for several goroutines.
type Buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// Effects is a journal that remembers what is open.
type Effects struct {
	mu   sync.Mutex
	Open map[string]map[string]string // "kind id" to its data
	All  []string                     // "intend kind id", "settled kind id"
}

// Intend records an intention.
func (e *Effects) Intend(kind, id string, data map[string]string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.Open == nil {
		e.Open = map[string]map[string]string{}
	}
	e.Open[kind+" "+id] = data
	e.All = append(e.All, "intend "+kind+" "+id)
	return nil
}

// Handover closes one that became part of an artifact.
func (e *Effects) Handover(kind, id string) error { return e.Settled(kind, id) }

// Settled closes one.
func (e *Effects) Settled(kind, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.Open, kind+" "+id)
	e.All = append(e.All, "settled "+kind+" "+id)
	return nil
}

// Machine is a folder of this host that behaves as a machine: commands run here, and absolute paths are the host's.
type Machine struct {
	Temp string
	// Commands are those that were run, in order.
	Commands []component.Command
	// BeforeRun, when set, may fail a command before it starts.
	BeforeRun func(n int, cmd component.Command) error
	// AfterRun, when set, may replace what a command ended with.
	AfterRun func(n, code int, err error) (int, error)
	// Reconnects counts calls of Reconnect; ReconnectErr is what it returns.
	Reconnects   int
	ReconnectErr error
	// Uploads and Downloads are "src dst" of each call.
	Uploads, Downloads []string
}

// NewMachine makes one that lives as long as the test.
func NewMachine(t testing.TB) *Machine { return &Machine{Temp: t.TempDir()} }

// Run runs the command on this host.
func (m *Machine) Run(ctx context.Context, cmd component.Command) (int, error) {
	n := len(m.Commands)
	m.Commands = append(m.Commands, cmd)
	if m.BeforeRun != nil {
		if err := m.BeforeRun(n, cmd); err != nil {
			return 0, err
		}
	}
	c := exec.CommandContext(ctx, "/bin/sh", "-c", cmd.Shell)
	c.Env = os.Environ()
	for k, v := range cmd.Env {
		c.Env = append(c.Env, k+"="+v)
	}
	c.Dir, c.Stdin, c.Stdout, c.Stderr = cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	err := c.Run()
	code := 0
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code, err = exit.ExitCode(), nil
	}
	if m.AfterRun != nil {
		return m.AfterRun(n, code, err)
	}
	return code, err
}

// Upload copies with cp.
func (m *Machine) Upload(ctx context.Context, src, dst string, _ component.Transfer) error {
	m.Uploads = append(m.Uploads, src+" "+dst)
	return copyTree(ctx, src, dst)
}

// Download copies with cp.
func (m *Machine) Download(ctx context.Context, src, dst string, _ component.Transfer) error {
	m.Downloads = append(m.Downloads, src+" "+dst)
	return copyTree(ctx, src, dst)
}

func copyTree(ctx context.Context, src, dst string) error {
	info, err := os.Stat(src)
	if err != nil {
		return err
	}
	if info.IsDir() && strings.HasSuffix(src, "/") {
		src += "."
		if err := os.MkdirAll(dst, 0o755); err != nil {
			return err
		}
	}
	if strings.HasSuffix(dst, "/") {
		if err := os.MkdirAll(dst, 0o755); err != nil {
			return err
		}
	}
	out, err := exec.CommandContext(ctx, "cp", "-a", "--", src, dst).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cp: %s: %w", strings.TrimSpace(string(out)), err)
	}
	return nil
}

// WriteFile writes a file of this host.
func (m *Machine) WriteFile(_ context.Context, path string, content io.Reader, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Chmod(mode), f.Close())
}

// Remove removes a file or folder of this host.
func (m *Machine) Remove(_ context.Context, path string) error { return os.RemoveAll(path) }

// TempDir is the machine's folder.
func (m *Machine) TempDir() string { return m.Temp }

// Reconnect counts.
func (m *Machine) Reconnect(context.Context) error { m.Reconnects++; return m.ReconnectErr }

// Info describes it.
func (m *Machine) Info() component.MachineInfo {
	return component.MachineInfo{Transport: "test", User: "tester"}
}
