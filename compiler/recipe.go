package compiler

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// recipeDecl is a list of steps that builds share.
type recipeDecl struct {
	m    *module
	name string
	decl *lang.Decl
	node *lang.Recipe
	used bool

	busy    bool // its steps are being made
	checked bool
	params  []parameter
	dflts   []*binding
	good    bool
}

func (r *recipeDecl) signature(c *compilation) {
	if !r.checked {
		r.checked = true
		r.params, r.dflts, r.good = c.parameters(r.m, r.decl, r.node.Params)
	}
}

// check checks a recipe by itself, with params that are not known.
func (r *recipeDecl) check(c *compilation) {
	r.signature(c)
	if r.node.Body == nil {
		return
	}
	for _, s := range r.node.Body.Stmts {
		switch s := s.(type) {
		case *lang.BadStmt:
		case *lang.Provision:
			if s.Body == nil {
				continue
			}
			seen := map[string]lang.Stmt{}
			for _, inner := range s.Body.Stmts {
				word := ""
				switch inner.(type) {
				case *lang.Option, *lang.BadStmt:
					continue
				case *lang.Retry:
					word = "retry"
				case *lang.Timeout:
					word = "timeout"
				case *lang.Pause:
					word = "pause"
				case *lang.When:
					word = "when"
				default:
					c.misplaced(r.decl, inner, "a recipe does not know its build's sources: put only, except and override where the recipe is used, or use when and a param")
					continue
				}
				if old, dup := seen[word]; dup {
					c.ds.add(lang.Diagnostic{Code: "E0604", Message: word + " is given twice", Range: at(r.decl, inner), Related: []lang.Label{{Range: at(r.decl, old), Text: "first here"}}, Help: "remove one of them"})
				}
				seen[word] = inner
			}
		default:
			c.misplaced(r.decl, s, "a recipe holds provision steps only")
		}
	}
	locals := map[string]*binding{}
	for _, p := range r.params {
		locals[p.name] = &binding{result: result{p.typ, cty.DynamicVal}}
	}
	was := c.noEval
	c.noEval = true
	r.make(c, nil, "", scope{r.m, r.decl, locals})
	c.noEval = was
}

// steps are the steps of a recipe for the arguments that the layers give.
func (r *recipeDecl) steps(c *compilation, builder *Schema, source string, layers []layer, name lang.Span) []*Call {
	r.signature(c)
	d := layers[0].decl
	args := map[string]*binding{}
	good, misspelt := r.good, false
	var names []string
	for _, p := range r.params {
		names = append(names, p.name)
	}
	for _, l := range layers {
		if l.body == nil {
			continue
		}
		here := map[string]lang.Range{}
		for _, s := range l.body.Stmts {
			o, ok := s.(*lang.Option)
			if !ok {
				switch s.(type) {
				case *lang.Retry, *lang.Timeout, *lang.Pause:
					c.misplaced(d, s, "it belongs to the steps of the recipe")
				}
				continue
			}
			place := l.decl.Range(o.Name.Pos)
			if old, dup := here[o.Name.Name]; dup {
				c.ds.add(lang.Diagnostic{Code: "E0504", Message: fmt.Sprintf("option %s is given twice", o.Name.Name), Range: place, Related: []lang.Label{{Range: old, Text: "first given here"}}, Help: "remove one of them"})
				continue
			}
			here[o.Name.Name] = place
			ev := c.evaluator(l.scope, nil)
			i := indexParam(r.params, o.Name.Name)
			if i < 0 {
				good, misspelt = false, true // perhaps it was meant to be one that is missing
				ev.eval(o.Value, nil)
				c.ds.add(lang.Diagnostic{Code: "E0501", Message: fmt.Sprintf("recipe %s has no param %s", r.name, o.Name.Name), Range: place, Related: []lang.Label{{Range: r.decl.Range(r.node.Name.Pos), Text: "declared here"}}, Help: didYouMean(o.Name.Name, names, "its params are "+orNothing(names))})
				continue
			}
			t := r.params[i].typ
			res := ev.convert(ev.eval(o.Value, t), t, o.Value)
			if res.typ == nil {
				good = false
				res = result{t, cty.DynamicVal}
			}
			args[o.Name.Name] = c.bind(l.scope, o.Value, t, res, &ev.use)
		}
	}
	for i, p := range r.params {
		if args[p.name] != nil {
			continue
		}
		args[p.name] = r.dflts[i]
		if !p.optional && !misspelt {
			good = false
			c.ds.add(lang.Diagnostic{Code: "E0502", Message: fmt.Sprintf("recipe %s needs the param %s", r.name, p.name), Range: d.Range(name), Related: []lang.Label{{Range: r.decl.Range(r.node.Params[i].Name.Pos), Text: "declared here"}}, Help: fmt.Sprintf("add %s = …; it is %s", p.name, article(p.typ))})
		}
	}
	if !good {
		return nil
	}
	return r.make(c, builder, source, scope{r.m, r.decl, args})
}

// make makes the steps of a recipe in a scope that has its params.
func (r *recipeDecl) make(c *compilation, builder *Schema, source string, in scope) []*Call {
	if r.node.Body == nil {
		return nil
	}
	if r.busy {
		c.ds.add(lang.Diagnostic{Code: "E0203", Message: fmt.Sprintf("recipe %s uses itself", r.name), Range: r.decl.Range(r.node.Name.Pos), Help: "recipes may use each other, but not in a circle"})
		return nil
	}
	r.busy = true
	defer func() { r.busy = false }()
	var out []*Call
	for _, s := range r.node.Body.Stmts {
		p, ok := s.(*lang.Provision)
		if !ok {
			continue
		}
		layers := []layer{{in, p.Body}}
		if other, ok := find(c, r.m, r.decl, p.Component, func(m *module) map[string]*recipeDecl { return m.recipes }); ok {
			other.used = true
			if c.when(in, p.Body) && c.expanded(r.decl, p) {
				out = append(out, other.steps(c, builder, source, layers, p.Component.Pos)...)
			}
			continue
		}
		if r.m.qualified(p.Component) {
			continue // find has reported it
		}
		schema := c.provisioner(r.m, r.decl, p.Component)
		if schema == nil {
			continue
		}
		if call := c.step(schema, builder, source, layers, p, at(r.decl, p)); call != nil && c.when(in, p.Body) && c.expanded(r.decl, p) {
			out = append(out, call)
		}
	}
	return out
}

// expanded counts the steps that recipes make: those that use each other twice, many levels deep, would make too many.
func (c *compilation) expanded(d *lang.Decl, p *lang.Provision) bool {
	return c.evaluator(scope{m: c.root, decl: d}, nil).spend(1000, p)
}
