package lang_test

import (
	"slices"
	"strings"
	"testing"

	"imgc/lang"
)

// codeInputs has one input for each code of the syntax. Vars files begin with "vars:".
var codeInputs = map[string]string{
	"E0101": "let a = 10x",
	"E0102": "let a = \"open",
	"E0103": "let a = \"${x\"",
	"E0104": `let a = "\q"`,
	"E0105": `let a = "${}"`,
	"E0106": "let a = [1",
	"E0107": "let a = " + strings.Repeat("(", 100_000),
	"E0108": "let a = 1\n}",
	"E0110": "let a 3",
	"E0111": "let a = x.",
	"E0112": "build a { provison shell {} }",
	"E0113": "biuld a {}",
	"E0114": "builder a {}",
	"E0115": "vars:keep",
}

func TestCodesAreProduced(t *testing.T) {
	for code, src := range codeInputs {
		name := "a.imgc"
		if s, ok := strings.CutPrefix(src, "vars:"); ok {
			name, src = "a.imgcvars", s
		}
		ds := problems(name, src)
		if len(ds) != 1 || ds[0].Code != code {
			t.Errorf("%.40q gives %v, want one %s", src, ds, code)
			continue
		}
		d := ds[0]
		if d.Message == "" || d.Help == "" || d.Range.Start < 0 || d.Range.End < d.Range.Start || d.Range.End > len(src) {
			t.Errorf("%s is not whole: %+v", code, d)
		}
	}
}

func TestCatalogue(t *testing.T) {
	codes := lang.Codes()
	if !slices.IsSortedFunc(codes, func(a, b lang.CodeInfo) int { return strings.Compare(a.Code, b.Code) }) {
		t.Error("the catalogue is not in order")
	}
	seen := map[string]bool{}
	for _, c := range codes {
		if seen[c.Code] || c.Title == "" || c.Text == "" {
			t.Errorf("%s stands twice or says nothing", c.Code)
		}
		seen[c.Code] = true
		if got, ok := lang.Lookup(c.Code); !ok || got != c {
			t.Errorf("%s is not found", c.Code)
		}
		if strings.HasPrefix(c.Code, "E01") && codeInputs[c.Code] == "" {
			t.Errorf("no input of this test gives %s", c.Code)
		}
	}
	for code := range codeInputs {
		if !seen[code] {
			t.Errorf("%s is not in the catalogue", code)
		}
	}
	if _, ok := lang.Lookup("E9999"); ok {
		t.Error("E9999 is known")
	}
}
