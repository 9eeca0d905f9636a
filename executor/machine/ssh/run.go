package ssh

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"imgc/stdlib/component"
)

// wrapper runs a command so that it never outlives the connection. Its standard input is the life line: first lines of
// shell that say what to run (so that no value is in a process list), up to a line that ends them; then nothing, until it
// closes. That is a cancel, a crash of imgc, or a broken connection: then the watcher kills the command's process group.
//
// setsid gives the command a process group of its own; where there is none (macOS), the shell's job control does. So it does
// on a pseudo-terminal, which a new session would not have; there a line ends the watcher too, as a terminal has no end.
const wrapper = `__imgc_p=
while IFS= read -r __imgc_l && [ "$__imgc_l" != MARK ]; do __imgc_p="$__imgc_p$__imgc_l
"; done
__imgc_c=
[ "$__imgc_l" = MARK ] || { FINISH; exit 255; }
__imgc_s=
GROUP
exec 3<&0 </dev/null
( UNHUP; exec 3<&-; eval "$__imgc_p"; exec $__imgc_s /bin/sh -c "$__imgc_c" ) <INPUT &
__imgc_k=$!
UNGROUP
exec >/dev/null 2>&1
( read -r __imgc_l <&3; kill -KILL "-$__imgc_k" || { sleep 1; kill -KILL "-$__imgc_k"; } || kill -KILL "$__imgc_k" ) &
__imgc_w=$!
exec 3<&-
wait "$__imgc_k"
__imgc_r=$?
kill -KILL "$__imgc_w"
FINISH
exit "$__imgc_r"
`

// wrapped fills the wrapper in.
func wrapped(mark, input, finish string, pty bool) string {
	group, ungroup, unhup := "if command -v setsid >/dev/null 2>&1; then __imgc_s=setsid; else set -m 2>/dev/null; fi", ":", ":"
	if pty {
		// The watcher reads the terminal, so it has to be in front; the end of the terminal must not end it before it has killed.
		group, ungroup, unhup = "trap '' HUP; set -m", "set +m", "trap - HUP"
	}
	return strings.NewReplacer("MARK", mark, "INPUT", input, "FINISH", finish, "UNGROUP", ungroup, "GROUP", group, "UNHUP", unhup).Replace(wrapper)
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// quote makes one word of s for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Run runs a command by /bin/sh, in a process group of its own that ends with ctx, with imgc and with the connection. A command that
// a signal killed gives 128 and the signal's number. Processes that it leaves running in the background stay, as with ssh.
func (m *Machine) Run(ctx context.Context, c component.Command) (int, error) {
	l, err := m.current()
	if err != nil {
		return 0, err
	}
	code, err := m.run(ctx, l, c)
	if err != nil && ctx.Err() == nil {
		return 0, fmt.Errorf("running a command on %s: %w", m.cfg.Host, err)
	}
	return code, err
}

func (m *Machine) run(ctx context.Context, l *link, c component.Command) (int, error) {
	var start strings.Builder
	if c.Dir != "" {
		fmt.Fprintf(&start, "cd -- %s || exit 1\n", quote(c.Dir))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		if !variable.MatchString(name) || strings.ContainsRune(c.Env[name], 0) {
			return 0, fmt.Errorf("%q cannot be an environment variable: names have letters, digits and _, and values no zero byte", name)
		}
		fmt.Fprintf(&start, "export %s=%s\n", name, quote(c.Env[name]))
	}
	mark := rand.Text()
	fmt.Fprintf(&start, "__imgc_c=%s\n%s\n", quote(c.Shell), mark)

	input, finish := "/dev/null", ":"
	var feed *feeder
	if c.Stdin != nil {
		f, err := m.feed(ctx, l)
		if err != nil {
			return 0, err
		}
		defer f.close()
		feed = f
		// A command that did not open its input leaves the feeder waiting for a reader: be one, for a moment.
		input, finish = quote(f.pipe), "[ -p "+quote(f.pipe)+" ] && : <>"+quote(f.pipe)+"; rm -f "+quote(f.pipe)
	}
	p, err := l.startOn(ctx, m.cfg.PTY, "exec /bin/sh -c "+quote(wrapped(mark, input, finish, m.cfg.PTY)), c.Stdout, c.Stderr)
	if err != nil {
		return 0, err
	}
	if feed != nil {
		feed.begin(c.Stdin)
	}
	// When it cannot be sent, wait knows why.
	_, _ = io.WriteString(p.channel, start.String())
	return p.wait(ctx)
}

// lost says that an error of the connection is its end, when it is.
func (l *link) lost(err error) error {
	var refused *ssh.OpenChannelError
	switch {
	case errors.As(err, &refused):
		return fmt.Errorf("the machine refuses another session: %w; its sshd may limit them with MaxSessions", err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, errNoEnd):
		return component.ErrDisconnected
	}
	return fmt.Errorf("%w (%w)", component.ErrDisconnected, err)
}

// script runs a command of imgc's own and gives what it prints. What it prints on standard error is the error when it fails.
func (l *link) script(ctx context.Context, text string) (string, error) {
	var out, errs bytes.Buffer
	code, err := l.pipe(ctx, text, nil, &out, &errs)
	switch {
	case err != nil:
		return "", err
	case code != 0:
		return "", fmt.Errorf("%s", failure(code, &errs))
	}
	return out.String(), nil
}

func failure(code int, errs *bytes.Buffer) string {
	if text := strings.TrimSpace(errs.String()); text != "" {
		return text
	}
	return fmt.Sprintf("the machine's shell ended with %d", code)
}

// pipe runs a command of imgc's own that ends when its input does: so nothing of it outlives the connection.
func (l *link) pipe(ctx context.Context, text string, in io.Reader, out, errs io.Writer) (int, error) {
	p, err := l.start(ctx, "exec /bin/sh -c "+quote(text), out, errs)
	if err != nil {
		return 0, err
	}
	var copied error
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		if in != nil {
			_, copied = io.CopyBuffer(struct{ io.Writer }{p.channel}, struct{ io.Reader }{in}, make([]byte, 256<<10))
			if errors.Is(copied, io.EOF) {
				copied = nil // the command did not want all of it
			}
		}
		if copied != nil {
			p.end() // what has come is not all: do not let it look like the end
			return
		}
		_ = p.channel.CloseWrite()
	}()
	code, err := p.wait(ctx)
	if c, ok := in.(io.Closer); ok {
		c.Close()
	}
	<-fed
	if copied != nil && ctx.Err() == nil {
		return 0, copied
	}
	return code, err
}
