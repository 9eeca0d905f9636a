package main

import (
	"testing"

	"imgc/compiler"
	"imgc/stdlib"
	"imgc/stdlib/component"
)

// TestSchemasAgreeWithCode holds each component's schema against the struct that its options are decoded into.
func TestSchemasAgreeWithCode(t *testing.T) {
	schemas, err := loadSchemas()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range stdlib.Components(nil) {
		s := schemas.Lookup(string(c.Kind), c.Name)
		if s == nil {
			t.Errorf("%s %s has no schema", c.Kind, c.Name)
			continue
		}
		fields, err := component.StructFields(c.Options())
		if err != nil {
			t.Errorf("%s %s: %v", c.Kind, c.Name, err)
			continue
		}
		have := map[string]string{}
		for _, f := range fields {
			have[f.Name] = f.Type
		}
		for _, problem := range compiler.CheckStruct(s, have) {
			t.Errorf("%s %s: %s", c.Kind, c.Name, problem)
		}
		if s.Doc == "" {
			t.Errorf("%s %s is not documented", c.Kind, c.Name)
		}
		for _, f := range s.Fields {
			if f.Doc == "" {
				t.Errorf("%s %s: option %s is not documented", c.Kind, c.Name, f.Name)
			}
		}
	}
}
