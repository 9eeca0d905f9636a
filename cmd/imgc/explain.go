package main

import (
	"errors"
	"fmt"
	"strings"

	"imgc/lang"
)

func (a *app) explain(code string) error {
	code = strings.ToUpper(code)
	c, ok := lang.Lookup(code)
	if !ok {
		var codes []string
		for _, c := range lang.Codes() {
			codes = append(codes, c.Code)
		}
		msg := fmt.Sprintf("there is no diagnostic %s", code)
		if near := lang.Nearest(code, codes); near != "" {
			return errUsage{fmt.Errorf("%s; did you mean %s?", msg, near)}
		}
		return errUsage{errors.New(msg + "; `imgc explain` lists them all")}
	}
	fmt.Fprintf(a.out, "%s\n\n%s\n", a.bold(c.Code+": "+c.Title), c.Text)
	wrong, right := lang.Examples(code)
	if wrong != "" {
		fmt.Fprintf(a.out, "\n%s\n\n%s", a.red("Wrong:"), indented(wrong))
	}
	if right != "" {
		fmt.Fprintf(a.out, "\n%s\n\n%s", a.green("Right:"), indented(right))
	}
	return nil
}

func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return b.String()
}
