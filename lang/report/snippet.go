package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"imgc/lang"
)

// mark is one stretch of one line that is underlined.
type mark struct {
	line       int // from 0
	start, end int // offsets in the line's text
	sign       string
	style      style
	text       string
}

// snippets draws the source of a diagnostic, its own file first, and returns the width of the line numbers.
func (t *text) snippets(d lang.Diagnostic) int {
	type place struct {
		r     lang.Range
		text  string
		sign  string
		style style
	}
	places := []place{{d.Range, d.Label, "^", severityStyle(d.Severity)}}
	for _, l := range d.Related {
		places = append(places, place{l.Range, l.Text, "-", second})
	}
	var names []string
	heads := map[string]place{}
	marks := map[string][]mark{}
	last := 0
	for _, p := range places {
		if p.r == (lang.Range{}) {
			continue
		}
		if _, ok := heads[p.r.File]; !ok {
			names = append(names, p.r.File)
			heads[p.r.File] = p
		}
		if f := t.files.get(p.r.File); f != nil {
			ms := marksOf(f, p.r, p.text, p.sign, p.style)
			marks[p.r.File] = append(marks[p.r.File], ms...)
			last = max(last, ms[len(ms)-1].line+1)
		}
	}
	gutter := len(strconv.Itoa(last))
	pad := strings.Repeat(" ", gutter)
	for i, name := range names {
		arrow := "-->"
		if i > 0 {
			arrow = ":::"
		}
		where := clean(name)
		f := t.files.get(name)
		if f != nil {
			at := f.position(heads[name].r.Start)
			where = fmt.Sprintf("%s:%d:%d", where, at.Line, at.Column)
		}
		t.out.WriteString(pad)
		t.paint(second, arrow)
		t.out.WriteString(" " + where + "\n")
		if f != nil {
			t.draw(f, marks[name], gutter)
		}
	}
	return gutter
}

// marksOf makes marks of a range: one, or one on its first and one on its last line.
func marksOf(f *file, r lang.Range, text, sign string, s style) []mark {
	start := max(0, min(r.Start, len(f.src)))
	end := max(start, min(r.End, len(f.src)))
	first, lastLine := f.line(start), f.line(max(start, end-1))
	line, base := f.text(first)
	m := mark{line: first, start: clamp(start-base, line), end: clamp(end-base, line), sign: sign, style: s, text: text}
	if lastLine == first {
		return []mark{m}
	}
	m.text = ""
	line, base = f.text(lastLine)
	indent := len(line) - len(strings.TrimLeft(line, " \t"))
	tail := mark{line: lastLine, start: min(indent, clamp(end-base, line)), end: clamp(end-base, line), sign: sign, style: s, text: text}
	return []mark{m, tail}
}

func clamp(n int, line string) int { return max(0, min(n, len(line))) }

// draw prints the marked lines of a file with what is said of them.
func (t *text) draw(f *file, marks []mark, gutter int) {
	slices.SortStableFunc(marks, func(a, b mark) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.start, b.start))
	})
	pad := strings.Repeat(" ", gutter)
	bar := func() {
		t.out.WriteString(pad + " ")
		t.paint(second, "|")
	}
	bar()
	t.out.WriteByte('\n')
	for i := 0; i < len(marks); {
		line := marks[i].line
		if i > 0 {
			switch gap := line - marks[i-1].line; {
			case gap == 2:
				t.sourceLine(f, line-1, gutter, 0)
			case gap > 2:
				t.out.WriteString("...\n")
			}
		}
		text, _ := f.text(line)
		_, at := cells(text)
		// A line that is too long is shown from where its first mark can be seen.
		from := 0
		room := t.opts.Width - gutter - 3
		if t.opts.Width > 0 && at[len(text)] > room && at[marks[i].end] > room {
			from = max(0, at[marks[i].start]-room/3)
		}
		t.sourceLine(f, line, gutter, from)
		for ; i < len(marks) && marks[i].line == line; i++ {
			m := marks[i]
			lead := at[m.start] - from
			width := max(1, at[m.end]-at[m.start])
			if t.opts.Width > 0 {
				width = max(1, min(width, room-lead))
			}
			if lead < 0 || t.opts.Width > 0 && lead > room {
				continue // out of sight
			}
			bar()
			t.out.WriteString(" " + strings.Repeat(" ", lead))
			under := strings.Repeat(m.sign, width)
			if m.text != "" {
				under += " " + clean(m.text)
			}
			t.paint(m.style, under)
			t.out.WriteByte('\n')
		}
	}
	bar()
	t.out.WriteByte('\n')
}

// sourceLine prints one line of the source from a column on, cut to the terminal.
func (t *text) sourceLine(f *file, line, gutter, from int) {
	t.paint(second, fmt.Sprintf("%*d |", gutter, line+1))
	text, _ := f.text(line)
	cs, _ := cells(text)
	room := -1
	if t.opts.Width > 0 {
		room = max(10, t.opts.Width-gutter-3)
	}
	var b strings.Builder
	col, cut := 0, false
	for _, c := range cs {
		switch {
		case col < from && col+c.width > from:
			b.WriteString(strings.Repeat(" ", col+c.width-from))
		case col < from:
		case room >= 0 && col+c.width-from > room:
			cut = true
		case col == from && from > 0:
			b.WriteString("…" + strings.Repeat(" ", max(0, c.width-1)))
		default:
			b.WriteString(c.text)
		}
		if cut {
			break
		}
		col += c.width
	}
	if s := strings.TrimRight(b.String(), " "); s != "" {
		t.out.WriteString(" " + s)
	}
	t.out.WriteByte('\n')
}
