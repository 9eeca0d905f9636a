package sarif

import (
	"sort"
	"strings"
	"unicode/utf16"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"imgc/lang"
	"imgc/lang/report"
)

// places finds lines and columns in the files that were asked for.
type places struct {
	sources report.Sources
	opts    Options
	known   map[string]*lines // nil for a file whose text is not known
}

// lines is a text with the offsets at which its lines start.
type lines struct {
	text   string
	starts []int
}

func (p *places) get(file string) *lines {
	if s, ok := p.known[file]; ok {
		return s
	}
	var s *lines
	if p.sources != nil {
		if text, ok := p.sources(file); ok {
			s = &lines{text: text, starts: []int{0}}
			for i := range len(text) {
				if text[i] == '\n' {
					s.starts = append(s.starts, i+1)
				}
			}
		}
	}
	p.known[file] = s
	return s
}

// position is the line and column of an offset. A byte order mark counts nothing (§ 3.30.1).
func (s *lines) position(offset int) (line, column int) {
	offset = max(0, min(offset, len(s.text)))
	line = sort.SearchInts(s.starts, offset+1)
	start := s.starts[line-1]
	before := s.text[start:offset]
	if line == 1 {
		before = strings.TrimPrefix(before, "\ufeff")
	}
	column = 1
	for _, r := range before {
		column += max(1, utf16.RuneLen(r))
	}
	return line, column
}

// region is nil where there is no such place.
func (p *places) region(r lang.Range) *sarif.Region {
	s := p.get(r.File)
	if s == nil {
		return nil
	}
	line, column := s.position(r.Start)
	endLine, endColumn := s.position(max(r.Start, r.End))
	return sarif.NewRegion().WithStartLine(line).WithStartColumn(column).WithEndLine(endLine).WithEndColumn(endColumn)
}

// location is nil for a range that names no file.
func (p *places) location(r lang.Range, label string) *sarif.Location {
	if r.File == "" {
		return nil
	}
	at := sarif.NewPhysicalLocation().WithArtifactLocation(p.artifact(r.File))
	if region := p.region(r); region != nil {
		at.WithRegion(region)
	}
	l := sarif.NewLocationWithPhysicalLocation(at)
	if label != "" {
		l.WithMessage(message(label))
	}
	return l
}
