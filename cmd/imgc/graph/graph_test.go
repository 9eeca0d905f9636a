package graph

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/goccy/go-graphviz"
	"github.com/google/go-cmp/cmp"

	"imgc/compiler"
)

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
	// One background and three boxes; three edges of a line and an arrow head; an address and four rows each.
	if diff := cmp.Diff(map[string]int{"svg": 1, "rect": 4, "path": 6, "text": 15}, count); diff != "" {
		t.Error(diff)
	}
}

func TestLayout(t *testing.T) {
	g := Of(program())
	places, w, h := g.layout()
	for _, b := range g.Boxes {
		p := places[b.Addr]
		for _, n := range b.Needs {
			if from := places[n]; from.x+from.w >= p.x {
				t.Errorf("%s does not stand to the right of %s", b.Addr, n)
			}
		}
		if p.x+p.w > w || p.y+p.h > h {
			t.Errorf("%s stands outside the picture", b.Addr)
		}
		for _, other := range g.Boxes {
			if o := places[other.Addr]; other != b && p.x == o.x && p.y < o.y+o.h && o.y < p.y+p.h {
				t.Errorf("%s covers %s", b.Addr, other.Addr)
			}
		}
	}
	if empty := (Graph{}).SVG(); !strings.Contains(empty, "</svg>") {
		t.Errorf("an empty program draws %q", empty)
	}
	cycle := Graph{[]*Box{{Addr: "a", Needs: []string{"b"}}, {Addr: "b", Needs: []string{"a", "gone"}}}}
	if !strings.Contains(cycle.SVG(), "</svg>") {
		t.Error("a cycle was not drawn")
	}
}
