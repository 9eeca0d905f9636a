package report

import (
	"encoding/json"
	"io"

	"imgc/lang"
)

// place is a range for programs. Lines and columns count from 1, columns in characters; End is the character after.
type place struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	End    *point `json:"end,omitempty"`
}

type point struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

type jsonLabel struct {
	place
	Text string `json:"text"`
}

type jsonEdit struct {
	place
	New string `json:"new"`
}

type jsonFix struct {
	Title string     `json:"title"`
	Edits []jsonEdit `json:"edits"`
}

type jsonDiagnostic struct {
	Severity string `json:"severity"`
	Code     string `json:"code,omitempty"`
	Message  string `json:"message"`
	place
	Label   string      `json:"label,omitempty"`
	Related []jsonLabel `json:"related,omitempty"`
	Notes   []string    `json:"notes,omitempty"`
	Help    string      `json:"help,omitempty"`
	Fixes   []jsonFix   `json:"fixes,omitempty"`
}

// JSON writes diagnostics for programs, one object a line, in the order in which Text writes them. Its only errors
// are those of w.
func JSON(w io.Writer, ds lang.Diagnostics, sources Sources) error {
	fs := newFiles(sources)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, d := range InOrder(ds) {
		j := jsonDiagnostic{Severity: d.Severity.String(), Code: d.Code, Message: d.Message, place: fs.place(d.Range),
			Label: d.Label, Notes: d.Notes, Help: d.Help}
		for _, l := range d.Related {
			j.Related = append(j.Related, jsonLabel{fs.place(l.Range), l.Text})
		}
		for _, f := range d.Fixes {
			fix := jsonFix{Title: f.Title, Edits: []jsonEdit{}}
			for _, e := range f.Edits {
				fix.Edits = append(fix.Edits, jsonEdit{fs.place(e.Range), e.New})
			}
			j.Fixes = append(j.Fixes, fix)
		}
		if err := enc.Encode(j); err != nil {
			return err
		}
	}
	return nil
}

func (fs *files) place(r lang.Range) place {
	p := place{File: r.File}
	f := fs.get(r.File)
	if f == nil || r == (lang.Range{}) {
		return p
	}
	at, end := f.position(r.Start), f.position(max(r.Start, r.End))
	p.Line, p.Column = at.Line, at.Column
	p.End = &point{end.Line, end.Column}
	return p
}
