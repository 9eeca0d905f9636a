package sandbox

import (
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
	"sort"
	"sync"

	"github.com/pkg/sftp"
	"golang.org/x/sys/unix"
)

// request is one thing the host asks of the agent. Its data travels in the descriptors that come with it.
type request struct {
	Op    string // "run", "upload", "download", "remove", "export", "write", "sftp", "kill"
	Path  string
	Base  string
	Shell string
	Env   map[string]string
	Epoch int64
	Into  bool // the content of a folder goes into Path
}

type reply struct {
	Code  int
	Error string
}

func agentMain() int {
	control := os.NewFile(3, "control")
	conn, err := net.FileConn(control)
	if err != nil {
		return 1
	}
	control.Close()
	c := conn.(*net.UnixConn)
	var s setup
	fds, err := receive(c)
	if err != nil || len(fds) != 1 {
		return 1
	}
	err = json.NewDecoder(fds[0]).Decode(&s)
	fds[0].Close()
	bare := -1
	if err == nil {
		bare, err = enter(s)
	}
	first := reply{}
	if err != nil {
		first.Error = err.Error()
	}
	if json.NewEncoder(c).Encode(first) != nil || err != nil {
		return 1
	}
	for {
		fds, err := receive(c)
		if err != nil {
			return 0 // imgc is gone; the kernel kills the rest of the pid namespace
		}
		go serve(fds, bare)
	}
}

// serveSFTP serves one client.
func serveSFTP(in io.Reader, out io.WriteCloser) error {
	s, err := sftp.NewServer(struct {
		io.Reader
		io.WriteCloser
	}{in, out})
	if err != nil {
		return err
	}
	if err := s.Serve(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// receive takes one byte and the descriptors sent with it.
func receive(c *net.UnixConn) ([]*os.File, error) {
	b, oob := make([]byte, 1), make([]byte, 256)
	n, oobn, _, _, err := c.ReadMsgUnix(b, oob)
	if err != nil || n == 0 {
		return nil, io.EOF
	}
	msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return nil, err
	}
	var out []*os.File
	for _, m := range msgs {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return nil, err
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			out = append(out, os.NewFile(uintptr(fd), "request"))
		}
	}
	return out, nil
}

// serve answers one request. files are the reply connection, and what is read, written and complained to.
func serve(files []*os.File, bare int) {
	if len(files) != 4 {
		return
	}
	conn, err := net.FileConn(files[0])
	files[0].Close()
	if err != nil {
		return
	}
	defer conn.Close()
	in, out, errs := files[1], files[2], files[3]
	var q request
	dec := json.NewDecoder(conn)
	var r reply
	if err = dec.Decode(&q); err == nil {
		switch q.Op {
		case "run":
			r.Code, err = runCommand(q, conn, in, out, errs)
		case "upload":
			err = extractTo(in, q.Path, q.Base, q.Into)
		case "download":
			err = packTree(out, q.Path)
		case "export":
			err = exportRoot(out, bare, q.Epoch)
		case "write":
			err = writeFile(q.Path, in, fs.FileMode(q.Epoch))
		case "sftp":
			err = serveSFTP(in, out)
		case "kill":
			_ = unix.Kill(-1, unix.SIGKILL)
		case "remove":
			err = os.RemoveAll(q.Path)
		default:
			err = fmt.Errorf("the sandbox does not know %q", q.Op)
		}
	}
	in.Close()
	out.Close()
	errs.Close()
	if err != nil {
		r.Error = err.Error()
	}
	_ = json.NewEncoder(conn).Encode(r)
}

// commands counts those under way: several sessions of a machine may have one each.
var commands running

type running struct {
	sync.Mutex
	n int
}

// ended notes the end of a command, and takes in orphans that have ended: but only while no command runs, whose own end it would take.
func (r *running) ended() {
	r.Lock()
	defer r.Unlock()
	if r.n--; r.n > 0 {
		return
	}
	for {
		if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); pid <= 0 || err != nil {
			return
		}
	}
}

func runCommand(q request, conn net.Conn, in, out, errs *os.File) (int, error) {
	if _, err := os.Stat("/bin/sh"); errors.Is(err, fs.ErrNotExist) {
		return 0, errors.New("the image has no /bin/sh to run a command with; upload one first (a static busybox will do), or begin with another base")
	}
	env := map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
	for k, v := range q.Env {
		env[k] = v
	}
	var list []string
	for k, v := range env {
		list = append(list, k+"="+v)
	}
	sort.Strings(list)
	cmd := exec.Command("/bin/sh", "-c", q.Shell)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = in, out, errs, list
	cmd.Dir = "/"
	if q.Path != "" {
		cmd.Dir = q.Path
	}
	started := make(chan error)
	commands.Lock()
	commands.n++
	commands.Unlock()
	go func() {
		// The powers are a thread's own; this one ends with the goroutine, as it is never unlocked.
		runtime.LockOSThread()
		err := dropPowers()
		if err == nil {
			err = cmd.Start()
		}
		started <- err
	}()
	if err := <-started; err != nil {
		commands.ended()
		return 0, fmt.Errorf("starting the command: %w", err)
	}
	done := make(chan struct{})
	go func() {
		// The host hangs up to cancel. Steps come one at a time, so everything here is the command's.
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			select {
			case <-done:
			default:
				_ = unix.Kill(-1, unix.SIGKILL)
			}
		}
	}()
	in.Close()
	out.Close()
	errs.Close()
	err := cmd.Wait()
	close(done)
	commands.ended()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		ws := exit.Sys().(interface {
			Signaled() bool
			ExitStatus() int
		})
		if ws.Signaled() {
			return 128 + int(exit.Sys().(unixStatus).Signal()), nil
		}
		return ws.ExitStatus(), nil
	}
	return 0, err
}

func exportRoot(w io.Writer, bare int, epoch int64) error {
	return exportTree(w, filepath.Join("/proc/self/fd", fmt.Sprint(bare)), epoch)
}

func writeFile(path string, in io.Reader, mode fs.FileMode) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600&mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, in)
	return errors.Join(err, f.Chmod(mode), f.Close())
}
