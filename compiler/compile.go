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
}

// ParamInput is the value of a param as text.
type ParamInput struct {
	Name, Text string
	Origin     string // "-p"
}

// Compile makes a Program, or says everything that is wrong. With an error among the diagnostics the program is nil.
// The diagnostics include those of the files' syntax.
func Compile(cfg Config) (*Program, lang.Diagnostics) {
	c := &compilation{cfg: cfg, functions: functions(), types: map[string]*Type{},
		names: map[string]*symbol{}, sources: map[string]*sourceDecl{}, builds: map[string]*buildDecl{}}
	if cfg.Schemas != nil {
		for n, t := range cfg.Schemas.types {
			c.types[n] = t
		}
	}
	for _, f := range cfg.Files {
		c.ds.list = append(c.ds.list, f.Diagnostics()...)
	}
	for _, v := range cfg.VarsFiles {
		c.ds.list = append(c.ds.list, v.Problems...)
	}
	c.collect()
	p := c.program()
	sortDiagnostics(c.ds.list)
	if c.ds.list.HasErrors() {
		return nil, c.ds.list
	}
	return p, c.ds.list
}

func sortDiagnostics(ds lang.Diagnostics) {
	slices.SortStableFunc(ds, func(a, b lang.Diagnostic) int {
		if x := strings.Compare(a.Range.File, b.Range.File); x != 0 {
			return x
		}
		return a.Range.Start - b.Range.Start
	})
}

// compilation is the work of one Compile.
type compilation struct {
	cfg       Config
	ds        diags
	types     map[string]*Type
	functions map[string]*builtin
	names     map[string]*symbol // params and lets
	order     []*symbol
	sources   map[string]*sourceDecl
	builds    map[string]*buildDecl
	buildList []*buildDecl
	outputs   []*lang.Decl
	asserts   []*lang.Decl
	noEval    bool // what is evaluated is not taken: failures of evaluation are none
}

// symbol is a param or a let.
type symbol struct {
	name  string
	decl  *lang.Decl
	param *lang.Param // one of the two
	let   *lang.Let
	used  bool

	state int // 0 not begun, 1 under way, 2 done
	res   result
	use   usage
	out   *Param
}

type sourceDecl struct {
	name string
	decl *lang.Decl
	node *lang.Source
	used bool
}

func (c *compilation) duplicate(d *lang.Decl, id lang.Ident, old *lang.Decl, oldID lang.Ident) {
	c.ds.add(lang.Diagnostic{Code: "E0202", Message: fmt.Sprintf("%s is declared twice", id.Name), Range: d.Range(id.Pos),
		Related: []lang.Label{{Range: old.Range(oldID.Pos), Text: "first declared here"}}, Help: "rename one of them"})
}

// later is what this version of imgc does not have yet.
func (c *compilation) later(what string, r lang.Range, instead string) {
	c.ds.add(lang.Diagnostic{Code: "E0609", Message: what + " is not in this version of imgc yet", Range: r, Help: instead})
}

