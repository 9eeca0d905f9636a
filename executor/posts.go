package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"imgc/compiler"
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
	if err := u.dropBuilt(ctx); err != nil {
		return err
	}
	return u.record(u.c.Addr, u.st)
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
				inst, err := u.Registry.instance(n.Call, u.rt)
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
		if j > 0 && consumes(n.Call) {
			if err := u.drop(ctx, i, j-1, nodes, out); err != nil {
				return err
			}
		}
		in = out
	}
	return nil
}

// consumes reports whether a link's input is deleted once it has been used.
func consumes(call *compiler.Call) bool { return !call.Schema.KeepsInput && !call.Keep }

// drop deletes the artifact of link j of chain i, which the next link has used: but no file that belongs to what stays.
func (u *unitRun) drop(ctx context.Context, i, j int, nodes []*planner.Node, next component.Artifact) error {
	link := &u.st.Posts[i].Links[j]
	stays := map[string]bool{}
	for _, f := range next.Files {
		stays[f.Path] = true
	}
	if !u.st.Consumed {
		for _, f := range u.st.Artifact.Files {
			stays[f.Path] = true
		}
	}
	for k, ch := range u.st.Posts {
		if k == i {
			continue
		}
		for _, l := range ch.Links {
			if !l.Consumed {
				for _, f := range l.Artifact.Files {
					stays[f.Path] = true
				}
			}
		}
	}
	doomed := link.Artifact
	doomed.Files = slices.DeleteFunc(slices.Clone(doomed.Files), func(f component.File) bool { return stays[f.Path] })
	if len(doomed.Files) == 0 && len(link.Artifact.Files) > 0 {
		return nil // all of it is part of what stays
	}
	maker := nodes[j].Call
	for k := j; k > 0 && nodes[k].Call.Schema.GivesInput; k-- {
		maker = nodes[k-1].Call
	}
	if err := u.remove(ctx, maker, doomed); err != nil {
		return err
	}
	gone := map[string]bool{}
	for _, f := range doomed.Files {
		gone[f.Path] = true
	}
	for k := range u.st.Posts[i].Links {
		l := &u.st.Posts[i].Links[k]
		if k == j || slices.ContainsFunc(l.Artifact.Files, func(f component.File) bool { return gone[f.Path] }) {
			l.Consumed = true
		}
	}
	return u.record(u.c.Addr, u.st)
}

// dropBuilt deletes the builder's artifact after all chains have used it and when none keeps it.
func (u *unitRun) dropBuilt(ctx context.Context) error {
	if u.st.Consumed || len(u.c.Posts) == 0 || u.st.Artifact.Kind == "none" || u.st.Artifact.Kind == "" {
		return nil
	}
	for _, ch := range u.c.Posts {
		if !consumes(ch[0].Call) {
			return nil
		}
	}
	used := u.st.Artifact
	kept := map[string]bool{}
	for _, ch := range u.st.Posts {
		for _, l := range ch.Links {
			if !l.Consumed {
				for _, f := range l.Artifact.Files {
					kept[f.Path] = true
				}
			}
		}
	}
	used.Files = slices.DeleteFunc(slices.Clone(used.Files), func(f component.File) bool { return kept[f.Path] })
	if len(used.Files) == 0 && len(u.st.Artifact.Files) > 0 {
		return nil
	}
	// The record comes first: after a crash in between, a file too many is there, but none that is needed is missing.
	u.st.Consumed = true
	if err := u.record(u.c.Addr, u.st); err != nil {
		return err
	}
	return u.remove(ctx, u.c.Unit.Builder, used)
}

// remove deletes an artifact by the component that made it.
func (u *unitRun) remove(ctx context.Context, maker *compiler.Call, a component.Artifact) error {
	inst, err := u.Registry.instance(maker, u.rt)
	if err != nil {
		return err
	}
	env := u.envFor(maker)
	if k, ok := inst.(component.ArtifactKeeper); ok {
		err = k.Delete(ctx, env, a)
	} else {
		err = component.DeleteFiles(ctx, env, a)
	}
	if err != nil {
		return fmt.Errorf("deleting %s, which is used up: %w", a.ID, err)
	}
	return nil
}
