package compiler

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// runFields are the values of the apply phase that belong to the run itself.
var runFields = []string{"id", "digest", "time"}

// selection is x.name, where x may also be run, a module, or a unit.
func (ev *evaluator) selection(e *lang.Select) result {
	if n, ok := e.X.(*lang.Name); ok && n.Name == "run" && !ev.shadowed(n.Name) {
		return ev.run(e)
	}
	if p := ev.place(e); p != nil {
		if p.source != "" && !p.failed {
			return ev.whole(p, e)
		}
		return ev.noValue(p, e)
	}
	if p := ev.place(e.X); p != nil {
		switch {
		case p.failed || e.Name.Name == "":
			return poison
		case p.source != "":
			return ev.artifact(p, e)
		case p.use != nil: // place has not found the name among its builds
			s, ok := p.use.mod.names[e.Name.Name]
			if !ev.c.member(ev.decl, e.Name, ok, p.use, sortedKeys(p.use.mod.names)) {
				return poison
			}
			return ev.symbol(s, ev.at(e))
		}
		return ev.noValue(p, e)
	}
	x := ev.eval(e.X, nil)
	if x.typ == nil || e.Name.Name == "" {
		return poison
	}
	place := ev.decl.Range(e.Name.Pos)
	if x.typ.Optional {
		return ev.fail(lang.Diagnostic{Code: "E0303", Message: "the value may be absent, so it may have no fields", Range: ev.at(e.X), Help: "give a value for when it is absent: (x ?? { … }).field"})
	}
	v, secret := x.val.Unmark()
	isSecret := len(secret) > 0
	var t *Type
	switch x.typ.Kind {
	case Object:
		f := fieldNamed(x.typ.Fields, e.Name.Name)
		if f == nil {
			return ev.fail(lang.Diagnostic{Code: "E0303", Message: fmt.Sprintf("%s has no field %s", typeName(x.typ), e.Name.Name), Range: place, Help: didYouMean(e.Name.Name, fieldNames(x.typ.Fields), "its fields are "+strings.Join(fieldNames(x.typ.Fields), ", "))})
		}
		t = f.Type
	case Map:
		t = x.typ.Elem
	case Any:
		t = x.typ
	default:
		return ev.fail(lang.Diagnostic{Code: "E0303", Message: fmt.Sprintf("%s has no fields", article(x.typ)), Range: place, Help: "only objects and maps have fields"})
	}
	if !v.IsKnown() {
		return result{t, mark(cty.DynamicVal, isSecret)}
	}
	item, ok := attribute(v, e.Name.Name)
	if !ok {
		if x.typ.Kind == Object && t.Optional {
			return result{t, mark(cty.NullVal(cty.DynamicPseudoType), isSecret)}
		}
		return ev.fail(lang.Diagnostic{Code: "E0305", Message: fmt.Sprintf("there is no %s in it", e.Name.Name), Range: place, Help: `use lookup(x, "key", otherwise) where it may be absent`})
	}
	return result{t, mark(item, isSecret)}
}

func attribute(v cty.Value, name string) (cty.Value, bool) {
	if v.IsNull() || !v.Type().IsObjectType() && !v.Type().IsMapType() {
		return cty.NilVal, false
	}
	item, ok := v.AsValueMap()[name]
	return item, ok
}

// place is what some names stand for that are no values: a module, a build, one build of a matrix, a unit.
type place struct {
	failed bool // a mistake in the name has been reported
	use    *useDecl
	build  *buildDecl
	keyed  bool // one of a matrix
	key    string
	source string // of a unit
}

