package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"imgc/lang"
)

var update = flag.Bool("update", false, "write the golden files anew")

// at finds the nth occurrence of what in src and makes a range of it.
func at(t *testing.T, file, src, what string, n int) lang.Range {
	t.Helper()
	from := 0
	for {
		i := strings.Index(src[from:], what)
		if i < 0 {
			t.Fatalf("%q is not in %s", what, file)
		}
		if n--; n < 0 {
			return lang.Range{File: file, Start: from + i, End: from + i + len(what)}
		}
		from += i + len(what)
	}
}

var sources = map[string]string{
	"web.imgc":  "let greeting = \"hello\"\nlet other = greting\n\nsource vm = rootfs {\n\thostname = 5\n}\n",
	"lib.imgc":  "param size: int\n",
	"cjk.imgc":  "let 名前 = \"こんにちは\" + 数字\n",
	"crlf.imgc": "let a = 1\r\nlet b = nope\r\n",
	"end.imgc":  "let a = (1",
	"evil.imgc": "let a = \"\x1b[2J\u202e\" + nope\n",
	"long.imgc": "let a = [" + strings.Repeat("\"something\", ", 20) + "nope, \"after it\", \"after it\", \"after it\", \"after it\"]\n",
}

func source(file string) (string, bool) {
	s, ok := sources[file]
	return s, ok
}

func TestText(t *testing.T) {
	web := sources["web.imgc"]
	whole := lang.Range{File: "web.imgc", Start: strings.Index(web, "rootfs"), End: strings.LastIndex(web, "}") + 1}
	for name, c := range map[string]struct {
		ds   lang.Diagnostics
		opts Options
	}{
		"simple": {ds: lang.Diagnostics{{Code: "E0201", Message: `"greting" is not declared`, Range: at(t, "web.imgc", web, "greting", 0),
			Label: "not declared", Help: `did you mean "greeting"?`}}},
		"related": {ds: lang.Diagnostics{{Code: "E0301", Message: "hostname is a string", Range: at(t, "web.imgc", web, "5", 0), Label: "this is an int",
			Related: []lang.Label{{Range: at(t, "web.imgc", web, "rootfs", 0), Text: "an option of this component"}, {Range: at(t, "lib.imgc", sources["lib.imgc"], "int", 0), Text: "declared here"}},
			Notes:   []string{"nothing becomes a string by itself\nwrite \"${x}\" for that"}, Help: "write \"5\""}}},
		"oneline": {ds: lang.Diagnostics{{Severity: lang.Warning, Code: "E0202", Message: "a is not used", Range: at(t, "web.imgc", web, "greeting", 0), Label: "here",
			Related: []lang.Label{{Range: at(t, "web.imgc", web, "\"hello\"", 0), Text: "and its value"}}}}},
		"lines":   {ds: lang.Diagnostics{{Code: "E0501", Message: "there is something in all of this", Range: whole, Label: "all of it"}}},
		"cjk":     {ds: lang.Diagnostics{{Code: "E0201", Message: "数字 is not declared", Range: at(t, "cjk.imgc", sources["cjk.imgc"], "数字", 0), Label: "here"}}},
		"crlf":    {ds: lang.Diagnostics{{Code: "E0201", Message: "nope is not declared", Range: at(t, "crlf.imgc", sources["crlf.imgc"], "nope", 0), Label: "here"}}},
		"end":     {ds: lang.Diagnostics{{Code: "E0110", Message: `expected ")"`, Range: lang.Range{File: "end.imgc", Start: 10, End: 10}, Label: "here"}}},
		"evil":    {ds: lang.Diagnostics{{Code: "E0201", Message: "nope\x1b[31m is\nnot declared", Range: at(t, "evil.imgc", sources["evil.imgc"], "nope", 0)}}},
		"nowhere": {ds: lang.Diagnostics{{Code: "E0901", Message: "the disk is full", Help: "make room"}, {Message: "gone", Range: lang.Range{File: "gone.imgc", Start: 3, End: 4}}}},
		"order": {ds: lang.Diagnostics{
			{Code: "E0301", Message: "second", Range: at(t, "web.imgc", web, "other", 0)},
			{Code: "E0201", Message: "first", Range: at(t, "web.imgc", web, "greeting", 0)},
			{Code: "E0201", Message: "first", Range: at(t, "web.imgc", web, "greeting", 0)},
			{Severity: lang.Warning, Message: "other file", Range: at(t, "lib.imgc", sources["lib.imgc"], "size", 0)}}},
		"color": {ds: lang.Diagnostics{{Code: "E0201", Message: "nope is not declared", Range: at(t, "crlf.imgc", sources["crlf.imgc"], "nope", 0), Label: "here",
			Notes: []string{"a note"}, Fixes: []lang.Fix{{Title: "write a"}}}}, opts: Options{Color: true}},
		"narrow": {opts: Options{Width: 50}, ds: lang.Diagnostics{{Code: "E0201", Message: "nope is not declared in any of the files of this folder, nor in one they use",
			Range: at(t, "long.imgc", sources["long.imgc"], "nope", 0), Label: "here", Help: "declare it with let, or correct its name where it is used"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Text(&out, c.ds, source, c.opts); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", out.Bytes())
		})
	}
}

func TestJSON(t *testing.T) {
	web := sources["web.imgc"]
	ds := lang.Diagnostics{
		{Code: "E0301", Message: "hostname is a <string>", Range: at(t, "web.imgc", web, "5", 0), Label: "an int",
			Related: []lang.Label{{Range: at(t, "lib.imgc", sources["lib.imgc"], "int", 0), Text: "declared here"}},
			Notes:   []string{"a note"}, Help: "quote it",
			Fixes: []lang.Fix{{Title: "quote it", Edits: []lang.Edit{{Range: at(t, "web.imgc", web, "5", 0), New: `"5"`}}}}},
		{Code: "E0201", Message: "数字 is not declared", Range: at(t, "cjk.imgc", sources["cjk.imgc"], "数字", 0)},
		{Message: "no place"},
	}
	var out bytes.Buffer
	if err := JSON(&out, ds, source); err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(out.Bytes()) {
		if !json.Valid(line) {
			t.Errorf("not JSON: %s", line)
		}
	}
	golden(t, "diagnostics.jsonl", out.Bytes())
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

// FuzzText draws any range of any text at any width.
func FuzzText(f *testing.F) {
	f.Add("let a\tb\r\n名 x\n", 3, 9, 0)
	f.Add("\ufefflet \xff\xfe = 1", 2, 5, 12)
	f.Fuzz(func(t *testing.T, src string, start, end, width int) {
		get := func(string) (string, bool) { return src, true }
		ds := lang.Diagnostics{{Message: "m", Range: lang.Range{File: "f", Start: start, End: end}, Label: "l",
			Related: []lang.Label{{Range: lang.Range{File: "f", Start: end, End: start}, Text: "r"}}}}
		var out, data bytes.Buffer
		if err := Text(&out, ds, get, Options{Width: width % 200}); err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsAny(out.Bytes(), "\x1b\x07\r\t") {
			t.Errorf("a control character reached the terminal: %q", out.String())
		}
		if err := JSON(&data, ds, get); err != nil || !json.Valid(data.Bytes()) {
			t.Errorf("not JSON: %v %s", err, data.Bytes())
		}
	})
}
