package compiler

import (
	"fmt"
	"maps"
	"slices"
	"sort"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// LoadSchemas reads the schema files of all components, by name. A diagnostic in one is a mistake in imgc.
func LoadSchemas(texts map[string]string) (*SchemaSet, lang.Diagnostics) {
	set := &SchemaSet{components: map[schemaKey]*Schema{}, types: map[string]*Type{}}
	m := newModule()
	c := &compilation{root: m, maxSteps: minSteps}
	type pending struct {
		d *lang.Decl
		n *lang.Schema
	}
	var components []pending
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		f := lang.ParseSchema(name, texts[name])
		c.ds.list = append(c.ds.list, f.Diagnostics()...)
		for _, d := range f.Decls {
			switch n := d.Node.(type) {
			case *lang.TypeDecl:
				if old, ok := m.types[n.Name.Name]; ok {
					c.duplicate(d, n.Name, old.decl, old.node.Name)
					continue
				}
				m.types[n.Name.Name] = &typeDecl{m: m, decl: d, node: n}
			case *lang.Schema:
				components = append(components, pending{d, n})
			}
		}
	}
	for name, td := range m.types {
		if t, _ := c.typeNamed(m, td.decl, lang.Dotted{Parts: []lang.Ident{td.node.Name}, Pos: td.node.Name.Pos}); t != nil {
			set.types[name] = t
		}
	}
	for _, p := range components {
		s := c.schema(p.d, p.n)
		set.components[schemaKey{s.Kind, s.Name}] = s
	}
	return set, c.ds.list
}

// Names lists the components of a kind, sorted.
func (s *SchemaSet) Names(kind string) []string {
	var names []string
	for k := range s.components {
		if k.kind == kind {
			names = append(names, k.name)
		}
	}
	sort.Strings(names)
	return names
}

// All lists every component, by kind and name.
func (s *SchemaSet) All() []*Schema {
	var all []*Schema
	for _, kind := range []string{"builder", "provisioner", "post", "data"} {
		for _, name := range s.Names(kind) {
			all = append(all, s.Lookup(kind, name))
		}
	}
	return all
}

var basicTypes = map[string]*Type{
	"string": {Kind: String}, "int": {Kind: Int}, "float": {Kind: Float}, "bool": {Kind: Bool},
	"duration": {Kind: Duration}, "size": {Kind: Size}, "path": {Kind: Path},
}

// typeIn resolves a type as written in a module. It returns nil after a mistake.
func (c *compilation) typeIn(m *module, d *lang.Decl, t lang.TypeExpr) *Type {
	switch t := t.(type) {
	case *lang.NamedType:
		name := t.Name.String()
		if b, ok := basicTypes[name]; ok {
			return b
		}
		u, known := c.typeNamed(m, d, t.Name)
		if !known && !m.bad[name] {
			names := append(slices.Collect(maps.Keys(basicTypes)), slices.Collect(maps.Keys(c.shared))...)
			names = append(names, slices.Collect(maps.Keys(m.types))...)
			sort.Strings(names)
			c.ds.add(lang.Diagnostic{Code: "E0206", Message: fmt.Sprintf("there is no type %s", name), Range: at(d, t), Help: didYouMean(name, append(names, "list", "map"), "the types are string, int, float, bool, duration, size, path, list(T), map(T), objects, and T?")})
		}
		return u
	case *lang.ListType:
		if e := c.typeIn(m, d, t.Elem); e != nil {
			return &Type{Kind: List, Elem: e}
		}
	case *lang.MapType:
		if e := c.typeIn(m, d, t.Elem); e != nil {
			return &Type{Kind: Map, Elem: e}
		}
	case *lang.OptionalType:
		if e := c.typeIn(m, d, t.Elem); e != nil {
			o := *e
			o.Optional = true
			return &o
		}
	case *lang.PublicType:
		if e := c.typeIn(m, d, t.Elem); e != nil {
			o := *e
			o.Public = true
			return &o
		}
	case *lang.EnumType:
		e := &Type{Kind: Enum}
		for _, v := range t.Values {
			e.Values = append(e.Values, literalText(v))
		}
		return e
	case *lang.ObjectType:
		o := &Type{Kind: Object}
		for _, f := range t.Fields {
			o.Fields = append(o.Fields, c.field(m, d, f))
		}
		return o
	}
	return nil
}

