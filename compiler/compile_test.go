package compiler_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"imgc/compiler"
	"imgc/lang"
	"imgc/stdlib"
)

var update = flag.Bool("update", false, "write what the golden tests compare with")

// schemas are components that hold every mark and fact.
const schemas = `
type ssh = { host: string  port: int = 22  free password: string?  keys: list(string) = [] }
builder box {
  one_of base scratch
  base: path?
  scratch: bool?
  size: size = 10GiB
  kind: "big" | "small" = "small"
  name: public string = "box"
  ssh: ssh?
  tags: map(public string) = {}
  artifact rootfs { path: path, id: string, sizes: list(int) }
}
builder bare { machine none  artifact none {} }
data finder { name: string  token: string?  artifact found { id: string } }
provisioner run {
  at_most_one script text
  inline: list(string) = []
  reads script: path?
  text: string?
  env: map(string) = {}
  limit: duration = 5m
  codes: list(int) = [0]
}
provisioner here { machine none  inline: list(string) }
post pack { takes rootfs files  writes output: public path  artifact files { path: path } }
post note { takes any  keeps input  artifact report {} }
post look { takes any  gives input  keeps input }
`

func loadSchemas(t testing.TB) *compiler.SchemaSet {
	t.Helper()
	set, ds := compiler.LoadSchemas(map[string]string{"schema.imgc": schemas})
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	return set
}

func env(name string) (string, bool) {
	v, ok := map[string]string{"TOKEN": "s3cr3t", "IMGC_PARAM_REGION": "from-env"}[name]
	return v, ok
}

func compile(t testing.TB, src string, params ...string) (*compiler.Program, lang.Diagnostics) {
	t.Helper()
	cfg := compiler.Config{Dir: "/program", Files: []*lang.File{lang.Parse("main.imgc", src)}, Schemas: loadSchemas(t), LookupEnv: env}
	for _, p := range params {
		name, text, _ := strings.Cut(p, "=")
		cfg.Params = append(cfg.Params, compiler.ParamInput{Name: name, Text: text, Origin: "-p"})
	}
	return compiler.Compile(cfg)
}

// TestDiagnostics compiles each program in testdata. After a program stands what is wrong with it, a line each: the
// place, the code, the message, and the help.
func TestDiagnostics(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	codes := map[string]bool{}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var out []txtar.File
			for _, f := range a.Files {
				if strings.HasSuffix(f.Name, ".found") {
					continue
				}
				_, ds := compile(t, string(f.Data))
				found := txtar.File{Name: f.Name + ".found", Data: []byte(list(string(f.Data), ds, codes))}
				out = append(out, f, found)
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(&txtar.Archive{Comment: a.Comment, Files: out}), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(string(txtar.Format(a)), string(txtar.Format(&txtar.Archive{Comment: a.Comment, Files: out}))); d != "" {
				t.Error(d)
			}
		})
	}
	if !*update {
		for _, c := range lang.Codes() {
			mine := c.Code[1:] >= "0200" && c.Code[1:] < "0800"
			if mine && !codes[c.Code] && !elsewhere[c.Code] {
				t.Errorf("no program in testdata has %s (%s)", c.Code, c.Title)
			}
		}
		for code := range codes {
			if _, ok := lang.Lookup(code); !ok {
				t.Errorf("%s is not in the catalogue", code)
			}
		}
	}
}

// elsewhere are the codes that need parameters or an apply, and have tests of their own.
var elsewhere = map[string]bool{"E0408": true, "E0702": true, "E0703": true, "W0706": true, "E0711": true, "E0804": true,
	"E0207": true, "E0208": true, "E0209": true}

