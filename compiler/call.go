package compiler

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// builtin is a function of the language. It is pure: the same arguments give the same result everywhere.
type builtin struct {
	params []parameter
	// result is the type of the result for the types of the arguments.
	result func(args []*Type) *Type
	// call computes it for known arguments without marks; an absent optional argument is cty.NilVal.
	call func(args []cty.Value) (cty.Value, error)
	// typed computes it instead where the types of the arguments matter too.
	typed func(types []*Type, args []cty.Value) (cty.Value, error)
	// special types and computes it where its arguments are not simply evaluated.
	special func(ev *evaluator, e *lang.Call) result
	// reads computes it instead where it looks at a file; such a function is a function of what the file holds.
	reads func(cfg Config, args []cty.Value) (cty.Value, error)
	doc   string
}

type parameter struct {
	name     string
	typ      *Type // Any takes everything
	optional bool
	rest     bool // takes all arguments that are left
}

func indexParam(ps []parameter, name string) int {
	return slices.IndexFunc(ps, func(p parameter) bool { return p.name == name })
}

// callee is what a call calls: a function of the language, or one that the program declares.
type callee struct {
	name   string
	params []parameter
}

func (f callee) signature() string {
	var ps []string
	for _, p := range f.params {
		s := p.name + ": " + p.typ.String()
		if p.rest {
			s += ", …"
		}
		if p.optional {
			s = "[" + s + "]"
		}
		ps = append(ps, s)
	}
	return f.name + "(" + strings.Join(ps, ", ") + ")"
}

func (ev *evaluator) call(e *lang.Call) result {
	name := e.Func.String()
	if name == "env" {
		return ev.callEnv(e)
	}
	f, ok := find(ev.c, ev.m, ev.decl, e.Func, func(m *module) map[string]*funcDecl { return m.funcs })
	if ok && ev.self == "" {
		return ev.callFunc(e, f)
	}
	b, ok := ev.c.functions[name]
	if !ok {
		for _, a := range e.Args {
			ev.eval(a.Value, nil)
		}
		if ev.m.qualified(e.Func) {
			return poison // find has reported it
		}
		if ev.m.bad[name] {
			return poison
		}
		help, ok := instead[name]
		if !ok {
			names := append(sortedKeys(ev.c.functions), sortedKeys(ev.m.funcs)...)
			help = didYouMean(name, names, "imgc doc functions lists the functions")
		}
		return ev.fail(lang.Diagnostic{Code: "E0204", Message: fmt.Sprintf("there is no function %s", name), Range: ev.decl.Range(e.Func.Pos), Help: help})
	}
	return ev.callBuiltin(e, name, b)
}

func (ev *evaluator) callBuiltin(e *lang.Call, name string, b *builtin) result {
	if b.special != nil {
		return b.special(ev, e)
	}
	f := callee{name, b.params}
	exprs, ok := ev.arguments(e, f)
	if !ok {
		return poison
	}
	types := make([]*Type, len(exprs))
	vals := make([]cty.Value, len(exprs))
	known, secret := true, false
	for i, x := range exprs {
		p := b.params[min(i, len(b.params)-1)]
		if x == nil {
			vals[i] = cty.NilVal
			continue
		}
		want := p.typ
		if hasAny(want) {
			want = nil // the value's own type says more
		}
		r := ev.eval(x, want)
		if p.typ.Kind != Any {
			r = ev.convert(r, p.typ, x)
		}
		if r.typ == nil {
			ok = false
			continue
		}
		types[i] = r.typ
		v, s := strip(r.val)
		vals[i] = v
		secret = secret || s
		known = known && v.IsWhollyKnown()
		if n := 1 + work(v); !ev.spend(n, e) {
			return poison
		}
	}
	if !ok {
		return poison
	}
	t := b.result(types)
	if t == nil {
		return ev.fail(lang.Diagnostic{Code: "E0304", Message: fmt.Sprintf("%s cannot take these arguments", name), Range: ev.at(e), Help: "it is called as " + f.signature()})
	}
	if !known {
		return result{t, mark(cty.DynamicVal, secret)}
	}
	if b.reads != nil {
		v, err := b.reads(ev.c.cfg, vals)
		return ev.called(e, f, b, result{t, v}, err, secret)
	}
	if b.typed != nil {
		v, err := b.typed(types, vals)
		return ev.called(e, f, b, result{t, v}, err, secret)
	}
	v, err := b.call(vals)
	return ev.called(e, f, b, result{t, v}, err, secret)
}

