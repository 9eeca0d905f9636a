package compiler

import (
	"fmt"
	"path"
	"slices"
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
		for _, call := range u.Calls() {
			for _, o := range call.Options {
				for _, f := range o.written() {
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

// written are the files that an option names for its component alone to write.
func (o *Option) written() []string {
	v, _ := strip(o.Value)
	if !o.Given || !o.Field.Writes || o.Field.Shared || !v.IsWhollyKnown() || v.IsNull() {
		return nil
	}
	var files []string
	collectTexts(v, &files)
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "/") })
	for i, f := range files {
		files[i] = path.Clean(f)
	}
	return files
}
