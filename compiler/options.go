package compiler

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// layer is a body that gives options: a step, an override of it, a source, its refinement.
type layer struct {
	scope
	body *lang.Body
}

// source is one value for an option.
type source struct {
	scope
	expr lang.Expr
}

// call checks and evaluates the use of a component. A later layer's options replace those of an earlier one; objects
// are merged.
func (c *compilation) call(s *Schema, layers []layer, r lang.Range) *Call {
	call := &Call{Schema: s, Range: r}
	values := map[string][]source{}
	places := map[string]lang.Range{}
	broken := false
	for _, l := range layers {
		if l.body == nil {
			continue
		}
		here := map[string]lang.Range{}
		for _, st := range l.body.Stmts {
			o, ok := st.(*lang.Option)
			if !ok {
				if _, bad := st.(*lang.BadStmt); bad {
					broken = true
				}
				c.setting(call, l.scope, st)
				continue
			}
			name, place := o.Name.Name, l.decl.Range(o.Name.Pos)
			if s.Field(name) == nil {
				broken = true // perhaps it was meant to be one that is missing
				names := fieldNames(s.Fields)
				c.ds.add(lang.Diagnostic{Code: "E0501", Message: fmt.Sprintf("%s has no option %s", s.Name, name), Range: place, Help: didYouMean(name, names, fmt.Sprintf("imgc doc %s lists its options", s.Name))})
				c.evaluator(l.scope, nil).eval(o.Value, nil)
				continue
			}
			if old, dup := here[name]; dup {
				c.ds.add(lang.Diagnostic{Code: "E0504", Message: fmt.Sprintf("option %s is given twice", name), Range: place, Related: []lang.Label{{Range: old, Text: "first given here"}}, Help: "remove one of them"})
				continue
			}
			here[name] = place
			places[name] = at(l.decl, o.Value)
			values[name] = append(values[name], source{l.scope, o.Value})
		}
	}
	if !broken {
		c.groups(s, places, r)
	}
	for _, f := range s.Fields {
		if o := c.option(f, values[f.Name]); o != nil {
			o.Range = places[f.Name]
			call.Options = append(call.Options, o)
		} else if f.Required && !broken {
			if _, given := places[f.Name]; !given {
				c.ds.add(lang.Diagnostic{Code: "E0502", Message: fmt.Sprintf("%s needs the option %s", s.Name, f.Name), Range: headOf(r, layers), Help: fmt.Sprintf("add %s = …; it is %s", f.Name, article(f.Type))})
			}
		}
	}
	call.resolve = func(rt *Runtime) (cty.Value, lang.Diagnostics) { return c.resolve(call, values, rt) }
	return call
}

// headOf is the place to underline for what a call lacks: its first line.
func headOf(r lang.Range, layers []layer) lang.Range {
	if len(layers) > 0 && layers[0].body != nil {
		if open := layers[0].decl.Range(layers[0].body.Pos).Start; open > r.Start && layers[0].decl.File.Name == r.File {
			r.End = open
		}
	}
	return r
}

// groups checks one_of and at_most_one.
func (c *compilation) groups(s *Schema, places map[string]lang.Range, r lang.Range) {
	check := func(group []string, must bool) {
		var have []string
		for _, n := range group {
			if _, ok := places[n]; ok {
				have = append(have, n)
			}
		}
		switch {
		case len(have) == 0 && must:
			c.ds.add(lang.Diagnostic{Code: "E0503", Message: fmt.Sprintf("%s needs one of %s", s.Name, strings.Join(group, ", ")), Range: r, Help: "add one of them"})
		case len(have) > 1:
			c.ds.add(lang.Diagnostic{Code: "E0503", Message: fmt.Sprintf("%s and %s exclude each other", have[0], have[1]), Range: places[have[1]], Related: []lang.Label{{Range: places[have[0]], Text: have[0] + " is given here"}}, Help: "keep one of them"})
		}
	}
	for _, g := range s.OneOf {
		check(g, true)
	}
	for _, g := range s.AtMostOne {
		check(g, false)
	}
}

