package compiler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// Config is what a program is compiled from.
type Config struct {
	Dir     string // absolute
	Files   []*lang.File
	Schemas *SchemaSet
	// Params are values given one by one, such as with -p; a later one wins.
	Params    []ParamInput
	VarsFiles []*lang.VarsFile
	LookupEnv func(string) (string, bool)
	// AllowMissing leaves required params that are not given unknown, instead of reporting them: to check a program
	// no values are needed.
	AllowMissing bool
	// Used are the modules that use declarations name, by their paths relative to Dir; Load reads them.
	Used map[string]UsedModule
	// Lookup looks data up at plan time; without it, data is not known. The options are as Call.Resolve gives them, the result
	// as an artifact's fields. An error says what went wrong in words for the user.
	Lookup func(s *Schema, options cty.Value) (map[string]any, error)
	// params are values that a test of the program gives.
	params map[string]*given
}

// UsedModule is a module as it was read.
type UsedModule struct {
	Files []*lang.File
	Err   error // why it could not be read
}

// ParamInput is the value of a param as text.
type ParamInput struct {
	Name, Text string
	Origin     string // "-p"
}

// Compile makes a Program, or says everything that is wrong. With an error among the diagnostics the program is nil.
// The diagnostics include those of the files' syntax.
func Compile(cfg Config) (*Program, lang.Diagnostics) {
	_, p, ds := compile(cfg)
	return p, ds
}

func compile(cfg Config) (*compilation, *Program, lang.Diagnostics) {
	c := &compilation{cfg: cfg, functions: functions(), root: newModule(), modules: map[string]*module{}, maxSteps: minSteps}
	if cfg.Schemas != nil {
		c.shared = cfg.Schemas.types
	}
	for _, f := range cfg.Files {
		c.ds.list = append(c.ds.list, f.Diagnostics()...)
		c.maxSteps += stepsPerByte * len(f.Src)
	}
	for _, v := range cfg.VarsFiles {
		c.ds.list = append(c.ds.list, v.Problems...)
	}
	c.read(c.root, cfg.Files, []string{""})
	c.moduleList = append(c.moduleList, c.root)
	p := c.program()
	sortDiagnostics(c.ds.list)
	if c.ds.list.HasErrors() {
		return c, nil, c.ds.list
	}
	return c, p, c.ds.list
}

func sortDiagnostics(ds lang.Diagnostics) {
	slices.SortStableFunc(ds, func(a, b lang.Diagnostic) int {
		if x := strings.Compare(a.Range.File, b.Range.File); x != 0 {
			return x
		}
		return a.Range.Start - b.Range.Start
	})
}

// compilation is the making of one program.
type compilation struct {
	cfg        Config
	ds         diags
	functions  map[string]*builtin
	shared     map[string]*Type // of the schemas
	root       *module
	modules    map[string]*module // used ones, by path
	moduleList []*module          // all, what is used before what uses it
	secrets    []string
	dataCalls  []*Call
	noEval     bool // what is evaluated is not taken: failures of evaluation are none
	steps      int  // spent so far
	maxSteps   int
	// late holds what has been evaluated at apply; nil before.
	late map[any]result
}

// touch notes that something is used. At apply, when several units are resolved at once, nothing is noted.
func (c *compilation) touch(used *bool) {
	if c.late == nil {
		*used = true
	}
}

func (c *compilation) remember(key any, r result) {
	if c.late != nil {
		c.late[key] = r
	}
}

// symbol is a param, a let, data, or an output of a used module.
type symbol struct {
	m     *module
	name  string
	id    lang.Ident
	decl  *lang.Decl
	param *lang.Param
	data  *lang.Data
	let   bool
	value lang.Expr     // of a let
	typ   lang.TypeExpr // of a let, may be nil
	used  bool

	state int // 0 not begun, 1 under way, 2 done
	res   result
	use   usage
	out   *Param
}

// full is the name by which the program's user knows it.
func (s *symbol) full() string { return s.m.prefix + s.name }

type sourceDecl struct {
	m    *module
	name string
	decl *lang.Decl
	node *lang.Source
	used bool
}

func (c *compilation) duplicate(d *lang.Decl, id lang.Ident, old *lang.Decl, oldID lang.Ident) {
	c.ds.add(lang.Diagnostic{Code: "E0202", Message: fmt.Sprintf("%s is declared twice", id.Name), Range: d.Range(id.Pos),
		Related: []lang.Label{{Range: old.Range(oldID.Pos), Text: "first declared here"}}, Help: "rename one of them"})
}

