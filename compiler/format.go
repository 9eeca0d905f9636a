package compiler

import (
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// FormatValue is a value of type t as a program would write it, for people and for diffs. A secret is
// "(secret)", what is not known before apply "(known after apply)". Object fields and map keys are sorted,
// so that equal values have equal texts.
func FormatValue(v cty.Value, t *Type) string {
	var b strings.Builder
	writeValue(&b, v, t)
	return b.String()
}

func writeValue(b *strings.Builder, v cty.Value, t *Type) {
	switch {
	case v == cty.NilVal:
		b.WriteString("null")
		return
	case v.IsMarked(): // before anything else: even that a secret is null is not told
		b.WriteString("(secret)")
		return
	case !v.IsKnown():
		b.WriteString("(known after apply)")
		return
	case v.IsNull():
		b.WriteString("null")
		return
	}
	ty := v.Type()
	switch {
	case ty == cty.String:
		b.WriteString(quote(v.AsString()))
	case ty == cty.Bool:
		b.WriteString(strconv.FormatBool(v.True()))
	case ty == cty.Number:
		b.WriteString(formatNumber(v, t))
	case ty.IsListType(), ty.IsTupleType(), ty.IsSetType():
		b.WriteByte('[')
		for i, item := range v.AsValueSlice() {
			if i > 0 {
				b.WriteString(", ")
			}
			writeValue(b, item, elemType(t, ""))
		}
		b.WriteByte(']')
	case ty.IsMapType(), ty.IsObjectType():
		writeFields(b, v.AsValueMap(), t)
	default:
		b.WriteString("(value)")
	}
}

func writeFields(b *strings.Builder, fields map[string]cty.Value, t *Type) {
	if len(fields) == 0 {
		b.WriteString("{}")
		return
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	sort.Strings(names)
	b.WriteString("{ ")
	for i, name := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		if isName(name) {
			b.WriteString(name)
		} else {
			b.WriteString(quote(name))
		}
		b.WriteString(" = ")
		writeValue(b, fields[name], elemType(t, name))
	}
	b.WriteString(" }")
}

// elemType is the type of an element (of the field of that name, for an object); nil when it is not known.
func elemType(t *Type, field string) *Type {
	if t == nil {
		return nil
	}
	if t.Kind == Object {
		for _, f := range t.Fields {
			if f.Name == field {
				return f.Type
			}
		}
		return nil
	}
	return t.Elem
}

func formatNumber(v cty.Value, t *Type) string {
	f := v.AsBigFloat()
	if t != nil && (t.Kind == Duration || t.Kind == Size) {
		if n, acc := f.Int64(); acc == 0 {
			if t.Kind == Duration {
				return formatDuration(time.Duration(n))
			}
			return formatSize(n)
		}
	}
	if f.IsInt() {
		return f.Text('f', 0)
	}
	return f.Text('g', -1)
}

// formatDuration leaves out the zero parts that the standard library writes: 1h30m, not 1h30m0s.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// formatSize uses the largest binary unit in which the size is a whole number.
func formatSize(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for n != 0 && n%1024 == 0 && i < len(units)-1 {
		n /= 1024
		i++
	}
	return strconv.FormatInt(n, 10) + units[i]
}

func quote(s string) string {
	return strings.ReplaceAll(strconv.Quote(s), "${", `\${`)
}

func isName(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}