// option evaluates an option, or returns nil when it is absent or wrong.
func (c *compilation) option(f *Field, from []source) *Option {
	if len(from) == 0 {
		if f.Default != cty.NilVal {
			return &Option{Field: f, Value: f.Default}
		}
		return nil
	}
	v, use, ok := c.layered(f, from, nil)
	if !ok {
		return nil
	}
	o := &Option{Field: f, Given: true, Value: v}
	if len(use.refs) > 0 {
		o.Pending = &Pending{Refs: sortedKeys(use.refs), Known: maps.Clone(use.known), at: use.refs}
		var texts []string
		for _, s := range from {
			texts = append(texts, lang.PrintExpr(s.expr))
		}
		o.Pending.Text = strings.Join(texts, " |+ ")
		for _, n := range sortedKeys(use.texts) {
			o.Pending.Text += "; let " + n + " = " + use.texts[n]
		}
	}
	return o
}

// layered evaluates the values that an option was given, merged.
func (c *compilation) layered(f *Field, from []source, rt *Runtime) (cty.Value, *usage, bool) {
	var all usage
	out := cty.NilVal
	whole := *f.Type
	if len(from) > 1 && f.Type.Kind == Object {
		whole = partial(f.Type) // an override may give a part of an object
	}
	for i, s := range from {
		ev := c.evaluator(s.scope, rt)
		want := f.Type
		if i > 0 && f.Type.Kind == Object {
			want = &whole
		}
		r := ev.convert(ev.eval(s.expr, want), want, s.expr)
		if r.typ == nil {
			return cty.NilVal, nil, false
		}
		if secretInPublic(r.val, f.Type, f.Public) {
			ev.refuseSecret(s.expr, fmt.Sprintf("%s is public", f.Name))
			return cty.NilVal, nil, false
		}
		all.merge(&ev.use)
		if i > 0 && f.Type.Kind == Object {
			out = mergeObjects(out, r.val)
		} else {
			out = r.val
		}
	}
	if out.IsKnown() && f.Type.Kind == Object {
		out = adapt(out, f.Type)
	}
	return out, &all, true
}

// partial is an object type of which no field is required, and whose defaults are not filled in.
func partial(t *Type) Type {
	p := *t
	p.Fields = nil
	for _, f := range t.Fields {
		g := *f
		g.Required = false
		g.Default = cty.NilVal
		p.Fields = append(p.Fields, &g)
	}
	return p
}

// mergeObjects puts the fields of b over those of a; fields that are null in b because they were not given stay.
func mergeObjects(a, b cty.Value) cty.Value {
	ra, ma := a.Unmark()
	rb, mb := b.Unmark()
	if !ra.IsKnown() || !rb.IsKnown() || ra.IsNull() || rb.IsNull() {
		return b
	}
	fields := ra.AsValueMap()
	if fields == nil {
		fields = map[string]cty.Value{}
	}
	for k, v := range rb.AsValueMap() {
		if old, ok := fields[k]; ok && absent(v) && !absent(old) {
			continue
		}
		if old, ok := fields[k]; ok && isObject(old) && isObject(v) {
			fields[k] = mergeObjects(old, v)
			continue
		}
		fields[k] = v
	}
	return objectVal(fields).WithMarks(ma, mb)
}

func absent(v cty.Value) bool {
	u, _ := v.Unmark()
	return u.IsKnown() && u.IsNull()
}

func isObject(v cty.Value) bool {
	u, _ := v.Unmark()
	return u.IsKnown() && !u.IsNull() && u.Type().IsObjectType()
}