// place finds what an expression names if it is no value, or returns nil.
func (ev *evaluator) place(e lang.Expr) *place {
	switch e := e.(type) {
	case *lang.Name:
		if ev.shadowed(e.Name) || ev.self != "" {
			return nil
		}
		if b, ok := ev.m.builds[e.Name]; ok {
			return &place{build: b}
		}
		if u, ok := ev.m.uses[e.Name]; ok {
			ev.c.touch(&u.used)
			return &place{use: u, failed: u.mod == nil}
		}
	case *lang.Select:
		p := ev.place(e.X)
		switch {
		case p == nil || p.source != "":
			return nil
		case p.failed:
			return p
		case p.use != nil:
			b, ok := p.use.mod.builds[e.Name.Name]
			if !ok {
				return nil
			}
			return &place{build: b, failed: !ev.c.member(ev.decl, e.Name, true, p.use, nil)}
		case p.build.node.For != nil && !p.keyed:
			keys := p.build.keys(ev.c)
			help := fmt.Sprintf(`say which: %s["KEY"].SOURCE.FIELD`, p.build.name)
			if len(keys) > 0 {
				help = fmt.Sprintf("say which: %s[%q].SOURCE.FIELD", p.build.name, keys[0])
			}
			ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("%s is many builds", p.build.name), Range: ev.at(e.X), Related: []lang.Label{{Range: p.build.decl.Range(p.build.node.For.Pos), Text: "one for each of these"}}, Help: help})
			return &place{failed: true}
		case e.Name.Name == "":
			return &place{failed: true}
		case !p.build.hasSource(e.Name.Name):
			if !p.build.failedSource(e.Name.Name) {
				ev.fail(lang.Diagnostic{Code: "E0601", Message: fmt.Sprintf("build %s has no source %s", p.build.name, e.Name.Name), Range: ev.decl.Range(e.Name.Pos), Related: []lang.Label{{Range: p.build.decl.Range(p.build.node.Name.Pos), Text: "the build"}}, Help: didYouMean(e.Name.Name, p.build.sourceNames(), p.build.sourcesHelp(e.Name.Name))})
			}
			return &place{failed: true}
		}
		q := *p
		q.source = e.Name.Name
		return &q
	case *lang.Index:
		p := ev.place(e.X)
		if p == nil || p.failed || p.build == nil || p.source != "" {
			return p
		}
		if p.build.node.For == nil || p.keyed {
			ev.fail(lang.Diagnostic{Code: "E0302", Message: fmt.Sprintf("%s is one build", p.build.name), Range: ev.at(e.Index), Help: fmt.Sprintf("name a source of it: %s.SOURCE", p.build.name)})
			return &place{failed: true}
		}
		i := ev.eval(e.Index, nil)
		if i.typ == nil {
			return &place{failed: true}
		}
		v, _ := strip(i.val)
		if !v.IsKnown() {
			if p.build.open(ev.c) {
				return &place{build: p.build, keyed: true}
			}
			ev.fail(lang.Diagnostic{Code: "E0401", Message: "which build is meant has to be known before apply", Range: ev.at(e.Index), Help: "use a literal, or what the build's for goes over"})
			return &place{failed: true}
		}
		key := plainText(v, i.typ)
		if keys := p.build.keys(ev.c); !slices.Contains(keys, key) && !p.build.open(ev.c) {
			if !p.build.broken {
				ev.fail(lang.Diagnostic{Code: "E0303", Message: fmt.Sprintf("there is no build %s[%q]", p.build.name, key), Range: ev.at(e.Index), Related: []lang.Label{{Range: p.build.decl.Range(p.build.node.For.Pos), Text: "the builds"}}, Help: didYouMean(key, keys, "there are "+quoted(keys))})
			}
			return &place{failed: true}
		}
		return &place{build: p.build, keyed: true, key: key}
	}
	return nil
}

// noValue reports a place that stands where a value is wanted.
func (ev *evaluator) noValue(p *place, e lang.Expr) result {
	text := lang.PrintExpr(e)
	switch {
	case p.failed:
	case p.use != nil:
		ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("%s is a module, not a value", text), Range: ev.at(e), Help: fmt.Sprintf("name something in it: %s.NAME", text)})
	default:
		ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("%s is a build, not a value", text), Range: ev.at(e), Help: fmt.Sprintf("name a source and a field of its artifact: %s.SOURCE.FIELD", text)})
	}
	return poison
}

func (ev *evaluator) shadowed(name string) bool {
	_, local := ev.locals[name]
	_, declared := ev.m.names[name]
	return local || declared
}

