package graph

import (
	"fmt"
	"strings"

	svg "github.com/ajstarks/svgo"
)

// SVG draws the graph: units that wait for others stand to the right of them.
func (g Graph) SVG() string {
	p := g.layout()
	var out strings.Builder
	c := svg.New(&out)
	c.Startview(p.width, p.height, 0, 0, p.width, p.height)
	c.Title("What the program builds")
	c.Def()
	// The arrow's tip is where its line ends; it does not grow with the line's width.
	c.Marker("arrow", 7, 4, 7, 8, `markerUnits="userSpaceOnUse"`, `orient="auto"`)
	c.Path("M0 0L7 4L0 8z", `fill="#555"`)
	c.MarkerEnd()
	c.DefEnd()
	c.Rect(0, 0, p.width, p.height, `fill="white"`)
	c.Group(`fill="none"`, `stroke="#555"`)
	for _, e := range p.edges {
		c.Path(e.path(), `marker-end="url(#arrow)"`)
	}
	c.Gend()
	c.Group(`font-family="monospace"`, `font-size="12"`)
	for _, box := range g.Boxes {
		at := p.boxes[box.Addr]
		c.Roundrect(at.x, at.y, at.w, at.h, 4, 4, `fill="#f6f8fa"`, `stroke="#555"`)
		y := at.y + padding + 10
		c.Text(at.x+padding, y, box.Addr, `font-weight="bold"`)
		for _, r := range box.Rows {
			y += rowHigh
			// Labels may hold several spaces in a row.
			c.Text(at.x+padding, y, r.String(), `xml:space="preserve"`)
		}
	}
	c.Gend()
	c.End()
	return out.String()
}

// path is a line from the right side of one box to the left side of another, straight on its lanes.
func (e edge) path() string {
	x, y := e.from.x+e.from.w, e.from.y+e.from.h/2
	var d strings.Builder
	fmt.Fprintf(&d, "M%d %d", x, y)
	for i, next := range append(e.lanes, e.to) {
		toX, toY := next.x, next.y+next.h/2
		mid := (x + toX) / 2
		fmt.Fprintf(&d, "C%d %d %d %d %d %d", mid, y, mid, toY, toX, toY)
		if i < len(e.lanes) {
			toX += next.w
			fmt.Fprintf(&d, "H%d", toX)
		}
		x, y = toX, toY
	}
	return d.String()
}
