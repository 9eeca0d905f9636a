package compiler

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
)

func TestFormatValue(t *testing.T) {
	volume := &Type{Kind: Object, Fields: []*Field{
		{Name: "size", Type: &Type{Kind: Size}},
		{Name: "type", Type: &Type{Kind: Enum, Values: []string{"gp2", "gp3"}}},
	}}
	for _, c := range []struct {
		v    cty.Value
		t    *Type
		want string
	}{
		{cty.NilVal, nil, "null"},
		{cty.NumberIntVal(20 << 30), &Type{Kind: Size}, "20GiB"},
		{cty.NumberIntVal(1000), &Type{Kind: Size}, "1000B"},
		{cty.NumberIntVal(0), &Type{Kind: Size}, "0B"},
		{cty.NumberIntVal(5400e9), &Type{Kind: Duration}, "1h30m"},
		{cty.NumberIntVal(600e9), &Type{Kind: Duration}, "10m"},
		{cty.NumberIntVal(0), &Type{Kind: Duration}, "0s"},
		{cty.NumberFloatVal(0.5), &Type{Kind: Float}, "0.5"},
		{cty.StringVal("a\n${b}"), &Type{Kind: String}, `"a\n\${b}"`},
		{cty.StringVal("x").Mark(Secret), &Type{Kind: String}, "(secret)"},
		{cty.NullVal(cty.String).Mark(Secret), &Type{Kind: String}, "(secret)"},
		{cty.UnknownVal(cty.String), &Type{Kind: String}, "(known after apply)"},
		{cty.ListValEmpty(cty.String), &Type{Kind: List, Elem: &Type{Kind: String}}, "[]"},
		{cty.TupleVal([]cty.Value{cty.True, cty.StringVal("s").Mark(Secret)}), nil, "[true, (secret)]"},
		{cty.ObjectVal(map[string]cty.Value{"type": cty.StringVal("gp3"), "size": cty.NumberIntVal(1 << 20)}), volume,
			`{ size = 1MiB, type = "gp3" }`},
		{cty.MapVal(map[string]cty.Value{"b c": cty.True}), nil, `{ "b c" = true }`},
	} {
		if diff := cmp.Diff(c.want, FormatValue(c.v, c.t)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestCheckStruct(t *testing.T) {
	schema := &Schema{Fields: []*Field{
		{Name: "script", Type: &Type{Kind: Path, Optional: true}},
		{Name: "env", Type: &Type{Kind: Map, Elem: &Type{Kind: String}, Optional: true}},
		{Name: "tries", Type: &Type{Kind: Int}},
		{Name: "gone", Type: &Type{Kind: Bool}},
	}}
	got := CheckStruct(schema, map[string]string{
		"script": "string?", "env": "map(string)", "tries": "string", "extra": "bool"})
	want := []string{
		"option extra is in the struct but not in the schema",
		"option gone is in the schema but not in the struct",
		"option tries is int in the schema but string in the struct",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
