package compiler

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// result is what an expression is: its static type, nil after a mistake that has been reported, and its value, unknown
// (cty.DynamicVal) where it is not known yet. Secret values carry the Secret mark.
type result struct {
	typ *Type
	val cty.Value
}

var poison = result{nil, cty.DynamicVal}

// usage records what an expression was made of.
type usage struct {
	refs   map[string]lang.Range // values of the apply phase, and where they are used
	known  map[string]cty.Value  // params, lets and arguments
	texts  map[string]string     // lets and arguments that wait for the apply phase, as text
	secret *Param                // the first secret param it uses
}

func (u *usage) ref(name string, r lang.Range) {
	if u.refs == nil {
		u.refs = map[string]lang.Range{}
	}
	if _, ok := u.refs[name]; !ok {
		u.refs[name] = r
	}
}

func (u *usage) name(name string, v cty.Value) {
	if u.known == nil {
		u.known = map[string]cty.Value{}
	}
	for {
		old, taken := u.known[name]
		if !taken || old.RawEquals(v) {
			break
		}
		name += "'" // another scope's name
	}
	u.known[name] = v
}

func (u *usage) merge(o *usage) {
	for n, r := range o.refs {
		u.ref(n, r)
	}
	for n, v := range o.known {
		u.name(n, v)
	}
	for n, t := range o.texts {
		u.text(n, t)
	}
	if u.secret == nil {
		u.secret = o.secret
	}
}

// waits takes over what a named value that waits for the apply phase is made of: it is used at place, by its name.
func (u *usage) waits(o *usage, name, text string, place lang.Range) {
	for n, t := range o.texts {
		u.text(n, t)
	}
	u.text(name, text)
	for n := range o.refs {
		u.ref(n, place)
	}
	for n, v := range o.known {
		u.name(n, v)
	}
	if u.secret == nil {
		u.secret = o.secret
	}
}

func (u *usage) text(name, text string) {
	if u.texts == nil {
		u.texts = map[string]string{}
	}
	for {
		old, taken := u.texts[name]
		if !taken || old == text {
			break
		}
		name += "'" // another scope's name
	}
	u.texts[name] = text
}

// evaluator types and evaluates the expressions of one declaration. Types come first: an expression whose type is
// wrong is never evaluated.
type evaluator struct {
	c *compilation
	scope
	rt   *Runtime // nil before apply
	use  usage
	env  bool   // env(…) may be used: the default of a param
	self string // the only name there is: the checks of a param
}

// scope is where an expression stands: what its names mean.
type scope struct {
	m      *module
	decl   *lang.Decl
	locals map[string]*binding // of comprehensions, functions, recipes and matrices; never changed once it is made
}

// binding is what a local name stands for.
type binding struct {
	result
	use usage
	// text is the expression it was bound to, and late evaluates that again at apply; both only for what waits for the apply phase.
	text string
	late func(*evaluator) result
}

func (c *compilation) evaluator(s scope, rt *Runtime) *evaluator {
	return &evaluator{c: c, scope: s, rt: rt}
}

func (ev *evaluator) fail(d lang.Diagnostic) result {
	if ev.c.noEval && (d.Code == "E0305" || d.Code == "E0705") {
		return result{&Type{Kind: Any}, cty.DynamicVal}
	}
	ev.c.ds.add(d)
	return poison
}

func (ev *evaluator) at(n lang.Node) lang.Range { return at(ev.decl, n) }

