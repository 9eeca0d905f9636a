package format

import (
	"regexp"
	"strings"

	"imgc/lang"
)

const indentation = "  "

// line is one line of the output, or several where a string spans them.
type line struct {
	tokens  []lang.Token // without the comment
	facts   []fact       // of each token
	gaps    []string     // the space before each token; align widens some
	comment string       // at the end, or alone
	before  string       // the space before the comment, when it does not stand alone
	blank   bool         // a blank line goes before
	indent  int          // in levels
	inner   int          // the indentation of what is directly inside the innermost open bracket
	whole   bool         // a statement that begins and ends here
	texts   []string     // the tokens as they are written
}

// split cuts tokens into lines, where the author did.
func split(tokens []lang.Token) []*line {
	var lines []*line
	var l *line
	for i, t := range tokens {
		if i == 0 || t.Breaks > 0 {
			l = &line{blank: i > 0 && t.Breaks > 1}
			lines = append(lines, l)
		}
		if t.Kind == lang.TokenComment {
			l.comment = t.Text
		} else {
			l.tokens = append(l.tokens, t)
		}
	}
	return lines
}

// bracket is an open one.
type bracket struct {
	outer, inner int  // indentation of the line it stands in, and of what it holds
	loop         bool // { of a comprehension: written without spaces inside
	round        bool // what goes on over a line break inside is indented already
}

// layOut sets indentation and spaces.
func layOut(lines []*line, f *facts) {
	var open []bracket
	var prev lang.Token // the last one that is no comment
	var waiting fact
	var prevFacts fact
	inner := func() int {
		if len(open) == 0 {
			return 0
		}
		return open[len(open)-1].inner
	}
	for i, l := range lines {
		l.inner = inner()
		if len(l.tokens) == 0 {
			l.indent = -1 // with the line it speaks of: see below
			continue
		}
		first := l.tokens[0]
		switch {
		case closes(first) && len(open) > 0:
			l.indent = open[len(open)-1].outer
			l.blank = false
		case f.at[first.Start]&statement == 0 && goesOn(prev, first):
			l.indent = inner()
			if n := len(open); n == 0 || !open[n-1].round {
				l.indent++
			}
		default:
			l.indent = inner()
		}
		if i > 0 && opens(prev) {
			noBlankAfterOpening(lines, i)
		}
		depth := len(open)
		for k, t := range l.tokens {
			fa := f.at[t.Start] | waiting
			waiting = f.after[t.End()]
			loop := false
			if opens(t) {
				loop = t.Is("{") && k+1 < len(l.tokens) && l.tokens[k+1].Text == "for" && !(k+2 < len(l.tokens) && l.tokens[k+2].Is("="))
				open = append(open, bracket{l.indent, l.indent + 1, loop, t.Is("(")})
			}
			gap := ""
			if k > 0 {
				gap = space(prev, prevFacts, t, fa, len(open) > 0 && open[len(open)-1].loop)
			}
			if closes(t) && len(open) > 0 {
				open = open[:len(open)-1]
			}
			l.facts = append(l.facts, fa)
			l.gaps = append(l.gaps, gap)
			l.texts = append(l.texts, written(t, l.indent))
			prev, prevFacts = t, fa
		}
		l.whole = l.facts[0]&statement != 0 && depth == len(open) && !l.tall() && !runsOn(lines, i)
		if l.comment != "" {
			l.before = " "
		}
	}
	// A comment that stands alone is indented like the line after it, or like the block whose end comes next.
	next := 0
	for i := len(lines) - 1; i >= 0; i-- {
		l := lines[i]
		switch {
		case len(l.tokens) > 0:
			next = l.indent
			if closes(l.tokens[0]) {
				next = -1
			}
		case next < 0:
			l.indent = l.inner
		default:
			l.indent = next
		}
	}
	if len(lines) > 0 {
		lines[0].blank = false
	}
}

// noBlankAfterOpening removes the blank line at the start of a block, before line i or the comments above it.
func noBlankAfterOpening(lines []*line, i int) {
	for i > 0 && len(lines[i-1].tokens) == 0 {
		i--
	}
	lines[i].blank = false
}