func list(src string, ds lang.Diagnostics, codes map[string]bool) string {
	var b strings.Builder
	for _, d := range ds {
		codes[d.Code] = true
		p := lang.PositionOf(src, d.Range.Start)
		fmt.Fprintf(&b, "%d:%d %s %s\n    help: %s\n", p.Line, p.Column, d.Code, d.Message, d.Help)
		for _, r := range d.Related {
			p := lang.PositionOf(src, r.Range.Start)
			fmt.Fprintf(&b, "    %d:%d %s\n", p.Line, p.Column, r.Text)
		}
		for _, n := range d.Notes {
			fmt.Fprintf(&b, "    note: %s\n", n)
		}
	}
	return b.String()
}

// TestValues evaluates expressions.
func TestValues(t *testing.T) {
	for expr, want := range map[string]string{
		`1 + 2 * 3`:          `7`,
		`7 / 2`:              `3`,
		`-7 / 2`:             `-3`,
		`7 % 3`:              `1`,
		`7.0 / 2`:            `3.5`,
		`1 + 0.5`:            `1.5`,
		`20GiB`:              `20GiB`,
		`20GiB * 2 + 512MiB`: `41472MiB`,
		`20GiB / 4`:          `5GiB`,
		`20GiB / 5GiB`:       `4`,
		`1h + 30m`:           `1h30m`,
		`90s / 3`:            `30s`,
		`1h > 59m`:           `true`,
		`"size ${20GiB} time ${90s} n ${1} b ${true}"`:    `"size 20GiB time 1m30s n 1 b true"`,
		`'as $it ${stands}'`:                              `"as $it \${stands}"`,
		`"\u{41}\n"`:                                      `"A\n"`,
		`if 1 < 2 then "yes" else "no"`:                   `"yes"`,
		`if true then 1 else 1 / 0`:                       `1`,
		`false && 1 / 0 == 1`:                             `false`,
		`[for x in [1, 2, 3] if x > 1: x * 2]`:            `[4, 6]`,
		`{for k, v in { a = 1, b = 2 }: "${k}!" = v + 1}`: `{ "a!" = 2, "b!" = 3 }`,
		`[for i, x in ["a"]: "${i}${x}"]`:                 `["0a"]`,
		`{ a = { b = [1, 2] } }.a.b[1]`:                   `2`,
		`upper("abc")`:                                    `"ABC"`,
		`join(", ", sort(["b", "a"]))`:                    `"a, b"`,
		`length("日本")`:                                    `2`,
		`length([1, 2])`:                                  `2`,
		`contains(["a"], "a")`:                            `true`,
		`merge({ a = 1 }, { b = 2 })`:                     `{ a = 1, b = 2 }`,
		`concat([1], [2, 3])`:                             `[1, 2, 3]`,
		`format("%03d %s %q", 7, "x", "y")`:               `"007 x \"y\""`,
		`jsonencode({ a = [1, 2], b = "x" })`:             `"{\"a\":[1,2],\"b\":\"x\"}"`,
		`jsondecode("{\"a\": [1]}").a[0]`:                 `1`,
		`max(1, 3, 2)`:                                    `3`,
		`min(1h, 30m)`:                                    `30m`,
		`range(3)`:                                        `[0, 1, 2]`,
		`substr("hello", 1, 3)`:                           `"ell"`,
		`split(",", "a,b")`:                               `["a", "b"]`,
		`lookup({ a = 1 }, "b", 2)`:                       `2`,
		`base64decode(base64encode("x"))`:                 `"x"`,
		`"a" == "a" && [1] == [1] && !(1 == 2)`:           `true`,
		`ceil(1.2) + floor(1.8) + round(1.5)`:             `5`,
		`parseint("ff", base: 16)`:                        `255`,
	} {
		prog, ds := compile(t, "let _x = "+expr+"\noutput o = _x\n")
		if prog == nil {
			t.Errorf("%s: %v", expr, ds)
			continue
		}
		if got := compiler.FormatValue(prog.Outputs[0].Value, prog.Outputs[0].Type); got != want {
			t.Errorf("%s is %s, not %s", expr, got, want)
		}
	}
}

