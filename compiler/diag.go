package compiler

import (
	"fmt"

	"imgc/lang"
)

// at is a node's place: its declaration and the span in it.
func at(d *lang.Decl, n lang.Node) lang.Range { return d.Range(n.Span()) }

// diags collects what a pass finds. A place is told of once: what follows from a first mistake at the same place is
// kept quiet.
type diags struct {
	list lang.Diagnostics
	seen map[lang.Range]bool
}

func (ds *diags) add(d lang.Diagnostic) {
	if d.Severity == lang.Error && d.Range != (lang.Range{}) {
		if ds.seen[d.Range] {
			return
		}
		if ds.seen == nil {
			ds.seen = map[lang.Range]bool{}
		}
		ds.seen[d.Range] = true
	}
	ds.list = append(ds.list, d)
}

// didYouMean is the help for a name that is not known: the one that was probably meant, or what there is.
func didYouMean(name string, names []string, otherwise string) string {
	if s := lang.Nearest(name, names); s != "" {
		return fmt.Sprintf("did you mean %q?", s)
	}
	return otherwise
}
