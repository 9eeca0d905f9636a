package compiler

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// funcDecl is a function that the program declares.
type funcDecl struct {
	m    *module
	name string
	decl *lang.Decl
	node *lang.Func
	used bool

	state  int // 0 not begun, 1 under way, 2 done
	params []parameter
	dflts  []*binding // of optional params
	typ    *Type      // of the result; nil after a mistake
}

// parameters resolves the declared params of a function or a recipe, with what the optional ones are by default.
func (c *compilation) parameters(m *module, d *lang.Decl, ps []*lang.FuncParam) ([]parameter, []*binding, bool) {
	good := true
	var out []parameter
	var dflts []*binding
	places := map[string]lang.Ident{}
	for _, p := range ps {
		if old, dup := places[p.Name.Name]; dup {
			c.duplicate(d, p.Name, d, old)
			good = false
			continue
		}
		places[p.Name.Name] = p.Name
		t := c.typeIn(m, d, p.Type)
		if t == nil {
			good = false
			t = tAny
		}
		out = append(out, parameter{name: p.Name.Name, typ: t, optional: p.Default != nil || t.Optional})
		b := &binding{result: result{t, cty.NullVal(cty.DynamicPseudoType)}}
		if p.Default != nil {
			s := scope{m: m, decl: d}
			ev := c.evaluator(s, nil)
			r := ev.convert(ev.eval(p.Default, t), t, p.Default)
			if r.typ == nil {
				good = false
				r = result{t, cty.DynamicVal}
			}
			b = c.bind(s, p.Default, t, r, &ev.use)
		}
		dflts = append(dflts, b)
	}
	return out, dflts, good
}

// bind makes a local of an expression that has been evaluated in a scope.
func (c *compilation) bind(s scope, e lang.Expr, t *Type, r result, use *usage) *binding {
	return &binding{result: r, use: *use, text: lang.PrintExpr(e), late: func(ev *evaluator) result {
		late := ev.c.evaluator(s, ev.rt)
		return late.convert(late.eval(e, t), t, e)
	}}
}

// check finds the types of a function's params and of its result, by evaluating it with params that are not known.
func (f *funcDecl) check(c *compilation) {
	if f.state != 0 {
		return
	}
	f.state = 1
	defer func() { f.state = 2 }()
	params, dflts, good := c.parameters(f.m, f.decl, f.node.Params)
	f.params, f.dflts = params, dflts
	var want *Type
	if f.node.Result != nil {
		if want = c.typeIn(f.m, f.decl, f.node.Result); want == nil {
			good = false
		}
	}
	locals := map[string]*binding{}
	for _, p := range params {
		locals[p.name] = &binding{result: result{p.typ, cty.DynamicVal}}
	}
	was := c.noEval
	c.noEval = true
	ev := c.evaluator(scope{f.m, f.decl, locals}, nil)
	r := ev.convert(ev.eval(f.node.Value, want), want, f.node.Value)
	c.noEval = was
	if good {
		f.typ = r.typ
	}
}

// callFunc calls a function that the program declares: its value is that of its body with the params bound.
func (ev *evaluator) callFunc(e *lang.Call, f *funcDecl) result {
	ev.c.touch(&f.used)
	if f.state == 1 {
		return ev.fail(lang.Diagnostic{Code: "E0203", Message: fmt.Sprintf("function %s calls itself", f.name), Range: ev.decl.Range(e.Func.Pos), Related: []lang.Label{{Range: f.decl.Range(f.node.Name.Pos), Text: "declared here"}}, Help: "there is no recursion; go through lists with [for x in xs: …]"})
	}
	f.check(ev.c)
	called := callee{e.Func.String(), f.params}
	exprs, ok := ev.arguments(e, called)
	if !ok {
		return poison
	}
	locals := map[string]*binding{}
	for i, p := range f.params {
		if exprs[i] == nil {
			locals[p.name] = f.dflts[i]
			continue
		}
		r := ev.convert(ev.eval(exprs[i], p.typ), p.typ, exprs[i])
		if r.typ == nil {
			ok = false
		}
		locals[p.name] = &binding{result: r}
	}
	if !ok || f.typ == nil {
		return poison
	}
	body := ev.c.evaluator(scope{f.m, f.decl, locals}, ev.rt)
	before := len(ev.c.ds.list)
	r := body.convert(body.eval(f.node.Value, f.typ), f.typ, f.node.Value)
	ev.use.merge(&body.use)
	for i := before; i < len(ev.c.ds.list); i++ {
		if d := &ev.c.ds.list[i]; d.Range.File == f.decl.File.Name && len(d.Related) == 0 {
			d.Related = append(d.Related, lang.Label{Range: ev.at(e), Text: "called here"})
		}
	}
	if r.typ == nil {
		return result{nil, cty.DynamicVal}
	}
	return result{f.typ, r.val}
}
