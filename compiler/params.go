package compiler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// given is a value for a param from outside: text, or an expression of a vars file.
type given struct {
	text   string
	expr   lang.Expr
	decl   *lang.Decl // of expr
	origin string
}

// givenParams finds the value of each param: the environment, then vars files, then -p; a later one wins.
func (c *compilation) givenParams() map[string]*given {
	out := map[string]*given{}
	var names []string
	for _, m := range c.moduleList {
		for _, s := range m.order {
			if s.param == nil {
				continue
			}
			name := s.full()
			names = append(names, name)
			if c.cfg.LookupEnv == nil {
				continue
			}
			for _, n := range []string{strings.ToUpper(name), name} {
				n = "IMGC_PARAM_" + strings.ReplaceAll(n, ".", "_")
				if v, ok := c.cfg.LookupEnv(n); ok {
					out[name] = &given{text: v, origin: n}
					break
				}
			}
		}
	}
	var take func(f *lang.VarsFile, prefix string, id lang.Ident, value lang.Expr)
	take = func(f *lang.VarsFile, prefix string, id lang.Ident, value lang.Expr) {
		r := f.Decl().Range(id.Pos)
		name := prefix + id.Name
		if obj, ok := value.(*lang.ObjectLit); ok && !slices.Contains(names, name) && slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, name+".") }) {
			for _, field := range obj.Fields {
				take(f, name+".", field.Key, field.Value)
			}
			return
		}
		if !slices.Contains(names, name) {
			c.ds.add(lang.Diagnostic{Severity: lang.Warning, Code: "W0706", Message: fmt.Sprintf("the program has no param %s", name), Range: r, Help: didYouMean(name, names, "remove the line")})
			return
		}
		line := lang.PositionOf(f.Src, r.Start).Line
		out[name] = &given{expr: value, decl: f.Decl(), origin: fmt.Sprintf("%s:%d", f.Name, line)}
	}
	for _, f := range c.cfg.VarsFiles {
		for _, o := range f.Values {
			take(f, "", o.Name, o.Value)
		}
	}
	for _, p := range c.cfg.Params {
		if !slices.Contains(names, p.Name) {
			c.ds.add(lang.Diagnostic{Code: "E0703", Message: fmt.Sprintf("%s: the program has no param %s", p.Origin, p.Name), Help: didYouMean(p.Name, names, paramsHelp(names))})
			continue
		}
		out[p.Name] = &given{text: p.Text, origin: p.Origin}
	}
	for name, g := range c.cfg.params {
		out[name] = g
	}
	return out
}

func paramsHelp(names []string) string {
	if len(names) == 0 {
		return "the program has no params: declare one with param NAME: TYPE"
	}
	return "its params are " + strings.Join(names, ", ")
}

// param types and evaluates a param, and fills its symbol.
func (c *compilation) param(s *symbol, g *given) *Param {
	n := s.param
	out := &Param{Name: s.full(), Doc: s.decl.Doc, Secret: n.Secret, Range: s.decl.Range(n.Name.Pos), Value: cty.DynamicVal}
	s.state = 2
	s.res = poison
	ev := &evaluator{c: c, scope: scope{m: s.m, decl: s.decl}, env: true, self: "."}
	var t *Type
	if n.Type != nil {
		if t = c.typeIn(s.m, s.decl, n.Type); t == nil {
			return out
		}
	}
	dflt := result{nil, cty.NilVal}
	if n.Default != nil {
		dflt = ev.eval(n.Default, t)
		if t != nil {
			dflt = ev.convert(dflt, t, n.Default)
		} else if t = dflt.typ; t != nil && vague(t) {
			ev.fail(lang.Diagnostic{Code: "E0306", Message: fmt.Sprintf("the type of %s cannot be told from its default", s.name), Range: ev.at(n.Default), Help: fmt.Sprintf("say it: param %s: TYPE = …", s.name)})
			return out
		}
		if dflt.typ == nil {
			return out
		}
	}
	if t == nil {
		c.ds.add(lang.Diagnostic{Code: "E0306", Message: fmt.Sprintf("param %s has neither a type nor a default", s.name), Range: out.Range, Help: fmt.Sprintf("write param %s: string", s.name)})
		return out
	}
	out.Type = t
	val := cty.DynamicVal
	switch {
	case g != nil:
		out.Origin = g.origin
		r := c.givenValue(s, g, t)
		if r.typ == nil {
			s.res = result{t, cty.DynamicVal}
			return out
		}
		val = r.val
	case dflt.typ != nil && dflt.val.IsKnown():
		out.Origin = "default"
		val = dflt.val
	case t.Optional:
		val = cty.NullVal(cty.DynamicPseudoType)
	case n.Default != nil && !readsEnv(n.Default):
		// The default is wrong, which has been reported.
	case !c.cfg.AllowMissing:
		help := fmt.Sprintf("give it with -p %s=…, in a vars file, or as IMGC_PARAM_%s", s.full(), strings.ReplaceAll(strings.ToUpper(s.full()), ".", "_"))
		if n.Default != nil {
			help += ", or set the variable that its default reads"
		}
		c.ds.add(lang.Diagnostic{Code: "E0701", Message: fmt.Sprintf("param %s has no value", s.full()), Range: out.Range, Help: help})
	}
	if n.Secret {
		val = val.Mark(Secret)
		s.use.secret = out
	}
	s.res = result{t, val}
	out.Value = val
	raw, _ := strip(val)
	ev.env, ev.self = false, s.name
	c.noEval = !raw.IsWhollyKnown()
	c.checkParam(s, ev)
	c.noEval = false
	s.used = false // its own checks do not use it
	return out
}

