package reference

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"imgc/compiler"
	"imgc/stdlib"
)

var update = flag.Bool("update", false, "write the golden files anew")

func small(t *testing.T) Reference {
	t.Helper()
	schema, err := os.ReadFile(filepath.Join("testdata", "schema.imgc"))
	if err != nil {
		t.Fatal(err)
	}
	return reference(t, map[string]string{"schema.imgc": string(schema)}, []compiler.Function{
		{Name: "first", Signature: `first(list: list("a" | "b"), …)`, Doc: "the first of *any*; see `a|b` | <b>"},
	})
}

func reference(t *testing.T, schemas map[string]string, fs []compiler.Function) Reference {
	t.Helper()
	set, ds := compiler.LoadSchemas(schemas)
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	groups, err := Components(set.All())
	if err != nil {
		t.Fatal(err)
	}
	functions, err := Functions(fs)
	if err != nil {
		t.Fatal(err)
	}
	return Reference{Title: "imgc reference", Groups: append(groups, Group{Title: "The language", Pages: []Page{functions}})}
}

func TestWriteDir(t *testing.T) {
	for _, form := range []Format{Markdown, HTML} {
		dir := filepath.Join(t.TempDir(), "new", "folder")
		first, err := small(t).WriteDir(dir, form)
		if err != nil {
			t.Fatal(err)
		}
		want := filepath.Join("testdata", string(form))
		if *update {
			if err := errors.Join(os.RemoveAll(want), os.CopyFS(want, os.DirFS(dir))); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(readAll(t, want), readAll(t, dir)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", form, diff)
		}
		if _, err := os.Stat(first); err != nil {
			t.Error(err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := small(t).WriteDir(file, HTML); err == nil {
		t.Error("pages were written into a file")
	}
}

func TestWrite(t *testing.T) {
	for form, name := range map[Format]string{Markdown: "all.md", HTML: "all.html"} {
		var out bytes.Buffer
		if err := small(t).Write(&out, form); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		one := Reference{Title: "imgc reference", Groups: small(t).Groups[:1]}
		one.Groups[0].Pages = one.Groups[0].Pages[:1]
		out.Reset()
		if err := one.Write(&out, form); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "<nav") || strings.Contains(out.String(), "imgc reference\n") {
			t.Errorf("a single page has an index:\n%s", out.String())
		}
	}
}

// TestLinks follows all links of the reference of what there really is, and looks for anchors that stand twice.
func TestLinks(t *testing.T) {
	for name, r := range map[string]Reference{"small": small(t), "real": reference(t, stdlib.Schemas(), compiler.Functions())} {
		dir := t.TempDir()
		if _, err := r.WriteDir(dir, HTML); err != nil {
			t.Fatal(err)
		}
		pages := readAll(t, dir)
		if len(pages) != r.pages()+1 {
			t.Errorf("%s: %d files for %d pages and an index", name, len(pages), r.pages())
		}
		var one bytes.Buffer
		if err := r.Write(&one, HTML); err != nil {
			t.Fatal(err)
		}
		pages["one.html"] = one.String()
		links := 0
		for file, content := range pages {
			ids, hrefs := scan(t, file, content)
			links += len(hrefs)
			for _, href := range hrefs {
				anchor, local := strings.CutPrefix(href, "#")
				if _, ok := pages[href]; !ok && !(local && ids[anchor] == 1) {
					t.Errorf("%s: %s links to %s, which is not there", name, file, href)
				}
			}
			for id, n := range ids {
				if n > 1 {
					t.Errorf("%s: %s has %d places called %s", name, file, n, id)
				}
			}
		}
		// Each page links to all and to the index, and the index to all once more.
		if links < r.pages()*r.pages() {
			t.Errorf("%s: only %d links were looked at", name, links)
		}
		var md bytes.Buffer
		if err := r.Write(&md, Markdown); err != nil {
			t.Fatal(err)
		}
		for _, g := range r.Groups {
			for _, p := range g.Pages {
				if !strings.Contains(md.String(), "\n# "+line(p.Title)+"\n") || !strings.Contains(md.String(), "](#"+slug(p.Title)+")") {
					t.Errorf("%s: the index links to no heading for %s", name, p.Title)
				}
			}
		}
	}
}

// scan checks that tags are closed, and gives the anchors and links of a page.
func scan(t *testing.T, file, content string) (ids map[string]int, hrefs []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(content))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	ids = map[string]int{}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return ids, hrefs
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		start, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range start.Attr {
			switch a.Name.Local {
			case "id":
				ids[a.Value]++
			case "href":
				hrefs = append(hrefs, a.Value)
			case "src", "onclick":
				t.Errorf("%s: the page is not self-contained: %v", file, start)
			}
		}
		if start.Name.Local == "script" || start.Name.Local == "link" {
			t.Errorf("%s: the page is not self-contained: %v", file, start)
		}
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"a *b* <c> [d](e) &amp; snake_case _x_ ~/a ~/b": `a \*b\* \<c\> \[d\](e) \&amp; snake_case \_x\_ \~/a \~/b`,
		"code `a_*b*` here, and a ` alone in `x`":       "code \\`a\\_\\*b\\*\\` here, and a \\` alone in \\`x\\`",
		"code `a_*b*` here":                             "code `a_*b*` here",
		"# no heading\n1. no list\n---\n===\n+ x\n- y":  "\\# no heading\n1\\. no list\n\\---\n\\===\n\\+ x\n- y",
		"one\n\n  code *x*\n\n    more\n\ntwo\n  still": "one\n\n```\ncode *x*\n\n  more\n```\n\ntwo\n  still",
		"one\n\n  a ``` fence":                          "one\n\n````\na ``` fence\n````",
		"a|b\n---|---":                                  "a\\|b\n---\\|---",
		"":                                              "",
	} {
		if got := text(in); got != want {
			t.Errorf("%q gives\n%q, want\n%q", in, got, want)
		}
	}
}

func TestCode(t *testing.T) {
	for in, want := range map[string]string{"a": "`a`", "a`b": "``a`b``", "`a": "`` `a ``"} {
		if got := code(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

// FuzzText lets any comment stand on a page: what it says is there, and no HTML of its own.
func FuzzText(f *testing.F) {
	f.Add("a <b> *c*\n\n  x\n\n- d")
	f.Add("<script>alert(1)</script>\n\n\t```\n[a](javascript:x)")
	f.Fuzz(func(t *testing.T, doc string) {
		p, err := Component(&compiler.Schema{Kind: "builder", Name: "x", Doc: doc})
		if err != nil {
			t.Fatal(err)
		}
		r := Reference{Title: "r", Groups: []Group{{Title: "g", Pages: []Page{p}}}}
		b, err := r.html("r", func(Page) string { return "#" }, "", []Page{p})
		if err != nil {
			t.Fatal(err)
		}
		body := string(b[bytes.Index(b, []byte("<main>")):])
		for _, bad := range []string{"<script", "<a ", "<img", "<!--", "<em", "<strong", "<del", "<h2", "<h3", "<hr", "<table", "<blockquote"} {
			if strings.Contains(body, bad) {
				t.Errorf("%q gives %s in\n%s", doc, bad, body)
			}
		}
	})
}

func readAll(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(fmt.Errorf("reading the folder of pages: %w", err))
		}
		files[e.Name()] = string(b)
	}
	return files
}
