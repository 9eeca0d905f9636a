package compiler

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"imgc/lang"
)

// minSteps and stepsPerByte bound how many nodes the evaluation of a program may visit, and maxItems how many elements a value may
// have, all told. A program cannot run for ever, but it can double a list with every line.
const (
	minSteps     = 4_000_000
	stepsPerByte = 50
	maxItems     = 1_000_000
)

// spend counts work, and reports once when it is too much.
func (ev *evaluator) spend(n int, e lang.Node) bool {
	if ev.c.steps > ev.c.maxSteps {
		return false
	}
	ev.c.steps += n
	if ev.c.steps > ev.c.maxSteps {
		ev.c.ds.add(lang.Diagnostic{Code: "E0308", Message: "the program takes too much work to evaluate", Range: ev.at(e), Label: "evaluation stopped here", Help: "make the lists that it goes through shorter"})
		return false
	}
	return true
}

// weigh reports a value that has become too large, before anything goes through all of it.
func (ev *evaluator) weigh(r result, e lang.Node) result {
	n := weight(r.val, maxItems)
	if n >= maxItems {
		ev.c.ds.add(lang.Diagnostic{Code: "E0308", Message: fmt.Sprintf("the value has more than %d elements", maxItems), Range: ev.at(e), Help: "make the lists that it is made of shorter"})
		return poison
	}
	if !ev.spend(n, e) {
		return poison
	}
	return r
}

// weight counts the elements in a value at all depths, up to a limit.
func weight(v cty.Value, limit int) int {
	raw, _ := v.Unmark()
	if !raw.IsKnown() || raw.IsNull() || !raw.CanIterateElements() {
		return 1
	}
	n := 1
	for it := raw.ElementIterator(); it.Next() && n < limit; {
		_, x := it.Element()
		n += weight(x, limit-n)
	}
	return n
}