const secretProgram = `
secret param token: string = env("TOKEN")
source s = box { scratch = true  ssh = { host = "h"  password = token } }
build b {
  from s
  provision run { env = { A = %s } }
}
`

// TestSecrecy sends a secret through operators and functions: it stays one.
func TestSecrecy(t *testing.T) {
	for _, expr := range []string{`token`, `"x${token}"`, `upper(token)`, `if token == "x" then "a" else "b"`, `join("", [for c in [token]: c])`,
		`[token, "x"][0]`, `{ a = token }.a`, `base64encode(sha256(token))`, `substr(token, 0, 1)`, `format("%s", token)`, `jsonencode({ t = token })`, `lookup({ a = token }, "a", "")`} {
		prog, ds := compile(t, fmt.Sprintf(secretProgram, expr))
		if prog == nil {
			t.Errorf("%s: %v", expr, ds)
			continue
		}
		for _, o := range prog.Units[0].Steps[0].Options {
			if o.Field.Name == "env" {
				if got := compiler.FormatValue(o.Value, o.Field.Type); got != "{ A = (secret) }" {
					t.Errorf("%s prints as %s", expr, got)
				}
			}
		}
		if d := cmp.Diff([]string{"s3cr3t"}, prog.Secrets); d != "" {
			t.Error(d)
		}
	}
	for place, src := range map[string]string{
		"an output":      "secret param t: string = env(\"TOKEN\")\noutput o = t\n",
		"a public name":  "secret param t: string = env(\"TOKEN\")\nsource s = box { scratch = true  name = \"x${t}\" }\nbuild b { from s }\n",
		"a tag":          "secret param t: string = env(\"TOKEN\")\nsource s = box { scratch = true  tags = { a = t } }\nbuild b { from s }\n",
		"a field's name": "secret param t: string = env(\"TOKEN\")\nlet x = { (t) = 1 }\noutput o = length(x)\n",
	} {
		_, ds := compile(t, src)
		if len(ds) != 1 || ds[0].Code != "E0402" || strings.Contains(ds[0].Message+ds[0].Help+strings.Join(ds[0].Notes, ""), "s3cr3t") {
			t.Errorf("%s takes a secret: %v", place, ds)
		}
	}
}

// TestSecrecyOfWhatIsNotKnown holds that what is made of a secret is secret before it is known.
func TestSecrecyOfWhatIsNotKnown(t *testing.T) {
	for _, expr := range []string{`[for x in split(",", b.s.id): token]`, `{for x in split(",", b.s.id): x = token}`, `join("", [for x in split(",", b.s.id): token])`,
		`[for x in ["a"] if run.id == "x": token]`, `{for x in ["a"] if run.id == "x": x = token}`, `length([for x in split(",", b.s.id) if x == token: x])`,
		`{for x in ["a"]: run.id = token}`, `[token, "x"][length(b.s.id)]`, `{ a = token, b = "x" }[run.id]`, `jsondecode("[1]")[if token == run.id then 0 else 1]`} {
		_, ds := compile(t, "secret param token: string = env(\"TOKEN\")\nsource s = box { scratch = true }\nbuild b { from s }\noutput o = "+expr+"\n")
		if len(ds) != 1 || ds[0].Code != "E0402" {
			t.Errorf("an output takes %s: %v", expr, ds)
		}
	}
}