// collect puts the declarations of all files into their tables.
func (c *compilation) collect() {
	type place struct {
		d  *lang.Decl
		id lang.Ident
	}
	values := map[string]place{}
	sources := map[string]place{}
	outputs := map[string]place{}
	declare := func(table map[string]place, d *lang.Decl, id lang.Ident) bool {
		if id.Name == "" {
			return false
		}
		if old, ok := table[id.Name]; ok {
			c.duplicate(d, id, old.d, old.id)
			return false
		}
		table[id.Name] = place{d, id}
		return true
	}
	var types []*lang.Decl
	for _, f := range c.cfg.Files {
		for _, d := range f.Decls {
			switch n := d.Node.(type) {
			case *lang.Param:
				if c.reserved(d, n.Name) && declare(values, d, n.Name) {
					s := &symbol{name: n.Name.Name, decl: d, param: n}
					c.names[s.name] = s
					c.order = append(c.order, s)
				}
			case *lang.Let:
				if c.reserved(d, n.Name) && declare(values, d, n.Name) {
					s := &symbol{name: n.Name.Name, decl: d, let: n}
					c.names[s.name] = s
					c.order = append(c.order, s)
				}
			case *lang.TypeDecl:
				types = append(types, d)
			case *lang.Source:
				if declare(sources, d, n.Name) {
					c.sources[n.Name.Name] = &sourceDecl{name: n.Name.Name, decl: d, node: n}
				}
			case *lang.Build:
				if c.reserved(d, n.Name) && declare(values, d, n.Name) {
					b := &buildDecl{name: n.Name.Name, decl: d, node: n}
					c.builds[b.name] = b
					c.buildList = append(c.buildList, b)
				}
			case *lang.Output:
				if declare(outputs, d, n.Name) {
					c.outputs = append(c.outputs, d)
				}
			case *lang.Assert:
				c.asserts = append(c.asserts, d)
			case *lang.Func:
				c.later("func", d.Range(n.Name.Pos), "use let, or a comprehension")
			case *lang.Recipe:
				c.later("recipe", d.Range(n.Name.Pos), "write the steps in each build, or put the commands in a script that builds share")
			case *lang.Data:
				c.later("data", d.Range(n.Name.Pos), "give the value as a param")
			case *lang.Use:
				c.later("use", d.Range(n.Pos), "put the files into one folder: they are one program")
			}
		}
	}
	c.declareTypes(types)
	for _, b := range c.buildList {
		b.findSources(c)
	}
}

func (c *compilation) reserved(d *lang.Decl, id lang.Ident) bool {
	if id.Name == "run" {
		c.ds.add(lang.Diagnostic{Code: "E0202", Message: "run is a name of imgc's own", Range: d.Range(id.Pos), Help: "choose another name"})
		return false
	}
	return id.Name != ""
}

// program evaluates everything.
func (c *compilation) program() *Program {
	p := &Program{Dir: c.cfg.Dir, Files: c.cfg.Files}
	given := c.givenParams()
	for _, s := range c.order {
		if s.param != nil {
			s.out = c.param(s, given[s.name])
			p.Params = append(p.Params, s.out)
			if v, _ := strip(s.res.val); s.out.Secret && v.IsWhollyKnown() && !v.IsNull() {
				collectSecrets(v, &p.Secrets)
			}
		}
	}
	for _, s := range c.order {
		if s.let != nil {
			c.evalLet(s)
		}
	}
	for _, s := range sortedKeys(c.sources) {
		c.checkSource(c.sources[s])
	}
	for _, b := range c.buildList {
		p.Units = append(p.Units, b.units(c)...)
	}
	c.cycles(p)
	for _, d := range c.outputs {
		if o := c.output(d); o != nil {
			p.Outputs = append(p.Outputs, o)
		}
	}
	for _, d := range c.asserts {
		if a := c.assert(d); a != nil {
			p.Asserts = append(p.Asserts, a)
		}
	}
	c.warnUnused()
	return p
}

// collectSecrets gathers the texts in a secret value: each is to be redacted.
func collectSecrets(v cty.Value, out *[]string) {
	switch t := v.Type(); {
	case v.IsNull():
	case t == cty.String:
		if s := v.AsString(); s != "" {
			*out = append(*out, s)
		}
	case t == cty.Number:
		*out = append(*out, FormatValue(v, nil))
	case t.IsTupleType() || t.IsListType():
		for _, x := range v.AsValueSlice() {
			collectSecrets(x, out)
		}
	case t.IsObjectType() || t.IsMapType():
		for _, x := range v.AsValueMap() {
			collectSecrets(x, out)
		}
	}
}

