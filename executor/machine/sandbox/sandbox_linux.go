// Package sandbox is the Machine that is a Linux sandbox: namespaces, an overlayfs of layers as root, and
// an agent as its first process, which is this very program started again. It isolates builds from the
// host; it is no jail for hostile programs, and it never runs a step on the host when the kernel refuses.
//
// Start reading at Start; init_linux.go makes the sandbox from inside, agent_linux.go serves it.
package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"imgc/stdlib/component"
)

// Config says what a sandbox is made of.
type Config struct {
	Lower    []string // read-only folders, the topmost first; at least one
	Upper    string   // the folder that takes the changes
	Work     string   // overlayfs's own folder, on the file system of Upper
	Network  string   // "host" (the default) or "none"
	Hostname string
	Stderr   io.Writer // takes a crash of the agent; may be nil
}

// Machine is a running sandbox.
type Machine struct {
	conn *net.UnixConn
	done chan struct{} // closed when the agent has ended
}

// Start makes the sandbox. The folder that holds Upper must be private to it: the root is mounted there.
func Start(ctx context.Context, c Config) (*Machine, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, d := range []string{c.Upper, c.Work, filepath.Join(filepath.Dir(c.Upper), "root")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, fmt.Errorf("preparing the sandbox: %w", err)
		}
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	user := os.Geteuid() != 0
	cmd := exec.Command("/proc/self/exe")
	cmd.Args, cmd.Env, cmd.Dir, cmd.Stderr = []string{initName}, []string{}, "/", c.Stderr
	cmd.ExtraFiles = []*os.File{theirs}
	flags := uintptr(unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWCGROUP)
	if c.Network == "none" {
		flags |= unix.CLONE_NEWNET
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Pdeathsig: syscall.SIGKILL, Setsid: true}
	if user {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	m := &Machine{conn: ours, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The death signal comes when the starting thread ends, so the thread has to outlive the sandbox.
		runtime.LockOSThread()
		defer close(m.done)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		ours.Close()
		return nil, fmt.Errorf("starting the sandbox: the kernel refused its namespaces: %w; as an ordinary user check the sysctls kernel.unprivileged_userns_clone=1, user.max_user_namespaces and kernel.apparmor_restrict_unprivileged_userns=0, or run imgc as root", err)
	}
	s := setup{Lower: c.Lower, Upper: c.Upper, Work: c.Work, Hostname: c.Hostname, User: user}
	if s.Hostname == "" {
		s.Hostname = "imgc"
	}
	if c.Network != "none" {
		s.Resolv, _ = os.ReadFile("/etc/resolv.conf") // a host without one has no name service to share
	}
	if err := m.hello(ctx, s); err != nil {
		m.Close()
		return nil, fmt.Errorf("starting the sandbox: %w", err)
	}
	return m, nil
}

func (m *Machine) hello(ctx context.Context, s setup) error {
	stop := context.AfterFunc(ctx, func() { m.conn.Close() })
	defer stop()
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	go func() { _ = json.NewEncoder(w).Encode(s); w.Close() }()
	err = send(m.conn, r)
	r.Close()
	if err != nil {
		return err
	}
	var first reply
	if err := json.NewDecoder(m.conn).Decode(&first); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("its first process ended at once: %w; the program may lack the call of sandbox.Init", err)
	}
	if first.Error != "" {
		return errors.New(first.Error)
	}
	return nil
}

// Close ends every process of the sandbox; its mounts go with them. It is safe to call twice.
func (m *Machine) Close() error {
	m.conn.Close()
	<-m.done
	return nil
}

func socketPair() (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making a socket pair: %w", err)
	}
	f := os.NewFile(uintptr(fds[0]), "ours")
	defer f.Close()
	theirs := os.NewFile(uintptr(fds[1]), "theirs")
	conn, err := net.FileConn(f)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return conn.(*net.UnixConn), theirs, nil
}

func send(c *net.UnixConn, files ...*os.File) error {
	var fds []int
	for _, f := range files {
		fds = append(fds, int(f.Fd()))
	}
	_, _, err := c.WriteMsgUnix([]byte{0}, unix.UnixRights(fds...), nil)
	return err
}

