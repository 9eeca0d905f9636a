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
	doc  string
}

type parameter struct {
	name     string
	typ      *Type // Any takes everything
	optional bool
	rest     bool // takes all arguments that are left
}

func (b *builtin) signature(name string) string {
	var ps []string
	for _, p := range b.params {
		s := p.name + ": " + p.typ.String()
		if p.rest {
			s += ", …"
		}
		if p.optional {
			s = "[" + s + "]"
		}
		ps = append(ps, s)
	}
	return name + "(" + strings.Join(ps, ", ") + ")"
}

func (ev *evaluator) call(e *lang.Call) result {
	if e.Func.Name == "env" {
		return ev.callEnv(e)
	}
	place := ev.decl.Range(e.Func.Pos)
	b, ok := ev.c.functions[e.Func.Name]
	if !ok {
		names := sortedKeys(ev.c.functions)
		for _, a := range e.Args {
			ev.eval(a.Value, nil)
		}
		return ev.fail(lang.Diagnostic{Code: "E0204", Message: fmt.Sprintf("there is no function %s", e.Func.Name), Range: place, Help: didYouMean(e.Func.Name, names, "SPEC.md lists the functions")})
	}
	exprs, ok := ev.arguments(e, b)
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
		r := ev.eval(x, p.typ)
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
	}
	if !ok {
		return poison
	}
	t := b.result(types)
	if t == nil {
		return ev.fail(lang.Diagnostic{Code: "E0304", Message: fmt.Sprintf("%s cannot take these arguments", e.Func.Name), Range: ev.at(e), Help: "it is called as " + b.signature(e.Func.Name)})
	}
	if !known {
		return result{t, mark(cty.DynamicVal, secret)}
	}
	v, err := b.call(vals)
	if err != nil {
		msg := err.Error()
		if secret {
			msg = "it does not take this secret value"
		}
		return ev.fail(lang.Diagnostic{Code: "E0305", Message: fmt.Sprintf("%s: %s", e.Func.Name, msg), Range: ev.at(e), Help: "it is called as " + b.signature(e.Func.Name) + ": " + b.doc})
	}
	return result{t, mark(v, secret)}
}

// arguments puts the arguments of a call in the order of the parameters.
func (ev *evaluator) arguments(e *lang.Call, b *builtin) ([]lang.Expr, bool) {
	help := "it is called as " + b.signature(e.Func.Name)
	n := len(b.params)
	rest := n > 0 && b.params[n-1].rest
	exprs := make([]lang.Expr, n)
	if rest {
		exprs = exprs[:n-1]
	}
	pos := 0
	for _, a := range e.Args {
		if a.Name != nil {
			i := slices.IndexFunc(b.params, func(p parameter) bool { return p.name == a.Name.Name })
			if i < 0 || i >= len(exprs) {
				ev.fail(lang.Diagnostic{Code: "E0304", Message: fmt.Sprintf("%s has no argument %s", e.Func.Name, a.Name.Name), Range: ev.decl.Range(a.Name.Pos), Help: help})
				return nil, false
			}
			if exprs[i] != nil {
				ev.fail(lang.Diagnostic{Code: "E0304", Message: fmt.Sprintf("argument %s is given twice", a.Name.Name), Range: ev.decl.Range(a.Name.Pos), Help: help})
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
			ev.fail(lang.Diagnostic{Code: "E0304", Message: fmt.Sprintf("%s takes %s, not %d", e.Func.Name, plural(n, "argument"), len(e.Args)), Range: ev.at(a), Help: help})
			return nil, false
		}
		pos++
	}
	for i, p := range b.params {
		if !p.optional && !p.rest && exprs[i] == nil {
			ev.fail(lang.Diagnostic{Code: "E0304", Message: fmt.Sprintf("%s needs the argument %s", e.Func.Name, p.name), Range: ev.at(e), Help: help})
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
