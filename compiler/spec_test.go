package compiler_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"imgc/compiler"
	"imgc/lang"
	"imgc/stdlib"
)

// TestSpecification compiles every imgc block of SPEC.md with the components there are, and holds its table of functions
// against the functions there are.
func TestSpecification(t *testing.T) {
	b, err := os.ReadFile("../SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	schemas, ds := compiler.LoadSchemas(stdlib.Schemas())
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	blocks := regexp.MustCompile("(?s)```imgc\n(.*?)```").FindAllStringSubmatch(string(b), -1)
	if len(blocks) == 0 {
		t.Fatal("SPEC.md has no program")
	}
	for _, m := range blocks {
		_, ds := compiler.Compile(compiler.Config{Dir: t.TempDir(), Files: []*lang.File{lang.Parse("SPEC.md", m[1])}, Schemas: schemas, AllowMissing: true})
		if len(ds) > 0 {
			t.Errorf("%s\n%v", m[1], ds)
		}
	}
	rows := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+\\(.*)` \\| (.*) \\|$").FindAllStringSubmatch(string(b), -1) {
		rows[strings.ReplaceAll(m[1]+": "+m[2], `\|`, "|")] = true
	}
	for _, f := range compiler.Functions() {
		row := f.Signature + ": " + f.Doc
		if !rows[row] {
			t.Errorf("the table of functions lacks: %s", row)
		}
		delete(rows, row)
	}
	for r := range rows {
		t.Errorf("the table of functions has what there is not: %s", r)
	}
}
