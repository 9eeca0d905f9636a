package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"imgc/cmd/imgc/view"
	"imgc/compiler"
	"imgc/planner"
	"imgc/stdlib/component"
)

func (a *app) showCommand() *cobra.Command {
	var p programFlags
	var asJSON, rehearsed bool
	cmd := &cobra.Command{
		Use:   "show [PATH] [BUILD.SOURCE]",
		Short: "Show what was built, or a build as one of its sources sees it",
		Long: `Without an address: what was built, when, and from what, as the state file has it.
With an address: that build as this source sees it, when refinement, on, only, except and override have been
taken into account, each option with its value. Secrets are not shown.`,
		Example: `  imgc show
  imgc show web.vm`,
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: a.completeAddress(&p),
		RunE: func(cmd *cobra.Command, args []string) error {
			args, addr := p.address(args)
			if len(args) > 1 {
				return errUsage{fmt.Errorf("%q is not an address such as web.vm", args[1])}
			}
			p.place(args)
			if addr != "" {
				return a.showUnit(cmd, &p, addr, asJSON)
			}
			return a.showState(&p, rehearsed, asJSON)
		},
	}
	p.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	cmd.Flags().BoolVar(&rehearsed, "rehearse", false, "show what was built in rehearsals")
	return cmd
}

func (a *app) writeState(s *planner.State) {
	if len(s.Units) == 0 {
		fmt.Fprintln(a.out, "Nothing has been built here yet. Next: imgc plan")
		return
	}
	for i, addr := range slices.Sorted(maps.Keys(s.Units)) {
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		u := s.Units[addr]
		fmt.Fprintf(a.out, "%s  built %s by %s, input digest %.12s\n", a.bold(addr), u.BuiltAt.UTC().Format(time.RFC3339), u.Builder.Component, u.Digest)
		writeArtifact(a.out, "  artifact", u.Artifact, u.Consumed)
		for _, chain := range u.Posts {
			for j, l := range chain.Links {
				lead := "  post "
				if j > 0 {
					lead = "    |> "
				}
				writeArtifact(a.out, lead+l.Component, l.Artifact, l.Consumed)
			}
		}
	}
	if len(s.Outputs) > 0 {
		fmt.Fprintln(a.out)
		a.writeOutputs(s.Outputs)
	}
}

func (a *app) writeOutputs(outputs map[string]planner.OutputState) {
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		fmt.Fprintf(a.out, "%s = %s\n", name, outputs[name].Text)
	}
}

func writeArtifact(w io.Writer, lead string, art component.Artifact, consumed bool) {
	gone := ""
	if consumed {
		gone = " (used up by the chain)"
	}
	fmt.Fprintf(w, "%s: %s %s%s\n", lead, art.Kind, art.ID, gone)
	if consumed {
		return
	}
	for _, f := range art.Files {
		fmt.Fprintf(w, "    %s  %s  sha256 %.12s\n", f.Path, view.Bytes(f.Size), f.SHA256)
	}
}

// writeUnit writes a unit in the language's own words.
func (a *app) writeUnit(u *compiler.Unit) {
	w := a.out
	if u.Doc != "" {
		for _, l := range strings.Split(u.Doc, "\n") {
			fmt.Fprintln(w, a.dim("## "+l))
		}
	}
	fmt.Fprintf(w, "%s = %s {\n", a.bold(u.Addr), u.Builder.Schema.Name)
	a.writeCall(u.Builder, "  ")
	fmt.Fprintln(w, "}")
	for i, c := range u.Steps {
		fmt.Fprintf(w, "\n%s\n%s {\n", a.dim(fmt.Sprintf("# step %d of %d", i+1, len(u.Steps))), heading("provision", c))
		a.writeCall(c, "  ")
		fmt.Fprintln(w, "}")
	}
	if u.OnError != nil {
		fmt.Fprintf(w, "\n%s {\n", heading("on_error", u.OnError))
		a.writeCall(u.OnError, "  ")
		fmt.Fprintln(w, "}")
	}
	for _, chain := range u.Posts {
		fmt.Fprintln(w)
		for i, c := range chain.Links {
			word := "post"
			if i > 0 {
				word = "  |>"
			}
			fmt.Fprintf(w, "%s {\n", heading(word, c))
			a.writeCall(c, strings.Repeat(" ", 2+2*min(i, 1)))
			fmt.Fprintln(w, strings.Repeat(" ", 2*min(i, 1))+"}")
		}
	}
}

func heading(word string, c *compiler.Call) string {
	s := word + " " + c.Schema.Name
	if c.Label != "" {
		s += fmt.Sprintf(" %q", c.Label)
	}
	return s
}

func (a *app) writeCall(c *compiler.Call, indent string) {
	line := func(format string, args ...any) {
		fmt.Fprintln(a.out, indent+strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\n"+indent))
	}
	if c.Retry > 0 {
		line("retry %d", c.Retry)
	}
	if c.Timeout > 0 {
		line("timeout %s", c.Timeout)
	}
	if c.Pause > 0 {
		line("pause %s", c.Pause)
	}
	if c.Keep {
		line("keep")
	}
	width := 0
	for _, o := range c.Options {
		width = max(width, len(o.Field.Name))
	}
	for _, o := range c.Options {
		if !o.Given && o.Value.IsKnown() && o.Value.IsNull() {
			continue
		}
		text := fmt.Sprintf("%-*s = %s", width, o.Field.Name, formatOption(o))
		if !o.Given {
			text = a.dim(text + "  # default")
		}
		line("%s", text)
	}
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
