package compiler_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/tools/txtar"

	"imgc/compiler"
	"imgc/lang"
)

// program compiles the files of an archive: those at its top are the program, the others modules that it uses.
func program(t testing.TB, archive string, change func(*compiler.Config)) (*compiler.Program, lang.Diagnostics) {
	t.Helper()
	dir := t.TempDir()
	a := txtar.Parse([]byte(archive))
	writeFiles(t, dir, a)
	src, err := compiler.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	cfg := compiler.Config{Dir: src.Dir, Files: src.Files, Used: src.Used, Schemas: loadSchemas(t), LookupEnv: env}
	if change != nil {
		change(&cfg)
	}
	return compiler.Compile(cfg)
}

// summary is what a program builds, a line for each unit, step and link.
func summary(p *compiler.Program) string {
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
		b.WriteString("\n")
	}
	for _, u := range p.Units {
		line("", u.Addr, u.Builder)
		for _, s := range u.Steps {
			line("  ", "step", s)
		}
		for _, ch := range u.Posts {
			for _, l := range ch.Links {
				line("  ", "post", l)
			}
		}
		if len(u.DependsOn) > 0 {
			fmt.Fprintf(&b, "  after %s\n", strings.Join(u.DependsOn, ", "))
		}
	}
	for _, o := range p.Outputs {
		fmt.Fprintf(&b, "%s = %s\n", o.Name, compiler.FormatValue(o.Value, o.Type))
	}
	return b.String()
}

