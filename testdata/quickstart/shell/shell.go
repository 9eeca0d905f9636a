// Package shell is a POSIX shell small enough to be the only program of an image: the interpreter of
// mvdan.cc/sh and a few file commands inside, so that nothing else has to be installed.
//
// It is an example's tool, not a system's shell: no job control, and of each command only the options
// that image scripts use. Start reading at Main.
package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// Main runs the shell as sh(1) is run: with -c and a command, with a script's path, or with the script
// on stdin. It returns the exit code.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var set []string
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-" && args[0] != "--" {
		flag := args[0]
		args = args[1:]
		if !strings.Contains(flag, "c") || strings.HasPrefix(flag, "--") {
			if flag != "-s" {
				set = append(set, flag)
			}
			continue
		}
		if rest := strings.ReplaceAll(flag[1:], "c", ""); rest != "" {
			set = append(set, "-"+rest)
		}
		if len(args) == 0 {
			fmt.Fprintln(stderr, "sh: -c needs a command")
			return 2
		}
		name := "sh"
		if len(args) > 1 {
			name = args[1]
		}
		return run(ctx, strings.NewReader(args[0]), name, append(set, "--"), rest(args, 2), stdin, stdout, stderr)
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 || args[0] == "-" {
		return run(ctx, stdin, "sh", append(set, "--"), nil, stdin, stdout, stderr)
	}
	f, err := os.Open(args[0])
	if err != nil {
		fmt.Fprintln(stderr, "sh:", err)
		return 127
	}
	defer f.Close()
	return run(ctx, f, args[0], append(set, "--"), rest(args, 1), stdin, stdout, stderr)
}

func rest(args []string, n int) []string {
	if len(args) <= n {
		return nil
	}
	return args[n:]
}

func run(ctx context.Context, script io.Reader, name string, set, params []string, stdin io.Reader, stdout, stderr io.Writer) int {
	prog, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(script, name)
	if err != nil {
		fmt.Fprintln(stderr, "sh:", err)
		return 2
	}
	runner, err := interp.New(
		interp.StdIO(stdin, stdout, stderr),
		interp.Params(append(set, params...)...),
		interp.ExecHandlers(commands),
	)
	if err != nil {
		fmt.Fprintln(stderr, "sh:", err)
		return 2
	}
	err = runner.Run(ctx, prog)
	var status interp.ExitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	}
	fmt.Fprintln(stderr, "sh:", err)
	return 1
}

// commands runs the commands inside and hands others on, to be looked for in PATH.
func commands(next interp.ExecHandlerFunc) interp.ExecHandlerFunc {
	return func(ctx context.Context, args []string) error {
		hc := interp.HandlerCtx(ctx)
		command, ok := files[args[0]]
		if !ok {
			return next(ctx, args)
		}
		if err := command(hc, args[1:]); err != nil {
			fmt.Fprintf(hc.Stderr, "%s: %v\n", args[0], err)
			return interp.ExitStatus(1)
		}
		return nil
	}
}
