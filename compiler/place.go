package compiler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// place is what some names stand for that are no values: a module, a build, one build of a matrix, a unit.
type place struct {
	failed bool // a mistake in the name has been reported
	use    *useDecl
	build  *buildDecl
	keyed  bool // one of a matrix
	key    string
	source string // of a unit
}

// place finds what an expression names if it is no value, or returns nil.
func (ev *evaluator) place(e lang.Expr) *place {
	switch e := e.(type) {
	case *lang.Name:
		if ev.shadowed(e.Name) || ev.self != "" {
			return nil
		}
		if b, ok := ev.m.builds[e.Name]; ok {
			return &place{build: b}
		}
		if u, ok := ev.m.uses[e.Name]; ok {
			ev.c.touch(&u.used)
			return &place{use: u, failed: u.mod == nil}
		}
	case *lang.Select:
		p := ev.place(e.X)
		switch {
		case p == nil || p.source != "":
			return nil
		case p.failed:
			return p
		case p.use != nil:
			b, ok := p.use.mod.builds[e.Name.Name]
			if !ok {
				return nil
			}
			return &place{build: b, failed: !ev.c.member(ev.decl, e.Name, true, p.use, nil)}
		case p.build.node.For != nil && !p.keyed:
			keys := p.build.keys(ev.c)
			help := fmt.Sprintf(`say which: %s["KEY"].SOURCE.FIELD`, p.build.name)
			if len(keys) > 0 {
				help = fmt.Sprintf("say which: %s[%q].SOURCE.FIELD", p.build.name, keys[0])
			}
			ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("%s is many builds", p.build.name), Range: ev.at(e.X), Related: []lang.Label{{Range: p.build.decl.Range(p.build.node.For.Pos), Text: "one for each of these"}}, Help: help})
			return &place{failed: true}
		case e.Name.Name == "":
			return &place{failed: true}
		case !p.build.hasSource(e.Name.Name):
			if !p.build.failedSource(e.Name.Name) {
				ev.fail(lang.Diagnostic{Code: "E0601", Message: fmt.Sprintf("build %s has no source %s", p.build.name, e.Name.Name), Range: ev.decl.Range(e.Name.Pos), Related: []lang.Label{{Range: p.build.decl.Range(p.build.node.Name.Pos), Text: "the build"}}, Help: didYouMean(e.Name.Name, p.build.sourceNames(), p.build.sourcesHelp(e.Name.Name))})
			}
			return &place{failed: true}
		}
		q := *p
		q.source = e.Name.Name
		return &q
	case *lang.Index:
		p := ev.place(e.X)
		if p == nil || p.failed || p.build == nil || p.source != "" {
			return p
		}
		if p.build.node.For == nil || p.keyed {
			ev.fail(lang.Diagnostic{Code: "E0302", Message: fmt.Sprintf("%s is one build", p.build.name), Range: ev.at(e.Index), Help: fmt.Sprintf("name a source of it: %s.SOURCE", p.build.name)})
			return &place{failed: true}
		}
		i := ev.eval(e.Index, nil)
		if i.typ == nil {
			return &place{failed: true}
		}
		v, _ := strip(i.val)
		if !v.IsKnown() {
			if p.build.open(ev.c) {
				return &place{build: p.build, keyed: true}
			}
			ev.fail(lang.Diagnostic{Code: "E0401", Message: "which build is meant has to be known before apply", Range: ev.at(e.Index), Help: "use a literal, or what the build's for goes over"})
			return &place{failed: true}
		}
		key := plainText(v, i.typ)
		if keys := p.build.keys(ev.c); !slices.Contains(keys, key) && !p.build.open(ev.c) {
			if !p.build.broken {
				ev.fail(lang.Diagnostic{Code: "E0303", Message: fmt.Sprintf("there is no build %s[%q]", p.build.name, key), Range: ev.at(e.Index), Related: []lang.Label{{Range: p.build.decl.Range(p.build.node.For.Pos), Text: "the builds"}}, Help: didYouMean(key, keys, "there are "+quoted(keys))})
			}
			return &place{failed: true}
		}
		return &place{build: p.build, keyed: true, key: key}
	}
	return nil
}