// eval types and evaluates e. want is the type that is wanted, which gives literals their type; it may be nil. The
// result still has to be converted.
func (ev *evaluator) eval(e lang.Expr, want *Type) result {
	if !ev.spend(1, e) {
		return poison
	}
	switch e := e.(type) {
	case *lang.Name:
		return ev.name(e)
	case *lang.BoolLit:
		return result{&Type{Kind: Bool}, cty.BoolVal(e.Value)}
	case *lang.NullLit:
		t := &Type{Kind: Nothing, Optional: true}
		if want != nil && want.Kind != Any {
			t = optional(want, true)
		}
		return result{t, cty.NullVal(cty.DynamicPseudoType)}
	case *lang.IntLit:
		n, err := intLiteral(strings.ReplaceAll(e.Text, "_", ""))
		return ev.literal(e, e.Text, Int, n, err)
	case *lang.FloatLit:
		f, err := strconv.ParseFloat(strings.ReplaceAll(e.Text, "_", ""), 64)
		if err != nil {
			return ev.literal(e, e.Text, Float, 0, err)
		}
		return result{&Type{Kind: Float}, cty.NumberFloatVal(f)}
	case *lang.SizeLit:
		n, err := sizeLiteral(e.Text)
		return ev.literal(e, e.Text, Size, n, err)
	case *lang.DurationLit:
		n, err := durationLiteral(e.Text)
		return ev.literal(e, e.Text, Duration, n, err)
	case *lang.StringLit:
		return ev.str(e)
	case *lang.ListLit:
		return ev.weigh(ev.list(e, want), e)
	case *lang.ObjectLit:
		return ev.weigh(ev.object(e, want), e)
	case *lang.ListComp:
		return ev.weigh(ev.listComp(e, want), e)
	case *lang.ObjectComp:
		return ev.weigh(ev.objectComp(e, want), e)
	case *lang.Unary:
		return ev.unary(e)
	case *lang.Binary:
		return ev.binary(e, want)
	case *lang.Cond:
		return ev.cond(e, want)
	case *lang.Select:
		return ev.selection(e)
	case *lang.Index:
		return ev.index(e)
	case *lang.Call:
		return ev.call(e)
	case *lang.Paren:
		return ev.eval(e.X, want)
	}
	return poison // a BadExpr, which the parser has reported
}

func (ev *evaluator) literal(e lang.Expr, text string, k Kind, n int64, err error) result {
	if err != nil {
		return ev.fail(lang.Diagnostic{Code: "E0305", Message: fmt.Sprintf("%s %s", text, err), Range: ev.at(e), Help: "write a number that fits in 64 bits"})
	}
	return result{&Type{Kind: k}, cty.NumberIntVal(n)}
}

func (ev *evaluator) name(e *lang.Name) result {
	if b, ok := ev.locals[e.Name]; ok {
		return ev.local(e.Name, b, ev.at(e))
	}
	if ev.self != "" && e.Name != ev.self {
		return ev.fail(lang.Diagnostic{Code: "E0201", Message: fmt.Sprintf("%s is not known here", e.Name), Range: ev.at(e), Help: "the checks and the default of a param may use the param itself at most; use assert for more"})
	}
	if s, ok := ev.m.names[e.Name]; ok {
		return ev.symbol(s, ev.at(e))
	}
	if p := ev.place(e); p != nil {
		return ev.noValue(p, e)
	}
	if e.Name == "run" {
		return ev.fail(lang.Diagnostic{Code: "E0301", Message: "run is no value by itself", Range: ev.at(e), Help: "write run.id, run.time or run.digest"})
	}
	if ev.m.bad[e.Name] {
		return poison
	}
	if s, ok := ev.m.sources[e.Name]; ok {
		ev.c.touch(&s.used)
		return ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("%s is a source, not a value", e.Name), Range: ev.at(e), Help: "sources are named by from, on, only, except and override"})
	}
	return ev.fail(lang.Diagnostic{Code: "E0201", Message: fmt.Sprintf("there is no %s", e.Name), Range: ev.at(e), Help: didYouMean(e.Name, ev.visible(), fmt.Sprintf("declare it: param %s: string, or let %s = …", e.Name, e.Name))})
}

// local is the value of a local name.
func (ev *evaluator) local(name string, b *binding, place lang.Range) result {
	if len(b.use.refs) == 0 {
		if b.use.known != nil || b.use.secret != nil {
			ev.use.merge(&b.use)
		}
		if b.text != "" {
			ev.use.name(name, b.val)
		}
		return b.result
	}
	ev.use.waits(&b.use, name, b.text, place)
	if ev.rt == nil || b.late == nil {
		return b.result
	}
	if r, ok := ev.c.late[b]; ok {
		return r
	}
	r := b.late(ev)
	ev.c.remember(b, r)
	return r
}

func (ev *evaluator) visible() []string {
	names := slices.Collect(maps.Keys(ev.m.names))
	names = append(names, slices.Collect(maps.Keys(ev.locals))...)
	names = append(names, slices.Collect(maps.Keys(ev.m.builds))...)
	names = append(names, slices.Collect(maps.Keys(ev.m.uses))...)
	names = append(names, "run")
	slices.Sort(names)
	return names
}

