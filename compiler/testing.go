package compiler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// TestResult is what became of one test of a program.
type TestResult struct {
	Name  string
	Range lang.Range // of the name
	// Failures are empty when the test holds.
	Failures lang.Diagnostics
}

// RunTests runs the tests that a program carries: each compiles the program with the params it gives, and looks at what would be
// built. Nothing is touched, no data is looked up. The diagnostics are those of the tests themselves, such as a param that the
// program does not have; then nothing has been run.
func RunTests(cfg Config) ([]TestResult, lang.Diagnostics) {
	cfg.Lookup = nil
	probe := cfg
	probe.AllowMissing = true
	c, _, ds := compile(probe)
	var own lang.Diagnostics
	for _, d := range ds {
		for _, t := range c.root.tests {
			r := t.Range(t.Node.Span())
			if d.Severity == lang.Error && d.Range.File == r.File && d.Range.Start >= r.Start && d.Range.End <= r.End {
				own = append(own, d)
			}
		}
	}
	if len(own) > 0 {
		return nil, own
	}
	var out []TestResult
	for _, d := range c.root.tests {
		out = append(out, runTest(cfg, d))
	}
	return out, nil
}

func runTest(cfg Config, d *lang.Decl) TestResult {
	n := d.Node.(*lang.Test)
	name, _ := plainLiteral(n.Name)
	res := TestResult{Name: name, Range: at(d, n.Name)}
	cfg.params = map[string]*given{}
	var errors, conds []*lang.Expect
	for _, s := range n.Body.Stmts {
		switch s := s.(type) {
		case *lang.GiveParam:
			cfg.params[s.Name.Name] = &given{expr: s.Value, decl: d, origin: fmt.Sprintf("test %q", name)}
		case *lang.Expect:
			if s.Error {
				errors = append(errors, s)
			} else {
				conds = append(conds, s)
			}
		}
	}
	c, prog, ds := compile(cfg)
	expected := map[int]bool{}
	for _, e := range errors {
		code := stringOf(e.Cond)
		part := stringOf(e.Message)
		found := false
		for i, got := range ds {
			if got.Code == code && strings.Contains(got.Message, part) {
				found, expected[i] = true, true
			}
		}
		if !found {
			f := lang.Diagnostic{Code: "E0711", Message: fmt.Sprintf("the program does not have the mistake %s", code), Range: at(d, e), Help: "imgc explain " + code + " says what it is"}
			if part != "" {
				f.Message += fmt.Sprintf(" that says %q", part)
			}
			res.Failures = append(res.Failures, f)
		}
	}
	for i, got := range ds {
		if got.Severity == lang.Error && !expected[i] {
			res.Failures = append(res.Failures, got)
		}
	}
	if prog == nil {
		if len(conds) > 0 && len(res.Failures) == 0 {
			res.Failures = append(res.Failures, lang.Diagnostic{Code: "E0711", Message: "the program has the mistakes that are expected, so there is no plan to look at", Range: at(d, conds[0]), Help: "put this expectation into a test of its own"})
		}
		return res
	}
	plan := planValue(prog)
	for _, e := range conds {
		ev := c.fresh().evaluator(scope{m: c.root, decl: d, locals: map[string]*binding{"plan": {result: result{tAny, plan}}}}, nil)
		r := ev.convert(ev.eval(e.Cond, tBool), tBool, e.Cond)
		message := "the expectation does not hold"
		if e.Message != nil {
			m := ev.convert(ev.eval(e.Message, tString), tString, e.Message)
			message = messageText(m.val, message)
		}
		v, _ := strip(r.val)
		switch {
		case r.typ == nil || len(ev.c.ds.list) > 0:
			res.Failures = append(res.Failures, ev.c.ds.list...)
		case !v.IsKnown():
			res.Failures = append(res.Failures, lang.Diagnostic{Code: "E0711", Message: "this is not known before apply", Range: at(d, e.Cond), Help: "a test sees what a plan sees; run.*, artifacts and data are not known then"})
		case v.IsNull() || !v.True():
			res.Failures = append(res.Failures, lang.Diagnostic{Code: "E0711", Message: message, Range: at(d, e.Cond), Label: "this is false", Notes: ev.values(e.Cond), Help: "change the program, or what is expected of it"})
		}
	}
	return res
}

func stringOf(e lang.Expr) string {
	if e == nil {
		return ""
	}
	if lit := stringLiteral(e); lit != nil {
		text, _ := plainLiteral(lit)
		return text
	}
	return ""
}

// planValue is the program as its tests see it: plan.units["web.vm"].options.size.
func planValue(p *Program) cty.Value {
	units := map[string]cty.Value{}
	for _, u := range p.Units {
		var steps, posts []cty.Value
		for _, s := range u.Steps {
			steps = append(steps, callValue(s))
		}
		for _, ch := range u.Posts {
			var links []cty.Value
			for _, l := range ch.Links {
				links = append(links, callValue(l))
			}
			posts = append(posts, tuple(links))
		}
		b := callValue(u.Builder).AsValueMap()
		b["builder"] = b["component"]
		delete(b, "component")
		b["build"], b["source"] = cty.StringVal(u.Build), cty.StringVal(u.Source)
		b["steps"], b["posts"] = tuple(steps), tuple(posts)
		b["depends_on"] = stringTuple(u.DependsOn)
		units[u.Addr] = objectVal(b)
	}
	outputs := map[string]cty.Value{}
	for _, o := range p.Outputs {
		outputs[o.Name] = o.Value
	}
	return objectVal(map[string]cty.Value{"units": objectVal(units), "outputs": objectVal(outputs)})
}

