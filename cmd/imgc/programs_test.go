package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"imgc/compiler"
	"imgc/lang"
	"imgc/lang/format"
	"imgc/lang/report"
)

// program is one program of an archive: the files of a folder.
type program struct {
	name  string
	files []txtar.File // without the folder
}

// programsOf divides an archive into its programs, in order. What was found is left out.
func programsOf(a *txtar.Archive) []program {
	var out []program
	for _, f := range a.Files {
		name, rest, ok := strings.Cut(f.Name, "/")
		if !ok || rest == "found" {
			continue
		}
		if len(out) == 0 || out[len(out)-1].name != name {
			out = append(out, program{name: name})
		}
		p := &out[len(out)-1]
		p.files = append(p.files, txtar.File{Name: rest, Data: f.Data})
	}
	return out
}

// config is what a program is compiled from. Lines of its file "params" are params.
func (p program) config(t testing.TB) (compiler.Config, []*lang.File) {
	t.Helper()
	dir := t.TempDir()
	var params []compiler.ParamInput
	for _, f := range p.files {
		if f.Name == "params" {
			for line := range strings.Lines(string(f.Data)) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				params = append(params, compiler.ParamInput{Name: name, Text: value, Origin: "-p"})
			}
			continue
		}
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	src, err := compiler.Load(dir)
	if err != nil {
		t.Fatal(p.name, err)
	}
	schemas, err := loadSchemas()
	if err != nil {
		t.Fatal(err)
	}
	return compiler.Config{Dir: src.Dir, Files: src.Files, Used: src.Used, Schemas: schemas, Params: params, LookupEnv: func(string) (string, bool) { return "", false }}, src.All()
}

