package executor

import (
	"context"

	"imgc/planner"
)

// walk runs the units of the plan, at most Parallel at once, each after those it depends on. A failure stops only what
// depends on it.
func (r *run) walk(ctx context.Context) {
	type outcome struct {
		c   *planner.Change
		err error
	}
	waiting := map[string]*planner.Change{}
	var order []string
	done := map[string]bool{} // whether it succeeded
	for _, c := range r.Plan.Changes {
		switch c.Action {
		case planner.None:
			done[c.Addr] = true
		case planner.Forget:
		default:
			waiting[c.Addr] = c
			order = append(order, c.Addr)
		}
	}
	results := make(chan outcome)
	running := 0
	for {
		for _, addr := range order {
			c := waiting[addr]
			if c == nil || running >= r.Parallel {
				continue
			}
			ready, blocked := true, ""
			for _, d := range c.DependsOn {
				ok, ended := done[d]
				switch {
				case ended && !ok:
					blocked = d
				case !ended && waiting[d] != nil:
					ready = false
				case !ended && r.under(d, waiting):
					ready = false
				}
			}
			switch {
			case ctx.Err() != nil:
				r.skip(c, "cancelled")
			case blocked != "":
				r.skip(c, blocked+" failed")
			case !ready:
				continue
			default:
				delete(waiting, addr)
				running++
				go func() { results <- outcome{c, r.unit(ctx, c)} }()
				continue
			}
			delete(waiting, addr)
			done[addr] = false
		}
		if running == 0 {
			if len(waiting) == 0 {
				return
			}
			continue // something was skipped, which lets others go on
		}
		o := <-results
		running--
		done[o.c.Addr] = o.err == nil
		r.mu.Lock()
		if o.err == nil {
			r.result.Built = append(r.result.Built, o.c.Addr)
		} else {
			r.result.Failed = append(r.result.Failed, o.c.Addr)
		}
		r.mu.Unlock()
	}
}

// under reports whether a unit that is neither waiting nor done is running: it is in the plan.
func (r *run) under(addr string, waiting map[string]*planner.Change) bool {
	for _, c := range r.Plan.Changes {
		if c.Addr == addr {
			return waiting[addr] == nil && c.Action != planner.None && c.Action != planner.Forget
		}
	}
	return false
}

func (r *run) skip(c *planner.Change, why string) {
	r.emit(Event{Type: UnitSkipped, Unit: c.Addr, Text: why})
	r.mu.Lock()
	r.result.Skipped = append(r.result.Skipped, c.Addr)
	r.mu.Unlock()
}
