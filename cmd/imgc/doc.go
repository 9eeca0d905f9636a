package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"imgc/cmd/imgc/reference"
	"imgc/compiler"
	"imgc/lang"
	"imgc/stdlib"
)

func (a *app) docCommand() *cobra.Command {
	var form, out string
	cmd := &cobra.Command{
		Use:   "doc [COMPONENT | functions | PATH]",
		Short: "Tell what there is to build with",
		Long: `Without a name: all builders, provisioners, post-processors and data sources. With a name: its options; with functions, what
expressions can call; with a folder of .imgc files or one of them (./lib), what that module declares, with the ## comments above.

--format markdown and --format html write reference pages of them, and of the functions: one document on standard
output, or with --out a file for each in a folder, and an index. HTML pages need nothing beside them.`,
		Example: `  imgc doc
  imgc doc shell
  imgc doc ./modules/debian
  imgc doc --format html --out reference`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return componentNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			schemas, err := loadSchemas()
			if err != nil {
				return err
			}
			if len(args) > 0 && (args[0] == "functions" || isModule(args[0])) {
				return a.docPage(args[0], form, out)
			}
			switch form {
			case "markdown", "html":
				return a.docPages(schemas, args, reference.Format(form), out)
			case "text":
			default:
				return errUsage{fmt.Errorf("--format is text, markdown or html, not %q", form)}
			}
			if out != "" {
				return errUsage{errors.New("--out is the folder for --format markdown or --format html: name one of them")}
			}
			if len(args) == 0 {
				a.docList(schemas)
				return nil
			}
			return a.docOne(schemas, args[0])
		},
	}
	cmd.Flags().StringVar(&form, "format", "text", "text, markdown or html")
	cmd.Flags().StringVarP(&out, "out", "o", "", "write a page for each component, and an index, to the folder `DIR`")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "markdown", "html"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.MarkFlagDirname("out")
	return cmd
}

// isModule reports whether an argument is a path and no component: it exists, and says so by a dot or a slash, or is no component's name.
func isModule(arg string) bool {
	if _, err := os.Stat(arg); err != nil {
		return false
	}
	return strings.ContainsAny(arg, "./\\") || !slices.Contains(componentNames(), arg)
}

// docPage writes the page of a module, or of the functions.
func (a *app) docPage(name, form, dir string) error {
	var page reference.Page
	var err error
	if name == "functions" {
		page, err = reference.Functions(compiler.Functions())
	} else {
		var src *compiler.Source
		if src, err = compiler.Load(name); err != nil {
			return err
		}
		page, err = reference.Module(filepath.ToSlash(filepath.Clean(name)), src.Files)
	}
	if err != nil {
		return err
	}
	r := reference.Reference{Title: page.Title, Groups: []reference.Group{{Title: "Modules", Pages: []reference.Page{page}}}}
	f := reference.Format(form)
	switch {
	case form == "text":
		f = reference.Markdown // it is made to be read as it is
	case form != "markdown" && form != "html":
		return errUsage{fmt.Errorf("--format is text, markdown or html, not %q", form)}
	}
	return a.writePages(r, f, dir)
}

// writePages writes a reference to standard output, or where a folder is given into that.
func (a *app) writePages(r reference.Reference, f reference.Format, dir string) error {
	if dir == "" {
		return r.Write(a.out, f)
	}
	index, err := r.WriteDir(dir, f)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.err, "The pages are in %s; begin at %s.\n", dir, index)
	return nil
}

// docPages writes reference pages: of everything, or of the components of one name.
func (a *app) docPages(schemas *compiler.SchemaSet, args []string, form reference.Format, dir string) error {
	all := schemas.All()
	if len(args) > 0 {
		all = slices.DeleteFunc(all, func(s *compiler.Schema) bool { return s.Name != args[0] })
		if len(all) == 0 {
			return unknownComponent(args[0])
		}
	}
	groups, err := reference.Components(all)
	if err != nil {
		return err
	}
	r := reference.Reference{Title: "imgc reference", Groups: groups}
	if len(args) == 0 {
		functions, err := reference.Functions(compiler.Functions())
		if err != nil {
			return err
		}
		r.Groups = append(r.Groups, reference.Group{Title: "The language", Pages: []reference.Page{functions}})
	}
	return a.writePages(r, form, dir)
}

func componentNames() []string {
	var names []string
	for _, c := range stdlib.Components(nil) {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (a *app) docList(schemas *compiler.SchemaSet) {
	for i, k := range reference.Kinds() {
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		fmt.Fprintln(a.out, a.bold(k.Title+": "+k.How))
		for _, name := range schemas.Names(k.Kind) {
			fmt.Fprintf(a.out, "  %-14s %s\n", name, reference.Summary(schemas.Lookup(k.Kind, name).Doc))
		}
	}
	fmt.Fprintln(a.out, "\nimgc doc NAME tells the options of one.")
}

func (a *app) docOne(schemas *compiler.SchemaSet, name string) error {
	found := 0
	for _, k := range reference.Kinds() {
		s := schemas.Lookup(k.Kind, name)
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
	return unknownComponent(name)
}

func unknownComponent(name string) error {
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
		if text := reference.Default(f); text != "" {
			line += " = " + text
		}
		if facts := reference.FieldFacts(f); len(facts) > 0 {
			line += a.dim("  (" + strings.Join(facts, "; ") + ")")
		}
		fmt.Fprintln(a.out, line)
		for _, l := range strings.Split(strings.TrimSpace(f.Doc), "\n") {
			if l != "" {
				fmt.Fprintln(a.out, indent+"    "+l)
			}
		}
		a.docFields(reference.InnerFields(f.Type), indent+"    ")
	}
}