func (ev *evaluator) run(e *lang.Select) result {
	t := &Type{Kind: String}
	name := "run." + e.Name.Name
	switch e.Name.Name {
	case "id", "digest", "time":
	default:
		return ev.fail(lang.Diagnostic{Code: "E0303", Message: fmt.Sprintf("run has no field %s", e.Name.Name), Range: ev.decl.Range(e.Name.Pos), Help: didYouMean(e.Name.Name, runFields, "its fields are "+strings.Join(runFields, ", "))})
	}
	ev.use.ref(name, ev.at(e))
	if ev.rt == nil {
		return result{t, cty.DynamicVal}
	}
	switch e.Name.Name {
	case "id":
		return result{t, cty.StringVal(ev.rt.RunID)}
	case "digest":
		return result{t, cty.StringVal(ev.rt.Digest)}
	}
	return result{t, cty.StringVal(ev.rt.Time.UTC().Format(time.RFC3339))}
}

// whole is the artifact of a unit: an object of all its fields.
func (ev *evaluator) whole(p *place, e lang.Expr) result {
	schema := p.build.builderOf(ev.c, p.source)
	if schema == nil {
		return poison
	}
	t := schema.artifactType()
	if t == nil {
		return ev.fail(lang.Diagnostic{Code: "E0303", Message: fmt.Sprintf("%s makes no artifact that has fields", schema.Name), Range: ev.at(e), Help: "refer to a build whose builder makes an artifact"})
	}
	addr := p.build.address(p.keyed, p.key) + "." + p.source
	for _, f := range t.Fields {
		ev.use.ref(addr+"."+f.Name, ev.at(e))
	}
	if ev.rt == nil {
		return result{t, cty.DynamicVal}
	}
	attrs, ok := ev.rt.Artifacts[addr]
	if !ok {
		return ev.notBuilt(addr, e)
	}
	fields := map[string]cty.Value{}
	for _, f := range t.Fields {
		fields[f.Name] = fromJSON(attrs[f.Name])
	}
	return result{t, objectVal(fields)}
}

// artifactType is the type of what a component makes, or nil: an object with the component's name.
func (s *Schema) artifactType() *Type {
	if s.Artifact == nil || len(s.Artifact.Fields) == 0 {
		return nil
	}
	return &Type{Kind: Object, Name: s.Name + ".artifact", Fields: s.Artifact.Fields}
}

func (ev *evaluator) notBuilt(addr string, e lang.Expr) result {
	return ev.fail(lang.Diagnostic{Code: "E0408", Message: fmt.Sprintf("%s has not been built, so its artifact is not known", addr), Range: ev.at(e), Help: fmt.Sprintf("build it too: imgc apply --target %s", addr)})
}

// artifact is a field of the builder's artifact of a unit.
func (ev *evaluator) artifact(p *place, e *lang.Select) result {
	addr := p.build.address(p.keyed, p.key) + "." + p.source
	schema := p.build.builderOf(ev.c, p.source)
	if schema == nil || schema.Artifact == nil || len(schema.Artifact.Fields) == 0 {
		if schema == nil {
			return poison
		}
		return ev.fail(lang.Diagnostic{Code: "E0303", Message: fmt.Sprintf("%s makes no artifact that has fields", schema.Name), Range: ev.at(e), Help: "refer to a build whose builder makes an artifact"})
	}
	f := fieldNamed(schema.Artifact.Fields, e.Name.Name)
	if f == nil {
		names := fieldNames(schema.Artifact.Fields)
		return ev.fail(lang.Diagnostic{Code: "E0303", Message: fmt.Sprintf("the artifact of %s has no field %s", addr, e.Name.Name), Range: ev.decl.Range(e.Name.Pos), Help: didYouMean(e.Name.Name, names, "its fields are "+strings.Join(names, ", "))})
	}
	ev.use.ref(addr+"."+e.Name.Name, ev.at(e))
	if ev.rt == nil {
		return result{f.Type, cty.DynamicVal}
	}
	attrs, ok := ev.rt.Artifacts[addr]
	if !ok {
		return ev.notBuilt(addr, e)
	}
	return result{f.Type, fromJSON(attrs[e.Name.Name])}
}

