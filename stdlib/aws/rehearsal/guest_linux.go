package rehearsal

import (
	"context"
	"io"
	"path/filepath"

	"imgc/executor/machine/sandbox"
	"imgc/stdlib/component"
)

// sandboxShell is a shell in a sandbox of this computer.
type sandboxShell struct{ m *sandbox.Machine }

func startShell(ctx context.Context, disk string, lower []string) (shell, error) {
	m, err := sandbox.Start(ctx, sandbox.Config{Lower: lower, Upper: filepath.Join(disk, "upper"), Work: filepath.Join(disk, "work"), Hostname: "ip-172-31-0-1"})
	if err != nil {
		return nil, err
	}
	return sandboxShell{m}, nil
}

func (s sandboxShell) exec(ctx context.Context, line string, in io.Reader, out, errs io.Writer) (int, error) {
	return s.m.Run(ctx, component.Command{Shell: line, Stdin: in, Stdout: out, Stderr: errs})
}

func (s sandboxShell) sftp(ctx context.Context, in io.Reader, out io.Writer) error {
	return s.m.SFTP(ctx, in, out)
}

func (s sandboxShell) Close() error { return s.m.Close() }
