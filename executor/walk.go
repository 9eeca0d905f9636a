package executor

import (
	"context"

	"imgc/planner"
)

// standing is how far a unit of the plan is. A unit that is not in the plan counts as done.
type standing int

const (
	done standing = iota
	waiting
	running
	failed // or skipped
)

// walk runs the units of the plan, at most Parallel at once, each after those it depends on. A failure stops only what
// depends on it. All of the bookkeeping is in this one goroutine.
func (r *run) walk(ctx context.Context) {
	type outcome struct {
		c   *planner.Change
		err error
	}
	stands := map[string]standing{}
	var todo []*planner.Change
	for _, c := range r.Plan.Changes {
		if c.Action != planner.None && c.Action != planner.Forget {
			stands[c.Addr] = waiting
			todo = append(todo, c)
		}
	}
	results := make(chan outcome)
	active := 0
	for {
		var later []*planner.Change
		for _, c := range todo {
			need, why := next(c, stands)
			switch {
			case ctx.Err() != nil:
				need, why = failed, "cancelled"
			case need == done && active < r.Parallel:
				stands[c.Addr] = running
				active++
				go func() { results <- outcome{c, r.unit(ctx, c)} }()
				continue
			}
			if need == failed {
				stands[c.Addr] = failed
				r.skip(c, why)
				continue
			}
			later = append(later, c)
		}
		skipped := len(todo) - len(later)
		todo = later
		if active == 0 {
			if len(todo) == 0 {
				return
			}
			if skipped == 0 { // never so in a plan whose units can be put in order
				for _, c := range todo {
					r.skip(c, "it waits for itself")
				}
				return
			}
			continue // what was skipped may decide about others
		}
		o := <-results
		active--
		r.mu.Lock()
		if o.err == nil {
			stands[o.c.Addr] = done
			r.result.Built = append(r.result.Built, o.c.Addr)
		} else {
			stands[o.c.Addr] = failed
			r.result.Failed = append(r.result.Failed, o.c.Addr)
		}
		r.mu.Unlock()
	}
}

// next is done when a unit can run, failed and why when it never can, and waiting otherwise.
func next(c *planner.Change, stands map[string]standing) (standing, string) {
	now := done
	for _, d := range c.DependsOn {
		switch stands[d] {
		case failed:
			return failed, d + " failed"
		case waiting, running:
			now = waiting
		}
	}
	return now, ""
}

func (r *run) skip(c *planner.Change, why string) {
	r.emit(Event{Type: UnitSkipped, Unit: c.Addr, Text: why})
	r.mu.Lock()
	r.result.Skipped = append(r.result.Skipped, c.Addr)
	r.mu.Unlock()
}