// fromJSON makes a value of what encoding/json has decoded.
func fromJSON(v any) cty.Value {
	switch v := v.(type) {
	case string:
		return cty.StringVal(v)
	case bool:
		return cty.BoolVal(v)
	case float64:
		return cty.NumberFloatVal(v)
	case int:
		return cty.NumberIntVal(int64(v))
	case int64:
		return cty.NumberIntVal(v)
	case []any:
		var vals []cty.Value
		for _, x := range v {
			vals = append(vals, fromJSON(x))
		}
		return tuple(vals)
	case map[string]any:
		vals := map[string]cty.Value{}
		for k, x := range v {
			vals[k] = fromJSON(x)
		}
		return objectVal(vals)
	}
	return cty.NullVal(cty.DynamicPseudoType)
}

func (ev *evaluator) index(e *lang.Index) result {
	if p := ev.place(e); p != nil {
		return ev.noValue(p, e)
	}
	x := ev.eval(e.X, nil)
	i := ev.eval(e.Index, nil)
	if x.typ == nil || i.typ == nil {
		return poison
	}
	v, s1 := x.val.Unmark()
	k, s2 := strip(i.val)
	secret := len(s1) > 0 || s2
	switch {
	case x.typ.Kind == List && !x.typ.Optional:
		if i = ev.convert(i, &Type{Kind: Int}, e.Index); i.typ == nil {
			return poison
		}
		if !v.IsKnown() || !k.IsKnown() || v.IsNull() || k.IsNull() {
			return result{x.typ.Elem, mark(cty.DynamicVal, secret)}
		}
		items := v.AsValueSlice()
		n, _ := int64Of(k)
		if n < 0 || n >= int64(len(items)) {
			return ev.fail(lang.Diagnostic{Code: "E0305", Message: fmt.Sprintf("the list has %s, so there is none with index %s", plural(len(items), "element"), told(strconv.FormatInt(n, 10), s2)), Range: ev.at(e.Index), Help: "indexes begin with 0; check length(list) first"})
		}
		return result{x.typ.Elem, mark(items[n], secret)}
	case (x.typ.Kind == Map || x.typ.Kind == Object) && !x.typ.Optional:
		if i = ev.convert(i, &Type{Kind: String}, e.Index); i.typ == nil {
			return poison
		}
		elem := x.typ.Elem
		if x.typ.Kind == Object {
			elem = &Type{Kind: Any}
			if k.IsKnown() && !k.IsNull() {
				f := fieldNamed(x.typ.Fields, k.AsString())
				if f == nil {
					name := told(k.AsString(), s2)
					return ev.fail(lang.Diagnostic{Code: "E0303", Message: fmt.Sprintf("%s has no field %s", typeName(x.typ), name), Range: ev.at(e.Index), Help: didYouMean(name, fieldNames(x.typ.Fields), "its fields are "+strings.Join(fieldNames(x.typ.Fields), ", "))})
				}
				elem = f.Type
			}
		}
		if !v.IsKnown() || !k.IsKnown() || k.IsNull() {
			return result{elem, mark(cty.DynamicVal, secret)}
		}
		item, ok := attribute(v, k.AsString())
		if !ok && x.typ.Kind == Object && elem.Optional {
			return result{elem, mark(cty.NullVal(cty.DynamicPseudoType), secret)}
		}
		if !ok {
			return ev.fail(lang.Diagnostic{Code: "E0305", Message: fmt.Sprintf("there is no %s in the map", told(strconv.Quote(k.AsString()), s2)), Range: ev.at(e.Index), Help: `use lookup(map, "key", otherwise) where it may be absent`})
		}
		return result{elem, mark(item, secret)}
	}
	if x.typ.Kind == Any && !x.typ.Optional {
		return ev.indexAny(e, v, k, secret)
	}
	return ev.fail(lang.Diagnostic{Code: "E0302", Message: fmt.Sprintf("%s has no elements", article(x.typ)), Range: ev.at(e.X), Help: "lists, maps and objects can be indexed"})
}

// told is text that a message may show, or that it is a secret.
func told(text string, secret bool) string {
	if secret {
		return "(secret)"
	}
	return text
}

