package compiler

import (
	"fmt"
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
			return result{x.typ.Elem, mark(cty.DynamicVal, secret || x.val.ContainsMarked())}
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
			return result{elem, mark(cty.DynamicVal, secret || x.val.ContainsMarked())}
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
		return result{tAny, mark(cty.DynamicVal, secret || v.ContainsMarked())}
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
