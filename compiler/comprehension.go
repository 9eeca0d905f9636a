package compiler

import (
	"fmt"
	"maps"
	"strconv"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

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
			r := ev.convert(ev.eval(h.If, boolean), boolean, h.If)
			secret = secret || r.val.ContainsMarked()
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

// element evaluates the value of a round. Where no type is wanted, elem becomes the type of all rounds so far.
func (ev *evaluator) element(e lang.Expr, wanted *Type, elem **Type) result {
	r := ev.eval(e, wanted)
	if wanted != nil {
		return ev.convert(r, wanted, e)
	}
	if r.typ == nil {
		return r
	}
	if *elem == nil {
		*elem = r.typ
		return r
	}
	u := join(*elem, r.typ)
	if u == nil {
		return ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("this is %s, but before it was %s", article(r.typ), article(*elem)), Range: ev.at(e), Help: "the elements of a list or map have one type"})
	}
	*elem = u
	return r
}

func (ev *evaluator) listComp(e *lang.ListComp, want *Type) result {
	var elem *Type
	if want != nil && want.Kind == List {
		elem = want.Elem
	}
	wanted := elem
	var vals []cty.Value
	good, hidden := true, false // hidden: an element is secret, also where none is known
	known, secret, ok := ev.each(e.For, func() {
		r := ev.element(e.Value, wanted, &elem)
		good = good && r.typ != nil
		hidden = hidden || r.val.ContainsMarked()
		if !ev.c.noEval {
			vals = append(vals, r.val)
		}
	})
	switch {
	case !ok || !good:
		return poison
	case !known:
		return result{listType(elem), mark(cty.DynamicVal, secret || hidden)}
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
	good, keysKnown, keysSecret, hidden := true, true, false, false
	known, secret, ok := ev.each(e.For, func() {
		str := &Type{Kind: String}
		k := ev.convert(ev.eval(e.Key, str), str, e.Key)
		r := ev.element(e.Value, wanted, &elem)
		good = good && r.typ != nil && k.typ != nil
		hidden = hidden || r.val.ContainsMarked()
		kv, s := strip(k.val)
		keysSecret = keysSecret || s
		if ev.c.noEval || !good {
			return
		}
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
		return result{t, mark(cty.DynamicVal, secret || keysSecret || hidden)}
	}
	return result{t, mark(objectVal(vals), secret || keysSecret)}
}
