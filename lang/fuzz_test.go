package lang_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"imgc/lang"
	"imgc/lang/format"
)

// corpus is every program, schema and mistake that the project holds.
func corpus(t testing.TB) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"../testdata/*/[^.]*.imgc", "../stdlib/*/schema.imgc"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: no files: %v", pattern, err)
		}
		for _, name := range names {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[name] = string(src)
		}
	}
	for _, pattern := range []string{"testdata/errors/*.txtar", "format/testdata/*.txtar"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: no archives: %v", pattern, err)
		}
		for _, name := range names {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[name] = string(ar.Files[0].Data)
		}
	}
	for name, src := range programs(t, "valid") {
		all[name] = src
	}
	for name, src := range programs(t, "invalid") {
		all[name] = src
	}
	return all
}

// programs are those of a folder of testdata, a file each.
func programs(t testing.TB, folder string) map[string]string {
	t.Helper()
	out := map[string]string{}
	names, err := filepath.Glob("../testdata/" + folder + "/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no archives in %s: %v", folder, err)
	}
	for _, name := range names {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range ar.Files {
			if strings.HasSuffix(f.Name, ".imgc") {
				out[name+"/"+f.Name] = string(f.Data)
			}
		}
	}
	return out
}

func FuzzParse(f *testing.F) {
	for _, src := range corpus(f) {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		for _, parse := range []func(string, string) *lang.File{lang.Parse, lang.ParseSchema} {
			checkTree(t, parse("a.imgc", src))
		}
	})
}

// checkTree holds what is true of the tree of any text: declarations follow one another, every node and problem lies
// in its declaration, and a tree without Bad nodes has no problems of its own.
func checkTree(t *testing.T, f *lang.File) {
	t.Helper()
	end := 0
	for i, d := range f.Decls {
		next := len(f.Src)
		if i+1 < len(f.Decls) {
			next = f.Decls[i+1].Base
		}
		if d.Base < end || next < d.Base {
			t.Fatalf("declaration %d begins at %d, the one before ends at %d", i, d.Base, end)
		}
		bad := false
		lang.Walk(d.Node, func(n lang.Node) bool {
			r := d.Range(n.Span())
			if r.Start < d.Base || r.End < r.Start || r.End > next {
				t.Fatalf("%T lies at %d-%d, outside of %d-%d", n, r.Start, r.End, d.Base, next)
			}
			switch n.(type) {
			case *lang.BadDecl, *lang.BadStmt, *lang.BadExpr, *lang.BadType:
				bad = true
			}
			return true
		})
		if bad && len(d.Problems) == 0 {
			t.Fatalf("a part of %.60q was not understood, and nothing is reported", f.Src[d.Base:next])
		}
		for _, p := range d.Problems {
			if p.Range.Start < d.Base || p.Range.End < p.Range.Start || p.Range.End > next {
				t.Fatalf("%s lies at %d-%d, outside of %d-%d", p.Message, p.Range.Start, p.Range.End, d.Base, next)
			}
			if _, ok := lang.Lookup(p.Code); !ok || p.Message == "" || p.Help == "" || strings.Contains(p.Message, "something else") {
				t.Fatalf("not a whole diagnostic: %+v", p)
			}
		}
		end = next
	}
}

func FuzzVars(f *testing.F) {
	for _, src := range corpus(f) {
		f.Add(src)
	}
	f.Add("a = 1\nb = [\n  1,\n]\n")
	f.Fuzz(func(t *testing.T, src string) {
		v := lang.ParseVars("a.imgcvars", src)
		for _, o := range v.Values {
			if r := v.Decl().Range(o.Pos); r.Start < 0 || r.End > len(src) || r.End <= r.Start {
				t.Fatalf("%s lies at %v", o.Name.Name, r)
			}
		}
		x, _, ds := lang.ParseExpr("x", src)
		if len(ds) > 0 {
			return
		}
		once := lang.PrintExpr(x)
		again, _, ds := lang.ParseExpr("x", once)
		if utf8.ValidString(src) && (len(ds) > 0 || lang.PrintExpr(again) != once) {
			t.Fatalf("%q is printed as %q, which is read as %q %v", src, once, lang.PrintExpr(again), ds)
		}
	})
}

func FuzzFormat(f *testing.F) {
	for _, src := range corpus(f) {
		f.Add(src, false)
		f.Add(src, true)
	}
	f.Fuzz(func(t *testing.T, src string, schema bool) {
		name := "a.imgc"
		if schema {
			name = "schema.imgc"
		}
		checkFormat(t, name, src)
	})
}

// checkFormat holds that formatting keeps the meaning and that formatting twice changes nothing.
func checkFormat(t *testing.T, name, src string) {
	t.Helper()
	parse := lang.Parse
	if filepath.Base(name) == "schema.imgc" {
		parse = lang.ParseSchema
	}
	once, err := format.Source(name, src)
	if err != nil {
		if len(parse(name, src).Diagnostics()) == 0 {
			t.Fatalf("refused without a mistake: %v", err)
		}
		return
	}
	after := parse(name, once)
	if ds := after.Diagnostics(); len(ds) > 0 {
		t.Fatalf("formatting made a mistake: %v\n%s", ds, once)
	}
	if d := cmp.Diff(shape(parse(name, src)), shape(after)); d != "" {
		t.Fatalf("formatting changed the meaning (-before +after):\n%s\nof %q\nto %q", d, src, once)
	}
	twice, err := format.Source(name, once)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(once, twice); d != "" {
		t.Fatalf("formatting twice is not formatting once (-once +twice):\n%s", d)
	}
	if strings.Count(src, "#") != strings.Count(once, "#") {
		t.Fatal("a comment is lost")
	}
}

