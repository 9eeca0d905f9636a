package ssh

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// process is a command that runs on the machine. It is not an ssh.Session, which waits for output also after the command has
// ended: for ever, when it left a process in the background.
type process struct {
	l       *link
	channel ssh.Channel
	exit    chan int // the exit code; closed when the channel is
	output  output
	copied  chan struct{} // closed when all output has come
	pty     bool
}

// output keeps taking what the command prints when nobody can take it any more, so that the command is not blocked.
type output struct {
	mu    sync.Mutex // both streams may go to the same writer
	err   error
	count atomic.Int64
}

type stream struct {
	o *output
	w io.Writer
}

func (s stream) Write(p []byte) (int, error) {
	s.o.count.Add(1)
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	if s.w != nil && s.o.err == nil {
		_, s.o.err = s.w.Write(p)
	}
	return len(p), nil
}

var errNoEnd = errors.New("the connection ended before the command did")

// start starts a command line of the machine's login shell.
func (l *link) start(ctx context.Context, line string, stdout, stderr io.Writer) (*process, error) {
	return l.startOn(ctx, false, line, stdout, stderr)
}

// terminal asks for a pseudo-terminal that changes nothing of what goes through it, and shows nothing of what it is given: the
// codes are those of RFC 4254, section 8.
func terminal() []byte {
	var modes []byte
	for _, off := range []byte{36, 38, 50, 51, 53, 54, 55, 56, 70} { // ICRNL IXON ISIG ICANON ECHO ECHOE ECHOK ECHONL OPOST
		modes = append(modes, off, 0, 0, 0, 0)
	}
	modes = append(modes, 0)
	return ssh.Marshal(struct {
		Term                         string
		Columns, Rows, Width, Height uint32
		Modes                        string
	}{"dumb", 120, 40, 0, 0, string(modes)})
}

func (l *link) startOn(ctx context.Context, pty bool, line string, stdout, stderr io.Writer) (*process, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	stop := context.AfterFunc(ctx, l.shut) // opening waits for an answer
	defer stop()
	channel, requests, err := l.client.OpenChannel("session", nil)
	if err != nil {
		return nil, l.failed(ctx, err)
	}
	p := &process{l: l, channel: channel, exit: make(chan int, 1), copied: make(chan struct{}), pty: pty}
	l.all.Go(func() { p.listen(requests) })
	if pty {
		if ok, err := channel.SendRequest("pty-req", true, terminal()); err != nil || !ok {
			p.end()
			if err == nil {
				return nil, errors.New("the machine refuses to give a terminal: leave out pty, or look at PermitTTY in its sshd_config")
			}
			return nil, l.failed(ctx, err)
		}
	}
	ok, err := channel.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{line}))
	if err != nil || !ok {
		p.end()
		if err == nil {
			return nil, errors.New("the machine refuses to run commands: look at ForceCommand and the shell of the user there")
		}
		return nil, l.failed(ctx, err)
	}
	l.all.Go(func() {
		var both sync.WaitGroup
		both.Go(func() { copyOutput(stream{&p.output, stdout}, channel) })
		both.Go(func() { copyOutput(stream{&p.output, stderr}, channel.Stderr()) })
		both.Wait()
		close(p.copied)
	})
	return p, nil
}

func copyOutput(w stream, r io.Reader) {
	// An error of reading is the end of the channel, and listen tells of that.
	_, _ = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, make([]byte, 64<<10))
}

// failed is the error of something that was begun with ctx.
func (l *link) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return l.lost(err)
}

func (p *process) listen(requests <-chan *ssh.Request) {
	defer close(p.exit)
	for r := range requests {
		switch r.Type {
		case "exit-status":
			var m struct{ Status uint32 }
			if ssh.Unmarshal(r.Payload, &m) == nil {
				p.told(int(m.Status))
			}
		case "exit-signal":
			var m struct {
				Signal        string
				Core          bool
				Message, Lang string
			}
			if ssh.Unmarshal(r.Payload, &m) == nil {
				p.told(128 + signals[m.Signal])
			}
		}
		if r.WantReply {
			_ = r.Reply(false, nil) // it fails only when the connection is gone
		}
	}
}