// program evaluates everything.
func (c *compilation) program() *Program {
	p := &Program{Dir: c.cfg.Dir, Files: c.cfg.Files}
	given := c.givenParams()
	for _, m := range c.moduleList {
		for _, s := range m.order {
			if s.param != nil {
				s.out = c.param(s, given[s.full()])
				p.Params = append(p.Params, s.out)
				if v, _ := strip(s.res.val); s.out.Secret && v.IsWhollyKnown() && !v.IsNull() {
					collectTexts(v, &c.secrets)
				}
			}
		}
	}
	for _, m := range c.moduleList {
		for _, name := range sortedKeys(m.types) {
			id := m.types[name].node.Name
			was := m.types[name].used
			c.typeNamed(m, m.types[name].decl, lang.Dotted{Parts: []lang.Ident{id}, Pos: id.Pos})
			m.types[name].used = was
		}
		for _, f := range m.funcList {
			f.check(c)
		}
		for _, s := range m.order {
			if s.param == nil {
				c.evaluate(s)
			}
		}
	}
	for _, m := range c.moduleList {
		for _, name := range sortedKeys(m.sources) {
			c.checkSource(m.sources[name])
		}
		for _, name := range sortedKeys(m.recipes) {
			m.recipes[name].check(c)
		}
	}
	for _, m := range c.moduleList {
		for _, b := range m.buildList {
			p.Units = append(p.Units, b.units(c)...)
		}
	}
	p.Data = c.dataCalls
	c.cycles(p)
	c.collisions(p)
	for _, d := range c.root.outputs {
		if o := c.output(d); o != nil {
			p.Outputs = append(p.Outputs, o)
		}
	}
	for _, m := range c.moduleList {
		for _, d := range m.asserts {
			if a := c.assert(m, d); a != nil {
				p.Asserts = append(p.Asserts, a)
			}
		}
	}
	c.checkTests()
	p.Secrets = c.secrets
	c.warnUnused()
	return p
}

// symbol gives the value of a param, a let or data where it is used.
func (ev *evaluator) symbol(s *symbol, place lang.Range) result {
	ev.c.touch(&s.used)
	if s.param == nil && s.state != 2 {
		if s.state == 1 {
			return ev.fail(lang.Diagnostic{Code: "E0203", Message: fmt.Sprintf("%s is made of itself", s.name), Range: place, Related: []lang.Label{{Range: s.decl.Range(s.id.Pos), Text: "declared here"}}, Help: "lets may use each other, but not in a circle"})
		}
		ev.c.evaluate(s)
	}
	if len(s.use.refs) == 0 {
		ev.use.name(s.full(), s.res.val)
		if ev.use.secret == nil {
			ev.use.secret = s.use.secret
		}
		return s.res
	}
	ev.use.waits(&s.use, s.full(), lang.PrintExpr(s.value), place)
	if ev.rt == nil {
		return s.res
	}
	if r, ok := ev.c.late[s]; ok {
		return r
	}
	r := ev.c.evaluator(scope{m: s.m, decl: s.decl}, ev.rt).let(s)
	ev.c.remember(s, r)
	return r
}

func (ev *evaluator) let(s *symbol) result {
	var want *Type
	if s.typ != nil {
		if want = ev.c.typeIn(s.m, s.decl, s.typ); want == nil {
			return poison
		}
	}
	r := ev.eval(s.value, want)
	if want != nil {
		r = ev.convert(r, want, s.value)
	}
	return r
}

// evaluate finds the value of a let or of data.
func (c *compilation) evaluate(s *symbol) {
	if s.state == 2 {
		return
	}
	s.state = 1
	was := c.noEval
	c.noEval = false
	if s.data != nil {
		s.res = c.lookup(s)
	} else {
		ev := c.evaluator(scope{m: s.m, decl: s.decl}, nil)
		s.res = ev.let(s)
		s.use = ev.use
	}
	c.noEval = was
	s.state = 2
}

func (c *compilation) output(d *lang.Decl) *Output {
	n := d.Node.(*lang.Output)
	ev := c.evaluator(scope{m: c.root, decl: d}, nil)
	r := ev.eval(n.Value, nil)
	if r.typ == nil {
		return nil
	}
	o := &Output{Name: n.Name.Name, Doc: d.Doc, Type: r.typ, Value: r.val, Range: d.Range(n.Name.Pos)}
	if r.val.ContainsMarked() {
		ev.refuseSecret(n.Value, "an output is shown and kept in the state")
		return nil
	}
	o.resolve = func(rt *Runtime) (cty.Value, lang.Diagnostics) {
		late := c.fresh().evaluator(scope{m: c.root, decl: d}, rt)
		v := late.eval(n.Value, nil)
		if v.val.ContainsMarked() { // the check refuses it; nothing may be kept in the state if ever it does not
			late.refuseSecret(n.Value, "an output is shown and kept in the state")
			v = poison
		}
		return v.val, late.c.ds.list
	}
	return o
}

