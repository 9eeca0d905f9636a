package reference

import (
	"strings"

	"imgc/lang"
)

// entry is one declaration of a module as its page shows it.
type entry struct {
	Name, Declared, Doc string
	Notes               []string
}

// section is the declarations of a kind.
type section struct {
	Title   string
	Entries []entry
}

// Module is the page of a module: what it declares for others, with the ## comments above each. Names that begin with _ are its
// own and are left out.
func Module(name string, files []*lang.File) (Page, error) {
	kinds := []section{{Title: "Params"}, {Title: "Values"}, {Title: "Functions"}, {Title: "Types"}, {Title: "Data"}, {Title: "Recipes"}, {Title: "Sources"}, {Title: "Builds"}, {Title: "Outputs"}}
	about := ""
	add := func(kind int, d *lang.Decl, id lang.Ident, declared string, notes ...string) {
		if id.Name != "" && !strings.HasPrefix(id.Name, "_") {
			kinds[kind].Entries = append(kinds[kind].Entries, entry{id.Name, declared, d.Doc, notes})
		}
	}
	for _, f := range files {
		if about == "" {
			about = headComment(f.Src)
		}
		for _, d := range f.Decls {
			switch n := d.Node.(type) {
			case *lang.Param:
				declared := "param " + n.Name.Name + typed(n.Type)
				var notes []string
				if n.Secret {
					declared = "secret " + declared
				}
				if n.Default != nil {
					declared += " = " + lang.PrintExpr(n.Default)
				} else if _, optional := n.Type.(*lang.OptionalType); !optional {
					notes = append(notes, "required")
				}
				for _, c := range n.Checks {
					if s, ok := c.Message.(*lang.StringLit); ok {
						notes = append(notes, strings.Trim(lang.PrintExpr(s), `"`))
					}
				}
				add(0, d, n.Name, declared, notes...)
			case *lang.Let:
				add(1, d, n.Name, "let "+n.Name.Name+typed(n.Type)+" = "+short(lang.PrintExpr(n.Value)))
			case *lang.Func:
				add(2, d, n.Name, "func "+n.Name.Name+"("+params(n.Params)+")"+typed(n.Result))
			case *lang.TypeDecl:
				add(3, d, n.Name, "type "+n.Name.Name+" = "+lang.PrintType(n.Type))
			case *lang.Data:
				add(4, d, n.Name, "data "+n.Name.Name+" = "+n.Component.String())
			case *lang.Recipe:
				add(5, d, n.Name, "recipe "+n.Name.Name+"("+params(n.Params)+")")
			case *lang.Source:
				add(6, d, n.Name, "source "+n.Name.Name+" = "+n.Component.String())
			case *lang.Build:
				add(7, d, n.Name, buildHead(n))
			case *lang.Output:
				add(8, d, n.Name, "output "+n.Name.Name+" = "+short(lang.PrintExpr(n.Value)))
			}
		}
	}
	var with []section
	for _, k := range kinds {
		if len(k.Entries) > 0 {
			with = append(with, k)
		}
	}
	md, err := render("module.md", struct {
		Name, About string
		Sections    []section
	}{name, about, with})
	return Page{Name: "module-" + strings.ReplaceAll(strings.Trim(name, "./"), "/", "-"), Title: "module " + name, Short: name, Summary: Summary(about), Markdown: md}, err
}

func typed(t lang.TypeExpr) string {
	if t == nil {
		return ""
	}
	return ": " + lang.PrintType(t)
}

func params(ps []*lang.FuncParam) string {
	var out []string
	for _, p := range ps {
		s := p.Name.Name + typed(p.Type)
		if p.Default != nil {
			s += " = " + short(lang.PrintExpr(p.Default))
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func buildHead(n *lang.Build) string {
	out := "build " + n.Name.Name
	if n.For != nil {
		out += " for "
		if n.For.Key != nil {
			out += n.For.Key.Name + ", "
		}
		out += n.For.Value.Name + " in " + short(lang.PrintExpr(n.For.In))
	}
	var from []string
	if n.Body != nil {
		for _, s := range n.Body.Stmts {
			if f, ok := s.(*lang.From); ok {
				from = append(from, f.Source.String())
			}
		}
	}
	if len(from) > 0 {
		out += " (from " + strings.Join(from, ", ") + ")"
	}
	return out
}

// short cuts a long expression.
func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return s
}

// headComment is the ## comment that begins a file, when an empty line parts it from the first declaration.
func headComment(src string) string {
	var lines []string
	for line := range strings.Lines(strings.TrimPrefix(src, "\ufeff")) {
		line = strings.TrimRight(line, " \t\r\n")
		rest, ok := strings.CutPrefix(line, "##")
		if !ok {
			if line == "" {
				return strings.Join(lines, "\n")
			}
			break
		}
		lines = append(lines, strings.TrimPrefix(rest, " "))
	}
	return ""
}
