package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"imgc/compiler"
	"imgc/lang"
	"imgc/lang/report"
)

func (a *app) consoleCommand() *cobra.Command {
	var p programFlags
	cmd := &cobra.Command{
		Use:   "console [PATH]",
		Short: "Evaluate expressions in a program",
		Long: `Evaluate expressions, a line each, as if they stood in the program: its params, lets and functions are known. On a
terminal, Tab completes names and the arrow keys recall lines; Ctrl-D ends. Elsewhere the lines come from standard
input. Secrets print as (secret), what is not known yet as (known after apply). Nothing is touched.`,
		Example: `  echo 'cidrsubnet("10.0.0.0/16", 8, 3)' | imgc console`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.place(args)
			console, err := a.openConsole(&p, len(args) == 0)
			if err != nil {
				return err
			}
			if f, ok := a.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
				return a.consoleTerminal(f, console)
			}
			return a.consoleLines(console)
		},
	}
	p.add(cmd)
	return cmd
}

// openConsole compiles the program; without one in the folder you are in, there is only the language.
func (a *app) openConsole(p *programFlags, optional bool) (*compiler.Console, error) {
	cfg, err := a.config(p)
	if err != nil && optional && errors.Is(err, os.ErrNotExist) {
		cfg, err = compiler.Config{LookupEnv: a.lookupEnv()}, nil
	}
	if err != nil {
		return nil, err
	}
	cfg.AllowMissing = true
	console, ds := compiler.NewConsole(cfg)
	if ds.HasErrors() {
		return nil, ds
	}
	return console, nil
}

// consoleLines evaluates the lines of standard input. A mistake ends with code 1, after all lines.
func (a *app) consoleLines(c *compiler.Console) error {
	failed := false
	in := bufio.NewScanner(a.in)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		if !a.evaluate(a.out, a.err, c, in.Text()) {
			failed = true
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("reading expressions: %w", err)
	}
	if failed {
		return errExit(exitError)
	}
	return nil
}

func (a *app) consoleTerminal(f *os.File, c *compiler.Console) error {
	old, err := term.MakeRaw(int(f.Fd()))
	if err != nil {
		return fmt.Errorf("opening the terminal: %w", err)
	}
	defer func() { _ = term.Restore(int(f.Fd()), old) }()
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{f, a.out}, "> ")
	names := c.Names()
	t.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
		if key != '\t' {
			return "", 0, false
		}
		return complete(line, pos, names)
	}
	for {
		line, err := t.ReadLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the terminal: %w", err)
		}
		a.evaluate(t, t, c, line)
	}
}

// complete extends the name before pos as far as all names that begin so agree.
func complete(line string, pos int, names []string) (string, int, bool) {
	start := pos
	for start > 0 && (line[start-1] == '_' || unicode.IsLetter(rune(line[start-1])) || unicode.IsDigit(rune(line[start-1]))) {
		start--
	}
	prefix, found := line[start:pos], ""
	for _, n := range names {
		if prefix == "" || !strings.HasPrefix(n, prefix) {
			continue
		}
		if found == "" {
			found = n
		}
		for !strings.HasPrefix(n, found) {
			found = found[:len(found)-1]
		}
	}
	if len(found) <= len(prefix) {
		return "", 0, false
	}
	return line[:start] + found + line[pos:], start + len(found), true
}

// evaluate prints the value of a line, or what is wrong with it, and reports whether it has one.
func (a *app) evaluate(out, problems io.Writer, c *compiler.Console, line string) bool {
	if strings.TrimSpace(line) == "" {
		return true
	}
	v, t, ds := c.Evaluate(line)
	if ds.HasErrors() {
		src := []*lang.File{{Name: "expression", Src: line}}
		if err := report.Text(problems, ds, sources(append(src, a.files...)), report.Options{Color: a.colored(problems), Width: 100}); err != nil {
			return false
		}
		return false
	}
	fmt.Fprintln(out, compiler.FormatValue(v, t))
	return true
}
