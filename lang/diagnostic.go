package lang

import "fmt"

// Severity says whether a diagnostic stops the command.
type Severity int

// The severities, worst first.
const (
	Error Severity = iota
	Warning
)

func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Range is a stretch of one file, in absolute byte offsets: Start is the first byte, End the byte after
// the last one. The zero Range means "no place in any file".
type Range struct {
	File       string
	Start, End int
}

// Label is a second place that a diagnostic speaks of, such as the declaration that a use disagrees with.
type Label struct {
	Range Range
	Text  string
}

// Edit replaces the text of a range; an empty range inserts.
type Edit struct {
	Range Range
	New   string
}

// Fix is a change of the source that mends a diagnostic.
type Fix struct {
	Title string
	Edits []Edit
}

// Diagnostic is one thing that is wrong, or odd, in a program: where, why, and what to do. It is the only
// type for this from the lexer to the executor.
type Diagnostic struct {
	Severity Severity
	Code     string // stable, such as "E0201"; the catalogue is in codes.go
	Message  string // what is wrong, in plain words, one sentence without a full stop
	Range    Range  // where
	Label    string // a few words under the underlined source, may be empty
	Related  []Label
	Notes    []string // facts that help to understand
	Help     string   // what to do next
	Fixes    []Fix
}

func (d Diagnostic) Error() string {
	return fmt.Sprintf("%s[%s]: %s", d.Severity, d.Code, d.Message)
}

// Diagnostics is what a pass over a program found.
type Diagnostics []Diagnostic

// HasErrors reports whether at least one diagnostic is an error.
func (ds Diagnostics) HasErrors() bool {
	for _, d := range ds {
		if d.Severity == Error {
			return true
		}
	}
	return false
}

func (ds Diagnostics) Error() string {
	switch len(ds) {
	case 0:
		return "no diagnostics"
	case 1:
		return ds[0].Error()
	}
	return fmt.Sprintf("%s (and %d more)", ds[0].Error(), len(ds)-1)
}