// runsOn reports whether the line after line i goes on with its statement.
func runsOn(lines []*line, i int) bool {
	last := lines[i].tokens[len(lines[i].tokens)-1]
	for _, l := range lines[i+1:] {
		if len(l.tokens) > 0 {
			return goesOn(last, l.tokens[0])
		}
	}
	return false
}

func opens(t lang.Token) bool  { return t.Is("{") || t.Is("[") || t.Is("(") }
func closes(t lang.Token) bool { return t.Is("}") || t.Is("]") || t.Is(")") }

// goesOn reports whether a line that begins with t goes on with the expression that prev is part of.
func goesOn(prev, t lang.Token) bool {
	if prev.Kind == lang.TokenPunct && !opens(prev) && !closes(prev) && prev.Text != "," && prev.Text != "?" {
		return true
	}
	switch {
	case prev.Kind == lang.TokenName && (prev.Text == "then" || prev.Text == "else"):
		return true
	case t.Kind == lang.TokenName:
		return t.Text == "then" || t.Text == "else"
	case t.Kind == lang.TokenPunct:
		return !opens(t) && !closes(t) && t.Text != "," && t.Text != "!" && t.Text != "-"
	}
	return false
}

// space is what stands between two tokens of a line.
func space(a lang.Token, af fact, b lang.Token, bf fact, loop bool) string {
	switch {
	case b.Is(","), b.Is(")"), b.Is("]"), b.Is("."), b.Is(":"), b.Is("?"), bf&tight != 0,
		a.Is("("), a.Is("["), a.Is("."), af&sign != 0,
		a.Is("{") && (b.Is("}") || loop), b.Is("}") && loop:
		return ""
	case bf&statement != 0 && !a.Is("{") && !a.Is(","):
		return "  " // statements side by side
	}
	return " "
}

// tall reports whether a string makes the line span several.
func (l *line) tall() bool {
	for _, t := range l.tokens {
		if strings.Contains(t.Text, "\n") {
			return true
		}
	}
	return false
}

// carriageReturns are those before a line break, which a string does not hold.
var carriageReturns = regexp.MustCompile(`\r+\n`)

// written is a token as it is written: a string over several lines is moved so that its closing mark stands under the
// start of the line it begins in, unless that would change its value.
func written(t lang.Token, indent int) string {
	if t.Kind != lang.TokenString || !strings.Contains(t.Text, "\n") {
		return t.Text
	}
	lines := strings.Split(carriageReturns.ReplaceAllString(t.Text, "\n"), "\n")
	last := lines[len(lines)-1]
	old := last[:len(last)-len(strings.TrimLeft(last, " \t"))]
	if rest := last[len(old):]; rest != `"""` && rest != "'''" || strings.Contains(t.Text, "${") && loopsOverLines(lines) {
		return strings.Join(lines, "\n")
	}
	if text := lines[0][len(`"""`):]; strings.TrimLeft(text, " \t") != text {
		return strings.Join(lines, "\n") // the indentation is taken off text behind the opening mark too
	}
	for _, l := range lines[1:] {
		if l != "" && !strings.HasPrefix(l, old) {
			return strings.Join(lines, "\n")
		}
	}
	for i, l := range lines[1:] {
		if l != "" {
			lines[i+1] = strings.Repeat(indentation, indent) + l[len(old):]
		}
	}
	return strings.Join(lines, "\n")
}

// loopsOverLines reports whether an interpolation seems to span lines: such a string is left alone.
func loopsOverLines(lines []string) bool {
	for _, l := range lines {
		if i := strings.LastIndex(l, "${"); i >= 0 && !strings.Contains(l[i:], "}") {
			return true
		}
	}
	return false
}

func (l *line) write(b *strings.Builder) {
	if l.blank {
		b.WriteByte('\n')
	}
	b.WriteString(strings.Repeat(indentation, max(0, l.indent)))
	for i, t := range l.texts {
		b.WriteString(l.gaps[i])
		b.WriteString(t)
	}
	b.WriteString(l.before)
	b.WriteString(l.comment)
	b.WriteByte('\n')
}
