package planner

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"imgc/compiler"
	"imgc/lang"
)

// localPath is a local path in the value of an option, which may be deep in it.
type localPath struct {
	option string // "script", "files[2].source"
	path   string
	secret bool
}

// shown is the path as the state and the plan may show it.
func (p localPath) shown() string {
	if p.secret {
		return "(secret path in " + p.option + ")"
	}
	return p.path
}

func reading(f *compiler.Field) bool { return f.Reads }

func writing(f *compiler.Field) bool { return f.Writes }

// localPaths lists the paths of an option of which its schema says that they are read (or written), as far as they
// are known before apply.
func localPaths(o *compiler.Option, which func(*compiler.Field) bool) []localPath {
	var out []localPath
	var walk func(name string, v cty.Value, t *compiler.Type, counts, secret bool)
	walk = func(name string, v cty.Value, t *compiler.Type, counts, secret bool) {
		v, marks := v.Unmark()
		secret = secret || len(marks) > 0
		if v == cty.NilVal || !v.IsKnown() || v.IsNull() {
			return
		}
		switch ty := v.Type(); {
		case ty == cty.String:
			if counts {
				out = append(out, localPath{name, v.AsString(), secret})
			}
		case ty.IsTupleType() || ty.IsListType() || ty.IsSetType():
			for i, x := range v.AsValueSlice() {
				walk(fmt.Sprintf("%s[%d]", name, i), x, elem(t), counts, secret)
			}
		case ty.IsObjectType() || ty.IsMapType():
			m := v.AsValueMap()
			for _, key := range sortedKeys(m) {
				ft, fc := elem(t), counts
				if f := fieldOf(t, key); f != nil {
					ft, fc = f.Type, counts || which(f)
				}
				walk(name+"."+key, m[key], ft, fc, secret)
			}
		}
	}
	if worthWalking(o.Field, which, 0) {
		walk(o.Field.Name, o.Value, o.Field.Type, which(o.Field), false)
	}
	return out
}

// worthWalking reports whether a field or one inside its type has the mark.
func worthWalking(f *compiler.Field, which func(*compiler.Field) bool, depth int) bool {
	if which(f) {
		return true
	}
	for t := f.Type; t != nil && depth < 20; t, depth = t.Elem, depth+1 {
		for _, g := range t.Fields {
			if worthWalking(g, which, depth+1) {
				return true
			}
		}
	}
	return false
}

// writes lists the local paths that a call writes. A secret one is left out: it would be shown.
func writes(c *compiler.Call) []string {
	var out []string
	for _, o := range c.Options {
		for _, p := range localPaths(o, writing) {
			if !p.secret {
				out = append(out, p.path)
			}
		}
	}
	return out
}

// writtenBefore holds the local paths that earlier steps write: they need not exist when the plan is made, and what
// they hold then does not count.
type writtenBefore map[string]bool

func (w writtenBefore) add(c *compiler.Call) {
	for _, p := range writes(c) {
		w[filepath.Clean(p)] = true
	}
}

// has reports whether a path, or a folder that it lies in, is written before.
func (w writtenBefore) has(path string) bool {
	if len(w) == 0 {
		return false
	}
	for p := filepath.Clean(path); ; p = filepath.Dir(p) {
		if w[p] {
			return true
		}
		if up := filepath.Dir(p); up == p || p == "." {
			return false
		}
	}
}

func (d *digester) fileError(o *compiler.Option, f localPath, err error) {
	what := f.option + " " + f.path
	if f.secret {
		what = "the secret path in " + f.option
	}
	diag := lang.Diagnostic{Code: "E0801", Range: o.Range}
	switch {
	case notExist(err):
		diag.Message = what + " does not exist"
		diag.Help = "make it, or correct the path; it is relative to the program's folder"
		if near := d.in.Files.near(f.path, lang.Nearest); near != "" && !f.secret {
			diag.Help = fmt.Sprintf("did you mean %q?", near)
		}
	case f.secret:
		diag.Message = what + " cannot be read"
		diag.Help = "let it be a file or a folder that you may read"
	default:
		diag.Message = fmt.Sprintf("%s cannot be read: %s", what, strings.TrimSpace(reasonOf(err)))
		diag.Help = "let it be a file or a folder that you may read"
	}
	d.ds = append(d.ds, diag)
}