func literalText(s *lang.StringLit) string {
	text := ""
	for _, p := range s.Parts {
		text += p.Text
	}
	return text
}

func (c *compilation) field(m *module, d *lang.Decl, f *lang.SchemaField) *Field {
	out := &Field{Name: f.Name.Name, Doc: f.Doc, Default: cty.NilVal, Range: d.Range(f.Name.Pos)}
	out.Type = c.typeIn(m, d, f.Type)
	if out.Type == nil {
		out.Type = &Type{Kind: Any}
	}
	out.Public = out.Type.Public
	for _, m := range f.Marks {
		switch m.Name {
		case "update":
			out.Update = true
		case "free":
			out.Free = true
		case "reads":
			out.Reads = true
		case "writes":
			out.Writes = true
		case "shared":
			out.Shared = true
		}
	}
	out.Required = f.Default == nil && !out.Type.Optional
	if f.Default != nil {
		ev := c.evaluator(scope{m: m, decl: d}, nil)
		if r := ev.convert(ev.eval(f.Default, out.Type), out.Type, f.Default); r.typ != nil {
			out.Default = r.val
		}
	}
	return out
}

func (c *compilation) schema(d *lang.Decl, n *lang.Schema) *Schema {
	m := c.root
	s := &Schema{Kind: n.Kind, Name: n.Name.String(), Doc: d.Doc}
	for _, f := range n.Fields {
		s.Fields = append(s.Fields, c.field(m, d, f))
	}
	for _, fact := range n.Facts {
		var args []string
		for _, a := range fact.Args {
			args = append(args, a.Name)
		}
		switch fact.Name.Name {
		case "one_of":
			s.OneOf = append(s.OneOf, args)
		case "at_most_one":
			s.AtMostOne = append(s.AtMostOne, args)
		case "machine":
			s.NoMachine = slices.Equal(args, []string{"none"})
		case "takes":
			s.Takes = args
		case "gives":
			s.GivesSecret = slices.Equal(args, []string{"secret"})
			s.GivesInput = !s.GivesSecret
		case "keeps":
			s.KeepsInput = true
		case "calls":
			s.Calls = append(s.Calls, calls(args))
		}
	}
	if n.Artifact != nil {
		s.Artifact = &ArtifactSchema{Kind: n.Artifact.Kind.Name}
		for _, f := range n.Artifact.Fields {
			s.Artifact.Fields = append(s.Artifact.Fields, c.field(m, d, f))
		}
	}
	return s
}

// calls reads "WHEN SERVICE ACTION … [with OPTION [is VALUE]] [without OPTION]".
func calls(args []string) Calls {
	var c Calls
	for i := 0; i < len(args); i++ {
		switch {
		case i == 0:
			c.When = args[i]
		case i == 1:
			c.Service = args[i]
		case args[i] == "with" && i+1 < len(args):
			i++
			c.With = args[i]
		case args[i] == "without" && i+1 < len(args):
			i++
			c.Without = args[i]
		case args[i] == "is" && i+1 < len(args):
			i++
			c.Is = args[i]
		default:
			c.Actions = append(c.Actions, args[i])
		}
	}
	return c
}

// Field finds an option of the schema, or returns nil.
func (s *Schema) Field(name string) *Field { return fieldNamed(s.Fields, name) }

func fieldNamed(fields []*Field, name string) *Field {
	for _, f := range fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

func fieldNames(fields []*Field) []string {
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return names
}