// symbol gives the value of a param or a let where it is used.
func (ev *evaluator) symbol(s *symbol, place lang.Range) result {
	s.used = true
	if s.let != nil && s.state != 2 {
		if s.state == 1 {
			return ev.fail(lang.Diagnostic{Code: "E0203", Message: fmt.Sprintf("%s is made of itself", s.name), Range: place, Related: []lang.Label{{Range: s.decl.Range(s.let.Name.Pos), Text: "declared here"}}, Help: "lets may use each other, but not in a circle"})
		}
		ev.c.evalLet(s)
	}
	if len(s.use.refs) == 0 {
		ev.use.name(s.name, s.res.val)
		if ev.use.secret == nil {
			ev.use.secret = s.use.secret
		}
		return s.res
	}
	for n, t := range s.use.texts {
		ev.use.text(n, t)
	}
	ev.use.text(s.name, lang.PrintExpr(s.let.Value))
	for n := range s.use.refs {
		ev.use.ref(n, place)
	}
	for n, v := range s.use.known {
		ev.use.name(n, v)
	}
	if ev.rt == nil {
		return s.res
	}
	inner := &evaluator{c: ev.c, decl: s.decl, rt: ev.rt}
	return inner.let(s)
}

func (ev *evaluator) let(s *symbol) result {
	var want *Type
	if s.let.Type != nil {
		if want = ev.c.typeOf(s.decl, s.let.Type, func(n string) *Type { return ev.c.types[n] }); want == nil {
			return poison
		}
	}
	r := ev.eval(s.let.Value, want)
	if want != nil {
		r = ev.convert(r, want, s.let.Value)
	}
	return r
}

func (c *compilation) evalLet(s *symbol) {
	if s.state == 2 {
		return
	}
	s.state = 1
	was := c.noEval
	c.noEval = false
	ev := &evaluator{c: c, decl: s.decl}
	s.res = ev.let(s)
	s.use = ev.use
	c.noEval = was
	s.state = 2
}

func (c *compilation) output(d *lang.Decl) *Output {
	n := d.Node.(*lang.Output)
	ev := &evaluator{c: c, decl: d}
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
		late := &evaluator{c: c.fresh(), decl: d, rt: rt}
		v := late.eval(n.Value, nil)
		return v.val, late.c.ds.list
	}
	return o
}

// refuseSecret reports a secret where what is public is wanted.
func (ev *evaluator) refuseSecret(e lang.Expr, why string) {
	d := lang.Diagnostic{Code: "E0402", Message: "a secret cannot stand here: " + why, Range: ev.at(e), Label: "this is secret", Help: "use a value that is not made of a secret"}
	if s := ev.use.secret; s != nil {
		d.Related = []lang.Label{{Range: s.Range, Text: "because this param is secret"}}
	}
	ev.fail(d)
}

// fresh is the compilation with no diagnostics, for evaluation at apply.
func (c *compilation) fresh() *compilation {
	f := *c
	f.ds = diags{}
	f.noEval = false
	return &f
}

func (c *compilation) assert(d *lang.Decl) *Assert {
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
	ev := &evaluator{c: c, decl: d}
	if !check(ev) || len(ev.use.refs) == 0 {
		return nil
	}
	return &Assert{Range: d.Range(n.Pos), check: func(rt *Runtime) lang.Diagnostics {
		late := &evaluator{c: c.fresh(), decl: d, rt: rt}
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
	quiet := &evaluator{c: ev.c.fresh(), decl: ev.decl, rt: ev.rt, self: ev.self, locals: ev.locals}
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
	for _, s := range c.order {
		if s.used || strings.HasPrefix(s.name, "_") {
			continue
		}
		what, pos := "param", lang.Span{}
		if s.param != nil {
			pos = s.param.Name.Pos
		} else {
			what, pos = "let", s.let.Name.Pos
		}
		c.ds.add(lang.Diagnostic{Severity: lang.Warning, Code: "W0201", Message: fmt.Sprintf("%s %s is not used", what, s.name), Range: s.decl.Range(pos), Help: "remove it, or begin its name with _"})
	}
	for _, name := range sortedKeys(c.sources) {
		if s := c.sources[name]; !s.used && !strings.HasPrefix(name, "_") {
			c.ds.add(lang.Diagnostic{Severity: lang.Warning, Code: "W0201", Message: fmt.Sprintf("source %s is not used", name), Range: s.decl.Range(s.node.Name.Pos), Help: "add it to a build: from " + name})
		}
	}
}