// indexAny is x[i] of a value of which only itself can tell what it holds.
func (ev *evaluator) indexAny(e *lang.Index, v, k cty.Value, secret bool) result {
	if !v.IsKnown() || !k.IsKnown() || k.IsNull() {
		return result{tAny, mark(cty.DynamicVal, secret)}
	}
	if n, ok := int64Of(k); ok && !v.IsNull() && (v.Type().IsTupleType() || v.Type().IsListType()) {
		if items := v.AsValueSlice(); n >= 0 && n < int64(len(items)) {
			return result{tAny, mark(items[n], secret)}
		}
	}
	if k.Type() == cty.String {
		if item, ok := attribute(v, k.AsString()); ok {
			return result{tAny, mark(item, secret)}
		}
	}
	return ev.fail(lang.Diagnostic{Code: "E0305", Message: "the value has no such element", Range: ev.at(e.Index), Help: "check what the data holds"})
}

// bound is what a comprehension binds in one round.
type bound struct{ key, value cty.Value }

// rounds gives the elements a comprehension goes through, their types, and whether they are known.
func (ev *evaluator) rounds(h lang.ForHead) (items []bound, key, value *Type, known, secret, ok bool) {
	in := ev.eval(h.In, nil)
	if in.typ == nil || h.Value.Name == "" {
		return nil, nil, nil, false, false, false
	}
	v, marks := in.val.Unmark()
	secret = len(marks) > 0
	known = v.IsKnown() && !v.IsNull()
	switch {
	case in.typ.Optional:
	case in.typ.Kind == Any:
		if !known {
			return nil, tAny, tAny, false, secret, true
		}
		switch t := v.Type(); {
		case t.IsTupleType() || t.IsListType():
			for i, item := range v.AsValueSlice() {
				items = append(items, bound{cty.NumberIntVal(int64(i)), item})
			}
			return items, tInt, tAny, known, secret, true
		case t.IsObjectType() || t.IsMapType():
			m := v.AsValueMap()
			for _, k := range sortedKeys(m) {
				items = append(items, bound{cty.StringVal(k), m[k]})
			}
			return items, tString, tAny, known, secret, true
		}
	case in.typ.Kind == List:
		key, value = &Type{Kind: Int}, in.typ.Elem
		if known {
			for i, item := range v.AsValueSlice() {
				items = append(items, bound{cty.NumberIntVal(int64(i)), item})
			}
		}
		return items, key, value, known, secret, true
	case in.typ.Kind == Map, in.typ.Kind == Object:
		key, value = &Type{Kind: String}, in.typ.Elem
		if in.typ.Kind == Object {
			value = &Type{Kind: Nothing}
			for _, f := range in.typ.Fields {
				if value = join(value, f.Type); value == nil {
					value = tAny
					break
				}
			}
		}
		if known {
			m := v.AsValueMap()
			for _, k := range sortedKeys(m) {
				items = append(items, bound{cty.StringVal(k), m[k]})
			}
		}
		return items, key, value, known, secret, true
	}
	ev.fail(lang.Diagnostic{Code: "E0302", Message: fmt.Sprintf("for goes over lists and maps, not %s", article(in.typ)), Range: ev.at(h.In), Help: "give a list, a map or an object"})
	return nil, nil, nil, false, false, false
}

