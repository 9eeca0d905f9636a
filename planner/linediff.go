package planner

import (
	"strconv"
	"strings"
	"unicode"
)

// diffLine is one line of a diff of lines: '-' gone, '+' new, ' ' in both.
type diffLine struct {
	mark byte
	text string
}

// splitValue parts the text of a value into lines for a diff: the elements of a list, the fields of an object, the
// lines of a string. Any other value is one line.
func splitValue(text string) []string {
	switch {
	case strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]"):
		return elements(text[1 : len(text)-1])
	case strings.HasPrefix(text, "{ ") && strings.HasSuffix(text, " }"):
		return elements(text[2 : len(text)-2])
	case strings.HasPrefix(text, `"`):
		if s, err := strconv.Unquote(strings.ReplaceAll(text, `\${`, "${")); err == nil && strings.Contains(s, "\n") {
			lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
			for i, l := range lines {
				lines[i] = printable(l)
			}
			return lines
		}
	}
	return []string{text}
}

// elements parts what is between the brackets of a list or object at the commas that are in no string or bracket.
func elements(text string) []string {
	var out []string
	depth, quoted, from := 0, false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		case c == ',' && depth == 0:
			out = append(out, strings.TrimSpace(text[from:i]))
			from = i + 1
		}
	}
	if last := strings.TrimSpace(text[min(from, len(text)):]); last != "" {
		out = append(out, last)
	}
	return out
}

const (
	beside      = 2   // unchanged lines shown around a change
	mostCompare = 500 // lines; longer values are compared whole
)

// diffLines is the shortest way from a to b, with a little of what is in both around each change.
func diffLines(a, b []string) []diffLine {
	var out []diffLine
	if len(a) > mostCompare || len(b) > mostCompare {
		return []diffLine{{'-', strconv.Itoa(len(a)) + " lines"}, {'+', strconv.Itoa(len(b)) + " lines"}}
	}
	same := make([][]int, len(a)+1)
	for i := range same {
		same[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				same[i][j] = same[i+1][j+1] + 1
			} else {
				same[i][j] = max(same[i+1][j], same[i][j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, diffLine{' ', a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && same[i+1][j] >= same[i][j+1]:
			out = append(out, diffLine{'-', a[i]})
			i++
		default:
			out = append(out, diffLine{'+', b[j]})
			j++
		}
	}
	return around(out)
}

// around leaves out what is far from any change.
func around(lines []diffLine) []diffLine {
	near := make([]bool, len(lines))
	for i, l := range lines {
		if l.mark == ' ' {
			continue
		}
		for k := max(0, i-beside); k <= min(len(lines)-1, i+beside); k++ {
			near[k] = true
		}
	}
	var out []diffLine
	for i, l := range lines {
		switch {
		case near[i]:
			out = append(out, l)
		case i == 0 || near[i-1]:
			out = append(out, diffLine{' ', "…"})
		}
	}
	return out
}

// printable shows characters that a terminal would act on instead of sending them to it.
func printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) && r != '\t' }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) || r == '\t' {
			b.WriteRune(r)
		} else {
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}