func (ev *evaluator) str(e *lang.StringLit) result {
	var b strings.Builder
	known, secret, good := true, false, true
	for _, p := range e.Parts {
		if p.Expr == nil {
			b.WriteString(p.Text)
			continue
		}
		r := ev.eval(p.Expr, nil)
		if r.typ == nil {
			good = false
			continue
		}
		if !scalar(r.typ) || r.typ.Optional && r.typ.Kind != Any {
			good = false
			ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("%s cannot stand in a string", article(r.typ)), Range: ev.at(p.Expr), Help: interpolationHelp(r.typ)})
			continue
		}
		v, s := strip(r.val)
		secret = secret || s
		switch {
		case !v.IsKnown():
			known = false
		case v.IsNull():
			good = false
			ev.fail(lang.Diagnostic{Code: "E0305", Message: "null cannot stand in a string", Range: ev.at(p.Expr), Help: `give a value for it: ${x ?? ""}`})
		case r.typ.Kind == Any && v.CanIterateElements():
			good = false
			ev.fail(lang.Diagnostic{Code: "E0305", Message: "a list or an object cannot stand in a string", Range: ev.at(p.Expr), Help: interpolationHelp(r.typ)})
		default:
			b.WriteString(plainText(v, r.typ))
			if b.Len() > maxText {
				ev.c.ds.add(lang.Diagnostic{Code: "E0308", Message: "the string becomes too long", Range: ev.at(e), Help: "64 MiB are the most"})
				return poison
			}
		}
		if !ev.spend(b.Len()/64, e) {
			return poison
		}
	}
	if !good {
		return result{&Type{Kind: String}, cty.DynamicVal}
	}
	v := cty.DynamicVal
	if known {
		v = cty.StringVal(b.String())
	}
	return result{&Type{Kind: String}, mark(v, secret)}
}

func interpolationHelp(t *Type) string {
	if t.Kind == List {
		return `join it first: ${join(", ", x)}`
	}
	if t.Optional {
		return `give a value for when it is absent: ${x ?? "…"}`
	}
	return "choose a field of it, or use jsonencode"
}

func scalar(t *Type) bool {
	switch t.Kind {
	case List, Map, Object:
		return false
	}
	return true
}

// plainText is a scalar as it stands in an interpolated string: 20GiB, 1h30m, text without quotes.
func plainText(v cty.Value, t *Type) string {
	if v.Type() == cty.String {
		return v.AsString()
	}
	return FormatValue(v, t)
}

func (ev *evaluator) list(e *lang.ListLit, want *Type) result {
	var elem *Type
	if want != nil && want.Kind == List {
		elem = want.Elem
	}
	wanted := elem
	vals := make([]cty.Value, 0, len(e.Items))
	good := true
	for _, item := range e.Items {
		r := ev.eval(item, elem)
		if wanted != nil {
			r = ev.convert(r, wanted, item)
		} else if r.typ != nil {
			if elem == nil {
				elem = r.typ
			} else if u := join(elem, r.typ); u != nil {
				elem = u
			} else {
				r = ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("this is %s, but the list began with %s", article(r.typ), article(elem)), Range: ev.at(item), Help: "the elements of a list have one type"})
			}
		}
		good = good && r.typ != nil
		vals = append(vals, r.val)
	}
	if !good {
		return result{listType(elem), cty.DynamicVal}
	}
	return result{listType(elem), tuple(vals)}
}

func listType(elem *Type) *Type {
	if elem == nil {
		elem = &Type{Kind: Nothing}
	}
	return &Type{Kind: List, Elem: elem}
}

func tuple(vals []cty.Value) cty.Value {
	if len(vals) == 0 {
		return cty.EmptyTupleVal
	}
	return cty.TupleVal(vals)
}