// TestParams gives values from everywhere; the last one counts.
func TestParams(t *testing.T) {
	const src = `
param region: string = "default"
param size: size = 1GiB
param hosts: list(string) = []
param kind: "a" | "b" = "a"
param on: bool = false
output region = region
output rest = [format("%d", length(hosts)), kind, "${size}", "${on}"]
`
	prog, ds := compile(t, src)
	if prog == nil {
		t.Fatal(ds)
	}
	if got := compiler.FormatValue(prog.Outputs[0].Value, nil); got != `"from-env"` {
		t.Errorf("the environment: %s", got)
	}
	prog, ds = compile(t, src, "region=first", "region=last", "size=2GiB", `hosts=["x", "y"]`, "kind=b", "on=true")
	if prog == nil {
		t.Fatal(ds)
	}
	if got := compiler.FormatValue(prog.Outputs[0].Value, nil); got != `"last"` || prog.Params[0].Origin != "-p" {
		t.Errorf("-p: %s from %s", got, prog.Params[0].Origin)
	}
	if got := compiler.FormatValue(prog.Outputs[1].Value, nil); got != `["2", "b", "2GiB", "true"]` {
		t.Error(got)
	}
	for param, code := range map[string]string{"size=big": "E0702", "kind=c": "E0702", "regoin=x": "E0703", "hosts=[1]": "E0702", "on=1": "E0702"} {
		if _, ds := compile(t, src, param); len(ds) != 1 || ds[0].Code != code || ds[0].Help == "" {
			t.Errorf("%s: %v", param, ds)
		}
	}
	// The value of a secret param that does not fit is not told.
	_, ds = compile(t, "secret param pin: int\noutput o = 1\n", "pin=hunter2")
	if len(ds) == 0 || strings.Contains(fmt.Sprint(ds), "hunter2") {
		t.Error(ds)
	}
	vars := lang.ParseVars("prod.imgcvars", "region = \"vars\"\nsiez = 1GiB\n")
	prog, ds = compiler.Compile(compiler.Config{Files: []*lang.File{lang.Parse("main.imgc", src)}, Schemas: loadSchemas(t), LookupEnv: env, VarsFiles: []*lang.VarsFile{vars}})
	if prog == nil || prog.Params[0].Origin != "prod.imgcvars:1" || len(ds) != 1 || ds[0].Code != "W0706" || !strings.Contains(ds[0].Help, `"size"`) {
		t.Errorf("%v", ds)
	}
}

// TestApplyPhase follows values that are known only after apply.
func TestApplyPhase(t *testing.T) {
	prog, ds := compile(t, `
param version: string = "1"
let label = "v${version}-${run.digest}"
source s = box { scratch = true }
source u = box { base = base.s.path  name = label }
build base { from s }
build web { from u }
output id = web.u.id
`)
	if prog == nil {
		t.Fatal(ds)
	}
	web := prog.Units[1]
	if d := cmp.Diff([]string{"base.s"}, web.DependsOn); d != "" {
		t.Error(d)
	}
	pending := map[string]*compiler.Pending{}
	for _, o := range web.Builder.Options {
		if o.Pending != nil {
			pending[o.Field.Name] = o.Pending
		}
	}
	if d := cmp.Diff([]string{"base.s.path"}, pending["base"].Refs); d != "" {
		t.Error(d)
	}
	if p := pending["name"]; cmp.Diff([]string{"run.digest"}, p.Refs) != "" || !strings.Contains(p.Text, "label") || compiler.FormatValue(p.Known["version"], nil) != `"1"` {
		t.Errorf("%+v", p)
	}
	rt := &compiler.Runtime{RunID: "r1", Digest: "0123456789ab", Artifacts: map[string]map[string]any{"base.s": {"path": "out/base.tar", "id": "b"}, "web.u": {"id": "w"}}}
	v, ds := web.Builder.Resolve(rt)
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	if got := compiler.FormatValue(v.GetAttr("name"), nil) + compiler.FormatValue(v.GetAttr("base"), nil); got != `"v1-0123456789ab""out/base.tar"` {
		t.Error(got)
	}
	if v, ds := prog.Outputs[0].Resolve(rt); len(ds) > 0 || v.AsString() != "w" {
		t.Error(v, ds)
	}
	delete(rt.Artifacts, "base.s")
	if _, ds := web.Builder.Resolve(rt); len(ds) != 1 || ds[0].Code != "E0408" {
		t.Error(ds)
	}
}

