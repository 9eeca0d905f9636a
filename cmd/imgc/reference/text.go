package reference

import (
	"regexp"
	"strings"
	"unicode"
)

// text makes Markdown of a doc comment. Comments are plain text: an empty line ends a paragraph, lines that are indented
// stand as they are, "- " begins an item of a list, and what stands between ` and ` is code. Everything else means
// itself.
func text(doc string) string {
	var b strings.Builder
	fenced := false
	// A fence longer than any in the comment.
	fence := "```"
	for strings.Contains(doc, fence) {
		fence += "`"
	}
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(doc, "\r\n", "\n")), "\n")
	for i, l := range lines {
		indented := strings.HasPrefix(l, "  ") || strings.HasPrefix(l, "\t")
		begins := i == 0 || strings.TrimSpace(lines[i-1]) == ""
		switch {
		case fenced && !indented && strings.TrimSpace(l) != "":
			fenced = false
			b.WriteString(fence + "\n\n")
		case !fenced && indented && begins:
			fenced = true
			b.WriteString(fence + "\n")
		}
		switch {
		case fenced && strings.TrimSpace(l) == "":
			// What comes after says whether the code goes on.
			if i+1 < len(lines) && (strings.HasPrefix(lines[i+1], "  ") || strings.HasPrefix(lines[i+1], "\t")) {
				b.WriteString("\n")
			}
		case fenced:
			b.WriteString(strings.TrimPrefix(strings.TrimPrefix(l, "  "), "\t") + "\n")
		default:
			b.WriteString(startOfLine(escape(strings.TrimRight(l, " \t\r"))) + "\n")
		}
	}
	if fenced {
		b.WriteString(fence + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// line makes Markdown of text that stays in one line.
func line(s string) string { return startOfLine(escape(strings.Join(strings.Fields(s), " "))) }

// escape lets each character outside of `…` mean itself.
func escape(s string) string {
	parts := strings.Split(s, "`")
	if len(parts)%2 == 0 { // a ` without its other half
		return escapePlain(s)
	}
	for i := range parts {
		if i%2 == 0 {
			parts[i] = escapePlain(parts[i])
		}
	}
	return strings.Join(parts, "`")
}

func escapePlain(s string) string {
	var b strings.Builder
	rs := []rune(s)
	word := func(i int) bool {
		return i >= 0 && i < len(rs) && (unicode.IsLetter(rs[i]) || unicode.IsDigit(rs[i]) || rs[i] == '_')
	}
	for i, r := range rs {
		switch r {
		case '\\', '`', '*', '<', '>', '[', ']', '~', '&', '|':
			b.WriteByte('\\')
		case '_':
			// Within a word it means itself, and reads better so.
			if !word(i-1) || !word(i+1) {
				b.WriteByte('\\')
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

// structure is what at the start of a line makes it something else than text. "- " is left: doc comments have lists.
var structure = regexp.MustCompile(`^(\s*)(#{1,6}(?:\s|$)|\+(?:\s|$)|=+\s*$|-+\s*$|(?:-\s*){3,}$)`)

var numbered = regexp.MustCompile(`^(\s*\d+)([.)](?:\s|$))`)

func startOfLine(s string) string {
	s = structure.ReplaceAllString(s, `$1\$2`)
	return numbered.ReplaceAllString(s, `$1\$2`)
}

// code writes text as code in a line.
func code(s string) string {
	mark := "`"
	for strings.Contains(s, mark) {
		mark += "`"
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return mark + s + mark
}

// codes writes names as code, with commas.
func codes(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = code(n)
	}
	return strings.Join(out, ", ")
}

// slug is the anchor that readers of Markdown give a heading.
func slug(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, title)
}
