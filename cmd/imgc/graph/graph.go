// Package graph draws what a program builds: as text in Graphviz's dot language, and as a picture in SVG.
//
// It is not the graph that is executed (planner has that); it only draws. Start reading at Graph.
//
// svg.go draws with a library; layout.go says where things stand, for which there is none that fits: Graphviz for Go
// compiles a WebAssembly module when the process starts, which costs every command 0.7 s at first, and runs what it
// compiled from a folder in /tmp that others can fill; others need a JavaScript engine, or know no layers. The dot
// text goes to any Graphviz; a test reads it with that one.
package graph

import (
	"fmt"
	"strings"

	"imgc/compiler"
)

// Graph is what a program builds: a box for each unit, and what each waits for.
type Graph struct{ Boxes []*Box }

// Box is one unit with what is done for it, in order.
type Box struct {
	Addr  string
	Rows  []Row
	Needs []string // addresses of the units whose artifacts it uses
}

// Row is a builder, a step, or a link of a post chain.
type Row struct {
	Kind string // "from", "provision", "post", "|>"
	Text string // `shell "install nginx"`
}

func (r Row) String() string { return r.Kind + " " + r.Text }

// Of makes the graph of a program.
func Of(p *compiler.Program) Graph {
	var g Graph
	for _, u := range p.Units {
		b := &Box{Addr: u.Addr, Needs: u.DependsOn}
		b.Rows = append(b.Rows, Row{"from", name(u.Builder)})
		for _, c := range u.Steps {
			b.Rows = append(b.Rows, Row{"provision", name(c)})
		}
		for _, chain := range u.Posts {
			for i, c := range chain.Links {
				kind := "post"
				if i > 0 {
					kind = "|>"
				}
				b.Rows = append(b.Rows, Row{kind, name(c)})
			}
		}
		g.Boxes = append(g.Boxes, b)
	}
	return g
}

func name(c *compiler.Call) string {
	if c.Label == "" {
		return c.Schema.Name
	}
	return fmt.Sprintf("%s %q", c.Schema.Name, c.Label)
}

// DOT writes the graph in the dot language.
func (g Graph) DOT() string {
	var b strings.Builder
	b.WriteString("digraph imgc {\n  rankdir=LR\n  node [shape=box, fontname=\"monospace\", fontsize=10]\n")
	for _, box := range g.Boxes {
		label := quote(box.Addr) + `\n`
		for _, r := range box.Rows {
			label += quote(r.String()) + `\l`
		}
		fmt.Fprintf(&b, "  \"%s\" [label=\"%s\"]\n", quote(box.Addr), label)
	}
	for _, box := range g.Boxes {
		for _, n := range box.Needs {
			fmt.Fprintf(&b, "  \"%s\" -> \"%s\"\n", quote(n), quote(box.Addr))
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// quote makes text that stands for itself between the quotes of a dot string.
func quote(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(s)
}
