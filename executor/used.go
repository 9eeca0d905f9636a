package executor

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"imgc/compiler"
	"imgc/executor/journal"
	"imgc/planner"
	"imgc/stdlib/component"
)

// usedKind is the kind of effect of an artifact that is used up and about to be deleted. Its component is the one that
// made the artifact.
const usedKind = "used-up artifact"

// replacedKind is the kind of effect of an artifact that another one has replaced and that is about to be deleted.
const replacedKind = "replaced artifact"

// consumes reports whether a link's input is deleted once it has been used.
func consumes(call *compiler.Call) bool { return !call.Schema.KeepsInput && !call.Keep }

// tidy deletes what the unit's chains have used up so far. It can be called again at any time, which is how a crash
// between a link and the deletion of its input is made good.
func (u *unitRun) tidy(ctx context.Context) error {
	complete := len(u.st.Posts) == len(u.c.Posts)
	for i, nodes := range u.c.Posts {
		if i >= len(u.st.Posts) {
			break
		}
		complete = complete && len(u.st.Posts[i].Links) == len(nodes)
		for j := 0; j+1 < min(len(u.st.Posts[i].Links), len(nodes)); j++ {
			if !u.st.Posts[i].Links[j].Consumed && consumes(nodes[j+1].Call) {
				if err := u.drop(ctx, i, j, nodes); err != nil {
					return err
				}
			}
		}
	}
	if !complete {
		return nil // a chain that is still to run needs the builder's artifact
	}
	return u.dropBuilt(ctx)
}

// drop deletes the artifact of link j of chain i, which the next link has used: but no file that belongs to what stays.
func (u *unitRun) drop(ctx context.Context, i, j int, nodes []*planner.Node) error {
	link := &u.st.Posts[i].Links[j]
	stays := paths{}
	if !u.st.Consumed {
		stays.add(u.st.Artifact)
	}
	for k, ch := range u.st.Posts {
		for l := range ch.Links {
			if !ch.Links[l].Consumed && (k != i || l > j) {
				stays.add(ch.Links[l].Artifact)
			}
		}
	}
	doomed, all := stays.without(link.Artifact)
	if all {
		return nil
	}
	maker := nodes[j].Call
	for k := j; k > 0 && nodes[k].Call.Schema.GivesInput; k-- {
		maker = nodes[k-1].Call
	}
	gone := paths{}
	gone.add(doomed)
	for k := range u.st.Posts[i].Links {
		l := &u.st.Posts[i].Links[k]
		if k == j || slices.ContainsFunc(l.Artifact.Files, func(f component.File) bool { return gone[f.Path] }) {
			l.Consumed = true
		}
	}
	return u.remove(ctx, usedKind, maker, doomed)
}

// dropBuilt deletes the builder's artifact after all chains have used it and when none keeps it.
func (u *unitRun) dropBuilt(ctx context.Context) error {
	if u.st.Consumed || len(u.c.Posts) == 0 || u.st.Artifact.Kind == "none" || u.st.Artifact.Kind == "" {
		return nil
	}
	stays := paths{}
	for i, ch := range u.c.Posts {
		if !consumes(ch[0].Call) {
			return nil
		}
		for _, l := range u.st.Posts[i].Links {
			if !l.Consumed {
				stays.add(l.Artifact)
			}
		}
	}
	doomed, all := stays.without(u.st.Artifact)
	if all {
		return nil
	}
	u.st.Consumed = true
	return u.remove(ctx, usedKind, u.c.Unit.Builder, doomed)
}

// remove records u.st, which no longer counts on an artifact, and deletes that by the component that made it; kind says why. The record comes before the
// deletion, or a crash in between would make the next plan build anew what is missing; the effect comes before the record,
// or such a crash would leave the artifact for ever.
func (u *unitRun) remove(ctx context.Context, kind string, maker *compiler.Call, a component.Artifact) error {
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("deleting %s, a %s: %w", a.ID, kind, err)
	}
	own := effects{j: u.journal, unit: u.c.Addr, kind: maker.Schema.Kind, component: maker.Schema.Name}
	if err := own.Intend(kind, a.ID, map[string]string{"artifact": string(data)}); err != nil {
		return err
	}
	if err := u.keep(); err != nil {
		return err
	}
	inst, err := u.Registry.instance(maker, u.rt, u.redactor)
	if err != nil {
		return err
	}
	if err := deleteArtifact(ctx, u.envFor(maker), inst, a); err != nil {
		return fmt.Errorf("deleting %s, a %s: %w", a.ID, kind, err)
	}
	return own.Settled(kind, a.ID)
}

func deleteArtifact(ctx context.Context, env *component.Env, maker any, a component.Artifact) error {
	if k, ok := maker.(component.ArtifactKeeper); ok {
		return k.Delete(ctx, env, a)
	}
	return component.DeleteFiles(ctx, env, a)
}

// finishRemoval deletes what an earlier run was about to delete, except what the state counts on: the crash came before
// the record, or the artifact was made anew since.
func (r *run) finishRemoval(ctx context.Context, env *component.Env, maker any, e component.Effect) error {
	var a component.Artifact
	if err := json.Unmarshal([]byte(e.Data["artifact"]), &a); err != nil {
		return fmt.Errorf("the journal does not say what it consists of: %w", err)
	}
	stays := paths{}
	for _, u := range r.State.Units {
		kept := []component.Artifact{}
		if !u.Consumed {
			kept = append(kept, u.Artifact)
		}
		for _, ch := range u.Posts {
			for _, l := range ch.Links {
				if !l.Consumed {
					kept = append(kept, l.Artifact)
				}
			}
		}
		for _, k := range kept {
			if k.Kind == a.Kind && k.ID == a.ID {
				return nil
			}
			stays.add(k)
		}
	}
	doomed, all := stays.without(a)
	if all {
		return nil
	}
	return deleteArtifact(ctx, env, maker, doomed)
}

// tidyUp deletes what units that an earlier run was at have used up, where nothing else is to be done with them.
func (r *run) tidyUp(ctx context.Context, left []journal.Entry) error {
	touched := map[string]bool{}
	for _, e := range left {
		if e.Type == journal.Unit {
			touched[e.Addr] = true
		}
	}
	for _, c := range r.Plan.Changes {
		if c.Action != planner.None || !touched[c.Addr] || c.Unit == nil {
			continue
		}
		st := r.recorded(c.Addr)
		if st == nil {
			continue
		}
		u := &unitRun{run: r, c: c, rt: r.runtime(c.Digest), st: st, env: *r.quietEnv(c.Addr)}
		if err := u.tidy(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.emit(Event{Type: WarningEvent, Unit: c.Addr, Text: err.Error()})
		}
	}
	return nil
}

// paths are the files of artifacts.
type paths map[string]bool

func (p paths) add(a component.Artifact) {
	for _, f := range a.Files {
		p[f.Path] = true
	}
}

// without is a without the files in p; all says that a consists of nothing but them.
func (p paths) without(a component.Artifact) (rest component.Artifact, all bool) {
	rest = a
	rest.Files = slices.DeleteFunc(slices.Clone(a.Files), func(f component.File) bool { return p[f.Path] })
	return rest, len(rest.Files) == 0 && len(a.Files) > 0
}