func (p *process) told(code int) {
	select {
	case p.exit <- code:
	default: // a server that tells it twice
	}
}

var signals = map[string]int{"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "ABRT": 6, "FPE": 8, "KILL": 9, "USR1": 10, "SEGV": 11, "USR2": 12,
	"PIPE": 13, "ALRM": 14, "TERM": 15}

const (
	killWait   = 10 * time.Second // that a command may take to be gone after its life line was cut
	outputWait = 2 * time.Second  // without any output, after the end of a command whose output is still open
)

// wait waits for the end of the command. When ctx ends it cuts the life line, and waits until the command is gone.
func (p *process) wait(ctx context.Context) (int, error) {
	defer p.end()
	var code int
	var ok bool
	select {
	case code, ok = <-p.exit:
	case <-ctx.Done():
		if p.pty {
			_, _ = io.WriteString(p.channel, "\n") // a terminal has no end
		} else {
			_ = p.channel.CloseWrite() // this is what kills
		}
		limit := time.NewTimer(killWait)
		defer limit.Stop()
		select {
		case <-p.exit:
		case <-limit.C:
			p.l.shut() // the machine does not answer
		}
		return 0, context.Cause(ctx)
	}
	for seen := int64(-1); ok && seen != p.output.count.Load(); {
		seen = p.output.count.Load()
		limit := time.NewTimer(outputWait)
		select {
		case <-p.copied:
			limit.Stop()
			seen = p.output.count.Load()
		case <-limit.C:
		case <-ctx.Done():
			limit.Stop()
			return 0, context.Cause(ctx)
		}
	}
	if !ok {
		return 0, p.l.lost(errNoEnd)
	}
	p.output.mu.Lock()
	defer p.output.mu.Unlock()
	if p.output.err != nil {
		return 0, fmt.Errorf("passing on the output of the command: %w", p.output.err)
	}
	return code, nil
}

func (p *process) end() { _ = p.channel.Close() }

// feeder fills a named pipe on the machine, which is the standard input of a command: the command's own channel is its life line.
type feeder struct {
	pipe string
	p    *process
}

func (m *Machine) feed(ctx context.Context, l *link) (*feeder, error) {
	dir := m.cfg.TempDir
	if dir == "" {
		dir = "/tmp"
	}
	f := &feeder{pipe: path.Join(dir, "imgc-input-"+rand.Text())}
	r, w := io.Pipe()
	defer r.Close()
	name := quote(f.pipe)
	// It waits to be told before it opens the pipe: opening waits for the command to do so too.
	script := "mkfifo -m 600 " + name + " && echo made && { read -r go || { rm -f " + name + "; exit; }; } && exec cat >" + name
	p, err := l.start(ctx, "exec /bin/sh -c "+quote(script), w, w)
	if err != nil {
		return nil, err
	}
	f.p = p
	stop := context.AfterFunc(ctx, p.end)
	defer stop()
	go func() { <-p.copied; w.Close() }()
	// The user's start files may print something too; when the end comes first, all that was said is the error.
	var said strings.Builder
	for lines := bufio.NewReader(r); ; {
		text, err := lines.ReadString('\n')
		if text == "made\n" {
			return f, nil
		}
		if said.Len() < 4096 {
			said.WriteString(text)
		}
		if err != nil {
			break
		}
	}
	p.end()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, fmt.Errorf("making a pipe for the input of the command: %s", strings.TrimSpace(said.String()))
}

// begin copies in to the pipe, until in or the command ends.
func (f *feeder) begin(in io.Reader) {
	go func() {
		if _, err := io.WriteString(f.p.channel, "go\n"); err != nil {
			return // the connection is gone, and the command with it
		}
		_, _ = io.CopyBuffer(struct{ io.Writer }{f.p.channel}, struct{ io.Reader }{in}, make([]byte, 64<<10)) // the command may not want all of it
		_ = f.p.channel.CloseWrite()
	}()
}

func (f *feeder) close() { f.p.end() }