func (ev *evaluator) object(e *lang.ObjectLit, want *Type) result {
	t := &Type{Kind: Object}
	vals := map[string]cty.Value{}
	places := map[string]lang.Range{}
	good, unknown := true, false
	for _, f := range e.Fields {
		key, r, ok := ev.key(f)
		if !ok {
			good = false
			continue
		}
		if old, dup := places[key]; dup {
			good = false
			ev.fail(lang.Diagnostic{Code: "E0202", Message: fmt.Sprintf("field %s is given twice", key), Range: r, Related: []lang.Label{{Range: old, Text: "first given here"}}, Help: "remove one of them"})
			continue
		}
		places[key] = r
		var wanted *Type
		var field *Field
		switch {
		case want == nil:
		case want.Kind == Map:
			wanted = want.Elem
		case want.Kind == Object:
			if field = fieldNamed(want.Fields, key); field == nil {
				good, unknown = false, true // perhaps it was meant to be one that is missing
				ev.eval(f.Value, nil)
				ev.fail(lang.Diagnostic{Code: "E0303", Message: fmt.Sprintf("%s has no field %s", typeName(want), key), Range: r, Help: didYouMean(key, fieldNames(want.Fields), "its fields are "+strings.Join(fieldNames(want.Fields), ", "))})
				continue
			}
			wanted = field.Type
		}
		v := ev.eval(f.Value, wanted)
		if wanted != nil {
			v = ev.convert(v, wanted, f.Value)
		}
		if v.typ == nil {
			good = false
			v.typ = &Type{Kind: Any}
		}
		t.Fields = append(t.Fields, &Field{Name: key, Type: v.typ, Required: true, Default: cty.NilVal})
		vals[key] = v.val
	}
	if want != nil && want.Kind == Object && !unknown {
		for _, f := range want.Fields {
			if _, ok := places[f.Name]; !ok && f.Required {
				good = false
				ev.fail(lang.Diagnostic{Code: "E0502", Message: fmt.Sprintf("%s needs a field %s", typeName(want), f.Name), Range: ev.at(e), Help: fmt.Sprintf("add %s = …", f.Name)})
			}
		}
	}
	if !good {
		if want != nil && want.Kind == Object {
			t = optional(want, false) // what is wrong with it has been said
		}
		return result{t, cty.DynamicVal}
	}
	return result{t, objectVal(vals)}
}

func objectVal(vals map[string]cty.Value) cty.Value {
	if len(vals) == 0 {
		return cty.EmptyObjectVal
	}
	return cty.ObjectVal(vals)
}

func (ev *evaluator) key(f *lang.ObjectField) (string, lang.Range, bool) {
	if f.KeyExpr == nil {
		return f.Key.Name, ev.decl.Range(f.Key.Pos), true
	}
	own := *ev // to know what the name itself is made of
	own.use = usage{}
	r := own.convert(own.eval(f.KeyExpr, nil), &Type{Kind: String}, f.KeyExpr)
	ev.use.merge(&own.use)
	v, secret := strip(r.val)
	place := ev.at(f.KeyExpr)
	if r.typ == nil {
		return "", place, false
	}
	if secret {
		ev.fail(lang.Diagnostic{Code: "E0402", Message: "a secret cannot be the name of a field", Range: place, Help: "names are shown; use the secret as a value"})
		return "", place, false
	}
	if !v.IsKnown() || v.IsNull() {
		d := lang.Diagnostic{Code: "E0401", Message: "the name of a field has to be known before apply", Range: place, Help: "use a name that does not depend on an artifact or on run"}
		for _, ref := range sortedKeys(own.use.refs) {
			d.Related = append(d.Related, lang.Label{Range: own.use.refs[ref], Text: ref + " is known only then"})
		}
		ev.fail(d)
		return "", place, false
	}
	return v.AsString(), place, true
}

// strip takes the marks off a value, at any depth, and says whether there were any.
func strip(v cty.Value) (cty.Value, bool) {
	if !v.ContainsMarked() {
		return v, false
	}
	u, _ := v.UnmarkDeep()
	return u, true
}

func mark(v cty.Value, secret bool) cty.Value {
	if secret {
		return v.Mark(Secret)
	}
	return v
}

func typeName(t *Type) string {
	if t.Name != "" {
		return t.Name
	}
	return "the object"
}

// article names a type in a sentence: "an int", "a list(string)".
func article(t *Type) string {
	s := t.String()
	if len(s) > 60 {
		s = kindName(t.Kind)
	}
	if t.Kind == Enum && t.Name == "" {
		return "one of " + s
	}
	if t.Kind == Nothing || t.Kind == Any {
		if t.Kind == Any {
			return "a value of a type that is not known"
		}
		return s
	}
	if s != "" && strings.ContainsRune("aeio", rune(s[0])) {
		return "an " + s
	}
	return "a " + s
}

func kindName(k Kind) string {
	switch k {
	case List:
		return "list"
	case Map:
		return "map"
	case Object:
		return "object"
	}
	return kindWords[k]
}
