package executor

import (
	"context"
	"errors"
	"slices"

	"imgc/planner"
	"imgc/stdlib/component"
)

// posts runs the links of the unit's post chains that have to run. A failing link ends its chain; the others go on, and
// what is finished stays.
func (u *unitRun) posts(ctx context.Context) error {
	u.st.Posts = slices.Clone(u.st.Posts)
	if n := len(u.c.Posts); len(u.st.Posts) > n {
		u.st.Posts = u.st.Posts[:n]
	}
	for len(u.st.Posts) < len(u.c.Posts) {
		u.st.Posts = append(u.st.Posts, planner.ChainState{})
	}
	var errs error
	for i, nodes := range u.c.Posts {
		if err := u.chain(ctx, i, nodes); err != nil {
			errs = errors.Join(errs, err)
			if ctx.Err() != nil {
				return errs
			}
		}
	}
	if errs != nil {
		return errs
	}
	if err := u.record(u.c.Addr, u.st); err != nil {
		return err
	}
	return u.tidy(ctx)
}

func (u *unitRun) chain(ctx context.Context, i int, nodes []*planner.Node) error {
	first := slices.IndexFunc(nodes, func(n *planner.Node) bool { return n.Runs })
	if first < 0 {
		return nil
	}
	links := slices.Clone(u.st.Posts[i].Links)
	u.st.Posts[i].Links = links[:min(first, len(links))]
	in := u.st.Artifact
	if first > 0 {
		in = links[first-1].Artifact
	}
	for j := first; j < len(nodes); j++ {
		n := nodes[j]
		var out component.Artifact
		err := u.phase(ctx, "post", n.Call, func(ctx context.Context) error {
			return u.tries(ctx, n.Call, func(ctx context.Context) error {
				inst, err := u.Registry.instance(n.Call, u.rt, u.redactor)
				if err != nil {
					return err
				}
				out, err = inst.(component.PostProcessor).Process(ctx, u.envFor(n.Call), in)
				return err
			})
		})
		if err != nil {
			return err
		}
		u.st.Posts[i].Links = append(u.st.Posts[i].Links, planner.LinkState{NodeState: n.Recorded, Artifact: out})
		if err := u.record(u.c.Addr, u.st); err != nil {
			return err
		}
		if err := u.tidy(ctx); err != nil {
			return err
		}
		in = out
	}
	return nil
}
