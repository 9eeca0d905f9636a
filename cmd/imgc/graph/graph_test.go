package graph

import (
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-graphviz"
	"github.com/google/go-cmp/cmp"

	"imgc/compiler"
)

var update = flag.Bool("update", false, "write the golden files anew")

func program() *compiler.Program {
	call := func(name, label string) *compiler.Call {
		return &compiler.Call{Schema: &compiler.Schema{Name: name}, Label: label}
	}
	unit := func(addr string, needs ...string) *compiler.Unit {
		return &compiler.Unit{
			Addr: addr, Builder: call("rootfs", ""), DependsOn: needs,
			Steps: []*compiler.Call{call("shell", `say "hi" \ <b>`)},
			Posts: []*compiler.Chain{{Links: []*compiler.Call{call("oci", ""), call("checksum", "")}}},
		}
	}
	return &compiler.Program{Units: []*compiler.Unit{unit("top.vm", "base.vm", "lib.vm"), unit("lib.vm", "base.vm"), unit("base.vm")}}
}

// TestDOT lets Graphviz itself read the text.
func TestDOT(t *testing.T) {
	dot := Of(program()).DOT()
	g, err := graphviz.ParseBytes([]byte(dot))
	if err != nil {
		t.Fatalf("%v\n%s", err, dot)
	}
	defer g.Close()
	nodes, err := g.NodeNum()
	if err != nil {
		t.Fatal(err)
	}
	edges, err := g.EdgeNum()
	if err != nil {
		t.Fatal(err)
	}
	if nodes != 3 || edges != 3 {
		t.Errorf("Graphviz sees %d nodes and %d edges, want 3 and 3\n%s", nodes, edges, dot)
	}
	ctx := context.Background()
	gv, err := graphviz.New(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer gv.Close()
	var out strings.Builder
	if err := gv.Render(ctx, g, graphviz.SVG, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `say &quot;hi&quot; \ &lt;b&gt;`) && !strings.Contains(out.String(), `\&quot;hi\&quot;`) {
		t.Errorf("the label did not come through:\n%s", out.String())
	}
}

func TestSVG(t *testing.T) {
	svg := Of(program()).SVG()
	d := xml.NewDecoder(strings.NewReader(svg))
	count := map[string]int{}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not XML: %v\n%s", err, svg)
		}
		if s, ok := tok.(xml.StartElement); ok {
			count[s.Name.Local]++
		}
	}
	// One background and three boxes; three lines and the head of an arrow; an address and four rows each.
	want := map[string]int{"svg": 1, "title": 1, "defs": 1, "marker": 1, "g": 2, "rect": 4, "path": 4, "text": 15}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Error(diff)
	}
	golden := filepath.Join("testdata", "program.svg")
	if *update {
		if err := os.WriteFile(golden, []byte(svg), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	drawn, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(drawn), svg); diff != "" {
		t.Errorf("%s (-want +got):\n%s", golden, diff)
	}
}

func TestLayout(t *testing.T) {
	g := Of(program())
	p := g.layout()
	for _, b := range g.Boxes {
		at := p.boxes[b.Addr]
		for _, n := range b.Needs {
			if from := p.boxes[n]; from.x+from.w >= at.x {
				t.Errorf("%s does not stand to the right of %s", b.Addr, n)
			}
		}
		if at.x+at.w > p.width || at.y+at.h > p.height {
			t.Errorf("%s stands outside the picture", b.Addr)
		}
		for _, other := range g.Boxes {
			if o := p.boxes[other.Addr]; other != b && at.x == o.x && at.y < o.y+o.h && o.y < at.y+at.h {
				t.Errorf("%s covers %s", b.Addr, other.Addr)
			}
		}
		for _, e := range p.edges {
			for _, lane := range e.lanes {
				if lane.x == at.x && at.y <= lane.y && lane.y <= at.y+at.h {
					t.Errorf("a line crosses %s", b.Addr)
				}
			}
		}
	}
	// base stands two columns before top, with lib between them.
	lanes := 0
	for _, e := range p.edges {
		lanes += len(e.lanes)
	}
	if len(p.edges) != 3 || lanes != 1 {
		t.Errorf("%d lines with %d lanes, want 3 with 1", len(p.edges), lanes)
	}
	if empty := (Graph{}).SVG(); !strings.Contains(empty, "</svg>") {
		t.Errorf("an empty program draws %q", empty)
	}
	cycle := Graph{[]*Box{{Addr: "a", Needs: []string{"b"}}, {Addr: "b", Needs: []string{"a", "gone"}}}}
	if !strings.Contains(cycle.SVG(), "</svg>") {
		t.Error("a cycle was not drawn")
	}
}