// vague reports whether a type leaves open what its values are.
func vague(t *Type) bool {
	switch t.Kind {
	case Any, Nothing:
		return true
	case List, Map:
		return vague(t.Elem)
	case Object:
		return slices.ContainsFunc(t.Fields, func(f *Field) bool { return vague(f.Type) })
	}
	return false
}

// readsEnv reports whether an expression calls env, whose variable may not be set.
func readsEnv(e lang.Expr) bool {
	found := false
	lang.Walk(e, func(n lang.Node) bool {
		if call, ok := n.(*lang.Call); ok && call.Func.String() == "env" {
			found = true
		}
		return !found
	})
	return found
}

// givenValue reads a value from outside. A string is taken as it stands; other types are written as in a program.
func (c *compilation) givenValue(s *symbol, g *given, t *Type) result {
	wrong := func(why string) result {
		shown := fmt.Sprintf("%s=%s", s.full(), g.text)
		if s.param.Secret || g.expr != nil {
			shown = s.full()
		}
		c.ds.add(lang.Diagnostic{Code: "E0702", Message: fmt.Sprintf("%s %s: %s", g.origin, shown, why), Related: []lang.Label{{Range: s.decl.Range(s.param.Name.Pos), Text: "declared here"}}, Help: "a string is taken as it stands; anything else is written as in a program: 20GiB, 30s, true, [\"a\", \"b\"]"})
		return poison
	}
	if g.expr != nil {
		inner := c
		if s.param.Secret { // no message may show a part of it
			inner = c.fresh()
		}
		ev := &evaluator{c: inner, scope: scope{m: newModule(), decl: g.decl}, self: "."}
		r := ev.convert(ev.eval(g.expr, t), t, g.expr)
		if s.param.Secret && len(inner.ds.list) > 0 {
			return wrong("this is not " + article(t))
		}
		return r
	}
	switch t.Kind {
	case String, Path:
		return result{t, cty.StringVal(g.text)}
	case Enum:
		if !slices.Contains(t.Values, g.text) {
			return wrong("it has to be one of " + quoted(t.Values))
		}
		return result{t, cty.StringVal(g.text)}
	}
	e, d, ds := lang.ParseExpr(g.origin, g.text)
	if ds.HasErrors() {
		return wrong("this is not " + article(t))
	}
	inner := &evaluator{c: c.fresh(), scope: scope{m: newModule(), decl: d}, self: "."}
	r := inner.convert(inner.eval(e, t), t, e)
	if len(inner.c.ds.list) > 0 {
		if s.param.Secret {
			return wrong("this is not " + article(t))
		}
		return wrong(inner.c.ds.list[0].Message)
	}
	return r
}

func (c *compilation) checkParam(s *symbol, ev *evaluator) {
	for _, check := range s.param.Checks {
		r := ev.convert(ev.eval(check.Cond, tBool), tBool, check.Cond)
		m := ev.convert(ev.eval(check.Message, tString), tString, check.Message)
		v, _ := strip(r.val)
		if r.typ == nil || m.typ == nil || !v.IsKnown() || v.IsNull() || v.True() {
			continue
		}
		d := lang.Diagnostic{Code: "E0704", Message: fmt.Sprintf("param %s: %s", s.name, messageText(m.val, "its check does not hold")), Range: ev.at(check.Cond), Label: "this is false", Help: fmt.Sprintf("give another value for %s", s.name)}
		d.Notes = []string{fmt.Sprintf("%s is %s", s.name, FormatValue(s.res.val, s.res.typ))}
		c.ds.add(d)
	}
}
