package compiler

import (
	"fmt"
	"path"
	"strings"

	"imgc/lang"
)

// collisions warns of units that write the same file. What each of them writes more than once is its own business, and folders may
// hold the files of several.
func (c *compilation) collisions(p *Program) {
	if c.ds.list.HasErrors() {
		return
	}
	type writer struct {
		unit  *Unit
		place lang.Range
		told  bool
	}
	first := map[string]*writer{}
	for _, u := range p.Units {
		calls := append([]*Call{u.Builder}, u.Steps...)
		for _, ch := range u.Posts {
			calls = append(calls, ch.Links...)
		}
		for _, call := range calls {
			for _, o := range call.Options {
				if !o.Given || !o.Field.Writes || o.Field.Shared {
					continue
				}
				var files []string
				if v, _ := strip(o.Value); v.IsWhollyKnown() && !v.IsNull() {
					collectTexts(v, &files)
				}
				for _, f := range files {
					if strings.HasSuffix(f, "/") {
						continue
					}
					f = path.Clean(f)
					old, taken := first[f]
					if !taken {
						first[f] = &writer{unit: u, place: o.Range}
						continue
					}
					if old.unit == u || old.told {
						continue
					}
					old.told = true
					d := lang.Diagnostic{Severity: lang.Warning, Code: "W0203", Message: fmt.Sprintf("%s and %s both write %s", old.unit.Addr, u.Addr, f), Range: o.Range, Help: "give each a path of its own"}
					if old.place != o.Range {
						d.Related = []lang.Label{{Range: old.place, Text: "by " + old.unit.Addr}}
					}
					c.ds.add(d)
				}
			}
		}
	}
}
