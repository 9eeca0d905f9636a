package executor

import (
	"context"
	"errors"
	"time"

	"imgc/planner"
	"imgc/stdlib/component"
)

// update changes the unit's artifact in place.
func (u *unitRun) update(ctx context.Context) (err error) {
	call := u.c.Unit.Builder
	if u.st = u.recorded(u.c.Addr); u.st == nil {
		return errors.New("the state no longer has its record, so it cannot be updated: run imgc apply again")
	}
	inst, err := u.Registry.instance(call, u.rt, u.redactor)
	if err != nil {
		return &callError{call: call, phase: "update", err: err}
	}
	up, ok := inst.(component.Updater)
	if !ok {
		return &callError{call: call, phase: "update", err: errors.New("its component cannot change an artifact in place; this is a mistake in imgc: build it anew with --replace")}
	}
	env := u.envFor(call)
	if b, ok := inst.(component.Builder); ok {
		defer func() {
			if e := u.stop(ctx, b, env, nil); e != nil {
				err = errors.Join(err, e)
			}
		}()
	}
	var a component.Artifact
	if err := u.phase(ctx, "update", call, func(ctx context.Context) error {
		a, err = up.Update(ctx, env, u.st.Artifact)
		return err
	}); err != nil {
		return err
	}
	u.st.Artifact, u.st.Builder, u.st.RunID = a, u.c.Builder.Recorded, u.id
	return u.keep()
}

// keep records u.st, and settles what became part of its artifact.
func (u *unitRun) keep() error {
	err := u.record(u.c.Addr, u.st, u.handed...)
	u.handed = nil
	return err
}

// become makes st the unit's record, settles what became part of its artifact, and deletes the artifact that it replaces, where the program asks
// for that. The intention to delete comes before the record, or a crash in between would leave the old artifact for ever.
func (u *unitRun) become(ctx context.Context, inst any) error {
	old := u.recorded(u.c.Addr)
	r, ok := inst.(component.Replacer)
	if !ok || !r.Replaces() || old == nil || old.Consumed || old.Artifact.ID == u.st.Artifact.ID || old.Builder.Component != u.c.Builder.Component {
		return u.keep()
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), u.stopTimeout(inst))
	defer cancel()
	return u.remove(bounded, replacedKind, u.c.Unit.Builder, old.Artifact)
}

// adopt records the artifacts that the plan has found.
func (r *run) adopt(ctx context.Context) error {
	for _, c := range r.Plan.Changes {
		if c.Found == nil || c.Action == planner.Build || c.Action == planner.Rebuild {
			continue
		}
		u := &unitRun{run: r, c: c, rt: r.runtime(c.Digest), st: planner.Adopted(c), env: *r.quietEnv(c.Addr)}
		u.st.BuiltAt, u.st.RunID = time.Now().UTC(), r.id
		inst, err := r.Registry.instance(c.Unit.Builder, u.rt, r.redactor)
		if err != nil {
			return &callError{call: c.Unit.Builder, phase: "start", err: err}
		}
		if err := u.become(ctx, inst); err != nil {
			return err
		}
	}
	return nil
}
