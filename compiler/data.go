package compiler

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// lookup gives data: what its component finds for its options.
func (c *compilation) lookup(s *symbol) result {
	r := c.find(s)
	g, given := c.cfg.params[s.full()]
	if !given || r.typ == nil {
		return r
	}
	ev := c.evaluator(scope{m: newModule(), decl: g.decl}, nil) // a test says what would be found
	return ev.convert(ev.eval(g.expr, r.typ), r.typ, g.expr)
}

func (c *compilation) find(s *symbol) result {
	schema := c.component(s.decl, "data", s.data.Component)
	if schema == nil {
		return poison
	}
	call := c.call(schema, []layer{{scope{m: s.m, decl: s.decl}, s.data.Body}}, s.decl.Range(s.data.Name.Pos))
	c.dataCalls = append(c.dataCalls, call)
	t := &Type{Kind: Object, Name: schema.Name}
	if schema.Artifact != nil {
		t.Fields = schema.Artifact.Fields
	}
	for _, st := range s.data.Body.Stmts {
		switch st.(type) {
		case *lang.Option, *lang.BadStmt:
		default:
			c.ds.add(lang.Diagnostic{Code: "E0604", Message: "this statement has no place here", Range: at(s.decl, st), Help: "data holds options only"})
		}
	}
	secret, known := schema.GivesSecret, true
	for _, o := range call.Options {
		if o.Pending != nil {
			c.ds.add(lang.Diagnostic{Code: "E0401", Message: fmt.Sprintf("%s has to be known when the plan is made, and %s is known only after apply", o.Field.Name, o.Pending.Refs[0]), Range: o.Range,
				Related: []lang.Label{{Range: o.Pending.at[o.Pending.Refs[0]], Text: "known after apply"}}, Help: "data is looked up before anything is built; use params and literals"})
			return poison
		}
		raw, marked := strip(o.Value)
		secret = secret || marked
		known = known && raw.IsWhollyKnown()
	}
	if c.cfg.Lookup == nil || !known || c.ds.list.HasErrors() {
		return result{t, mark(cty.DynamicVal, secret)}
	}
	options, ds := call.Resolve(&Runtime{})
	if ds.HasErrors() {
		return result{t, mark(cty.DynamicVal, secret)}
	}
	found, err := c.cfg.Lookup(schema, options)
	if err != nil {
		c.ds.add(lang.Diagnostic{Code: "E0804", Message: fmt.Sprintf("looking up data %s (%s): %v", s.name, schema.Name, err), Range: s.decl.Range(s.data.Name.Pos), Help: "check its options, and that this machine reaches what it asks"})
		return result{t, mark(cty.DynamicVal, secret)}
	}
	v := fromJSON(found)
	if secret {
		collectTexts(v, &c.secrets)
	}
	return result{t, mark(adapt(v, t), secret)}
}
