// Package local is the Machine that is this very computer: for builds whose steps are meant to run here. It isolates nothing;
// that is what package sandbox is for. Its Run also serves components that run commands of this computer.
//
// Start reading at New; command.go sees to it that nothing outlives imgc.
package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"imgc/executor/machine/tree"
	"imgc/stdlib/component"
)

// Machine is this computer, with a private folder.
type Machine struct{ temp string }

// New makes the private folder in dir, which goes away with Close, or with dir.
func New(dir string) (*Machine, error) {
	temp, err := os.MkdirTemp(dir, "local-")
	if err != nil {
		return nil, fmt.Errorf("making a private folder: %w", err)
	}
	return &Machine{temp}, nil
}

// Close removes the private folder. It may be called again.
func (m *Machine) Close() error { return os.RemoveAll(m.temp) }

// Run runs a command by /bin/sh. What it leaves running in the background ends with it.
func (m *Machine) Run(ctx context.Context, c component.Command) (int, error) {
	cmd := exec.Command("/bin/sh", "-c", c.Shell) //nolint:noctx // Run kills the whole group when ctx ends
	cmd.Env = os.Environ()
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		cmd.Env = append(cmd.Env, name+"="+c.Env[name])
	}
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Dir, c.Stdin, c.Stdout, c.Stderr
	code, err := Run(ctx, cmd)
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err != nil:
		return 0, fmt.Errorf("running a command on this computer: %w", err)
	}
	return code, nil
}

// Upload copies a file or a folder.
func (m *Machine) Upload(ctx context.Context, src, dst string, o component.Transfer) error {
	if err := copyTo(ctx, src, dst, o); err != nil {
		return fmt.Errorf("copying %s to %s: %w", src, dst, err)
	}
	return nil
}

// Download is the same: both sides are this computer.
func (m *Machine) Download(ctx context.Context, src, dst string, o component.Transfer) error {
	return m.Upload(ctx, src, dst, o)
}

func copyTo(ctx context.Context, src, dst string, o component.Transfer) error {
	info, err := os.Stat(src)
	if err != nil {
		return err
	}
	whole, err := filepath.Abs(src)
	if err != nil {
		return err
	}
	target := tree.Target(dst, filepath.Base(whole), info.IsDir() && strings.HasSuffix(src, "/"))
	if !info.IsDir() {
		f, err := os.Open(src)
		if err != nil {
			return err
		}
		defer f.Close()
		return write(target, component.NewReader(ctx, f, info.Size(), o.Progress), info.Mode())
	}
	if abs, err := filepath.Abs(target); err == nil && (abs == whole || strings.HasPrefix(abs, whole+"/")) {
		return errors.New("a folder cannot be copied into itself")
	}
	_, err = os.Stat(target)
	isNew := errors.Is(err, fs.ErrNotExist)
	r, w := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := tree.Pack(w, src)
		w.CloseWithError(err)
		packed <- err
	}()
	in := component.NewReader(ctx, r, 0, o.Progress)
	err = tree.Unpack(in, target)
	if err == nil {
		_, err = io.Copy(io.Discard, in)
	}
	r.CloseWithError(err)
	<-packed // its error went through the pipe
	if err == nil && isNew {
		err = os.Chmod(target, info.Mode()&modeBits)
	}
	return err
}

const modeBits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// write writes beside the target first, so that there is never half a file.
func write(target string, r io.Reader, mode fs.FileMode) error {
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		return errors.New("there is a folder of that name")
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	part := filepath.Join(filepath.Dir(target), ".imgc-"+rand.Text()[:12])
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(part) // gone when all went well
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Chmod(mode & modeBits)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(part, target)
}

// WriteFile writes a small file with exactly this mode from the start.
func (m *Machine) WriteFile(ctx context.Context, path string, content io.Reader, mode fs.FileMode) error {
	if err := write(path, component.NewReader(ctx, content, 0, nil), mode); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// Remove removes a file or a folder with what is in it.
func (m *Machine) Remove(ctx context.Context, path string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return os.RemoveAll(path)
}

// TempDir is the private folder.
func (m *Machine) TempDir() string { return m.temp }

// Reconnect has nothing to wait for.
func (m *Machine) Reconnect(ctx context.Context) error { return ctx.Err() }

// Info describes this computer.
func (m *Machine) Info() component.MachineInfo {
	info := component.MachineInfo{Transport: "local"}
	if me, err := user.Current(); err == nil {
		info.User = me.Username
	}
	return info
}
