package format

import (
	"strings"

	"github.com/mattn/go-runewidth"

	"imgc/lang"
)

// terminal measures characters the same in every locale.
var terminal = &runewidth.Condition{}

// align lines up types, "=" and comments in runs of lines without a blank line or anything else between them.
func align(lines []*line) {
	runs(lines, (*line).kind, func(run []*line) {
		pad(run, column1)
		pad(run, column2)
	})
	runs(lines, func(l *line) string {
		if l.comment == "" || len(l.tokens) == 0 || l.tall() {
			return ""
		}
		return strings.Repeat(indentation, l.indent) + "#"
	}, func(run []*line) {
		widest := 0
		for _, l := range run {
			widest = max(widest, l.width(len(l.tokens)))
		}
		for _, l := range run {
			l.before = strings.Repeat(" ", 1+widest-l.width(len(l.tokens)))
		}
	})
}

// runs calls f for each run of two or more lines of the same kind. A line of kind "" is in no run.
func runs(lines []*line, kind func(*line) string, f func([]*line)) {
	for i := 0; i < len(lines); {
		k := kind(lines[i])
		j := i + 1
		for k != "" && j < len(lines) && !lines[j].blank && kind(lines[j]) == k {
			j++
		}
		if k != "" && j-i > 1 {
			f(lines[i:j])
		}
		i = j
	}
}

// kind is the same for lines that are lined up with one another: options with options, params with params.
func (l *line) kind() string {
	if !l.whole || l.find(column1) < 0 && l.find(column2) < 0 {
		return ""
	}
	k := strings.Repeat(indentation, l.indent)
	if l.indent == 0 && l.tokens[0].Kind == lang.TokenName {
		return k + l.tokens[0].Text
	}
	return k + "="
}

// find returns the index of the token of the line's first statement that begins a column, or -1.
func (l *line) find(c fact) int {
	depth := 0
	for i, f := range l.facts {
		if closes(l.tokens[i]) {
			depth--
		}
		if depth == 0 && i > 0 {
			if f&statement != 0 {
				break
			}
			if f&c != 0 {
				return i
			}
		}
		if opens(l.tokens[i]) {
			depth++
		}
	}
	return -1
}

// width is how wide the tokens before the nth are.
func (l *line) width(n int) int {
	w := 0
	for i := range n {
		w += len(l.gaps[i]) + terminal.StringWidth(l.texts[i])
	}
	return w
}

// pad makes a column begin at the same place in each line of a run that has it. Lines without the first column make
// no room for it.
func pad(run []*line, c fact) {
	widest := 0
	for _, l := range run {
		if i := l.find(c); i >= 0 {
			widest = max(widest, l.width(i))
		}
	}
	for _, l := range run {
		if i := l.find(c); i > 0 {
			l.gaps[i] = strings.Repeat(" ", 1+widest-l.width(i))
		}
	}
}