// call has the agent do q, feeding it in and handing what it writes to out and errs. Each may be nil.
func (m *Machine) call(ctx context.Context, q request, in io.Reader, out, errs io.Writer) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	conn, theirs, err := socketPair()
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	inR, inW, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer func() { inW.Close(); outR.Close(); errR.Close() }()
	err = send(m.conn, theirs, inR, outW, errW)
	theirs.Close()
	inR.Close()
	outW.Close()
	errW.Close()
	if err != nil {
		return 0, fmt.Errorf("the sandbox has ended: %w", component.ErrDisconnected)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.CloseWrite(); inW.Close() })
	defer stop()
	copied := make(chan error, 2)
	var mu sync.Mutex // out and errs may be the same writer
	inErr := make(chan error, 1)
	go func() {
		var err error
		if in != nil {
			_, err = io.Copy(inW, in)
		}
		inW.Close()
		if errors.Is(err, unix.EPIPE) || errors.Is(err, os.ErrClosed) {
			err = nil // the command did not want all of it
		}
		inErr <- err
	}()
	for _, p := range []struct {
		w io.Writer
		r *os.File
	}{{out, outR}, {errs, errR}} {
		go func() {
			if p.w == nil {
				p.w = io.Discard
			}
			_, err := io.Copy(&oneAtATime{&mu, p.w}, p.r)
			p.r.Close() // a writer that failed must not leave the command blocked
			copied <- err
		}()
	}
	var r reply
	err = json.NewEncoder(conn).Encode(q)
	if err == nil {
		err = json.NewDecoder(conn).Decode(&r)
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if err != nil {
		return 0, fmt.Errorf("the sandbox ended: %w", component.ErrDisconnected)
	}
	for range 2 {
		select {
		case err := <-copied:
			if err != nil && r.Error == "" {
				r.Error = err.Error()
			}
		case <-ctx.Done():
			_, _ = m.call(context.WithoutCancel(ctx), request{Op: "kill"}, nil, nil, nil)
			return 0, context.Cause(ctx)
		}
	}
	if q.Op == "upload" {
		if err := <-inErr; err != nil {
			return 0, err
		}
	}
	if r.Error != "" {
		return 0, errors.New(r.Error)
	}
	return r.Code, nil
}

// Run runs a command as the sandbox's root. A cancel kills every process in the sandbox but its first.
func (m *Machine) Run(ctx context.Context, c component.Command) (int, error) {
	return m.call(ctx, request{Op: "run", Shell: c.Shell, Env: c.Env, Path: c.Dir}, c.Stdin, c.Stdout, c.Stderr)
}

// Upload copies a local file or folder into the sandbox.
func (m *Machine) Upload(ctx context.Context, src, dst string, o component.Transfer) error {
	info, err := os.Stat(src)
	if err != nil {
		return fmt.Errorf("uploading %s: %w", src, err)
	}
	r, w := io.Pipe()
	defer r.Close()
	go func() { w.CloseWithError(packTree(w, filepath.Clean(src))) }()
	q := request{Op: "upload", Path: dst, Base: filepath.Base(src), Into: info.IsDir() && strings.HasSuffix(src, "/")}
	if _, err := m.call(ctx, q, component.NewReader(ctx, r, 0, o.Progress), nil, nil); err != nil {
		return fmt.Errorf("uploading %s to %s: %w", src, dst, err)
	}
	return nil
}

// Download copies a file or folder of the sandbox to a local path.
func (m *Machine) Download(ctx context.Context, src, dst string, o component.Transfer) error {
	r, w := io.Pipe()
	unpacked := make(chan error, 1)
	go func() {
		err := extractTo(component.NewReader(ctx, r, 0, o.Progress), dst, filepath.Base(src), strings.HasSuffix(src, "/"))
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		r.CloseWithError(err)
		unpacked <- err
	}()
	_, err := m.call(ctx, request{Op: "download", Path: src}, nil, w, nil)
	w.CloseWithError(err)
	if e := <-unpacked; err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("downloading %s to %s: %w", src, dst, err)
	}
	return nil
}

// WriteFile writes a small file with exactly this mode from the start.
func (m *Machine) WriteFile(ctx context.Context, path string, content io.Reader, mode fs.FileMode) error {
	q := request{Op: "write", Path: path, Epoch: int64(mode.Perm())}
	if _, err := m.call(ctx, q, content, nil, nil); err != nil {
		return fmt.Errorf("writing %s in the sandbox: %w", path, err)
	}
	return nil
}

// Remove removes a file or folder.
func (m *Machine) Remove(ctx context.Context, path string) error {
	_, err := m.call(ctx, request{Op: "remove", Path: path}, nil, nil, nil)
	if err != nil {
		return fmt.Errorf("removing %s in the sandbox: %w", path, err)
	}
	return nil
}

// Export writes the root as one deterministic tar; times after epoch (seconds) are set to it.
func (m *Machine) Export(ctx context.Context, w io.Writer, epoch int64) error {
	_, err := m.call(ctx, request{Op: "export", Epoch: epoch}, nil, w, nil)
	return err
}

// SFTP serves an SFTP client inside the sandbox, as its root, until in ends.
func (m *Machine) SFTP(ctx context.Context, in io.Reader, out io.Writer) error {
	_, err := m.call(ctx, request{Op: "sftp"}, in, out, nil)
	return err
}

// TempDir lies on a tmpfs and never becomes part of the image.
func (m *Machine) TempDir() string { return tempDir }

// Reconnect only looks whether the sandbox is still there: there is nothing to wait for.
func (m *Machine) Reconnect(ctx context.Context) error {
	select {
	case <-m.done:
		return fmt.Errorf("the sandbox has ended and cannot come back: %w", component.ErrDisconnected)
	default:
		return ctx.Err()
	}
}

// Info describes the sandbox.
func (m *Machine) Info() component.MachineInfo {
	return component.MachineInfo{Transport: "sandbox", User: "root"}
}

type oneAtATime struct {
	mu *sync.Mutex
	w  io.Writer
}

func (o *oneAtATime) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(p)
}
