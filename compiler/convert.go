package compiler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// convert makes the value of expression e fit where a value of type to is wanted, or reports why it does not.
func (ev *evaluator) convert(r result, to *Type, e lang.Expr) result {
	if r.typ == nil || to == nil {
		return r
	}
	if lit := stringLiteral(e); lit != nil && r.typ.Kind == String {
		switch to.Kind {
		case Path:
			return result{to, ev.rebased(r.val)}
		case Enum:
			if text, ok := plainLiteral(lit); ok {
				if slices.Contains(to.Values, text) {
					return result{to, r.val}
				}
				return ev.fail(lang.Diagnostic{Code: "E0307", Message: fmt.Sprintf("%q is none of %s", text, quoted(to.Values)), Range: ev.at(e), Help: didYouMean(text, to.Values, "write one of "+quoted(to.Values))})
			}
		}
	}
	if !assignable(r.typ, to) {
		return ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("%s is wanted here, not %s", article(optional(to, to.Optional && r.typ.Optional)), article(r.typ)), Range: ev.at(e), Help: conversionHelp(r.typ, to)})
	}
	if to.Kind != Any && hasAny(r.typ) {
		if v, _ := strip(r.val); !fits(v, to) {
			return ev.fail(lang.Diagnostic{Code: "E0305", Message: fmt.Sprintf("the value is not %s", article(to)), Range: ev.at(e), Help: "check what the data holds"})
		}
	}
	return result{meet(r.typ, to), adapt(r.val, to)}
}

// rebased is a path that stands in a program as a literal: it is relative to the folder of its module.
func (ev *evaluator) rebased(v cty.Value) cty.Value {
	raw, secret := strip(v)
	if ev.m == nil || ev.m.dir == "" || !raw.IsKnown() || raw.IsNull() {
		return v
	}
	return mark(cty.StringVal(ev.m.rebase(raw.AsString())), secret)
}

func stringLiteral(e lang.Expr) *lang.StringLit {
	for {
		switch x := e.(type) {
		case *lang.Paren:
			e = x.X
		case *lang.StringLit:
			return x
		default:
			return nil
		}
	}
}

func plainLiteral(s *lang.StringLit) (string, bool) {
	for _, p := range s.Parts {
		if p.Expr != nil {
			return "", false
		}
	}
	return literalText(s), true
}

func quoted(values []string) string {
	var q []string
	for _, v := range values {
		q = append(q, fmt.Sprintf("%q", v))
	}
	return strings.Join(q, ", ")
}

func conversionHelp(from, to *Type) string {
	switch {
	case from.Optional && !to.Optional:
		return "it may be absent: give a value for that with ??"
	case from.Kind == Nothing && from.Optional:
		return fmt.Sprintf("null is for what may be absent: declare it as %s?", to)
	case to.Kind == String && scalar(from):
		return `make it a string: "${…}"`
	case to.Kind == List && from.Kind != List && assignable(from, to.Elem):
		return "put it in brackets: […]"
	case to.Kind == Duration:
		return "write a duration: 30s, 10m, 1h30m"
	case to.Kind == Size:
		return "write a size: 512MiB, 20GiB"
	case to.Kind == Path && from.Kind == String:
		return "declare it as a path, or write the path as a literal string"
	case to.Kind == Bool:
		return "write true or false"
	case to.Kind == Int && from.Kind == String:
		return "write the number without quotes"
	case to.Kind == Object && from.Kind == Object:
		return "its fields differ; it needs " + to.bare()
	}
	return "change the value, or the type of what it is given to"
}

// adapt gives the fields that are absent from an object their defaults, at any depth.
func adapt(v cty.Value, to *Type) cty.Value {
	if to.Kind != Object && to.Kind != List && to.Kind != Map {
		return v
	}
	raw, marks := v.Unmark()
	if !raw.IsKnown() || raw.IsNull() {
		return v
	}
	t := raw.Type()
	switch {
	case to.Kind == List && (t.IsTupleType() || t.IsListType()) && composite(to.Elem):
		var vals []cty.Value
		for _, item := range raw.AsValueSlice() {
			vals = append(vals, adapt(item, to.Elem))
		}
		return tuple(vals).WithMarks(marks)
	case (to.Kind == Object || to.Kind == Map) && (t.IsObjectType() || t.IsMapType()):
		vals := raw.AsValueMap()
		if vals == nil {
			vals = map[string]cty.Value{}
		}
		if to.Kind == Map {
			if !composite(to.Elem) {
				return v
			}
			for k, item := range vals {
				vals[k] = adapt(item, to.Elem)
			}
			return objectVal(vals).WithMarks(marks)
		}
		for _, f := range to.Fields {
			item, ok := vals[f.Name]
			switch {
			case ok:
				vals[f.Name] = adapt(item, f.Type)
			case f.Default != cty.NilVal:
				vals[f.Name] = f.Default
			case f.Type.Optional:
				vals[f.Name] = cty.NullVal(cty.DynamicPseudoType)
			}
		}
		return objectVal(vals).WithMarks(marks)
	}
	return v
}

// hasAny reports whether the type leaves something open that only the value can tell.
func hasAny(t *Type) bool {
	switch t.Kind {
	case Any:
		return true
	case List, Map:
		return hasAny(t.Elem)
	case Object:
		return slices.ContainsFunc(t.Fields, func(f *Field) bool { return hasAny(f.Type) })
	}
	return false
}

func composite(t *Type) bool { return t.Kind == Object || t.Kind == List || t.Kind == Map }

// fits reports whether a value that is known, of no static type, is of a type.
func fits(v cty.Value, to *Type) bool {
	if !v.IsKnown() || to.Kind == Any {
		return true
	}
	if v.IsNull() {
		return to.Optional
	}
	t := v.Type()
	switch to.Kind {
	case String, Path:
		return t == cty.String
	case Enum:
		return t == cty.String && slices.Contains(to.Values, v.AsString())
	case Bool:
		return t == cty.Bool
	case Float:
		return t == cty.Number
	case Int, Duration, Size:
		_, ok := int64Of(v)
		return t == cty.Number && ok
	case List:
		if !t.IsTupleType() && !t.IsListType() {
			return false
		}
		for _, item := range v.AsValueSlice() {
			if !fits(item, to.Elem) {
				return false
			}
		}
		return true
	case Nothing:
		return false
	case Map, Object:
		if !t.IsObjectType() && !t.IsMapType() {
			return false
		}
		vals := v.AsValueMap()
		if to.Kind == Map {
			for _, item := range vals {
				if !fits(item, to.Elem) {
					return false
				}
			}
			return true
		}
		for _, f := range to.Fields {
			item, ok := vals[f.Name]
			if !ok && f.Required || ok && !fits(item, f.Type) {
				return false
			}
		}
		return true
	}
	return false
}
