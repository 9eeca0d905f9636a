package report

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"imgc/lang"
)

// files keeps the line starts of the files that were asked for.
type files struct {
	sources Sources
	known   map[string]*file
}

// file is a source with the offsets at which its lines start.
type file struct {
	src    string
	starts []int
}

func newFiles(sources Sources) *files { return &files{sources: sources, known: map[string]*file{}} }

// get returns a file, or nil when its text is not known.
func (fs *files) get(name string) *file {
	if f, ok := fs.known[name]; ok {
		return f
	}
	var f *file
	if fs.sources != nil {
		if src, ok := fs.sources(name); ok {
			f = &file{src: src, starts: []int{0}}
			for i := 0; i < len(src); i++ {
				if src[i] == '\n' {
					f.starts = append(f.starts, i+1)
				}
			}
		}
	}
	fs.known[name] = f
	return f
}

// line returns the index, from 0, of the line that an offset lies in.
func (f *file) line(offset int) int {
	offset = max(0, min(offset, len(f.src)))
	return sort.SearchInts(f.starts, offset+1) - 1
}

// text returns a line without its break and without a byte order mark, and the offset it starts at.
func (f *file) text(line int) (string, int) {
	start, end := f.starts[line], len(f.src)
	if line+1 < len(f.starts) {
		end = f.starts[line+1]
	}
	s := strings.TrimRight(f.src[start:end], "\r\n")
	if line == 0 && strings.HasPrefix(s, "\ufeff") {
		return s[len("\ufeff"):], start + len("\ufeff")
	}
	return s, start
}

// position is the line and column of an offset as people count them.
func (f *file) position(offset int) lang.Position {
	line := f.line(offset)
	text, start := f.text(line)
	n := max(0, min(offset-start, len(text)))
	return lang.Position{Line: line + 1, Column: 1 + utf8.RuneCountInString(text[:n])}
}

// tabWidth is how many columns a tab may take; tabs are drawn as spaces so that the underline is right everywhere.
const tabWidth = 4

// terminal measures characters the same in every locale, so that the output does not depend on where it is made.
var terminal = &runewidth.Condition{}

func columns(s string) int { return terminal.StringWidth(s) }

// cell is a character as it is drawn.
type cell struct {
	text  string
	width int
}

// cells returns what is drawn for each byte offset of a line: tabs as spaces, what would move the cursor or turn the
// direction of writing as a visible sign. at[i] is the column at which byte i is drawn; at[len(line)] is the width.
func cells(line string) (cs []cell, at []int) {
	at = make([]int, len(line)+1)
	col := 0
	for i := 0; i < len(line); {
		r, n := utf8.DecodeRuneInString(line[i:])
		c := cell{visible(r), 0}
		if r == '\t' {
			c.text = strings.Repeat(" ", tabWidth-col%tabWidth)
		}
		c.width = columns(c.text)
		for k := range n {
			at[i+k] = col
		}
		cs = append(cs, c)
		col += c.width
		i += n
	}
	at[len(line)] = col
	return cs, at
}

// visible is a character as it may be printed.
func visible(r rune) string {
	switch {
	case r < 0x20:
		return string(0x2400 + r)
	case r == 0x7f:
		return "␡"
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == utf8.RuneError:
		return "\ufffd"
	}
	return string(r)
}

// clean makes a message harmless for a terminal: names in it come from files and the network.
func clean(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == '\n' || r == '\t' || r == '\r' {
			r = ' '
		}
		b.WriteString(visible(r))
	}
	return b.String()
}
