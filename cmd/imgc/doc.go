package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"imgc/compiler"
	"imgc/lang"
	"imgc/stdlib"
)

func (a *app) docCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doc [COMPONENT]",
		Short: "Tell what there is to build with",
		Long:  `Without a name: all builders, provisioners and post-processors. With a name: its options.`,
		Example: `  imgc doc
  imgc doc shell`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return componentNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			schemas, err := loadSchemas()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				a.docList(schemas)
				return nil
			}
			return a.docOne(schemas, args[0])
		},
	}
	return cmd
}

// kinds are the kinds of component, as schemas name them and as people do.
var kinds = []struct{ kind, title string }{
	{"builder", "Builders: where an image comes from (source NAME = …)"},
	{"provisioner", "Provisioners: what is done to the machine (provision …)"},
	{"post", "Post-processors: what is made of the artifact (post … |> …)"},
}

func componentNames() []string {
	var names []string
	for _, c := range stdlib.Components() {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (a *app) docList(schemas *compiler.SchemaSet) {
	for i, k := range kinds {
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		fmt.Fprintln(a.out, a.bold(k.title))
		for _, name := range componentNames() {
			if s := schemas.Lookup(k.kind, name); s != nil {
				fmt.Fprintf(a.out, "  %-14s %s\n", name, summary(s.Doc))
			}
		}
	}
	fmt.Fprintln(a.out, "\nimgc doc NAME tells the options of one.")
}

func (a *app) docOne(schemas *compiler.SchemaSet, name string) error {
	found := 0
	for _, k := range kinds {
		s := schemas.Lookup(k.kind, name)
		if s == nil {
			continue
		}
		if found > 0 {
			fmt.Fprintln(a.out)
		}
		found++
		a.docSchema(s)
	}
	if found > 0 {
		return nil
	}
	msg := fmt.Sprintf("there is nothing called %q to build with", name)
	if near := lang.Nearest(name, componentNames()); near != "" {
		return fmt.Errorf("%s; did you mean `imgc doc %s`?", msg, near)
	}
	return fmt.Errorf("%s; `imgc doc` lists what there is", msg)
}

func (a *app) docSchema(s *compiler.Schema) {
	w := a.out
	fmt.Fprintf(w, "%s\n\n", a.bold(s.Kind+" "+s.Name))
	if s.Doc != "" {
		fmt.Fprintf(w, "%s\n\n", s.Doc)
	}
	if len(s.Takes) > 0 {
		fmt.Fprintf(w, "Takes: %s\n", strings.Join(s.Takes, ", "))
	}
	switch {
	case s.GivesInput:
		fmt.Fprintln(w, "Gives: what it was given")
	case s.Artifact != nil:
		fmt.Fprintf(w, "Gives: %s\n", s.Artifact.Kind)
		for _, f := range s.Artifact.Fields {
			fmt.Fprintf(w, "  .%s: %s\n", f.Name, f.Type)
		}
	}
	for _, group := range s.OneOf {
		fmt.Fprintf(w, "Exactly one of: %s\n", strings.Join(group, ", "))
	}
	for _, group := range s.AtMostOne {
		fmt.Fprintf(w, "At most one of: %s\n", strings.Join(group, ", "))
	}
	if len(s.Fields) > 0 {
		fmt.Fprintln(w, "\nOptions:")
		a.docFields(s.Fields, "  ")
	}
}

func (a *app) docFields(fields []*compiler.Field, indent string) {
	for _, f := range fields {
		line := indent + a.bold(f.Name) + ": " + f.Type.String()
		if text := defaultText(f); text != "" {
			line += " = " + text
		}
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
		if len(facts) > 0 {
			line += a.dim("  (" + strings.Join(facts, "; ") + ")")
		}
		fmt.Fprintln(a.out, line)
		for _, l := range strings.Split(strings.TrimSpace(f.Doc), "\n") {
			if l != "" {
				fmt.Fprintln(a.out, indent+"    "+l)
			}
		}
		if inner := objectFields(f.Type); inner != nil {
			a.docFields(inner, indent+"    ")
		}
	}
}

// objectFields gives the fields of an object, or of the objects in a list or map.
func objectFields(t *compiler.Type) []*compiler.Field {
	for t != nil {
		if t.Kind == compiler.Object {
			return t.Fields
		}
		t = t.Elem
	}
	return nil
}

// summary is the first sentence of a doc comment.
func summary(doc string) string {
	doc = strings.Join(strings.Fields(doc), " ")
	if i := strings.Index(doc, ". "); i >= 0 {
		return doc[:i+1]
	}
	return doc
}
