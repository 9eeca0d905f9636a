// Package format writes programs in their one form. There is nothing to set. It changes white space alone: line breaks
// between tokens stay where the author put them, at most one blank line in a row is kept, and comments stay where they are.
//
// Start reading at Source: the file is cut into lines of tokens, layout.go indents and spaces them, and align.go lines
// up what stands in columns. What tokens alone do not tell (is "-" a sign or an operator?) facts.go reads from the tree.
package format

import (
	"path/filepath"
	"strings"

	"imgc/lang"
)

// Source returns a program, a vars file (*.imgcvars) or a schema file (schema.imgc) in canonical form. A file with
// syntax errors is refused: the error is lang.Diagnostics.
func Source(name, src string) (string, error) {
	f := &facts{at: map[int]fact{}}
	var problems lang.Diagnostics
	switch {
	case filepath.Ext(name) == ".imgcvars":
		v := lang.ParseVars(name, src)
		problems = v.Problems
		for _, o := range v.Values {
			f.read(0, o)
		}
	default:
		parse := lang.Parse
		if filepath.Base(name) == "schema.imgc" {
			parse = lang.ParseSchema
		}
		file := parse(name, src)
		problems = file.Diagnostics()
		for _, d := range file.Decls {
			f.read(d.Base, d.Node)
		}
	}
	if problems.HasErrors() {
		return "", problems
	}
	lines := split(lang.Tokens(src))
	layOut(lines, f)
	align(lines)
	var b strings.Builder
	for _, l := range lines {
		l.write(&b)
	}
	return b.String(), nil
}
