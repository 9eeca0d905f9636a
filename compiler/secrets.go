package compiler

import (
	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// SecretTexts gives the texts that are secret in a value, at any depth: each is to be redacted.
func SecretTexts(v cty.Value) []string {
	var out []string
	var walk func(v cty.Value)
	walk = func(v cty.Value) {
		switch {
		case v.IsMarked():
			raw, _ := strip(v)
			if raw.IsWhollyKnown() {
				collectTexts(raw, &out)
			}
		case v.ContainsMarked() && v.IsKnown() && v.CanIterateElements():
			for it := v.ElementIterator(); it.Next(); {
				_, x := it.Element()
				walk(x)
			}
		}
	}
	walk(v)
	return out
}

// collectTexts gathers the texts in a value, at any depth.
func collectTexts(v cty.Value, out *[]string) {
	switch t := v.Type(); {
	case v.IsNull():
	case t == cty.String:
		if s := v.AsString(); s != "" {
			*out = append(*out, s)
		}
	case t == cty.Number:
		*out = append(*out, FormatValue(v, nil))
	case t.IsTupleType() || t.IsListType():
		for _, x := range v.AsValueSlice() {
			collectTexts(x, out)
		}
	case t.IsObjectType() || t.IsMapType():
		for _, x := range v.AsValueMap() {
			collectTexts(x, out)
		}
	}
}

// refuseSecret reports a secret where what is public is wanted.
func (ev *evaluator) refuseSecret(e lang.Expr, why string) {
	d := lang.Diagnostic{Code: "E0402", Message: "a secret cannot stand here: " + why, Range: ev.at(e), Label: "this is secret", Help: "use a value that is not made of a secret"}
	if s := ev.use.secret; s != nil {
		d.Related = []lang.Label{{Range: s.Range, Text: "because this param is secret"}}
	}
	ev.fail(d)
}