// noValue reports a place that stands where a value is wanted.
func (ev *evaluator) noValue(p *place, e lang.Expr) result {
	text := lang.PrintExpr(e)
	switch {
	case p.failed:
	case p.use != nil:
		ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("%s is a module, not a value", text), Range: ev.at(e), Help: fmt.Sprintf("name something in it: %s.NAME", text)})
	default:
		ev.fail(lang.Diagnostic{Code: "E0301", Message: fmt.Sprintf("%s is a build, not a value", text), Range: ev.at(e), Help: fmt.Sprintf("name a source and a field of its artifact: %s.SOURCE.FIELD", text)})
	}
	return poison
}

func (ev *evaluator) shadowed(name string) bool {
	_, local := ev.locals[name]
	_, declared := ev.m.names[name]
	return local || declared
}

// whole is the artifact of a unit: an object of all its fields.
func (ev *evaluator) whole(p *place, e lang.Expr) result {
	addr, t := ev.made(p, e)
	if t == nil {
		return poison
	}
	for _, f := range t.Fields {
		ev.use.ref(addr+"."+f.Name, ev.at(e))
	}
	return ev.built(addr, e, t, func(attrs map[string]any) cty.Value {
		fields := map[string]cty.Value{}
		for _, f := range t.Fields {
			fields[f.Name] = fromJSON(attrs[f.Name])
		}
		return objectVal(fields)
	})
}

// artifact is a field of the builder's artifact of a unit.
func (ev *evaluator) artifact(p *place, e *lang.Select) result {
	addr, t := ev.made(p, e)
	if t == nil {
		return poison
	}
	f := fieldNamed(t.Fields, e.Name.Name)
	if f == nil {
		names := fieldNames(t.Fields)
		return ev.fail(lang.Diagnostic{Code: "E0303", Message: fmt.Sprintf("the artifact of %s has no field %s", addr, e.Name.Name), Range: ev.decl.Range(e.Name.Pos), Help: didYouMean(e.Name.Name, names, "its fields are "+strings.Join(names, ", "))})
	}
	ev.use.ref(addr+"."+e.Name.Name, ev.at(e))
	return ev.built(addr, e, f.Type, func(attrs map[string]any) cty.Value { return fromJSON(attrs[e.Name.Name]) })
}

// made gives a unit's address and the type of its artifact, which is nil after a mistake.
func (ev *evaluator) made(p *place, e lang.Expr) (addr string, t *Type) {
	schema := p.build.builderOf(ev.c, p.source)
	if schema == nil {
		return "", nil // reported where the source is declared
	}
	if t = schema.artifactType(); t == nil {
		ev.fail(lang.Diagnostic{Code: "E0303", Message: fmt.Sprintf("%s makes no artifact that has fields", schema.Name), Range: ev.at(e), Help: "refer to a build whose builder makes an artifact"})
	}
	return p.build.address(p.keyed, p.key) + "." + p.source, t
}

// built gives what is made of an artifact's fields: at apply, when the unit has been built.
func (ev *evaluator) built(addr string, e lang.Expr, t *Type, of func(attrs map[string]any) cty.Value) result {
	if ev.rt == nil {
		return result{t, cty.DynamicVal}
	}
	attrs, ok := ev.rt.Artifacts[addr]
	if !ok {
		return ev.fail(lang.Diagnostic{Code: "E0408", Message: fmt.Sprintf("%s has not been built, so its artifact is not known", addr), Range: ev.at(e), Help: fmt.Sprintf("build it too: imgc apply --target %s", addr)})
	}
	return result{t, of(attrs)}
}

// artifactType is the type of what a component makes, or nil: an object with the component's name.
func (s *Schema) artifactType() *Type {
	if s.Artifact == nil || len(s.Artifact.Fields) == 0 {
		return nil
	}
	return &Type{Kind: Object, Name: s.Name + ".artifact", Fields: s.Artifact.Fields}
}
