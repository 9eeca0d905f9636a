package compiler

import (
	"fmt"
	"slices"
	"strings"

	"imgc/lang"
)

// buildDecl is a build as declared, with its sources.
type buildDecl struct {
	name  string
	decl  *lang.Decl
	node  *lang.Build
	froms []*lang.From
	// seen marks the builds that a walk for circles has been through.
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
		if old, dup := first[f.Source.Name]; dup {
			c.ds.add(lang.Diagnostic{Code: "E0607", Message: fmt.Sprintf("source %s stands in build %s twice", f.Source.Name, b.name), Range: b.decl.Range(f.Source.Pos), Related: []lang.Label{{Range: b.decl.Range(old.Source.Pos), Text: "first here"}}, Help: "remove one, or declare a second source"})
			continue
		}
		first[f.Source.Name] = f
		if src, ok := c.sources[f.Source.Name]; ok {
			src.used = true
			b.froms = append(b.froms, f)
			continue
		}
		c.ds.add(lang.Diagnostic{Code: "E0601", Message: fmt.Sprintf("there is no source %s", f.Source.Name), Range: b.decl.Range(f.Source.Pos), Help: didYouMean(f.Source.Name, sortedKeys(c.sources), fmt.Sprintf("declare it: source %s = COMPONENT { … }", f.Source.Name))})
	}
	if len(first) == 0 {
		c.ds.add(lang.Diagnostic{Code: "E0608", Message: fmt.Sprintf("build %s has no source", b.name), Range: b.decl.Range(b.node.Name.Pos), Help: "add one: from SOURCE"})
	}
}

func (b *buildDecl) hasSource(name string) bool { return slices.Contains(b.sourceNames(), name) }

func (b *buildDecl) sourceNames() []string {
	var names []string
	for _, f := range b.froms {
		names = append(names, f.Source.Name)
	}
	return names
}

// builderOf is the schema of a source's component, or nil.
func (c *compilation) builderOf(source string) *Schema {
	if s, ok := c.sources[source]; ok && c.cfg.Schemas != nil {
		return c.cfg.Schemas.Lookup("builder", s.node.Component.String())
	}
	return nil
}

// component finds the schema of a component that is used as a kind, or reports why it cannot.
func (c *compilation) component(d *lang.Decl, kind string, name lang.Dotted) *Schema {
	if c.cfg.Schemas == nil {
		return nil
	}
	n := name.String()
	if s := c.cfg.Schemas.Lookup(kind, n); s != nil {
		return s
	}
	for _, other := range []string{"builder", "provisioner", "post"} {
		if c.cfg.Schemas.Lookup(other, n) != nil {
			c.ds.add(lang.Diagnostic{Code: "E0205", Message: fmt.Sprintf("%s is %s, not %s", n, kindPhrase(other), kindPhrase(kind)), Range: d.Range(name.Pos), Help: "it is used with " + kindKeyword(other)})
			return nil
		}
	}
	names := c.cfg.Schemas.Names(kind)
	c.ds.add(lang.Diagnostic{Code: "E0205", Message: fmt.Sprintf("there is no %s %s", kindPhrase(kind)[2:], n), Range: d.Range(name.Pos), Help: didYouMean(n, names, "there are "+strings.Join(names, ", "))})
	return nil
}

func kindPhrase(kind string) string {
	if kind == "post" {
		return "a post-processor"
	}
	return "a " + kind
}

func kindKeyword(kind string) string {
	switch kind {
	case "builder":
		return "source NAME = …"
	case "post":
		return "post, in a build"
	}
	return "provision, in a build"
}

// checkSource checks a source that no build uses; the others are checked with their units.
func (c *compilation) checkSource(s *sourceDecl) {
	if s.used {
		return
	}
	if schema := c.component(s.decl, "builder", s.node.Component); schema != nil {
		c.call(schema, []layer{{s.decl, s.node.Body}}, s.decl.Range(s.node.Name.Pos))
	}
}

// units makes the units of a build.
func (b *buildDecl) units(c *compilation) []*Unit {
	var out []*Unit
	b.checkStatements(c)
	for _, f := range b.froms {
		src := c.sources[f.Source.Name]
		schema := c.component(src.decl, "builder", src.node.Component)
		if schema == nil {
			continue
		}
		u := &Unit{Addr: b.name + "." + f.Source.Name, Build: b.name, Source: f.Source.Name, Doc: b.decl.Doc, Range: b.decl.Range(f.Pos)}
		layers := []layer{{src.decl, src.node.Body}}
		if f.Body != nil {
			layers = append(layers, layer{b.decl, f.Body})
		}
		u.Builder = c.call(schema, layers, u.Range)
		b.steps(c, u, schema, b.node.Body, nil)
		u.DependsOn = dependencies(u)
		out = append(out, u)
	}
	return out
}

