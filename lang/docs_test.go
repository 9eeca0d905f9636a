package lang_test

import (
	"testing"

	"imgc/lang"
)

// TestDocsOfFields: a comment speaks of the field that begins the line below it, marks and all, and of no other.
func TestDocsOfFields(t *testing.T) {
	f := lang.ParseSchema("schema.imgc", `## A box.
builder box {
  ## One.
  ## And more.
  reads a: path
  ## Two.
  free b: { c: int  d: int }
  e: {
    ## Inner.
    g: int
  }
}
data ask { url: string }
`)
	if ds := f.Diagnostics(); len(ds) > 0 {
		t.Fatal(ds)
	}
	got := map[string]string{}
	var note func(prefix string, fields []*lang.SchemaField)
	note = func(prefix string, fields []*lang.SchemaField) {
		for _, f := range fields {
			got[prefix+f.Name.Name] = f.Doc
			if o, ok := f.Type.(*lang.ObjectType); ok {
				note(prefix+f.Name.Name+".", o.Fields)
			}
		}
	}
	for _, d := range f.Decls {
		s := d.Node.(*lang.Schema)
		note(s.Name.String()+".", s.Fields)
	}
	for field, want := range map[string]string{"box.a": "One.\nAnd more.", "box.b": "Two.", "box.b.c": "", "box.b.d": "", "box.e": "", "box.e.g": "Inner.", "ask.url": ""} {
		if doc, ok := got[field]; !ok || doc != want {
			t.Errorf("%s has the comment %q, want %q", field, doc, want)
		}
	}
}