// work is how much a value costs to go through: its elements, or the length of its text.
func work(v cty.Value) int {
	if v.IsKnown() && !v.IsNull() && v.Type() == cty.String {
		return len(v.AsString()) / 64
	}
	return weight(v, maxItems)
}

// called is the result of a function of the language.
func (ev *evaluator) called(e *lang.Call, f callee, b *builtin, r result, err error, secret bool) result {
	if err != nil {
		msg := err.Error()
		if secret {
			msg = "it does not take this secret value"
		}
		return ev.fail(lang.Diagnostic{Code: "E0305", Message: fmt.Sprintf("%s: %s", f.name, msg), Range: ev.at(e), Help: "it is called as " + f.signature() + ": " + b.doc})
	}
	if r.val.IsKnown() && !r.val.IsNull() && r.val.Type() == cty.String && len(r.val.AsString()) > maxText {
		ev.c.ds.add(lang.Diagnostic{Code: "E0308", Message: "the string becomes too long", Range: ev.at(e), Help: "64 MiB are the most"})
		return poison
	}
	return ev.weigh(result{r.typ, mark(r.val, secret)}, e)
}

// arguments puts the arguments of a call in the order of the parameters.
func (ev *evaluator) arguments(e *lang.Call, f callee) ([]lang.Expr, bool) {
	name := f.name
	help := func() string { return "it is called as " + f.signature() }
	n := len(f.params)
	rest := n > 0 && f.params[n-1].rest
	exprs := make([]lang.Expr, n)
	if rest {
		exprs = exprs[:n-1]
	}
	pos := 0
	for _, a := range e.Args {
		if a.Name != nil {
			i := indexParam(f.params, a.Name.Name)
			if i < 0 || i >= len(exprs) {
				ev.fail(lang.Diagnostic{Code: "E0304", Message: fmt.Sprintf("%s has no argument %s", name, a.Name.Name), Range: ev.decl.Range(a.Name.Pos), Help: help()})
				return nil, false
			}
			if exprs[i] != nil {
				ev.fail(lang.Diagnostic{Code: "E0304", Message: fmt.Sprintf("argument %s is given twice", a.Name.Name), Range: ev.decl.Range(a.Name.Pos), Help: help()})
				return nil, false
			}
			exprs[i] = a.Value
			continue
		}
		switch {
		case pos < len(exprs) && (!rest || pos < n-1):
			exprs[pos] = a.Value
		case rest:
			exprs = append(exprs, a.Value)
		default:
			ev.fail(lang.Diagnostic{Code: "E0304", Message: fmt.Sprintf("%s takes %s, not %d", name, plural(n, "argument"), len(e.Args)), Range: ev.at(a), Help: help()})
			return nil, false
		}
		pos++
	}
	for i, p := range f.params {
		if !p.optional && !p.rest && exprs[i] == nil {
			ev.fail(lang.Diagnostic{Code: "E0304", Message: fmt.Sprintf("%s needs the argument %s", name, p.name), Range: ev.at(e), Help: help()})
			return nil, false
		}
	}
	return exprs, true
}

// callEnv is env("NAME"), which only the default of a param may use.
func (ev *evaluator) callEnv(e *lang.Call) result {
	if !ev.env {
		return ev.fail(lang.Diagnostic{Code: "E0403", Message: "env is only for the default of a param", Range: ev.at(e), Help: `declare param NAME: string = env("NAME") and use NAME here, so that the plan knows where the value comes from`})
	}
	if len(e.Args) != 1 || stringLiteral(e.Args[0].Value) == nil {
		return ev.fail(lang.Diagnostic{Code: "E0304", Message: "env takes the name of a variable, as a literal string", Range: ev.at(e), Help: `write env("NAME")`})
	}
	name, _ := plainLiteral(stringLiteral(e.Args[0].Value))
	if ev.c.cfg.LookupEnv != nil {
		if v, ok := ev.c.cfg.LookupEnv(name); ok {
			return result{&Type{Kind: String}, cty.StringVal(v)}
		}
	}
	return result{&Type{Kind: String}, envUnset}
}

// envUnset is the value of env of a variable that is not set: the param then has no default.
var envUnset = cty.UnknownVal(cty.String)

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
