package planner

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"imgc/compiler"
)

// TextOptions tell how a plan is printed.
type TextOptions struct {
	Color   bool
	Verbose bool // also the units that stay as they are
}

var symbols = map[Action]string{None: " ", Post: "»", Update: "~", Build: "+", Rebuild: "±", Forget: "-"}

var verbs = map[Action]string{
	None: "is up to date", Post: "keeps its artifact; its post chains run", Update: "is updated in place",
	Build: "will be built", Rebuild: "will be built again", Forget: "leaves the state",
}

// WriteText prints a plan for people: each unit with what happens to it, why, and from which step.
func WriteText(w io.Writer, p *Plan, o TextOptions) error {
	t := &textWriter{o: o}
	for _, c := range p.Changes {
		t.change(c)
	}
	t.outputs(p.Outputs)
	t.line("%s", p.Summary())
	_, err := io.WriteString(w, t.b.String())
	return err
}

type textWriter struct {
	b strings.Builder
	o TextOptions
}

func (t *textWriter) line(format string, args ...any) {
	fmt.Fprintf(&t.b, format+"\n", args...)
}

func (t *textWriter) color(code, s string) string {
	if !t.o.Color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

var lineColors = map[byte]string{'-': "31", '+': "32", ' ': "2"}

var colors = map[Action]string{None: "2", Post: "36", Update: "33", Build: "32", Rebuild: "33", Forget: "31"}

func (t *textWriter) change(c *Change) {
	if c.Action == None && !t.o.Verbose {
		if c.Found != nil {
			t.line("  %s is up to date: %s was found, made from the same\n", t.color("1", c.Addr), c.Found.ID)
		}
		return
	}
	t.line("%s %s %s", t.color(colors[c.Action], symbols[c.Action]), t.color("1", c.Addr), verbs[c.Action])
	for _, r := range c.Reasons {
		if c.Action == Build && r.Code == NeverBuilt {
			continue
		}
		t.line("    %s", t.color("33", printable(r.String())))
	}
	switch c.Action {
	case Build, Rebuild:
		t.steps(c)
	case Update:
		t.node("source", c.Builder, true, c)
		t.posts(c)
	case Post:
		t.posts(c)
	}
	if c.Found != nil {
		t.line("    %s was found, made from the same", c.Found.ID)
	}
	t.line("")
}

func (t *textWriter) steps(c *Change) {
	switch {
	case c.RestartAt == 0 && len(c.Steps) > 0:
		t.line("    every step is kept; the artifact is made again from the last one")
	case c.RestoreFrom != "":
		t.line("    restarts at step %d of %d", c.RestartAt, len(c.Steps))
	case c.Action == Rebuild && len(c.Steps) > 0:
		t.line("    restarts at step 1 of %d", len(c.Steps))
	}
	t.node("source", c.Builder, c.Builder.Runs, c)
	for i, s := range c.Steps {
		t.node(fmt.Sprintf("step %d", i+1), s, s.Runs, c)
	}
	t.posts(c)
}

func (t *textWriter) posts(c *Change) {
	for _, ch := range c.Posts {
		for i, l := range ch {
			word := "post"
			if i > 0 {
				word = "  |>"
			}
			t.node(word, l, l.Runs, c)
		}
	}
}

func (t *textWriter) node(word string, n *Node, runs bool, c *Change) {
	name := n.Component
	if n.Label != "" {
		name += fmt.Sprintf(" %q", n.Label)
	}
	mark := t.color("32", "run ")
	if !runs {
		mark = t.color("2", "kept")
	}
	t.line("      %-8s %s  %s", word, mark, name)
	if c.Action == Build || len(n.Reasons) > 0 && n.Reasons[0].Code == StepAdded {
		t.given(n)
		return
	}
	width := 0
	for _, o := range n.Options {
		width = max(width, len(o.Name))
	}
	for _, o := range n.Options {
		t.option(o, width)
	}
	for _, r := range n.Reasons {
		if r.Code == FileChanged {
			t.line("                       %s %s", t.color("33", "~"), printable(r.Subject)+" changed")
		}
	}
}

// given prints the options that the program gives a node that is new.
func (t *textWriter) given(n *Node) {
	if n.Call == nil {
		return
	}
	width := 0
	for _, o := range n.Call.Options {
		if o.Given {
			width = max(width, len(o.Field.Name))
		}
	}
	for _, o := range n.Call.Options {
		if !o.Given {
			continue
		}
		text := compiler.FormatValue(o.Value, o.Field.Type)
		if o.Pending != nil {
			text = "(known after apply) " + o.Pending.Text
		}
		t.line("                       %s", t.color("2", fmt.Sprintf("%-*s = %s", width, o.Field.Name, short(text))))
	}
}

func (t *textWriter) option(o OptionChange, width int) {
	const pad = "                       "
	switch {
	case o.Before == "":
		t.line("%s%s %-*s  %s", pad, t.color("32", "+"), width, o.Name, o.After)
	case o.After == "":
		t.line("%s%s %-*s  %s", pad, t.color("31", "-"), width, o.Name, o.Before)
	case len(o.Before)+len(o.After) > 60:
		t.line("%s%s %s", pad, t.color("33", "~"), o.Name)
		for _, l := range diffLines(splitValue(o.Before), splitValue(o.After)) {
			t.line("%s    %s %s", pad, t.color(lineColors[l.mark], string(l.mark)), l.text)
		}
	default:
		t.line("%s%s %-*s  %s → %s", pad, t.color("33", "~"), width, o.Name, o.Before, o.After)
	}
}

func (t *textWriter) outputs(outs []*OutputChange) {
	any := false
	for _, o := range outs {
		if o.Before == o.After {
			continue
		}
		if !any {
			t.line("Outputs:")
			any = true
		}
		switch {
		case o.Before == "":
			t.line("    + %s = %s", o.Name, o.After)
		case o.After == "":
			t.line("    - %s", o.Name)
		default:
			t.line("    ~ %s = %s → %s", o.Name, o.Before, o.After)
		}
	}
	if any {
		t.line("")
	}
}

// Summary is the plan in one line.
func (p *Plan) Summary() string {
	n := map[Action]int{}
	for _, c := range p.Changes {
		n[c.Action]++
	}
	if !p.HasChanges() {
		if len(p.Changes) == 0 {
			return "Nothing to do: the program builds nothing."
		}
		return fmt.Sprintf("Nothing to do: %s as the program says, and what was built is there.", units(n[None], "is", "are"))
	}
	var parts []string
	for _, a := range []struct {
		action Action
		text   string
	}{{Build, "to build"}, {Rebuild, "to build again"}, {Update, "to update"}, {Post, "to post-process"}, {Forget, "to forget"}, {None, "unchanged"}} {
		if k := n[a.action]; k > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", k, a.text))
		}
	}
	if n[None] == len(p.Changes) {
		parts = append(parts, "outputs to update")
	}
	return "Plan: " + strings.Join(parts, ", ") + "."
}

func units(n int, is, are string) string {
	if n == 1 {
		return "1 unit " + is
	}
	return fmt.Sprintf("%d units %s", n, are)
}

// WriteJSON prints a plan as one JSON object; its fields are those of Plan.
func WriteJSON(w io.Writer, p *Plan) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(p)
}
