package lang_test

import (
	"fmt"
	"strings"
	"testing"

	"imgc/lang"
)

// TestReparseKeepsDeclarations holds that an edit makes one declaration anew and moves the others.
func TestReparseKeepsDeclarations(t *testing.T) {
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, "let a%d = [%d]\n", i, i)
	}
	src := b.String()
	p := lang.NewParser()
	before := p.Parse("a.imgc", src)
	edited := strings.Replace(src, "[50]", "[50, 1]", 1)
	after := p.Parse("a.imgc", edited)
	if len(after.Decls) != len(before.Decls) {
		t.Fatalf("%d declarations, want %d", len(after.Decls), len(before.Decls))
	}
	for i, d := range after.Decls {
		if same := d.Node == before.Decls[i].Node; same == (i == 50) {
			t.Errorf("declaration %d was parsed anew: %v", i, !same)
		}
		if got := edited[d.Base:][:4]; got != "let " {
			t.Errorf("declaration %d begins with %q", i, got)
		}
		if d.File != after {
			t.Errorf("declaration %d belongs to another file", i)
		}
	}
}

// TestReparseAgrees holds that a parser that knows earlier versions finds what one that knows none finds.
func TestReparseAgrees(t *testing.T) {
	p := lang.NewParser()
	for name, src := range corpus(t) {
		for cut := 0; cut < len(src); cut += 1 + len(src)/20 {
			if got, want := p.Parse("a.imgc", src[:cut]), lang.Parse("a.imgc", src[:cut]); shape(got) != shape(want) {
				t.Fatalf("%s up to %d: what was kept changes the tree", name, cut)
			}
		}
	}
}