// fresh is the compilation with no diagnostics, for evaluation at apply.
func (c *compilation) fresh() *compilation {
	f := *c
	f.ds = diags{}
	f.noEval = false
	f.steps = 0
	f.late = map[any]result{}
	return &f
}

func (c *compilation) assert(m *module, d *lang.Decl) *Assert {
	n := d.Node.(*lang.Assert)
	check := func(ev *evaluator) (waits bool) {
		boolean := tBool
		r := ev.convert(ev.eval(n.Cond, boolean), boolean, n.Cond)
		m := ev.convert(ev.eval(n.Message, tString), tString, n.Message)
		if r.typ == nil || m.typ == nil {
			return false
		}
		v, _ := strip(r.val)
		if !v.IsKnown() {
			return true
		}
		if v.IsNull() || !v.True() {
			ev.fail(lang.Diagnostic{Code: "E0705", Message: messageText(m.val, "the assertion does not hold"), Range: ev.at(n.Cond), Label: "this is false", Notes: ev.values(n.Cond), Help: "give other parameters, or change the program"})
		}
		return false
	}
	ev := c.evaluator(scope{m: m, decl: d}, nil)
	if !check(ev) || len(ev.use.refs) == 0 {
		return nil
	}
	return &Assert{Range: d.Range(n.Pos), check: func(rt *Runtime) lang.Diagnostics {
		late := c.fresh().evaluator(scope{m: m, decl: d}, rt)
		check(late)
		return late.c.ds.list
	}}
}

func messageText(v cty.Value, otherwise string) string {
	raw, secret := strip(v)
	if secret || !raw.IsKnown() || raw.IsNull() {
		return otherwise
	}
	return raw.AsString()
}

// values says what the operands of a condition that failed were.
func (ev *evaluator) values(e lang.Expr) []string {
	var notes []string
	seen := map[string]bool{}
	quiet := &evaluator{c: ev.c.fresh(), scope: ev.scope, rt: ev.rt, self: ev.self}
	lang.Walk(e, func(n lang.Node) bool {
		switch x := n.(type) {
		case *lang.Name, *lang.Select, *lang.Call:
			text := lang.PrintExpr(x.(lang.Expr))
			r := quiet.eval(x.(lang.Expr), nil)
			if r.typ != nil && !seen[text] {
				seen[text] = true
				notes = append(notes, fmt.Sprintf("%s is %s", text, FormatValue(r.val, r.typ)))
			}
			_, call := n.(*lang.Call)
			return call
		case *lang.ListComp, *lang.ObjectComp:
			return false
		}
		return true
	})
	return notes
}

func (c *compilation) warnUnused() {
	if c.ds.list.HasErrors() {
		return // what is used cannot be told from a program with mistakes
	}
	unused := func(what, name string, used bool, r lang.Range, help string) {
		if !used && !strings.HasPrefix(name, "_") {
			c.ds.add(lang.Diagnostic{Severity: lang.Warning, Code: "W0201", Message: fmt.Sprintf("%s %s is not used", what, name), Range: r, Help: help})
		}
	}
	const help = "remove it, or begin its name with _"
	m := c.root
	for _, s := range m.order {
		what := "let"
		switch {
		case s.param != nil:
			what = "param"
		case s.data != nil:
			what = "data"
		}
		unused(what, s.name, s.used, s.decl.Range(s.id.Pos), help)
	}
	for _, name := range sortedKeys(m.sources) {
		s := m.sources[name]
		unused("source", name, s.used, s.decl.Range(s.node.Name.Pos), "add it to a build: from "+name)
	}
	if len(m.buildList) == 0 && len(c.cfg.Files) > 0 && len(m.outputs) == 0 {
		return // it is a library: its functions, types and recipes are for others
	}
	for _, f := range m.funcList {
		unused("function", f.name, f.used, f.decl.Range(f.node.Name.Pos), help)
	}
	for _, name := range sortedKeys(m.types) {
		t := m.types[name]
		unused("type", name, t.used, t.decl.Range(t.node.Name.Pos), help)
	}
	for _, name := range sortedKeys(m.recipes) {
		r := m.recipes[name]
		unused("recipe", name, r.used, r.decl.Range(r.node.Name.Pos), help)
	}
	for _, name := range sortedKeys(m.uses) {
		u := m.uses[name]
		unused("module", name, u.used, u.decl.Range(u.pos), "remove the use, or name it _"+name)
	}
}