// TestSteps looks at what each source of a build sees.
func TestSteps(t *testing.T) {
	prog, ds := compile(t, `
source a = box { scratch = true  size = 1GiB  ssh = { host = "h", port = 1 } }
source b = box { scratch = true }
build x {
  from a { size = 2GiB  ssh = { host = "other" } }
  from b
  provision run "both" { inline = ["1"]  env = { A = "1" }  override b { inline = ["2"]  env = { B = "2" } } }
  provision run { only a  text = "a" }
  on b { provision run { text = "b" } }
  provision here { except a  inline = ["h"] }
  post pack { only a  output = "a.tar" } |> look |> note
  post note
}
`)
	if prog == nil {
		t.Fatal(ds)
	}
	var got []string
	for _, u := range prog.Units {
		for _, c := range append([]*compiler.Call{u.Builder}, u.Steps...) {
			line := u.Addr + " " + c.Schema.Name
			for _, o := range c.Options {
				if o.Given {
					line += " " + o.Field.Name + "=" + compiler.FormatValue(o.Value, o.Field.Type)
				}
			}
			got = append(got, line)
		}
		for _, ch := range u.Posts {
			line := u.Addr + " post"
			for _, l := range ch.Links {
				line += " " + l.Schema.Name
			}
			got = append(got, line)
		}
	}
	sort.Strings(got)
	want := []string{
		`x.a box scratch=true size=2GiB ssh={ host = "other", keys = [], password = null, port = 1 }`,
		`x.a post note`,
		`x.a post pack look note`,
		`x.a run inline=["1"] env={ A = "1" }`,
		`x.a run text="a"`,
		`x.b box scratch=true`,
		`x.b here inline=["h"]`,
		`x.b post note`,
		`x.b run inline=["2"] env={ B = "2" }`,
		`x.b run text="b"`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// corpus are all programs of testdata, a file each, but those that are made to take their time.
func corpus(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"testdata/*.txtar", "../testdata/valid/*.txtar", "../testdata/invalid/*.txtar"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, name := range files {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range a.Files {
				slow := bytes.Contains(f.Data, []byte("range(100000)")) || bytes.Contains(f.Data, []byte("range(20000)"))
				if strings.HasSuffix(f.Name, ".imgc") && !slow {
					out[name+"/"+f.Name] = string(f.Data)
				}
			}
		}
	}
	return out
}

// allSchemas are the components there are, and those of these tests.
func allSchemas(t testing.TB) *compiler.SchemaSet {
	t.Helper()
	texts := stdlib.Schemas()
	texts["tests"] = strings.ReplaceAll(schemas, "type ssh", "type shell_login")
	set, ds := compiler.LoadSchemas(texts)
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	return set
}

// compileWhole compiles a program twice: both times it is the same, and what check accepts resolves at apply without a mistake of
// types.
func compileWhole(t *testing.T, set *compiler.SchemaSet, src string) {
	t.Helper()
	cfg := compiler.Config{Dir: t.TempDir(), Files: []*lang.File{lang.Parse("main.imgc", src)}, Schemas: set, LookupEnv: env, AllowMissing: true}
	prog, ds := compiler.Compile(cfg)
	if (prog == nil) != ds.HasErrors() {
		t.Errorf("a program: %t, errors: %v", prog != nil, ds)
	}
	again, ds2 := compiler.Compile(cfg)
	if d := cmp.Diff(ds, ds2); d != "" {
		t.Errorf("the same program gives other diagnostics: %s", d)
	}
	if prog == nil {
		return
	}
	if d := cmp.Diff(summary(prog), summary(again)); d != "" {
		t.Errorf("the same program builds something else: %s", d)
	}
	rt := &compiler.Runtime{RunID: "run-1", Digest: "0123456789ab", Time: time.Unix(0, 0), Artifacts: artifacts(prog)}
	mayFail := map[string]bool{"E0305": true, "E0308": true, "E0408": true} // values, not types
	check := func(what string, ds lang.Diagnostics) {
		for _, d := range ds {
			if !mayFail[d.Code] {
				t.Errorf("%s of a program that check accepts: %v", what, d)
			}
		}
	}
	for _, u := range prog.Units {
		for _, c := range u.Calls() {
			_, ds := c.Resolve(rt)
			check(u.Addr, ds)
		}
	}
	for _, o := range prog.Outputs {
		_, ds := o.Resolve(rt)
		check("output "+o.Name, ds)
	}
}

// artifacts are made-up artifacts of all units, with the types that their builders declare.
func artifacts(p *compiler.Program) map[string]map[string]any {
	out := map[string]map[string]any{}
	for _, u := range p.Units {
		fields := map[string]any{}
		if u.Builder.Schema.Artifact != nil {
			for _, f := range u.Builder.Schema.Artifact.Fields {
				fields[f.Name] = madeUp(f.Type)
			}
		}
		out[u.Addr] = fields
	}
	return out
}

func madeUp(t *compiler.Type) any {
	switch t.Kind {
	case compiler.List:
		return []any{madeUp(t.Elem)}
	case compiler.Map:
		return map[string]any{"k": madeUp(t.Elem)}
	case compiler.Bool:
		return true
	case compiler.Int, compiler.Float, compiler.Size, compiler.Duration:
		return 7
	}
	return "made up"
}

// TestMutations deletes, doubles and swaps each token of each program and compiles what comes of it: nothing panics.
func TestMutations(t *testing.T) {
	set := allSchemas(t)
	n := 0
	for name, src := range corpus(t) {
		tokens := lang.Tokens(src)
		for i, tok := range tokens {
			before, after := src[:tok.Start], src[tok.End():]
			mutants := []string{before + after, before + tok.Text + " " + tok.Text + after}
			if i+1 < len(tokens) {
				next := tokens[i+1]
				mutants = append(mutants, before+next.Text+src[tok.End():next.Start]+tok.Text+src[next.End():])
			}
			for k, m := range mutants {
				n++
				cfg := compiler.Config{Dir: "/nowhere", Files: []*lang.File{lang.Parse("main.imgc", m)}, Schemas: set, LookupEnv: env, AllowMissing: true}
				if prog, ds := compiler.Compile(cfg); (prog == nil) != ds.HasErrors() {
					t.Fatalf("%s: token %d (%q), mutation %d: %v", name, i, tok.Text, k, ds)
				}
			}
		}
	}
	t.Logf("%d mutants", n)
}

// TestCheckedProgramsPlan holds the law of compileWhole for every program there is.
func TestCheckedProgramsPlan(t *testing.T) {
	set := allSchemas(t)
	for name, src := range corpus(t) {
		t.Run(name, func(t *testing.T) { compileWhole(t, set, src) })
	}
}

func FuzzCompile(f *testing.F) {
	for _, src := range corpus(f) {
		f.Add(src)
	}
	set := allSchemas(f)
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 10_000 {
			return
		}
		compileWhole(t, set, src)
	})
}

func BenchmarkCompile1000x10(b *testing.B) {
	var src strings.Builder
	src.WriteString("param version: string = \"1\"\nlet work = \"/tmp/${version}\"\nsource s = box { scratch = true }\n")
	for i := range 1000 {
		fmt.Fprintf(&src, "build b%d {\n  from s\n", i)
		for j := range 10 {
			fmt.Fprintf(&src, "  provision run \"step %d\" { inline = [\"mkdir ${work}\", \"echo %d\"]  env = { A = version } }\n", j, i)
		}
		src.WriteString("}\n")
	}
	set := loadSchemas(b)
	b.SetBytes(int64(src.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if prog, ds := compiler.Compile(compiler.Config{Files: []*lang.File{lang.Parse("main.imgc", src.String())}, Schemas: set}); prog == nil {
			b.Fatal(ds)
		}
	}
}

func writeFiles(t testing.TB, dir string, a *txtar.Archive) {
	t.Helper()
	for _, f := range a.Files {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