func callValue(c *Call) cty.Value {
	options := map[string]cty.Value{}
	for _, f := range c.Schema.Fields {
		options[f.Name] = cty.NullVal(cty.DynamicPseudoType)
	}
	for _, o := range c.Options {
		options[o.Field.Name] = o.Value
	}
	return objectVal(map[string]cty.Value{
		"component": cty.StringVal(c.Schema.Name), "label": cty.StringVal(c.Label), "options": objectVal(options), "keep": cty.BoolVal(c.Keep),
		"retry": cty.NumberIntVal(int64(c.Retry)), "timeout": cty.NumberIntVal(int64(c.Timeout)), "pause": cty.NumberIntVal(int64(c.Pause)),
	})
}

// checkTests checks the tests that the program carries, without running them.
func (c *compilation) checkTests() {
	names := map[string]*lang.Decl{}
	for _, d := range c.root.tests {
		n := d.Node.(*lang.Test)
		name, plain := plainLiteral(n.Name)
		if !plain {
			c.ds.add(lang.Diagnostic{Code: "E0401", Message: "a test's name is a literal string", Range: at(d, n.Name), Help: "write it without ${…}"})
		}
		if old, dup := names[name]; dup {
			c.ds.add(lang.Diagnostic{Code: "E0202", Message: fmt.Sprintf("test %q is declared twice", name), Range: at(d, n.Name), Related: []lang.Label{{Range: at(old, old.Node.(*lang.Test).Name), Text: "first declared here"}}, Help: "rename one of them"})
		}
		names[name] = d
		if n.Body == nil {
			continue
		}
		expects := 0
		for _, s := range n.Body.Stmts {
			switch s := s.(type) {
			case *lang.BadStmt:
				expects++
			case *lang.GiveParam:
				c.checkGiven(d, s, n.Body)
			case *lang.Expect:
				expects++
				c.checkExpect(d, s)
			default:
				c.misplaced(d, s, "a test holds param NAME = VALUE and expect")
			}
		}
		if expects == 0 {
			c.ds.add(lang.Diagnostic{Code: "E0710", Message: fmt.Sprintf("test %q expects nothing", name), Range: at(d, n.Name), Help: `add expect CONDITION, "message", or expect error "CODE"`})
		}
	}
}

func (c *compilation) checkGiven(d *lang.Decl, s *lang.GiveParam, body *lang.Body) {
	sym, ok := c.root.names[s.Name.Name]
	if !ok || sym.let {
		var names []string
		for _, n := range sortedKeys(c.root.names) {
			if !c.root.names[n].let {
				names = append(names, n)
			}
		}
		c.ds.add(lang.Diagnostic{Code: "E0703", Message: fmt.Sprintf("the program has no param %s", s.Name.Name), Range: d.Range(s.Name.Pos), Help: didYouMean(s.Name.Name, names, paramsHelp(names))})
		return
	}
	t := sym.res.typ
	wrong := func(s lang.Stmt) bool { e, ok := s.(*lang.Expect); return ok && e.Error }
	if t == nil || slices.ContainsFunc(body.Stmts, wrong) {
		return // that the value is wrong may be what is tested
	}
	ev := c.evaluator(scope{m: newModule(), decl: d}, nil)
	ev.convert(ev.eval(s.Value, t), t, s.Value)
}

func (c *compilation) checkExpect(d *lang.Decl, s *lang.Expect) {
	if s.Error {
		code := stringOf(s.Cond)
		if _, known := lang.Lookup(code); !known {
			var codes []string
			for _, i := range lang.Codes() {
				codes = append(codes, i.Code)
			}
			c.ds.add(lang.Diagnostic{Code: "E0710", Message: fmt.Sprintf("there is no diagnostic %q", code), Range: at(d, s.Cond), Help: didYouMean(code, codes, `write its code: expect error "E0704"`)})
		}
		return
	}
	was := c.noEval
	c.noEval = true
	defer func() { c.noEval = was }()
	ev := c.evaluator(scope{m: c.root, decl: d, locals: map[string]*binding{"plan": {result: result{tAny, cty.DynamicVal}}}}, nil)
	ev.convert(ev.eval(s.Cond, tBool), tBool, s.Cond)
	if s.Message != nil {
		ev.convert(ev.eval(s.Message, tString), tString, s.Message)
	}
}

func (c *compilation) text(text string) (cty.Value, *Type, lang.Diagnostics) {
	e, d, ds := lang.ParseExpr("expression", text)
	if ds.HasErrors() {
		return cty.NilVal, nil, ds
	}
	ev := c.fresh().evaluator(scope{m: c.root, decl: d}, nil)
	r := ev.eval(e, nil)
	if r.typ == nil || ev.c.ds.list.HasErrors() {
		return cty.NilVal, nil, ev.c.ds.list
	}
	return r.val, r.typ, nil
}

// Console evaluates expressions one after another in the scope of a program.
type Console struct{ c *compilation }

// NewConsole compiles a program for evaluating expressions in it.
func NewConsole(cfg Config) (*Console, lang.Diagnostics) {
	c, _, ds := compile(cfg)
	if ds.HasErrors() {
		return nil, ds
	}
	return &Console{c}, ds
}

// Evaluate evaluates an expression as if it stood in the program. Its places are in a file named "expression". The value may be
// unknown; secrets are marked.
func (c *Console) Evaluate(text string) (cty.Value, *Type, lang.Diagnostics) { return c.c.text(text) }

// Names are the names that an expression may begin with, sorted: values, builds, modules and functions.
func (c *Console) Names() []string {
	ev := c.c.evaluator(scope{m: c.c.root}, nil)
	names := append(ev.visible(), sortedKeys(c.c.functions)...)
	names = append(names, sortedKeys(c.c.root.funcs)...)
	slices.Sort(names)
	return slices.Compact(names)
}