// TestReuse compiles what modules, functions, recipes and matrices are for.
func TestReuse(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"functions": {`
-- main.imgc --
func greet(name: string, mark: string = "!"): string = "hello ${name}${mark}"
func sizes(n: int) = [for i in range(n): 10GiB * (i + 1)]
output a = greet("you")
output b = greet("you", mark: "?")
output c = sizes(3)
output d = sizes(3)[2] / 2
`, `a = "hello you!"
b = "hello you?"
c = [10GiB, 20GiB, 30GiB]
d = 15GiB
`},
		"a matrix": {`
-- main.imgc --
source s = box { scratch = true }
build web for arch in ["amd64", "arm64"] {
  from s { name = "web-${arch}" }
  provision run { when arch == "arm64"  inline = ["qemu ${arch}"] }
}
build desk for name, size in { small = 10GiB, large = 20GiB } {
  from s { size = size  name = name }
}
build next {
  from s
  provision run { inline = ["cp ${web["amd64"].s.path} ."] }
}
`, `web["amd64"].s box scratch=true name="web-amd64"
web["arm64"].s box scratch=true name="web-arm64"
  step run inline=["qemu arm64"]
desk["large"].s box scratch=true size=20GiB name="large"
desk["small"].s box scratch=true size=10GiB name="small"
next.s box scratch=true
  step run inline=[(known after apply)]
  after web["amd64"].s
`},
		"recipes": {`
-- main.imgc --
source a = box { scratch = true }
source b = box { scratch = true }
recipe packages(names: list(string), update: bool = true) {
  provision run "update" { when update  inline = ["apt-get update"] }
  provision run "install" { retry 2  inline = ["apt-get install -y ${join(" ", names)}"] }
}
recipe web(extra: list(string) = []) {
  provision packages { names = concat(["nginx"], extra) }
}
build x {
  from a
  from b
  provision web { extra = ["curl"]  override b { extra = [] } }
  provision packages { only b  names = ["vim"]  update = false }
}
`, `x.a box scratch=true
  step run "update" inline=["apt-get update"]
  step run "install" inline=["apt-get install -y nginx curl"]
x.b box scratch=true
  step run "update" inline=["apt-get update"]
  step run "install" inline=["apt-get install -y nginx"]
  step run "install" inline=["apt-get install -y vim"]
`},
		"modules": {`
-- main.imgc --
use "lib"
use "base/images.imgc" as base
source mine = box { base = "x.tar" }
build web {
  from mine
  from lib.small { name = lib.name("web") }
  provision lib.setup { version = lib.version }
  provision run { inline = ["cat ${base.golden.img.path}"] }
}
output v = lib.version
output p = base.where
-- lib/lib.imgc --
param version: string = "1.0"
func name(s: string) = "${_prefix}-${s}"
let _prefix = "acme"
source small = box { base = "small.tar"  size = 1GiB }
recipe setup(version: string) {
  provision run { script = "setup.sh"  env = { VERSION = version } }
}
-- lib/setup.sh --
-- base/images.imgc --
source img = box { scratch = true }
build golden { from img }
output where = golden.img.path
`, `base.golden.img box scratch=true
web.mine box base="x.tar"
  step run script="lib/setup.sh" env={ VERSION = "1.0" }
  step run inline=[(known after apply)]
  after base.golden.img
web.small box base="lib/small.tar" size=1GiB name="acme-web"
  step run script="lib/setup.sh" env={ VERSION = "1.0" }
  step run inline=[(known after apply)]
  after base.golden.img
v = "1.0"
p = (known after apply)
`},
		"types": {`
-- main.imgc --
use "t"
type disk = { size: size, kind: "ssd" | "hdd", label: string? }
let d: disk = { size = 1GiB, kind = "ssd" }
let all: list(t.pair) = [{ a = 1, b = "x" }]
output size = d.size
output label = d.label ?? "none"
output sum = [for p in all: p.a + 1]
-- t/t.imgc --
type pair = { a: int, b: string }
`, `size = 1GiB
label = "none"
sum = [2]
`},
		"files": {`
-- main.imgc --
use "lib"
output a = file("hello.txt")
output b = lib.text
output c = fileset("lib", "*.txt")
output d = templatefile("t.tmpl", { names = ["a", "b"], port = 80 })
output e = fileexists("no")
-- hello.txt --
hello
-- t.tmpl --
listen ${port} $${x} ${join(",", names)}
-- lib/x.imgc --
let text = file("in.txt")
-- lib/in.txt --
inside
`, `a = "hello\n"
b = "inside\n"
c = ["in.txt"]
d = "listen 80 \${x} a,b\n"
e = false
`},
		"types are not lost in functions": {`
-- main.imgc --
output a = reverse([1GiB, 2GiB])
output b = concat([30s], [1m])
output c = slice([1h, 2h, 3h], 0, 2)[1]
output d = values({ a = 1GiB })
output e = element([10s], 5)
output f = distinct([1m, 60s])
output g = chunklist([1KiB, 2KiB, 3KiB], 2)
output h = concat([], [1GiB])
output i = [for s in reverse([1GiB]): s * 2]
output j = lookup({ a = 1m }, "b", 2m)
`, `a = [2GiB, 1GiB]
b = [30s, 1m]
c = 2h
d = [1GiB]
e = 10s
f = [1m]
g = [[1KiB, 2KiB], [3KiB]]
h = [1GiB]
i = [2GiB]
j = 2m
`},
	} {
		t.Run(name, func(t *testing.T) {
			p, ds := program(t, c.src, nil)
			if p == nil {
				t.Fatal(ds)
			}
			for _, d := range ds {
				if d.Code != "W0201" {
					t.Error(d)
				}
			}
			if d := cmp.Diff(c.want, summary(p)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestModuleMistakes reports what only modules can have wrong.
func TestModuleMistakes(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"a circle":  {"-- main.imgc --\nuse \"a\"\noutput x = a.x\n-- a/a.imgc --\nuse \"../b\"\nlet x = b.x\n-- b/b.imgc --\nuse \"../a\"\nlet x = a.x\n", "E0208 modules use each other in a circle: a → b → a"},
		"private":   {"-- main.imgc --\nuse \"a\"\noutput x = a._x\n-- a/a.imgc --\nlet _x = 1\n", "E0209 a._x is private"},
		"not there": {"-- main.imgc --\nuse \"a\"\noutput x = 1\n", `E0207 the module "a" cannot be used: it is not there`},
		"no name":   {"-- main.imgc --\nuse \"a\"\noutput x = a.y\n-- a/a.imgc --\nlet x = 1\n", "E0201 module a has no y"},
		"inside":    {"-- main.imgc --\nuse \"a\"\noutput x = a.x\n-- a/a.imgc --\nlet x = 1 +\n", "E0110 expected a value, found the end"},
	} {
		t.Run(name, func(t *testing.T) {
			_, ds := program(t, c.src, nil)
			if len(ds) == 0 || ds[0].Code+" "+ds[0].Message != c.want {
				t.Errorf("found %v", ds)
			}
		})
	}
}

// TestData looks data up when a plan is made, and not for a check.
func TestData(t *testing.T) {
	const src = `
-- main.imgc --
secret param token: string = "t0ken"
data img = finder { name = "jammy-*" }
data more = finder { name = "x-${img.id}"  token = token }
source s = box { scratch = true  name = img.id }
build b {
  from s
  provision run { env = { A = more.id } }
}
`
	asked := []string{}
	p, ds := program(t, src, func(c *compiler.Config) {
		c.Lookup = func(s *compiler.Schema, o cty.Value) (map[string]any, error) {
			name := o.GetAttr("name").AsString()
			asked = append(asked, s.Name+" "+name)
			return map[string]any{"id": "id-of-" + name}, nil
		}
	})
	if p == nil {
		t.Fatal(ds)
	}
	if d := cmp.Diff([]string{"finder jammy-*", "finder x-id-of-jammy-*"}, asked); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff("b.s box scratch=true name=\"id-of-jammy-*\"\n  step run env={ A = (secret) }\n", summary(p)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"t0ken", "id-of-x-id-of-jammy-*"}, p.Secrets); d != "" {
		t.Error(d)
	}
	if p, ds = program(t, src, nil); p == nil || p.Units[0].Builder.Options[3].Value.IsKnown() {
		t.Error("without a lookup the data is known", ds)
	}
	_, ds = program(t, src, func(c *compiler.Config) {
		c.Lookup = func(*compiler.Schema, cty.Value) (map[string]any, error) { return nil, fmt.Errorf("nothing matches") }
	})
	if len(ds) == 0 || ds[0].Code != "E0804" || !strings.Contains(ds[0].Message, "nothing matches") {
		t.Error(ds)
	}
}

// TestHostile compiles programs that are made to break the compiler: each gets an error, or a value, in a moment.
func TestHostile(t *testing.T) {
	double := func(first, next string, n int) string {
		var b strings.Builder
		fmt.Fprintf(&b, "let a0 = %s\n", first)
		for i := range n {
			fmt.Fprintf(&b, "let a%d = %s\n", i+1, strings.ReplaceAll(next, "@", fmt.Sprintf("a%d", i)))
		}
		return b.String() + fmt.Sprintf("output o = a%d\n", n)
	}
	calls := "func f0(x: int): int = x\n"
	for i := range 60 {
		calls += fmt.Sprintf("func f%d(x: int): int = f%d(x) + f%d(x)\n", i+1, i, i)
	}
	recipes := "source s = box { scratch = true }\nrecipe r0() { provision run { inline = [] } }\n"
	for i := range 60 {
		recipes += fmt.Sprintf("recipe r%d() {\n  provision r%d {}\n  provision r%d {}\n}\n", i+1, i, i)
	}
	for name, c := range map[string]struct{ src, code string }{
		"null for a bool":         {"let x: bool = [null][0]\noutput o = !x\n", "E0301"},
		"null from data":          {"let x: bool = jsondecode(\"null\")\noutput o = !x\n", "E0305"},
		"a number for a string":   {"output o = join(\",\", [jsondecode(\"1\"), \"a\"])\n", "E0305"},
		"a list for a string":     {"output o = upper(concat([jsondecode(\"[1]\")], [\"a\"])[0])\n", "E0305"},
		"a string doubles":        {double(`"xxxxxxxxxxxxxxxx"`, `"${@}${@}"`, 60), "E0308"},
		"a list doubles":          {double(`[1]`, `concat(@, @)`, 60), "E0308"},
		"a nested list doubles":   {double(`[1]`, `[@, @]`, 60), "E0308"},
		"loops in loops":          {"output o = [for a in range(100000): length([for b in range(100000): a + b])]\n", "E0308"},
		"functions call twice":    {calls + "output o = f60(1)\n", "E0308"},
		"recipes use twice":       {recipes + "build b {\n  from s\n  provision r60 {}\n}\n", "E0308"},
		"a function calls itself": {"func f(x: int): int = if x == 0 then 0 else f(x - 1)\noutput o = f(3)\n", "E0203"},
		"recipes use each other":  {"source s = box { scratch = true }\nrecipe a() { provision b {} }\nrecipe b() { provision a {} }\nbuild x {\n  from s\n  provision a {}\n}\n", "E0203"},
		"a matrix of itself":      {"source s = box { scratch = true }\nbuild x for v in [x[\"a\"].s.path] { from s }\n", "E0203"},
		"types in a circle":       {"type a = list(b)\ntype b = { a: a }\nlet x: a = []\noutput o = x\n", "E0203"},
	} {
		t.Run(name, func(t *testing.T) {
			_, ds := compile(t, c.src)
			if len(ds) == 0 || ds[0].Code != c.code {
				t.Errorf("wanted %s, got %v", c.code, ds)
			}
		})
	}
}

// TestDiagnosticsKeepSecrets makes mistakes with a secret: no diagnostic tells it.
func TestDiagnosticsKeepSecrets(t *testing.T) {
	const secret = "hunter2"
	for _, expr := range []string{`{ a = 1 }[token]`, `lookups[token]`, `[1][length(token)]`, `{for x in [token, token]: x = 1}`, `{ (token) = 1 }`, `parseint(token)`,
		`regex("x", "${token}(")`, `format("%d", token)`, `index(["a"], token)`, `base64decode(token)`, `jsondecode(token)`, `file(token)`, `templatefile("${token}", {})`,
		`cidrhost(token, 1)`, `timeadd(token, 1h)`, `fileset("${token}", "*")`, `uuidv5(token, "x")`, `yamldecode("{${token}")`, `csvdecode("a\n1,${token}")`} {
		_, ds := compile(t, "secret param token: string\nlet lookups: map(int) = { a = 1 }\noutput o = "+expr+"\n", "token="+secret)
		if !ds.HasErrors() {
			t.Errorf("%s is no mistake", expr)
		}
		if text := fmt.Sprintf("%+v", ds); strings.Contains(text, secret) {
			t.Errorf("%s tells the secret: %s", expr, text)
		}
	}
	vars := lang.ParseVars("prod.imgcvars", "token = [\"hunter2\"]\n")
	_, ds := compiler.Compile(compiler.Config{Files: []*lang.File{lang.Parse("main.imgc", "secret param token: string\noutput o = 1\n")}, VarsFiles: []*lang.VarsFile{vars}})
	for _, d := range ds {
		if d.Range.File == "prod.imgcvars" || strings.Contains(fmt.Sprintf("%+v", d), secret) {
			t.Errorf("the vars file is shown: %+v", d)
		}
	}
}

// TestSharedLets resolves an option that waits for apply through lets that are each used twice: the time stays linear.
func TestSharedLets(t *testing.T) {
	src := "source s = box { scratch = true }\nlet a0 = run.id\n"
	for i := range 50 {
		src += fmt.Sprintf("let a%d = if a%d == \"x\" then a%d else substr(a%d, 0, 3)\n", i+1, i, i, i)
	}
	p, ds := compile(t, src+"build b {\n  from s\n  provision run { inline = [a50] }\n}\n")
	if p == nil {
		t.Fatal(ds)
	}
	v, ds := p.Units[0].Steps[0].Resolve(&compiler.Runtime{RunID: "abcdef"})
	if ds.HasErrors() || v.GetAttr("inline").AsValueSlice()[0].AsString() != "abc" {
		t.Error(v, ds)
	}
}

// TestRecipeAtApply resolves what a recipe is given once it is known.
func TestRecipeAtApply(t *testing.T) {
	p, ds := compile(t, `
source s = box { scratch = true }
recipe inner(x: string) { provision run { inline = ["in ${x}"] } }
recipe outer(x: string) { provision inner { x = "${x}${x}" } }
build first { from s }
build second {
  from s
  provision outer { x = first.s.id }
}
`)
	if p == nil {
		t.Fatal(ds)
	}
	step := p.Units[1].Steps[0]
	v, ds := step.Resolve(&compiler.Runtime{Artifacts: map[string]map[string]any{"first.s": {"id": "i-1"}}})
	if ds.HasErrors() || v.GetAttr("inline").AsValueSlice()[0].AsString() != "in i-1i-1" {
		t.Error(v, ds)
	}
	for _, o := range step.Options {
		if o.Field.Name == "inline" && !strings.Contains(o.Pending.Text, "first.s.id") {
			t.Errorf("the digest does not know what it waits for: %s", o.Pending.Text)
		}
	}
}

// TestProgramTests runs the tests that a program carries.
func TestProgramTests(t *testing.T) {
	src := `
param stage: string = "prod" { check stage == "prod" || stage == "staging", "no such stage" }
let size = if stage == "prod" then 40GiB else 10GiB
source s = box { scratch = true  size = size }
build web { from s }
output where = web.s.path
test "staging is small" {
  param stage = "staging"
  expect plan.units["web.s"].options.size == 10GiB, "10 GiB are enough"
  expect size == 10GiB
}
test "stages are checked" {
  param stage = "qa"
  expect error "E0704", "no such stage"
}
test "wrong" {
  expect plan.units["web.s"].options.size == 10GiB, "too large"
  expect error "E0301"
}
test "too early" { expect plan.outputs.where == "x" }
`
	cfg := compiler.Config{Files: []*lang.File{lang.Parse("main.imgc", src)}, Schemas: loadSchemas(t)}
	results, ds := compiler.RunTests(cfg)
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	var got []string
	for _, r := range results {
		got = append(got, r.Name)
		for _, f := range r.Failures {
			got = append(got, "  "+f.Code+" "+f.Message+" "+strings.Join(f.Notes, "; "))
		}
	}
	want := []string{"staging is small", "stages are checked", "wrong",
		"  E0711 the program does not have the mistake E0301 ", `  E0711 too large plan.units["web.s"].options.size is 42949672960`,
		"too early", "  E0711 this is not known before apply "}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
