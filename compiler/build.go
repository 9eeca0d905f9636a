package compiler

import (
	"fmt"
	"slices"
	"strings"

	"imgc/lang"
)

// buildDecl is a build as declared, with its sources.
type buildDecl struct {
	m     *module
	name  string
	decl  *lang.Decl
	node  *lang.Build
	froms []fromSource

	state    int // of variants: 0 not begun, 1 under way, 2 done
	broken   bool
	unknown  bool // what its for goes over is not known
	variants []variant
}

// fromSource is a source of a build.
type fromSource struct {
	name string // the last part of what from says
	node *lang.From
	src  *sourceDecl
}

func (b *buildDecl) findSources(c *compilation) {
	if b.node.Body == nil {
		return
	}
	first := map[string]*lang.From{}
	for _, s := range b.node.Body.Stmts {
		f, ok := s.(*lang.From)
		if !ok {
			continue
		}
		name := f.Source.Parts[len(f.Source.Parts)-1].Name
		if old, dup := first[name]; dup {
			c.ds.add(lang.Diagnostic{Code: "E0607", Message: fmt.Sprintf("source %s stands in build %s twice", name, b.name), Range: b.decl.Range(f.Source.Pos), Related: []lang.Label{{Range: b.decl.Range(old.Source.Pos), Text: "first here"}}, Help: "remove one, or declare a second source"})
			continue
		}
		first[name] = f
		if src, ok := find(c, b.m, b.decl, f.Source, func(m *module) map[string]*sourceDecl { return m.sources }); ok {
			src.used = true
			b.froms = append(b.froms, fromSource{name, f, src})
			continue
		}
		if b.m.qualified(f.Source) || b.m.bad[name] {
			continue // it has been reported
		}
		c.ds.add(lang.Diagnostic{Code: "E0601", Message: fmt.Sprintf("there is no source %s", f.Source), Range: b.decl.Range(f.Source.Pos), Help: didYouMean(f.Source.String(), sortedKeys(b.m.sources), fmt.Sprintf("declare it: source %s = COMPONENT { … }", name))})
	}
	if len(first) == 0 {
		c.ds.add(lang.Diagnostic{Code: "E0608", Message: fmt.Sprintf("build %s has no source", b.name), Range: b.decl.Range(b.node.Name.Pos), Help: "add one: from SOURCE"})
	}
}

func (b *buildDecl) hasSource(name string) bool { return slices.Contains(b.sourceNames(), name) }

func (b *buildDecl) sourcesHelp(name string) string {
	if len(b.froms) == 0 {
		return fmt.Sprintf("add it: from %s", name)
	}
	return "its sources are " + strings.Join(b.sourceNames(), ", ")
}

func (b *buildDecl) sourceNames() []string {
	var names []string
	for _, f := range b.froms {
		names = append(names, f.name)
	}
	return names
}

// builderOf is the schema of a source's component, or nil.
func (b *buildDecl) builderOf(c *compilation, source string) *Schema {
	for _, f := range b.froms {
		if f.name == source && c.cfg.Schemas != nil {
			return c.cfg.Schemas.Lookup("builder", f.src.node.Component.String())
		}
	}
	return nil
}

// checkSource checks a source that no build uses; the others are checked with their units.
func (c *compilation) checkSource(s *sourceDecl) {
	if s.used {
		return
	}
	if schema := c.component(s.decl, "builder", s.node.Component); schema != nil {
		c.call(schema, []layer{{scope{m: s.m, decl: s.decl}, s.node.Body}}, s.decl.Range(s.node.Name.Pos))
	}
}

// units makes the units of a build.
func (b *buildDecl) units(c *compilation) []*Unit {
	var out []*Unit
	b.checkStatements(c)
	b.expand(c)
	for _, v := range b.variants {
		for _, f := range b.froms {
			schema := c.component(f.src.decl, "builder", f.src.node.Component)
			if schema == nil || !c.when(v.scope, f.node.Body) {
				continue
			}
			u := &Unit{Addr: b.address(b.node.For != nil, v.key) + "." + f.name, Build: b.address(b.node.For != nil, v.key), Source: f.name, Doc: b.decl.Doc, Range: b.decl.Range(f.node.Pos)}
			layers := []layer{{scope{m: f.src.m, decl: f.src.decl}, f.src.node.Body}}
			if f.node.Body != nil {
				layers = append(layers, layer{v.scope, f.node.Body})
			}
			u.Builder = c.call(schema, layers, u.Range)
			b.steps(c, u, schema, v.scope)
			u.DependsOn = dependencies(u)
			out = append(out, u)
		}
	}
	return out
}

