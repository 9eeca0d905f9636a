package planner

import (
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"imgc/compiler"
)

// keyedMark parts the text of an option, in the state, from a keyed hash of what the text does not show: secrets, and
// what a value of the apply phase is made from.
const (
	keyedMark   = " #keyed:"
	keyedDigits = 16
)

const laterText = "(known after apply) "

// recorded is what the state keeps of an option, to compare it with later and to show it in a diff.
func recorded(o *compiler.Option, key []byte) string {
	shownValue := counting(o.Value, o.Field.Type)
	text := compiler.FormatValue(shownValue, o.Field.Type)
	hidden := newEncoder(key)
	hides := false
	if o.Value.ContainsMarked() {
		hides = true
		hidden.value(o.Value, o.Field.Type)
	}
	if p := o.Pending; p != nil {
		text = laterText + p.Text
		for _, name := range slices.Sorted(maps.Keys(p.Known)) {
			hides = true
			hidden.text(name)
			hidden.value(p.Known[name], nil)
		}
	}
	if hides {
		text += keyedMark + hidden.sum()[:keyedDigits]
	}
	return text
}

// counting is a value without what does not count in a digest: fields that are free or absent.
func counting(v cty.Value, t *compiler.Type) cty.Value {
	raw, marks := v.Unmark()
	if len(marks) > 0 || raw == cty.NilVal || !raw.IsKnown() || raw.IsNull() {
		return v
	}
	switch ty := raw.Type(); {
	case ty.IsTupleType() || ty.IsListType():
		items := raw.AsValueSlice()
		if len(items) == 0 || !structured(elem(t)) {
			return v
		}
		out := make([]cty.Value, len(items))
		for i, x := range items {
			out[i] = counting(x, elem(t))
		}
		return cty.TupleVal(out)
	case ty.IsObjectType() || ty.IsMapType():
		out := map[string]cty.Value{}
		for name, x := range raw.AsValueMap() {
			ft := elem(t)
			if f := fieldOf(t, name); f != nil {
				if f.Free || isNull(x) {
					continue
				}
				ft = f.Type
			}
			out[name] = counting(x, ft)
		}
		return cty.ObjectVal(out)
	}
	return v
}

func structured(t *compiler.Type) bool {
	return t != nil && (t.Kind == compiler.Object || t.Kind == compiler.List || t.Kind == compiler.Map)
}

// shown is the text of an option without its keyed hash.
func shown(text string) string {
	if i := len(text) - keyedDigits - len(keyedMark); i >= 0 && strings.HasPrefix(text[i:], keyedMark) {
		return text[:i]
	}
	return text
}

// secretText is how a value that is secret as a whole is shown.
const secretText = "(secret)"
