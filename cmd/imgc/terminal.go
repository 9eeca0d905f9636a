package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// terminal gives the file descriptor of a terminal.
func terminal(w any) (int, bool) {
	f, ok := w.(*os.File)
	if !ok {
		return 0, false
	}
	fd := int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// colored says whether to write colour to w.
func (a *app) colored(w io.Writer) bool {
	switch a.color {
	case "always":
		return true
	case "never":
		return false
	}
	_, isTerminal := terminal(w)
	return isTerminal && a.env("NO_COLOR") == "" && a.env("TERM") != "dumb"
}

func (a *app) paint(w io.Writer, code, text string) string {
	if !a.colored(w) {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (a *app) red(text string) string   { return a.paint(a.err, "1;31", text) }
func (a *app) green(text string) string { return a.paint(a.out, "32", text) }
func (a *app) bold(text string) string  { return a.paint(a.out, "1", text) }
func (a *app) dim(text string) string   { return a.paint(a.out, "2", text) }