// secretInPublic reports whether a secret would stand where something public is wanted.
func secretInPublic(v cty.Value, t *Type, public bool) bool {
	if public || t.Public {
		return v.ContainsMarked()
	}
	if !v.ContainsMarked() {
		return false
	}
	raw, marks := v.Unmark()
	switch t.Kind {
	case List, Map:
		if t.Elem.Public {
			return true
		}
		if len(marks) > 0 || !raw.IsKnown() || raw.IsNull() || !raw.CanIterateElements() {
			return false
		}
		for _, x := range raw.AsValueSlice() {
			if secretInPublic(x, t.Elem, false) {
				return true
			}
		}
	case Object:
		if len(marks) > 0 || !raw.IsKnown() || raw.IsNull() || !raw.Type().IsObjectType() {
			return slices.ContainsFunc(t.Fields, func(f *Field) bool { return f.Public })
		}
		vals := raw.AsValueMap()
		for _, f := range t.Fields {
			if x, ok := vals[f.Name]; ok && secretInPublic(x, f.Type, f.Public) {
				return true
			}
		}
	}
	return false
}

// resolve evaluates all options once everything is known.
func (c *compilation) resolve(call *Call, values map[string][]source, rt *Runtime) (cty.Value, lang.Diagnostics) {
	late := c.fresh()
	out := map[string]cty.Value{}
	for _, f := range call.Schema.Fields {
		out[f.Name] = cty.NullVal(cty.DynamicPseudoType)
		if f.Default != cty.NilVal {
			out[f.Name] = f.Default
		}
	}
	for _, o := range call.Options {
		v := o.Value
		if o.Pending != nil {
			var ok bool
			if v, _, ok = late.layered(o.Field, values[o.Field.Name], rt); !ok {
				continue
			}
		}
		if raw, _ := strip(v); !raw.IsWhollyKnown() {
			late.ds.add(lang.Diagnostic{Code: "E0408", Message: fmt.Sprintf("the value of %s is not known", o.Field.Name), Range: o.Range, Help: "give every param a value"})
			continue
		}
		out[o.Field.Name] = v
	}
	return objectVal(out), late.ds.list
}

// setting takes a statement of a step: retry, timeout, pause, keep.
func (c *compilation) setting(call *Call, in scope, s lang.Stmt) {
	d := in.decl
	switch s := s.(type) {
	case *lang.Retry:
		if v, ok := c.early(in, s.Count, tInt, "retry"); ok {
			if n, _ := int64Of(v); n < 0 || n > 1000 {
				c.ds.add(lang.Diagnostic{Code: "E0301", Message: "retry is a count from 0 to 1000", Range: at(d, s.Count), Help: "write how often a failed try is repeated"})
			} else {
				call.Retry = int(n)
			}
		}
	case *lang.Timeout:
		call.Timeout = c.period(in, s.Limit, "timeout")
	case *lang.Pause:
		call.Pause = c.period(in, s.Delay, "pause")
	case *lang.Keep:
		call.Keep = true
	}
}

func (c *compilation) period(in scope, e lang.Expr, what string) time.Duration {
	v, ok := c.early(in, e, &Type{Kind: Duration}, what)
	if !ok {
		return 0
	}
	n, _ := int64Of(v)
	if n < 0 {
		c.ds.add(lang.Diagnostic{Code: "E0301", Message: what + " cannot be negative", Range: at(in.decl, e), Help: "write a duration such as 10m"})
		return 0
	}
	return time.Duration(n)
}

// early evaluates what has to be known before apply.
func (c *compilation) early(in scope, e lang.Expr, t *Type, what string) (cty.Value, bool) {
	ev := c.evaluator(in, nil)
	r := ev.convert(ev.eval(e, t), t, e)
	if r.typ == nil {
		return cty.NilVal, false
	}
	if len(ev.use.refs) > 0 {
		ref := sortedKeys(ev.use.refs)[0]
		ev.fail(lang.Diagnostic{Code: "E0401", Message: fmt.Sprintf("%s has to be known before apply, and %s is known only then", what, ref), Range: ev.at(e), Related: []lang.Label{{Range: ev.use.refs[ref], Text: "known after apply"}}, Help: "use a literal, a param or a let that does not depend on it"})
		return cty.NilVal, false
	}
	v, _ := strip(r.val)
	return v, v.IsKnown() && !v.IsNull()
}