// when reports whether what has this body is there at all. What is not known counts as true: only a check leaves it so.
func (c *compilation) when(in scope, body *lang.Body) bool {
	if body == nil {
		return true
	}
	for _, s := range body.Stmts {
		if w, ok := s.(*lang.When); ok {
			if v, known := c.early(in, w.Cond, tBool, "when"); known && !v.True() {
				return false
			}
		}
	}
	return true
}

// checkStatements reports what does not depend on a source: statements that have no place in a build, and names of
// sources that are unknown.
func (b *buildDecl) checkStatements(c *compilation) {
	if b.node.Body == nil {
		return
	}
	onError := 0
	for _, s := range b.node.Body.Stmts {
		switch s := s.(type) {
		case *lang.BadStmt:
		case *lang.From:
			if s.Body != nil {
				for _, inner := range s.Body.Stmts {
					switch inner.(type) {
					case *lang.Option, *lang.Keep, *lang.When, *lang.BadStmt:
					default:
						b.misplaced(c, inner, "from holds options, keep and when")
					}
				}
			}
		case *lang.Provision:
			b.checkBody(c, s.Body, true)
		case *lang.On:
			b.checkNames(c, s.Sources)
			if s.Body == nil {
				continue
			}
			for _, inner := range s.Body.Stmts {
				switch inner := inner.(type) {
				case *lang.Provision:
					b.checkBody(c, inner.Body, true)
				case *lang.BadStmt:
				default:
					b.misplaced(c, inner, "on holds only provision steps")
				}
			}
		case *lang.OnError:
			if onError++; onError > 1 {
				c.ds.add(lang.Diagnostic{Code: "E0604", Message: "a build has one on_error at most", Range: at(b.decl, s), Help: "put all that has to be done into one script"})
			}
			b.checkBody(c, s.Body, true)
		case *lang.Post:
			for _, l := range s.Links {
				if l.Body != nil {
					b.checkBody(c, l.Body, false)
				}
			}
		default:
			b.misplaced(c, s, "a build holds from, provision, on, on_error and post")
		}
	}
}

func (b *buildDecl) misplaced(c *compilation, s lang.Stmt, help string) { c.misplaced(b.decl, s, help) }

func (c *compilation) misplaced(d *lang.Decl, s lang.Stmt, help string) {
	what := "this statement"
	if o, ok := s.(*lang.Option); ok {
		what = "option " + o.Name.Name
	}
	c.ds.add(lang.Diagnostic{Code: "E0604", Message: what + " has no place here", Range: at(d, s), Help: help})
}

// checkBody checks the statements of a step or a link that do not depend on the source.
func (b *buildDecl) checkBody(c *compilation, body *lang.Body, step bool) {
	if body == nil {
		return
	}
	var only, except lang.Stmt
	applies := func(name string) bool { return b.applies(body, name) }
	counts := map[string]lang.Stmt{}
	once := func(word string, s lang.Stmt) {
		if old, dup := counts[word]; dup {
			c.ds.add(lang.Diagnostic{Code: "E0604", Message: word + " is given twice", Range: at(b.decl, s), Related: []lang.Label{{Range: at(b.decl, old), Text: "first here"}}, Help: "remove one of them"})
		}
		counts[word] = s
	}
	for _, s := range body.Stmts {
		switch s := s.(type) {
		case *lang.Option, *lang.BadStmt:
		case *lang.Only:
			once("only", s)
			only = s
			b.checkNames(c, s.Sources)
		case *lang.Except:
			once("except", s)
			except = s
			b.checkNames(c, s.Sources)
		case *lang.Retry:
			once("retry", s)
		case *lang.Timeout:
			once("timeout", s)
		case *lang.Pause:
			once("pause", s)
		case *lang.When:
			once("when", s)
		case *lang.Keep:
			if step {
				b.misplaced(c, s, "keep belongs to a post link: it keeps the link's input")
			}
		case *lang.Override:
			if !b.checkNames(c, []lang.Ident{s.Source}) {
				continue
			}
			once("override "+s.Source.Name, s)
			if !applies(s.Source.Name) {
				d := lang.Diagnostic{Code: "E0603", Message: fmt.Sprintf("this override is never used: the step does not run for %s", s.Source.Name), Range: b.decl.Range(s.Source.Pos), Help: "remove the override, or let the step run for this source"}
				if only != nil {
					d.Related = append(d.Related, lang.Label{Range: at(b.decl, only), Text: "because of this"})
				}
				if except != nil {
					d.Related = append(d.Related, lang.Label{Range: at(b.decl, except), Text: "because of this"})
				}
				c.ds.add(d)
			}
			if s.Body != nil {
				for _, inner := range s.Body.Stmts {
					switch inner.(type) {
					case *lang.Option, *lang.BadStmt:
					default:
						b.misplaced(c, inner, "an override holds options only")
					}
				}
			}
		default:
			b.misplaced(c, s, "a step holds options and only, except, override, when, retry, timeout and pause")
		}
	}
	if only != nil && except != nil {
		c.ds.add(lang.Diagnostic{Code: "E0602", Message: "only and except exclude each other", Range: at(b.decl, except), Related: []lang.Label{{Range: at(b.decl, only), Text: "only is here"}}, Help: "keep one of them"})
	}
}