// checkStatements reports what does not depend on a source: statements that have no place in a build, and names of
// sources that are unknown.
func (b *buildDecl) checkStatements(c *compilation) {
	if b.node.For != nil {
		c.later("build … for", b.decl.Range(b.node.For.Pos), "write a build for each value")
	}
	if b.node.Body == nil {
		return
	}
	onError := 0
	for _, s := range b.node.Body.Stmts {
		switch s := s.(type) {
		case *lang.From, *lang.BadStmt:
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
		case *lang.When:
			c.later("when", at(b.decl, s), "use only and except")
		default:
			b.misplaced(c, s, "a build holds from, provision, on, on_error and post")
		}
	}
}

func (b *buildDecl) misplaced(c *compilation, s lang.Stmt, help string) {
	what := "this statement"
	if o, ok := s.(*lang.Option); ok {
		what = "option " + o.Name.Name
	}
	c.ds.add(lang.Diagnostic{Code: "E0604", Message: what + " has no place here", Range: at(b.decl, s), Help: help})
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
			c.later("when", at(b.decl, s), "use only and except")
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
			b.misplaced(c, s, "a step holds options and only, except, override, retry, timeout and pause")
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
		c.ds.add(lang.Diagnostic{Code: "E0601", Message: fmt.Sprintf("build %s has no source %s", b.name, id.Name), Range: b.decl.Range(id.Pos), Help: didYouMean(id.Name, b.sourceNames(), "its sources are "+strings.Join(b.sourceNames(), ", "))})
	}
	return good
}

// failedSource reports whether a from names the source although there is none: that has been reported.
func (b *buildDecl) failedSource(name string) bool {
	for _, s := range b.node.Body.Stmts {
		if f, ok := s.(*lang.From); ok && f.Source.Name == name {
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

// steps adds the steps and chains of a body to a unit.
func (b *buildDecl) steps(c *compilation, u *Unit, builder *Schema, body *lang.Body, _ any) {
	if body == nil {
		return
	}
	for _, s := range body.Stmts {
		switch s := s.(type) {
		case *lang.Provision:
			if call := b.step(c, u, builder, s.Component, s.Label, s.Body, at(b.decl, s)); call != nil {
				u.Steps = append(u.Steps, call)
			}
		case *lang.On:
			if !names(s.Sources, u.Source) || s.Body == nil {
				continue
			}
			for _, inner := range s.Body.Stmts {
				if p, ok := inner.(*lang.Provision); ok {
					if call := b.step(c, u, builder, p.Component, p.Label, p.Body, at(b.decl, p)); call != nil {
						u.Steps = append(u.Steps, call)
					}
				}
			}
		case *lang.OnError:
			u.OnError = b.step(c, u, builder, s.Component, s.Label, s.Body, at(b.decl, s))
		case *lang.Post:
			b.chain(c, u, builder, s)
		}
	}
}

func (b *buildDecl) step(c *compilation, u *Unit, builder *Schema, name lang.Dotted, label *lang.StringLit, body *lang.Body, r lang.Range) *Call {
	schema := c.component(b.decl, "provisioner", name)
	if schema == nil || !b.applies(body, u.Source) {
		return nil
	}
	if builder.NoMachine && !schema.NoMachine {
		c.ds.add(lang.Diagnostic{Code: "E0606", Message: fmt.Sprintf("%s needs a machine, and source %s (%s) has none", schema.Name, u.Source, builder.Name), Range: b.decl.Range(name.Pos), Help: fmt.Sprintf("leave the source out with except %s, or use shell_local", u.Source)})
		return nil
	}
	call := c.call(schema, b.layers(body, u.Source), r)
	if label != nil {
		if text, plain := plainLiteral(label); plain {
			call.Label = text
		} else {
			c.ds.add(lang.Diagnostic{Code: "E0401", Message: "a step's label is a literal string", Range: at(b.decl, label), Help: "write it without ${…}"})
		}
	}
	return call
}

// layers are the bodies whose options make a step, the last one winning.
func (b *buildDecl) layers(body *lang.Body, source string) []layer {
	out := []layer{{b.decl, body}}
	if body == nil {
		return out
	}
	for _, s := range body.Stmts {
		if o, ok := s.(*lang.Override); ok && o.Source.Name == source && o.Body != nil {
			out = append(out, layer{b.decl, o.Body})
		}
	}
	return out
}

// chain adds a post chain to a unit, up to the first link that is not for its source.
func (b *buildDecl) chain(c *compilation, u *Unit, builder *Schema, post *lang.Post) {
	ch := &Chain{Range: at(b.decl, post)}
	kind := "none"
	made := fmt.Sprintf("source %s (%s) makes", u.Source, builder.Name)
	if builder.Artifact != nil {
		kind = builder.Artifact.Kind
	}
	for _, l := range post.Links {
		schema := c.component(b.decl, "post", l.Component)
		if schema == nil || !b.applies(l.Body, u.Source) {
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
		ch.Links = append(ch.Links, c.call(schema, b.layers(l.Body, u.Source), at(b.decl, l)))
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
	calls := append([]*Call{u.Builder}, u.Steps...)
	if u.OnError != nil {
		calls = append(calls, u.OnError)
	}
	for _, ch := range u.Posts {
		calls = append(calls, ch.Links...)
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