func TestFormatKeepsMeaning(t *testing.T) {
	for name, src := range corpus(t) {
		checkFormat(t, name, src)
	}
}

// TestMutations deletes, doubles and swaps each token of each program: nothing panics, what is reported lies in its
// declaration, and what can still be formatted keeps its meaning.
func TestMutations(t *testing.T) {
	for name, src := range corpus(t) {
		if strings.Contains(name, "stdlib") && testing.Short() {
			continue
		}
		parse := lang.NewParser().Parse
		if filepath.Base(name) == "schema.imgc" {
			parse = lang.ParseSchema
		}
		tokens := lang.Tokens(src)
		for i, tok := range tokens {
			before, at, after := src[:tok.Start], tok.Text, src[tok.End():]
			mutants := []string{before + after, before + at + " " + at + after}
			if i+1 < len(tokens) {
				next := tokens[i+1]
				mutants = append(mutants, before+next.Text+src[tok.End():next.Start]+at+src[next.End():])
			}
			for k, m := range mutants {
				f := parse(name, m)
				checkTree(t, f)
				if t.Failed() {
					t.Fatalf("%s: token %d (%q), mutation %d", name, i, at, k)
				}
			}
		}
	}
}

// TestMutationsCostTheirDeclaration holds that a token that is missing inside a declaration of a valid program leaves all
// others as they were: what is reported lies in the declaration that was changed.
func TestMutationsCostTheirDeclaration(t *testing.T) {
	valid := programs(t, "valid")
	valid["../testdata/consul/consul.imgc"] = corpus(t)["../testdata/consul/consul.imgc"]
	n := 0
	for name, src := range valid {
		whole := lang.Parse(name, src)
		if len(whole.Diagnostics()) > 0 {
			t.Fatal(whole.Diagnostics())
		}
		for i, d := range whole.Decls {
			end := len(src)
			if i+1 < len(whole.Decls) {
				end = whole.Decls[i+1].Base
			}
			for k, tok := range lang.Tokens(src[d.Base:end]) {
				if k == 0 || tok.Kind == lang.TokenComment {
					continue
				}
				if tok.Kind == lang.TokenName && tok.Breaks > 0 && !strings.ContainsAny(src[d.Base+tok.Start-1:d.Base+tok.Start], " \t") {
					continue // without its keyword a declaration is none, and joins the one before
				}
				n++
				start := d.Base + tok.Start
				f := lang.Parse(name, src[:start]+src[start+len(tok.Text):])
				if len(f.Decls) != len(whole.Decls) {
					t.Errorf("%s: without %q at %v there are %d declarations, not %d", name, tok.Text, lang.PositionOf(src, start), len(f.Decls), len(whole.Decls))
					continue
				}
				for j, other := range f.Decls {
					if j != i && len(other.Problems) > 0 {
						t.Errorf("%s: without %q at %v declaration %d is said to be wrong: %v", name, tok.Text, lang.PositionOf(src, start), j, other.Problems)
					}
				}
			}
		}
	}
	t.Logf("%d mutants", n)
}

// TestNestedChains holds that a chain that is wrong behind its body is read once: read twice at every depth, thirty levels would take
// hours.
func TestNestedChains(t *testing.T) {
	for _, n := range []int{30, 900} {
		src := "build a { " + strings.Repeat("post b { ", n) + strings.Repeat("} |> ", n) + "}"
		if ds := lang.Parse("a.imgc", src).Diagnostics(); len(ds) == 0 {
			t.Errorf("%d chains without their last link are no mistake", n)
		}
	}
}

// TestNesting holds that no depth exhausts the stack, whatever nests.
func TestNesting(t *testing.T) {
	const n = 100_000
	for _, s := range []string{"(", "[", "{a=", "f(", "-", "!", "if ", "x[", "1+(", "list(", "a ?? ", "x.", "\"${", "[for x in ", "{for x in y: "} {
		for _, src := range []string{
			"let a = " + strings.Repeat(s, n),
			"type a = " + strings.Repeat(s, n),
			"build a { x = " + strings.Repeat(s, n),
			"build a { " + strings.Repeat("on b { ", n),
		} {
			ds := lang.Parse("a.imgc", src).Diagnostics()
			if len(ds) == 0 {
				t.Errorf("%d times %q is no mistake", n, s)
			}
			if strings.ContainsAny(s, "([{") && ds[0].Code != "E0107" && !strings.Contains(s, "\"") {
				t.Errorf("%d times %q: %v", n, s, fmt.Sprintf("%.80s", ds[0].Error()))
			}
		}
	}
}