// checkNames reports the names that are no source of the build, and whether all are.
func (b *buildDecl) checkNames(c *compilation, ids []lang.Ident) bool {
	good := true
	for _, id := range ids {
		if b.hasSource(id.Name) || id.Name == "" {
			continue
		}
		good = false
		if b.failedSource(id.Name) {
			continue
		}
		c.ds.add(lang.Diagnostic{Code: "E0601", Message: fmt.Sprintf("build %s has no source %s", b.name, id.Name), Range: b.decl.Range(id.Pos), Help: didYouMean(id.Name, b.sourceNames(), b.sourcesHelp(id.Name))})
	}
	return good
}

// failedSource reports whether a from names the source although there is none: that has been reported.
func (b *buildDecl) failedSource(name string) bool {
	for _, s := range b.node.Body.Stmts {
		if f, ok := s.(*lang.From); ok && f.Source.Parts[len(f.Source.Parts)-1].Name == name {
			return true
		}
	}
	return false
}

// applies reports whether a step or link with this body is for a source.
func (b *buildDecl) applies(body *lang.Body, source string) bool {
	if body == nil {
		return true
	}
	for _, s := range body.Stmts {
		switch s := s.(type) {
		case *lang.Only:
			if !names(s.Sources, source) {
				return false
			}
		case *lang.Except:
			if names(s.Sources, source) {
				return false
			}
		}
	}
	return true
}

func names(ids []lang.Ident, name string) bool {
	return slices.ContainsFunc(ids, func(id lang.Ident) bool { return id.Name == name })
}

// steps adds the steps and chains of a build to a unit.
func (b *buildDecl) steps(c *compilation, u *Unit, builder *Schema, in scope) {
	if b.node.Body == nil {
		return
	}
	for _, s := range b.node.Body.Stmts {
		switch s := s.(type) {
		case *lang.Provision:
			u.Steps = append(u.Steps, b.provision(c, u, builder, in, s)...)
		case *lang.On:
			if !names(s.Sources, u.Source) || s.Body == nil {
				continue
			}
			for _, inner := range s.Body.Stmts {
				if p, ok := inner.(*lang.Provision); ok {
					u.Steps = append(u.Steps, b.provision(c, u, builder, in, p)...)
				}
			}
		case *lang.OnError:
			p := &lang.Provision{Component: s.Component, Label: s.Label, Body: s.Body, Pos: s.Pos}
			steps := b.provision(c, u, builder, in, p)
			if len(steps) > 1 {
				c.ds.add(lang.Diagnostic{Code: "E0604", Message: "on_error is one step, and this recipe has several", Range: b.decl.Range(s.Component.Pos), Help: "put all that has to be done into one script"})
			}
			if len(steps) > 0 {
				u.OnError = steps[0]
			}
		case *lang.Post:
			b.chain(c, u, builder, in, s)
		}
	}
}

// provision makes the steps of a provision statement: one of a component, or those of a recipe.
func (b *buildDecl) provision(c *compilation, u *Unit, builder *Schema, in scope, p *lang.Provision) []*Call {
	r := at(b.decl, p)
	if recipe, ok := find(c, b.m, b.decl, p.Component, func(m *module) map[string]*recipeDecl { return m.recipes }); ok {
		recipe.used = true
		if !b.applies(p.Body, u.Source) || !c.when(in, p.Body) {
			return nil
		}
		return recipe.steps(c, builder, u.Source, b.layers(in, p.Body, u.Source), p.Component.Pos)
	}
	if b.m.qualified(p.Component) {
		return nil // find has reported it
	}
	schema := c.provisioner(b.m, b.decl, p.Component)
	if schema == nil || !b.applies(p.Body, u.Source) {
		return nil
	}
	call := c.step(schema, builder, u.Source, b.layers(in, p.Body, u.Source), p, r)
	if call == nil || !c.when(in, p.Body) {
		return nil
	}
	return []*Call{call}
}

