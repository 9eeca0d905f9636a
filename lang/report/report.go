// Package report shows diagnostics: as text for people, with the source lines they speak of, and as JSON for programs.
// It decides nothing about them. Start reading at Text; snippet.go draws the source, lines.go finds lines and columns.
package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"imgc/lang"
)

// Options say what the reader's terminal can show.
type Options struct {
	Color bool
	Width int // of the terminal in columns; 0 wraps and cuts nothing
}

// Sources returns the text of a file, and whether there is such a file.
type Sources = func(file string) (string, bool)

// Text writes diagnostics for people, in the order of their places, and a line that counts them when there are several.
// Its only errors are those of w.
func Text(w io.Writer, ds lang.Diagnostics, sources Sources, opts Options) error {
	ds = InOrder(ds)
	t := &text{files: newFiles(sources), opts: opts}
	for _, d := range ds {
		t.diagnostic(d)
	}
	if len(ds) > 1 {
		t.paint(severityStyle(worst(ds)), count(ds))
		t.out.WriteByte('\n')
	}
	_, err := io.WriteString(w, t.out.String())
	return err
}

// InOrder sorts by place and leaves out what says the same of the same place. Files come in the order in which they
// are first spoken of.
func InOrder(ds lang.Diagnostics) lang.Diagnostics {
	type key struct {
		code, message string
		r             lang.Range
	}
	rank := map[string]int{}
	seen := map[key]bool{}
	var out lang.Diagnostics
	for _, d := range ds {
		if _, ok := rank[d.Range.File]; !ok {
			rank[d.Range.File] = len(rank)
		}
		k := key{d.Code, d.Message, d.Range}
		if !seen[k] {
			seen[k] = true
			out = append(out, d)
		}
	}
	slices.SortStableFunc(out, func(a, b lang.Diagnostic) int {
		return cmp.Or(cmp.Compare(rank[a.Range.File], rank[b.Range.File]), cmp.Compare(a.Range.Start, b.Range.Start))
	})
	return out
}

func worst(ds lang.Diagnostics) lang.Severity {
	if ds.HasErrors() {
		return lang.Error
	}
	return lang.Warning
}

// count is "2 errors, 1 warning".
func count(ds lang.Diagnostics) string {
	var n [2]int
	for _, d := range ds {
		if d.Severity == lang.Error {
			n[0]++
		} else {
			n[1]++
		}
	}
	var parts []string
	for i, name := range []string{"error", "warning"} {
		switch {
		case n[i] == 1:
			parts = append(parts, "1 "+name)
		case n[i] > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", n[i], name))
		}
	}
	return strings.Join(parts, ", ")
}

// text gathers what Text writes.
type text struct {
	out   strings.Builder
	files *files
	opts  Options
}

type style string

const (
	plain   style = ""
	strong  style = "1"
	failure style = "1;31"
	caution style = "1;33"
	second  style = "1;34"
	advice  style = "1;36"
)

func severityStyle(s lang.Severity) style {
	if s == lang.Error {
		return failure
	}
	return caution
}

func (t *text) paint(s style, text string) {
	if !t.opts.Color || s == plain || text == "" {
		t.out.WriteString(text)
		return
	}
	fmt.Fprintf(&t.out, "\x1b[%sm%s\x1b[0m", string(s), text)
}

func (t *text) diagnostic(d lang.Diagnostic) {
	title := d.Severity.String()
	if d.Code != "" {
		title += "[" + d.Code + "]"
	}
	t.paint(severityStyle(d.Severity), title)
	for i, line := range t.wrap(": "+clean(d.Message), len(title)) {
		if i > 0 {
			t.out.WriteString("\n  ")
		}
		t.paint(strong, line)
	}
	t.out.WriteByte('\n')
	gutter := t.snippets(d)
	pad := strings.Repeat(" ", gutter)
	for _, n := range d.Notes {
		t.remark(pad, second, "note", n)
	}
	help := d.Help
	if help == "" && len(d.Fixes) > 0 {
		help = d.Fixes[0].Title
	}
	if help != "" {
		t.remark(pad, advice, "help", help)
	}
	t.out.WriteByte('\n')
}

// remark writes "= note: …", every line of it.
func (t *text) remark(pad string, s style, kind, what string) {
	lead := len(pad) + len(" = : ") + len(kind)
	first := true
	for part := range strings.Lines(what) {
		for _, line := range t.wrap(clean(strings.TrimRight(part, "\r\n")), lead) {
			if first {
				t.out.WriteString(pad + " ")
				t.paint(s, "= "+kind)
				t.out.WriteString(": " + line + "\n")
			} else {
				t.out.WriteString(strings.Repeat(" ", lead) + line + "\n")
			}
			first = false
		}
	}
}

// wrap cuts a sentence at spaces so that it fits beside taken columns.
func (t *text) wrap(s string, taken int) []string {
	room := t.opts.Width - taken
	if t.opts.Width <= 0 || room < 20 {
		return []string{s}
	}
	var lines []string
	line, width := "", 0
	for i, word := range strings.SplitAfter(s, " ") {
		w := columns(strings.TrimRight(word, " "))
		if i > 0 && width+w > room && line != "" {
			lines = append(lines, strings.TrimRight(line, " "))
			line, width = "", 0
		}
		line += word
		width += columns(word)
	}
	return append(lines, line)
}
