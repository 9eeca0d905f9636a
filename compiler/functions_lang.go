package compiler

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// language are the functions that look at how their arguments are evaluated.
func language(fs map[string]*builtin) {
	fs["try"] = &builtin{params: []parameter{restOf("values", tAny)}, doc: "the first value that can be computed", special: (*evaluator).try}
	fs["can"] = &builtin{params: []parameter{par("value", tAny)}, doc: "whether a value can be computed", special: (*evaluator).can}
	fs["templatefile"] = &builtin{params: []parameter{par("path", &Type{Kind: Path}), par("values", tMap)}, doc: "the text of a file with each ${…} in it replaced; the values are its names, $${ stands for ${", special: (*evaluator).templateFile}
}

// attempt evaluates an expression. Where only its value cannot be computed, nothing is reported and computed is false.
func (ev *evaluator) attempt(e lang.Expr) (r result, computed bool) {
	before := ev.c.ds
	ev.c.ds = diags{}
	r = ev.eval(e, nil)
	found := ev.c.ds.list
	ev.c.ds = before
	for _, d := range found {
		if d.Code != "E0305" {
			ev.c.ds.add(d)
			computed = true // it is no value, and that has been reported
		}
	}
	return r, computed || len(found) == 0
}

func (ev *evaluator) try(e *lang.Call) result {
	if len(e.Args) == 0 {
		return ev.fail(lang.Diagnostic{Code: "E0304", Message: "try needs a value", Range: ev.at(e), Help: "write try(value, otherwise)"})
	}
	var chosen *result
	t := &Type{Kind: Nothing}
	for _, a := range e.Args {
		r, computed := ev.attempt(a.Value)
		switch {
		case r.typ == nil && computed:
			return poison
		case !computed && r.typ == nil:
			continue
		}
		if t = join(t, r.typ); t == nil {
			return ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("this is %s, which the values before are not", article(r.typ)), Range: ev.at(a.Value), Help: "the values of try have one type"})
		}
		if chosen == nil && computed {
			chosen = &r
		}
	}
	if chosen == nil {
		return ev.fail(lang.Diagnostic{Code: "E0305", Message: "try: none of the values can be computed", Range: ev.at(e), Help: "end it with a value that always can: try(x, null)"})
	}
	return result{t, chosen.val}
}

func (ev *evaluator) can(e *lang.Call) result {
	if len(e.Args) != 1 {
		return ev.fail(lang.Diagnostic{Code: "E0304", Message: "can takes one value", Range: ev.at(e), Help: "write can(value)"})
	}
	r, computed := ev.attempt(e.Args[0].Value)
	if r.typ == nil && computed {
		return poison
	}
	if raw, secret := strip(r.val); computed && !raw.IsWhollyKnown() {
		return result{tBool, mark(cty.DynamicVal, secret)}
	}
	return result{tBool, cty.BoolVal(computed)}
}

func (ev *evaluator) templateFile(e *lang.Call) result {
	f := callee{"templatefile", ev.c.functions["templatefile"].params}
	exprs, ok := ev.arguments(e, f)
	if !ok {
		return poison
	}
	name := ev.convert(ev.eval(exprs[0], f.params[0].typ), f.params[0].typ, exprs[0])
	vals := ev.eval(exprs[1], nil)
	if name.typ == nil || vals.typ == nil {
		return poison
	}
	if vals.typ.Optional || vals.typ.Kind != Object && vals.typ.Kind != Map {
		return ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("templatefile takes an object, not %s", article(vals.typ)), Range: ev.at(exprs[1]), Help: "write { name = value }"})
	}
	n, secretName := strip(name.val)
	raw, marks := vals.val.Unmark()
	if !n.IsKnown() || !raw.IsKnown() {
		return result{tString, mark(cty.DynamicVal, secretName || vals.val.ContainsMarked())}
	}
	b, err := readFile(ev.c.cfg, str(n))
	if err == nil && !utf8.Valid(b) {
		err = errors.New("the file is not UTF-8 text")
	}
	if err != nil {
		return ev.fail(lang.Diagnostic{Code: "E0305", Message: fmt.Sprintf("templatefile: reading %s: %v", told(str(n), secretName), err), Range: ev.at(exprs[0]), Help: "the path is relative to the file that writes it"})
	}
	lit, decl, ds := lang.ParseTemplate(str(n), string(b))
	sub := &compilation{cfg: ev.c.cfg, functions: ev.c.functions, root: newModule(), noEval: ev.c.noEval, steps: ev.c.steps, maxSteps: ev.c.maxSteps, late: map[any]result{}}
	if len(ds) == 0 {
		locals := map[string]*binding{}
		for k, v := range raw.AsValueMap() {
			t := vals.typ.Elem
			if vals.typ.Kind == Object {
				if f := fieldNamed(vals.typ.Fields, k); f != nil {
					t = f.Type
				}
			}
			locals[k] = &binding{result: result{t, mark(v, len(marks) > 0)}}
		}
		inner := sub.evaluator(scope{m: sub.root, decl: decl, locals: locals}, ev.rt)
		r := inner.str(lit)
		ev.c.steps = sub.steps
		if ds = sub.ds.list; len(ds) == 0 {
			return ev.weigh(r, e)
		}
	}
	d := ds[0]
	p := lang.PositionOf(string(b), d.Range.Start)
	return ev.fail(lang.Diagnostic{Code: d.Code, Message: fmt.Sprintf("%s:%d:%d: %s", told(str(n), secretName), p.Line, p.Column, d.Message), Range: ev.at(e), Help: d.Help})
}