// step makes one step of a component.
func (c *compilation) step(schema, builder *Schema, source string, layers []layer, p *lang.Provision, r lang.Range) *Call {
	d := layers[0].decl
	if builder != nil && builder.NoMachine && !schema.NoMachine {
		c.ds.add(lang.Diagnostic{Code: "E0606", Message: fmt.Sprintf("%s needs a machine, and source %s (%s) has none", schema.Name, source, builder.Name), Range: d.Range(p.Component.Pos), Help: fmt.Sprintf("leave the source out with except %s, or use shell_local", source)})
		return nil
	}
	call := c.call(schema, layers, r)
	if p.Label != nil {
		if text, plain := plainLiteral(p.Label); plain {
			call.Label = text
		} else {
			c.ds.add(lang.Diagnostic{Code: "E0401", Message: "a step's label is a literal string", Range: at(d, p.Label), Help: "write it without ${…}"})
		}
	}
	return call
}

// layers are the bodies whose options make a step, the last one winning.
func (b *buildDecl) layers(in scope, body *lang.Body, source string) []layer {
	out := []layer{{in, body}}
	if body == nil {
		return out
	}
	for _, s := range body.Stmts {
		if o, ok := s.(*lang.Override); ok && o.Source.Name == source && o.Body != nil {
			out = append(out, layer{in, o.Body})
		}
	}
	return out
}

// chain adds a post chain to a unit, up to the first link that is not for its source.
func (b *buildDecl) chain(c *compilation, u *Unit, builder *Schema, in scope, post *lang.Post) {
	ch := &Chain{Range: at(b.decl, post)}
	kind := "none"
	made := fmt.Sprintf("source %s (%s) makes", u.Source, builder.Name)
	if builder.Artifact != nil {
		kind = builder.Artifact.Kind
	}
	for _, l := range post.Links {
		schema := c.component(b.decl, "post", l.Component)
		if schema == nil || !b.applies(l.Body, u.Source) || !c.when(in, l.Body) {
			break
		}
		if !slices.Contains(schema.Takes, "any") && !slices.Contains(schema.Takes, kind) {
			what := fmt.Sprintf("%s an artifact of kind %s", made, kind)
			if kind == "none" {
				what = made + " no artifact of its own"
			}
			c.ds.add(lang.Diagnostic{Code: "E0605", Message: fmt.Sprintf("%s takes %s, but %s", schema.Name, strings.Join(schema.Takes, " or "), what), Range: b.decl.Range(l.Component.Pos), Help: chainHelp(kind, u.Source)})
			break
		}
		ch.Links = append(ch.Links, c.call(schema, b.layers(in, l.Body, u.Source), at(b.decl, l)))
		if !schema.GivesInput && schema.Artifact != nil {
			kind = schema.Artifact.Kind
		}
		made = schema.Name + " gives"
	}
	if len(ch.Links) > 0 {
		u.Posts = append(u.Posts, ch)
	}
}

func chainHelp(kind, source string) string {
	if kind == "none" {
		return fmt.Sprintf("begin the chain with artifice { files = [...] }, or leave the source out with except %s", source)
	}
	return "put the link where its kind of artifact is given, or begin another post from the build's artifact"
}

// dependencies are the units whose artifacts a unit uses.
func dependencies(u *Unit) []string {
	set := map[string]bool{}
	calls := u.Calls()
	if u.OnError != nil {
		calls = append(calls, u.OnError)
	}
	for _, call := range calls {
		for _, o := range call.Options {
			if o.Pending == nil {
				continue
			}
			for _, ref := range o.Pending.Refs {
				if !strings.HasPrefix(ref, "run.") {
					set[ref[:strings.LastIndexByte(ref, '.')]] = true
				}
			}
		}
	}
	return sortedKeys(set)
}

// cycles reports units that wait for each other.
func (c *compilation) cycles(p *Program) {
	byAddr := map[string]*Unit{}
	for _, u := range p.Units {
		byAddr[u.Addr] = u
	}
	state := map[string]int{}
	var path []string
	var visit func(u *Unit)
	visit = func(u *Unit) {
		switch state[u.Addr] {
		case 2:
			return
		case 1:
			i := slices.Index(path, u.Addr)
			c.ds.add(lang.Diagnostic{Code: "E0203", Message: "these units wait for each other: " + strings.Join(append(slices.Clone(path[i:]), u.Addr), " → "), Range: u.Range, Help: "remove one of the references"})
			return
		}
		state[u.Addr] = 1
		path = append(path, u.Addr)
		for _, a := range u.DependsOn {
			if d := byAddr[a]; d != nil {
				visit(d)
			}
		}
		path = path[:len(path)-1]
		state[u.Addr] = 2
	}
	for _, u := range p.Units {
		visit(u)
	}
}