// each evaluates body for every element, or once with unknown elements for its type where there is none to be known.
func (ev *evaluator) each(h lang.ForHead, body func()) (known, secret, ok bool) {
	items, key, value, known, secret, ok := ev.rounds(h)
	if !ok {
		return false, false, false
	}
	outer := ev.locals
	defer func() { ev.locals = outer }()
	bind := func(b bound) {
		ev.locals = maps.Clone(outer)
		if ev.locals == nil {
			ev.locals = map[string]*binding{}
		}
		if h.Key != nil {
			ev.locals[h.Key.Name] = &binding{result: result{key, b.key}}
		}
		ev.locals[h.Value.Name] = &binding{result: result{value, mark(b.value, secret)}}
	}
	boolean := &Type{Kind: Bool}
	typed := false
	for _, b := range items {
		bind(b)
		typed = true
		if h.If != nil {
			r := ev.convert(ev.eval(h.If, boolean), boolean, h.If)
			v, s := strip(r.val)
			secret = secret || s
			if r.typ == nil {
				return false, secret, false
			}
			if !v.IsKnown() || v.IsNull() {
				known = false
			} else if !v.True() {
				typed = false
				continue
			}
		}
		before := len(ev.c.ds.list)
		body()
		if len(ev.c.ds.list) > before {
			return false, secret, false
		}
	}
	if !typed && value.Kind != Nothing {
		was := ev.c.noEval
		ev.c.noEval = true
		defer func() { ev.c.noEval = was }()
		bind(bound{cty.DynamicVal, cty.DynamicVal})
		before := len(ev.c.ds.list)
		if h.If != nil {
			ev.convert(ev.eval(h.If, boolean), boolean, h.If)
		}
		if len(items) == 0 || !known {
			body()
		}
		if len(ev.c.ds.list) > before {
			return false, secret, false
		}
	}
	return known, secret, true
}

func (ev *evaluator) listComp(e *lang.ListComp, want *Type) result {
	var elem *Type
	if want != nil && want.Kind == List {
		elem = want.Elem
	}
	wanted := elem
	var vals []cty.Value
	good := true
	known, secret, ok := ev.each(e.For, func() {
		r := ev.eval(e.Value, wanted)
		if wanted != nil {
			r = ev.convert(r, wanted, e.Value)
		} else if r.typ != nil {
			if elem == nil {
				elem = r.typ
			} else if u := join(elem, r.typ); u != nil {
				elem = u
			} else {
				r = ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("this is %s, but before it was %s", article(r.typ), article(elem)), Range: ev.at(e.Value), Help: "the elements of a list or map have one type"})
			}
		}
		good = good && r.typ != nil
		if !ev.c.noEval {
			vals = append(vals, r.val)
		}
	})
	switch {
	case !ok || !good:
		return poison
	case !known:
		for _, v := range vals {
			secret = secret || v.ContainsMarked()
		}
		return result{listType(elem), mark(cty.DynamicVal, secret)}
	}
	return result{listType(elem), mark(tuple(vals), secret)}
}

func (ev *evaluator) objectComp(e *lang.ObjectComp, want *Type) result {
	var elem *Type
	if want != nil && want.Kind == Map {
		elem = want.Elem
	}
	wanted := elem
	vals := map[string]cty.Value{}
	good, keysKnown, keysSecret := true, true, false
	known, secret, ok := ev.each(e.For, func() {
		str := &Type{Kind: String}
		k := ev.convert(ev.eval(e.Key, str), str, e.Key)
		r := ev.eval(e.Value, wanted)
		if wanted != nil {
			r = ev.convert(r, wanted, e.Value)
		} else if r.typ != nil {
			if elem == nil {
				elem = r.typ
			} else if u := join(elem, r.typ); u != nil {
				elem = u
			} else {
				r = ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("this is %s, but before it was %s", article(r.typ), article(elem)), Range: ev.at(e.Value), Help: "the elements of a list or map have one type"})
			}
		}
		good = good && r.typ != nil && k.typ != nil
		if ev.c.noEval || !good {
			return
		}
		kv, s := strip(k.val)
		keysSecret = keysSecret || s
		if !kv.IsKnown() || kv.IsNull() {
			keysKnown = false
			return
		}
		if _, dup := vals[kv.AsString()]; dup {
			good = false
			ev.fail(lang.Diagnostic{Code: "E0305", Message: fmt.Sprintf("key %s comes twice", told(strconv.Quote(kv.AsString()), s)), Range: ev.at(e.Key), Help: "make the keys different, or build a list"})
			return
		}
		vals[kv.AsString()] = r.val
	})
	if elem == nil {
		elem = &Type{Kind: Nothing}
	}
	t := &Type{Kind: Map, Elem: elem}
	switch {
	case !ok || !good:
		return poison
	case !known || !keysKnown:
		return result{t, mark(cty.DynamicVal, secret || keysSecret)}
	}
	return result{t, mark(objectVal(vals), secret || keysSecret)}
}
