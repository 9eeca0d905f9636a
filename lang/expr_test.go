package lang_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"imgc/lang"
)

// TestPrintExpr shows how expressions are understood: brackets are written only where they matter.
func TestPrintExpr(t *testing.T) {
	for src, want := range map[string]string{
		`1+2*3`:                                  `1 + 2 * 3`,
		`(1+2)*3`:                                `(1 + 2) * 3`,
		`1-(2-3)`:                                `1 - (2 - 3)`,
		`(1-2)-3`:                                `1 - 2 - 3`,
		`a??b??c`:                                `a ?? b ?? c`,
		`(a??b)??c`:                              `(a ?? b) ?? c`,
		`a||b&&c==d<e+f`:                         `a || b && c == d < e + f`,
		`((a||b)&&c)==d`:                         `((a || b) && c) == d`,
		`!-a.b`:                                  `!-a.b`,
		`-(a+b)`:                                 `-(a + b)`,
		`(-a).b`:                                 `(-a).b`,
		`-a.b`:                                   `-a.b`,
		`!a == b`:                                `!a == b`,
		`a ?? b || c`:                            `a ?? b || c`,
		`if a then b else c + 1`:                 `if a then b else c + 1`,
		`(if a then b else c) + 1`:               `(if a then b else c) + 1`,
		`1 + if a then b else c`:                 `1 + (if a then b else c)`,
		`if if a then b else c then d else e`:    `if if a then b else c then d else e`,
		`f(x, y: 2,).z[1]["k"]`:                  `f(x, y: 2).z[1]["k"]`,
		`f()`:                                    `f()`,
		"[1,\n2,\n# no\n]":                       `[1, 2]`,
		`[]`:                                     `[]`,
		`{}`:                                     `{ }`,
		"{ a = 1, \"b c\" = 2\n (x) = 3 d = 4 }": `{ a = 1, "b c" = 2, (x) = 3, d = 4 }`,
		`{ for = 1, if = 2, true = 3 }`:          `{ for = 1, if = 2, true = 3 }`,
		`[for x in xs if x > 1: x*2]`:            `[for x in xs if x > 1: x * 2]`,
		`{for k, v in m: k = v}`:                 `{for k, v in m: k = v}`,
		`"a${b+"c${d}"}e"`:                       `"a${b + "c${d}"}e"`,
		`"\u{48}\t\"\${x}"`:                      `"H\t\"\${x}"`,
		`'a\n${x}'`:                              `"a\\n\${x}"`,
		"\"\"\"\n    a\n      ${b}\n    c\\n    d\n    \"\"\"": `"a\n  ${b}\nc\n    d\n"`,
		"'''\r\n  a\r\n  b\r\n  '''":                           `"a\nb\n"`,
		`"""x"""`:                                              `"x"`,
		`0x1F + 1_000 + 1.5e3`:                                 `0x1F + 1_000 + 1.5e3`,
		`20GiB < 1h30m`:                                        `20GiB < 1h30m`,
		`null ?? true`:                                         `null ?? true`,
		`größe.名`:                                              `größe.名`,
		"a +\nb":                                               `a + b`,
	} {
		x, _, ds := lang.ParseExpr("x", src)
		if len(ds) > 0 {
			t.Errorf("%s: %v", src, ds)
			continue
		}
		got := lang.PrintExpr(x)
		if got != want {
			t.Errorf("%s is read as %s, want %s", src, got, want)
		}
		again, _, ds := lang.ParseExpr("x", got)
		if len(ds) > 0 || lang.PrintExpr(again) != got {
			t.Errorf("%s is printed as %s, which is read as %s %v", src, got, lang.PrintExpr(again), ds)
		}
	}
}

func TestPrintType(t *testing.T) {
	for src, want := range map[string]string{
		`list( map(string?) )?`:            `list(map(string?))?`,
		`"a"|"b"`:                          `"a" | "b"`,
		`public list(string)`:              `public list(string)`,
		`{ a: int, b: string? }`:           `{ a: int, b: string? }`,
		"{\n a: aws.ebs.artifact\n b: T }": `{ a: aws.ebs.artifact, b: T }`,
	} {
		f := lang.Parse("a.imgc", "type t = "+src)
		if ds := f.Diagnostics(); len(ds) > 0 {
			t.Errorf("%s: %v", src, ds)
			continue
		}
		if got := lang.PrintType(f.Decls[0].Node.(*lang.TypeDecl).Type); got != want {
			t.Errorf("%s is read as %s, want %s", src, got, want)
		}
	}
}

// TestHalfWritten holds what an editor needs: a name that is still to come is an empty one.
func TestHalfWritten(t *testing.T) {
	f := lang.Parse("a.imgc", "build web {\n  from a\n  provision shell {\n    x = a.\n    y = 2\n  }\n}\nlet z = b.")
	var names []string
	for _, d := range f.Decls {
		lang.Walk(d.Node, func(n lang.Node) bool {
			switch n := n.(type) {
			case *lang.Select:
				names = append(names, lang.PrintExpr(n.X)+"."+n.Name.Name)
			case *lang.Option:
				names = append(names, n.Name.Name)
			}
			return true
		})
	}
	if d := cmp.Diff([]string{"x", "a.", "y", "b."}, names); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if ds := f.Diagnostics(); len(ds) != 2 {
		t.Errorf("got %d problems, want 2: %v", len(ds), ds)
	}
}

func TestDeclarationsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		src  string
		want []string // the text each declaration begins with
	}{
		"string at column 0": {"let a = \"\"\"\nbuild web {\n}\n\"\"\"\nlet b = 2\n", []string{"let a", "let b"}},
		"open string":        {"let a = \"\"\"\ntext\nlet b = 2\nlet c = \"\"\"\nx\n\"\"\"\n", []string{"let a", "let b", "let c"}},
		"open brace":         {"build a {\n  x = {\nbuild b {\n}\n", []string{"build a", "build b"}},
		"open line":          {"let a =\nlet b = 1 +\n\nassert x, \"m\"", []string{"let a", "let b", "assert"}},
		"option of a word":   {"source a = b {\ntype = 1\nsource = \"x\"\n}\nlet c = 1", []string{"source a", "let c"}},
		"docs":               {"# no\n## doc\nlet a = 1\n\n## doc\n## doc\nlet b = 2", []string{"## doc\nlet a", "## doc\n## doc\nlet b"}},
		"goes on":            {"let a = 1 +\nb\nlet c = d", []string{"let a", "let c"}},
		"quote in a comment": {"let a = 1 # it's {\nlet b = 2", []string{"let a", "let b"}},
		"byte order mark":    {"\ufefflet a = 1\nlet b = 2", []string{"let a", "let b"}},
		"only comments":      {"# a\n\n## b\n", nil},
		"junk before":        {"}\nlet a = 1", []string{"}", "let a"}},
		"crlf":               {"let a = 1\r\nlet b = \"\"\"\r\nlet c\r\n\"\"\"\r\n", []string{"let a", "let b"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := lang.Parse("a.imgc", c.src)
			var got []string
			for i, d := range f.Decls {
				text := strings.TrimPrefix(c.src[d.Base:], "\ufeff")
				if i < len(c.want) && strings.HasPrefix(text, c.want[i]) {
					text = c.want[i]
				}
				got = append(got, text)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
