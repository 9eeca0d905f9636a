package reference

import (
	"strings"

	"github.com/zclconf/go-cty/cty"

	"imgc/compiler"
)

// Kinds are the kinds of component, as schemas name them and as people do.
func Kinds() []struct{ Kind, Title, How string } {
	return []struct{ Kind, Title, How string }{
		{"builder", "Builders", "where an image comes from (source NAME = …)"},
		{"provisioner", "Provisioners", "what is done to the machine (provision …)"},
		{"post", "Post-processors", "what is made of the artifact (post … |> …)"},
		{"data", "Data sources", "what is looked up when a plan is made (data NAME = …)"},
	}
}

// Components gives a group for each kind of component that schemas has.
func Components(schemas []*compiler.Schema) ([]Group, error) {
	var groups []Group
	for _, k := range Kinds() {
		g := Group{Title: k.Title, About: k.How}
		for _, s := range schemas {
			if s.Kind != k.Kind {
				continue
			}
			p, err := Component(s)
			if err != nil {
				return nil, err
			}
			g.Pages = append(g.Pages, p)
		}
		if len(g.Pages) > 0 {
			groups = append(groups, g)
		}
	}
	return groups, nil
}

// Component is the page of a component.
func Component(s *compiler.Schema) (Page, error) {
	md, err := render("component.md", s)
	return Page{Name: s.Kind + "-" + s.Name, Title: s.Kind + " " + s.Name, Short: s.Name, Summary: Summary(s.Doc), Markdown: md}, err
}

// Functions is the page of the functions of the language.
func Functions(fs []compiler.Function) (Page, error) {
	md, err := render("functions.md", fs)
	return Page{Name: "functions", Title: "functions", Short: "functions", Summary: "What expressions can call.", Markdown: md}, err
}

// Summary is the first sentence of a doc comment.
func Summary(doc string) string {
	doc = strings.Join(strings.Fields(doc), " ")
	if i := strings.Index(doc, ". "); i >= 0 {
		return doc[:i+1]
	}
	return doc
}

// FieldFacts says what is special about an option.
func FieldFacts(f *compiler.Field) []string {
	var facts []string
	for _, mark := range []struct {
		is   bool
		text string
	}{
		{f.Required, "required"},
		{f.Public, "takes no secret"},
		{f.Update, "a change updates in place"},
		{f.Free, "a change costs nothing"},
		{f.Reads, "its content counts"},
		{f.Writes, "is written"},
	} {
		if mark.is {
			facts = append(facts, mark.text)
		}
	}
	return facts
}

// Default writes the default of an option, or nothing when it has none.
func Default(f *compiler.Field) string {
	if f.Default == cty.NilVal {
		return ""
	}
	return compiler.FormatValue(f.Default, f.Type)
}

// InnerFields gives the fields of an object, or of the objects in a list or map.
func InnerFields(t *compiler.Type) []*compiler.Field {
	if o := object(t); o != nil {
		return o.Fields
	}
	return nil
}

func object(t *compiler.Type) *compiler.Type {
	for ; t != nil; t = t.Elem {
		if t.Kind == compiler.Object {
			return t
		}
	}
	return nil
}

// declared is an option as its schema declares it. The fields of an object without a name follow on the page.
func declared(path string, f *compiler.Field) string {
	typ := f.Type.String()
	if o := object(f.Type); o != nil && o.Name == "" {
		bare := *o
		bare.Optional, bare.Public = false, false
		typ = strings.Replace(typ, bare.String(), "{…}", 1)
	}
	out := path + ": " + typ
	if text := Default(f); text != "" {
		out += " = " + text
	}
	return out
}

// option is a field with the way to it, such as ssh.bastion.host, and the heading it stands under.
type option struct {
	*compiler.Field
	Path, Heading string
}

// inner makes options of fields; they stand one heading below their parent's, as far as headings go.
func inner(path, heading string, fields []*compiler.Field) []option {
	var out []option
	for _, f := range fields {
		o := option{f, f.Name, heading}
		if path != "" {
			o.Path = path + "." + f.Name
		}
		out = append(out, o)
		if len(heading) < 6 {
			out = append(out, inner(o.Path, heading+"#", InnerFields(f.Type))...)
			continue
		}
		out = append(out, inner(o.Path, heading, InnerFields(f.Type))...)
	}
	return out
}

// usage is how a program uses a component, with the options it cannot do without.
func usage(s *compiler.Schema) string {
	head := map[string]string{"builder": "source NAME = ", "provisioner": "provision ", "post": "post ", "data": "data NAME = "}[s.Kind] + s.Name
	type need struct{ name, or string }
	var needed []need
	width := 0
	for _, f := range s.Fields {
		n := need{name: f.Name}
		for _, group := range s.OneOf {
			if group[0] == f.Name && len(group) > 1 {
				n.or = "  # or " + strings.Join(group[1:], ", ")
			}
		}
		if f.Required || n.or != "" {
			needed = append(needed, n)
			width = max(width, len(f.Name))
		}
	}
	if len(needed) == 0 {
		return head + " {}"
	}
	var b strings.Builder
	b.WriteString(head + " {\n")
	for _, n := range needed {
		b.WriteString("  " + n.name + strings.Repeat(" ", width-len(n.name)) + " = …" + n.or + "\n")
	}
	b.WriteString("}")
	return b.String()
}
