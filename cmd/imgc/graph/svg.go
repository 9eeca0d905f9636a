package graph

import (
	"encoding/xml"
	"fmt"
	"sort"
	"strings"

	"github.com/mattn/go-runewidth"
)

// Measures of the picture, in pixels.
const (
	cell    = 7 // width of one character of the 12 px monospace font, rounded up
	rowHigh = 18
	padding = 10
	gapX    = 60
	gapY    = 24
)

type place struct{ x, y, w, h int }

// SVG draws the graph: units that wait for others stand to the right of them.
func (g Graph) SVG() string {
	places, width, height := g.layout()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="monospace" font-size="12">`+"\n", width, height, width, height)
	b.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
	for _, box := range g.Boxes {
		to := places[box.Addr]
		for _, n := range box.Needs {
			from, ok := places[n]
			if !ok {
				continue
			}
			x1, y1, x2, y2 := from.x+from.w, from.y+from.h/2, to.x, to.y+to.h/2
			mid := (x1 + x2) / 2
			fmt.Fprintf(&b, `<path d="M%d %d C%d %d %d %d %d %d" fill="none" stroke="#555"/>`+"\n", x1, y1, mid, y1, mid, y2, x2-6, y2)
			fmt.Fprintf(&b, `<path d="M%d %d l-7 -4 v8 z" fill="#555"/>`+"\n", x2, y2)
		}
	}
	for _, box := range g.Boxes {
		p := places[box.Addr]
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" rx="4" fill="#f6f8fa" stroke="#555"/>`+"\n", p.x, p.y, p.w, p.h)
		y := p.y + padding + 10
		fmt.Fprintf(&b, `<text x="%d" y="%d" font-weight="bold">%s</text>`+"\n", p.x+padding, y, escape(box.Addr))
		for _, r := range box.Rows {
			y += rowHigh
			fmt.Fprintf(&b, `<text x="%d" y="%d" xml:space="preserve">%s</text>`+"\n", p.x+padding, y, escape(r.String()))
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// layout puts each box into the column after the last one it needs, and orders a column by the height of what
// its boxes need, so that few edges cross.
func (g Graph) layout() (places map[string]place, width, height int) {
	depth := g.depths()
	var columns [][]*Box
	for _, b := range g.Boxes {
		for len(columns) <= depth[b.Addr] {
			columns = append(columns, nil)
		}
		columns[depth[b.Addr]] = append(columns[depth[b.Addr]], b)
	}
	places = map[string]place{}
	x := padding
	for _, column := range columns {
		middle := func(b *Box) int {
			sum, n := 0, 0
			for _, need := range b.Needs {
				if p, ok := places[need]; ok {
					sum, n = sum+p.y+p.h/2, n+1
				}
			}
			if n == 0 {
				return 0
			}
			return sum / n
		}
		sort.SliceStable(column, func(i, j int) bool { return middle(column[i]) < middle(column[j]) })
		w := 0
		for _, b := range column {
			w = max(w, boxWidth(b))
		}
		y := padding
		for _, b := range column {
			h := 2*padding + rowHigh*len(b.Rows) + 12
			places[b.Addr] = place{x, y, w, h}
			y += h + gapY
		}
		height = max(height, y-gapY+padding)
		x += w + gapX
	}
	return places, max(x-gapX+padding, 2*padding), max(height, 2*padding)
}

// depths gives each box the length of the longest way to it. Programs have no cycles; should a graph have
// one, the way back counts nothing.
func (g Graph) depths() map[string]int {
	byAddr := map[string]*Box{}
	for _, b := range g.Boxes {
		byAddr[b.Addr] = b
	}
	depth := map[string]int{}
	open := map[string]bool{}
	var visit func(b *Box) int
	visit = func(b *Box) int {
		if d, ok := depth[b.Addr]; ok || open[b.Addr] {
			return d
		}
		open[b.Addr] = true
		d := 0
		for _, n := range b.Needs {
			if need := byAddr[n]; need != nil {
				d = max(d, visit(need)+1)
			}
		}
		open[b.Addr] = false
		depth[b.Addr] = d
		return d
	}
	for _, b := range g.Boxes {
		visit(b)
	}
	return depth
}

func boxWidth(b *Box) int {
	cells := runewidth.StringWidth(b.Addr)
	for _, r := range b.Rows {
		cells = max(cells, runewidth.StringWidth(r.String()))
	}
	return cells*cell + cells/2 + 2*padding
}

func escape(s string) string {
	var b strings.Builder
	// A strings.Builder takes everything.
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
