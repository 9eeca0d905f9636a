package planner

import (
	"fmt"
	"strings"
)

// pair is a step now and the same step as recorded; -1 where there is none. A moved one is alike, elsewhere.
type pair struct {
	new, old int
	moved    bool
}

// match pairs the steps of now with those of then, in order, so that as many as possible are alike, then of one
// component and label, then of one component; an inserted step does not make those after it look changed. A step that
// was taken out at one place and put in, alike, at another has moved. Pairs are in the order of now; those that are
// gone come where they were.
func match(now []*Node, then []NodeState) []pair {
	nowOwn, thenOwn := make([]string, len(now)), make([]string, len(then))
	for i, n := range now {
		nowOwn[i] = own(n.Recorded)
	}
	for j, n := range then {
		thenOwn[j] = own(n)
	}
	likeness := func(i, j int) int {
		switch a, b := now[i].Recorded, then[j]; {
		case nowOwn[i] == thenOwn[j]:
			if a.Label == b.Label {
				return 101
			}
			return 100
		case a.Component == b.Component && a.Label == b.Label && a.Label != "":
			return 40
		case a.Component == b.Component:
			return 1 + 20*common(a, b)/max(1, len(a.Options)+len(b.Options))
		case a.Label == b.Label && a.Label != "":
			return 1
		}
		return 0
	}
	best := make([][]int, len(now)+1)
	for i := range best {
		best[i] = make([]int, len(then)+1)
	}
	for i := len(now) - 1; i >= 0; i-- {
		for j := len(then) - 1; j >= 0; j-- {
			best[i][j] = max(best[i+1][j], best[i][j+1])
			if l := likeness(i, j); l > 0 {
				best[i][j] = max(best[i][j], l+best[i+1][j+1])
			}
		}
	}
	var out []pair
	for i, j := 0, 0; i < len(now) || j < len(then); {
		switch {
		case i < len(now) && j < len(then) && likeness(i, j) > 0 && best[i][j] == likeness(i, j)+best[i+1][j+1]:
			out = append(out, pair{new: i, old: j})
			i, j = i+1, j+1
		case j == len(then) || i < len(now) && best[i][j] == best[i+1][j]:
			out = append(out, pair{new: i, old: -1})
			i++
		default:
			out = append(out, pair{new: -1, old: j})
			j++
		}
	}
	return moves(out, nowOwn, thenOwn)
}

// moves joins a step that is gone with one that is new and alike.
func moves(pairs []pair, nowOwn, thenOwn []string) []pair {
	gone := map[string][]int{}
	for _, p := range pairs {
		if p.new < 0 {
			gone[thenOwn[p.old]] = append(gone[thenOwn[p.old]], p.old)
		}
	}
	joined := map[int]bool{}
	for k, p := range pairs {
		if p.old >= 0 {
			continue
		}
		if olds := gone[nowOwn[p.new]]; len(olds) > 0 {
			pairs[k].old, pairs[k].moved = olds[0], true
			joined[olds[0]] = true
			gone[nowOwn[p.new]] = olds[1:]
		}
	}
	out := pairs[:0]
	for _, p := range pairs {
		if p.new < 0 && joined[p.old] {
			continue
		}
		out = append(out, p)
	}
	return out
}

// common counts the options that two nodes have alike, each twice.
func common(a, b NodeState) int {
	n := 0
	for name, v := range a.Options {
		if w, ok := b.Options[name]; ok && v == w {
			n += 2
		}
	}
	return n
}

// own is what a node is by itself, whatever stands before it.
func own(n NodeState) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q", n.Component, n.Version)
	for _, name := range sortedKeys(n.Options) {
		fmt.Fprintf(&b, " %q=%q", name, n.Options[name])
	}
	for _, path := range sortedKeys(n.Files) {
		fmt.Fprintf(&b, " %q:%q", path, n.Files[path])
	}
	return b.String()
}
