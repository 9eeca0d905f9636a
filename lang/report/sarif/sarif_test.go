package sarif

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"imgc/lang"
)

var update = flag.Bool("update", false, "write the golden files anew")

var files = map[string]string{
	"web.imgc":        "source vm = rootfs {\n  hostnam = \"${x}\"\n}\n",
	"my lib/a b.imgc": "\ufefflet 🐧名 = nope\r\nlet b = 2",
}

func source(file string) (string, bool) {
	s, ok := files[file]
	return s, ok
}

// at finds the first occurrence of what.
func at(t *testing.T, file, what string) lang.Range {
	t.Helper()
	i := strings.Index(files[file], what)
	if i < 0 {
		t.Fatalf("%q is not in %s", what, file)
	}
	return lang.Range{File: file, Start: i, End: i + len(what)}
}

// write checks what it writes against the schema of SARIF 2.1.0.
func write(t *testing.T, ds lang.Diagnostics, opts Options) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, ds, source, opts); err != nil {
		t.Fatal(err)
	}
	r, err := sarif.FromBytes(out.Bytes(), sarif.WithStrictValidation())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Validate(); err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	return out.Bytes()
}

// TestRules looks at what each code is explained with; the codes of TestWrite are of no catalogue, so that its file does
// not change with every word of an explanation.
func TestRules(t *testing.T) {
	var ds lang.Diagnostics
	for _, c := range lang.Codes() {
		ds = append(ds, lang.Diagnostic{Code: c.Code, Message: c.Title})
	}
	write(t, ds, Options{})
	rules := newLog(ds, source, Options{}).Runs[0].Tool.Driver.Rules
	if len(rules) != len(ds) {
		t.Fatalf("%d rules for %d codes", len(rules), len(ds))
	}
	for i, c := range lang.Codes() {
		r := rules[i]
		wrong, right := lang.Examples(c.Code)
		if *r.ID != c.Code || *r.ShortDescription.Text != c.Title || *r.FullDescription.Text != c.Text {
			t.Errorf("the rule of %s is %+v", c.Code, r)
		}
		for _, part := range []string{c.Text, strings.TrimRight(wrong, "\n"), strings.TrimRight(right, "\n")} {
			if !strings.Contains(*r.Help.Text, part) {
				t.Errorf("the help of %s lacks %q", c.Code, part)
			}
		}
	}
}

func TestWrite(t *testing.T) {
	web, lib := "web.imgc", "my lib/a b.imgc"
	ds := lang.Diagnostics{
		{Code: "E9501", Message: "rootfs has no option hostnam", Range: at(t, web, "hostnam"), Label: "no such option",
			Related: []lang.Label{{Range: at(t, web, "rootfs"), Text: "an option of this component"}, {Text: "nowhere"}},
			Notes:   []string{"its options are hostname and base"}, Help: `write hostname = "${x}"`,
			Fixes: []lang.Fix{{Title: "rename it", Edits: []lang.Edit{{Range: at(t, web, "hostnam"), New: "hostname"}, {Range: at(t, web, "}\n"), New: ""}}},
				{Title: "of no file", Edits: []lang.Edit{{New: "x"}}}, {Title: "of nothing"}}},
		{Code: "E9201", Message: "there is no nope", Range: at(t, lib, "nope")},
		{Code: "E9201", Message: "there is no b", Range: lang.Range{File: lib, Start: len(files[lib]), End: len(files[lib])}},
		{Severity: lang.Warning, Code: "W9999", Message: "of no catalogue", Range: lang.Range{File: "gone.imgc", Start: 3, End: 4}},
		{Message: "the disk is full", Help: "make room"},
	}
	got := write(t, ds, Options{Version: "1.2.3", Path: func(file string) string { return filepath.Join("images", file) }})
	golden(t, "diagnostics.sarif", got)
	golden(t, "nothing.sarif", write(t, nil, Options{Version: "1.2.3"}))
}

func TestArtifact(t *testing.T) {
	for path, want := range map[string]string{
		"web.imgc":       "web.imgc",
		"./a/../b.imgc":  "b.imgc",
		"../lib/x.imgc":  "../lib/x.imgc",
		"a:b.imgc":       "./a:b.imgc",
		"größe 100%.img": "gr%C3%B6%C3%9Fe%20100%25.img",
		"/srv/a#b.imgc":  "file:///srv/a%23b.imgc",
	} {
		p := &places{opts: Options{Path: func(string) string { return path }}}
		if got := *p.artifact("x").URI; got != want {
			t.Errorf("%s has the URI %s, want %s", path, got, want)
		}
	}
}

func TestPosition(t *testing.T) {
	// The penguin is two code units, the other character one; the byte order mark none.
	p := &places{sources: source, known: map[string]*lines{}}
	for what, want := range map[string][2]int{"let": {1, 1}, "🐧": {1, 5}, "名": {1, 7}, " = nope": {1, 8}, "\nlet b": {1, 16}, "let b": {2, 1}} {
		line, column := p.get("my lib/a b.imgc").position(at(t, "my lib/a b.imgc", what).Start)
		if line != want[0] || column != want[1] {
			t.Errorf("%q stands at %d:%d, want %v", what, line, column, want)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("the pipe is closed") }

func TestWriteError(t *testing.T) {
	if err := Write(broken{}, nil, source, Options{}); err == nil || !strings.Contains(err.Error(), "the pipe is closed") {
		t.Errorf("a broken pipe gives %v", err)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

// FuzzWrite gives any place of any text, and any words.
func FuzzWrite(f *testing.F) {
	f.Add("let a\tb\r\n名 x\n", "{0} [a](1)", 3, 9)
	f.Add("\ufefflet \xff\xfe = 1", "\xff", 2, -5)
	f.Fuzz(func(t *testing.T, src, words string, start, end int) {
		r := lang.Range{File: words, Start: start, End: end}
		ds := lang.Diagnostics{{Code: words, Message: words, Range: r, Label: words, Related: []lang.Label{{Range: r, Text: words}},
			Fixes: []lang.Fix{{Title: words, Edits: []lang.Edit{{Range: r, New: words}}}}}}
		if err := newLog(ds, func(string) (string, bool) { return src, true }, Options{Version: words}).Validate(); err != nil {
			t.Error(err)
		}
	})
}