// archives calls f for each program in a folder of testdata and holds what f finds against what stands after the program.
func archives(t *testing.T, folder string, f func(t *testing.T, p program) string) (count int) {
	names, err := filepath.Glob(filepath.Join("..", "..", "testdata", folder, "*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out := &txtar.Archive{Comment: a.Comment}
		for _, p := range programsOf(a) {
			count++
			t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar")+"/"+p.name, func(t *testing.T) {
				for _, file := range p.files {
					out.Files = append(out.Files, txtar.File{Name: p.name + "/" + file.Name, Data: file.Data})
				}
				out.Files = append(out.Files, txtar.File{Name: p.name + "/found", Data: []byte(f(t, p))})
			})
		}
		if *update {
			if err := os.WriteFile(name, txtar.Format(out), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if d := cmp.Diff(strings.Split(string(txtar.Format(a)), "\n"), strings.Split(string(txtar.Format(out)), "\n")); d != "" {
			t.Errorf("%s (write it anew with -update): %s", name, d)
		}
	}
	return count
}

// TestValidPrograms compiles the programs in testdata/valid. What each builds, with its outputs, stands after it. Its tests hold,
// and it means the same once it is formatted.
func TestValidPrograms(t *testing.T) {
	n := archives(t, "valid", func(t *testing.T, p program) string {
		cfg, files := p.config(t)
		prog, ds := compiler.Compile(cfg)
		if len(ds) > 0 {
			t.Fatalf("%s", rendered(t, ds, files))
		}
		before := whatItBuilds(prog)
		results, ds := compiler.RunTests(cfg)
		if len(ds) > 0 {
			t.Error(ds)
		}
		for _, r := range results {
			if len(r.Failures) > 0 {
				t.Errorf("test %q: %s", r.Name, rendered(t, r.Failures, files))
			}
		}
		for i, f := range cfg.Files {
			text, err := format.Source(f.Name, f.Src)
			if err != nil {
				t.Fatal(err)
			}
			cfg.Files[i] = lang.Parse(f.Name, text)
		}
		prog, ds = compiler.Compile(cfg)
		if prog == nil {
			t.Fatalf("formatted, it is wrong: %s", rendered(t, ds, cfg.Files))
		}
		if d := cmp.Diff(before, whatItBuilds(prog)); d != "" {
			t.Errorf("formatted, it means something else: %s", d)
		}
		return before
	})
	t.Logf("%d programs", n)
}

// elsewhere are the codes that no program has by itself, and the tests that show them.
var elsewhere = map[string]string{
	"E0107": "lang: TestNesting", "E0115": "testdata/script/params.txtar", "E0408": "compiler: TestApplyPhase", "E0701": "compiler: TestParams", "E0702": "compiler: TestParams", "E0703": "testdata/invalid/options.txtar: given",
	"E0711": "testdata/script/test.txtar", "E0801": "testdata/script/check.txtar", "E0802": "testdata/script/plan.txtar", "E0803": "testdata/script/interrupt.txtar",
	"E0804": "testdata/script/data.txtar", "E0901": "testdata/script/onerror.txtar", "W0706": "testdata/script/params.txtar",
}

// TestInvalidPrograms compiles the programs in testdata/invalid. What is wrong with each stands after it, as imgc check shows it.
// Every code is there, but for those that a program by itself does not have.
func TestInvalidPrograms(t *testing.T) {
	codes := map[string]bool{}
	n := archives(t, "invalid", func(t *testing.T, p program) string {
		cfg, files := p.config(t)
		_, ds := compiler.Compile(cfg)
		if len(ds) == 0 {
			t.Error("nothing is wrong with it")
		}
		for _, d := range ds {
			codes[d.Code] = true
			if d.Help == "" || d.Range == (lang.Range{}) && d.Code != "E0702" && d.Code != "E0703" {
				t.Errorf("%s has no way out, or no place", d.Code)
			}
		}
		return rendered(t, ds, files)
	})
	t.Logf("%d programs", n)
	for _, c := range lang.Codes() {
		if !codes[c.Code] && elsewhere[c.Code] == "" {
			t.Errorf("no program in testdata/invalid has %s (%s)", c.Code, c.Title)
		}
	}
	for c := range codes {
		if _, ok := lang.Lookup(c); !ok {
			t.Errorf("%s is not explained", c)
		}
	}
}

// TestExamples compiles the examples of imgc explain: the wrong one has the mistake, the right one none at all.
func TestExamples(t *testing.T) {
	for _, c := range lang.Codes() {
		t.Run(c.Code, func(t *testing.T) {
			for _, kind := range []string{"wrong", "right"} {
				p := program{name: c.Code}
				for name, text := range lang.ExampleFiles(c.Code, kind) {
					p.files = append(p.files, txtar.File{Name: name, Data: []byte(text)})
				}
				if len(p.files) == 0 {
					t.Errorf("there is no %s example", kind)
					continue
				}
				slices.SortFunc(p.files, func(a, b txtar.File) int { return strings.Compare(a.Name, b.Name) })
				cfg, files := p.config(t)
				_, ds := compiler.Compile(cfg)
				has := slices.ContainsFunc(ds, func(d lang.Diagnostic) bool { return d.Code == c.Code })
				if kind == "right" && len(ds) > 0 || kind == "wrong" && !has && elsewhere[c.Code] == "" {
					t.Errorf("%s: %s", kind, rendered(t, ds, files))
				}
			}
		})
	}
}

func rendered(t testing.TB, ds lang.Diagnostics, files []*lang.File) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Text(&b, ds, sources(files), report.Options{Width: 100}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// whatItBuilds is a line for each unit, step, link and output.
func whatItBuilds(p *compiler.Program) string {
	var b strings.Builder
	line := func(pad, what string, c *compiler.Call) {
		fmt.Fprintf(&b, "%s%s %s", pad, what, c.Schema.Name)
		if c.Label != "" {
			fmt.Fprintf(&b, " %q", c.Label)
		}
		for _, o := range c.Options {
			if o.Given {
				fmt.Fprintf(&b, " %s=%s", o.Field.Name, compiler.FormatValue(o.Value, o.Field.Type))
			}
		}
		if c.Retry > 0 || c.Timeout > 0 || c.Pause > 0 {
			fmt.Fprintf(&b, " (retry %d, timeout %s, pause %s)", c.Retry, c.Timeout, c.Pause)
		}
		if c.Keep {
			b.WriteString(" (keep)")
		}
		b.WriteString("\n")
	}
	for _, u := range p.Units {
		line("", u.Addr, u.Builder)
		for _, s := range u.Steps {
			line("  ", "provision", s)
		}
		if u.OnError != nil {
			line("  ", "on_error", u.OnError)
		}
		for _, ch := range u.Posts {
			for i, l := range ch.Links {
				line("  ", []string{"post", "  |>"}[min(i, 1)], l)
			}
		}
		if len(u.DependsOn) > 0 {
			fmt.Fprintf(&b, "  after %s\n", strings.Join(u.DependsOn, ", "))
		}
	}
	for _, o := range p.Outputs {
		fmt.Fprintf(&b, "output %s = %s\n", o.Name, compiler.FormatValue(o.Value, o.Type))
	}
	return b.String()
}

// TestOurProgramsParse reads the programs that newcomers meet first.
func TestOurProgramsParse(t *testing.T) {
	programs := map[string]string{"starter": strings.ReplaceAll(starter, "NAME", "web")}
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "*", "[^.]*.imgc"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("there are no programs in testdata: the test looks in the wrong folder")
	}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		programs[f] = string(src)
	}
	for name, src := range programs {
		for _, d := range lang.Parse(name, src).Decls {
			for _, p := range d.Problems {
				at := lang.PositionOf(src, p.Range.Start)
				t.Errorf("%s:%+v: %v", name, at, p)
			}
		}
	}
}
