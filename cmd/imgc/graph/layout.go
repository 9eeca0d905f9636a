package graph

import (
	"sort"

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

// edge is a line from a box to one that needs it, with the lanes it takes through the columns in between.
type edge struct {
	from, to place
	lanes    []place
}

// picture is the graph with everything at its place.
type picture struct {
	boxes         map[string]place
	edges         []edge
	width, height int
}

// slot is what stands in a column: a box, or a lane on which lines pass between the boxes of the column.
type slot struct {
	needs []*slot
	h     int
	place place
}

// layout puts each box into the column after the last one it needs, and orders a column by the height of what
// its boxes need, so that few lines cross. A line that passes a column has a lane there, so that it crosses no box;
// the lines that leave one box share it.
func (g Graph) layout() picture {
	depth := g.depths()
	slots := map[string]*slot{}
	var columns [][]*slot
	var widths []int
	for _, b := range g.Boxes {
		for len(columns) <= depth[b.Addr] {
			columns, widths = append(columns, nil), append(widths, 0)
		}
		d := depth[b.Addr]
		slots[b.Addr] = &slot{h: 2*padding + rowHigh*len(b.Rows) + 12}
		columns[d] = append(columns[d], slots[b.Addr])
		widths[d] = max(widths[d], boxWidth(b))
	}
	type passage struct {
		from   string
		column int
	}
	lanes := map[passage]*slot{}
	for _, b := range g.Boxes {
		for _, n := range b.Needs {
			last := slots[n]
			if last == nil {
				continue
			}
			for c := depth[n] + 1; c < depth[b.Addr]; c++ {
				lane := lanes[passage{n, c}]
				if lane == nil {
					lane = &slot{needs: []*slot{last}}
					lanes[passage{n, c}] = lane
					columns[c] = append(columns[c], lane)
				}
				last = lane
			}
			slots[b.Addr].needs = append(slots[b.Addr].needs, last)
		}
	}

	p := picture{boxes: map[string]place{}}
	x := padding
	for c, column := range columns {
		sort.SliceStable(column, func(i, j int) bool { return column[i].middle() < column[j].middle() })
		y := padding
		for _, s := range column {
			s.place = place{x, y, widths[c], s.h}
			y += s.h + gapY
		}
		p.height = max(p.height, y-gapY+padding)
		x += widths[c] + gapX
	}
	p.width, p.height = max(x-gapX+padding, 2*padding), max(p.height, 2*padding)
	for _, b := range g.Boxes {
		p.boxes[b.Addr] = slots[b.Addr].place
		for _, n := range b.Needs {
			if slots[n] == nil {
				continue
			}
			e := edge{from: slots[n].place, to: slots[b.Addr].place}
			for c := depth[n] + 1; c < depth[b.Addr]; c++ {
				e.lanes = append(e.lanes, lanes[passage{n, c}].place)
			}
			p.edges = append(p.edges, e)
		}
	}
	return p
}

// middle is the mean height of what a slot needs; the columns before have their places already.
func (s *slot) middle() int {
	sum := 0
	for _, n := range s.needs {
		sum += n.place.y + n.place.h/2
	}
	return sum / max(1, len(s.needs))
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
