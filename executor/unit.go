package executor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"imgc/compiler"
	"imgc/executor/journal"
	"imgc/lang"
	"imgc/planner"
	"imgc/stdlib/component"
)

// unitRun is one unit under way.
type unitRun struct {
	*run
	c      *planner.Change
	env    component.Env
	rt     *compiler.Runtime
	st     *planner.UnitState
	out    *lines
	handed []component.Effect // effects that become part of the artifact
	kept   bool               // the machine stays for the user to look at
	step   int                // phases done, for events
	all    int
}

// unit makes one change.
func (r *run) unit(ctx context.Context, c *planner.Change) (err error) {
	u := &unitRun{run: r, c: c, rt: r.runtime(c.Digest), all: phases(c)}
	start := time.Now()
	r.emit(Event{Type: UnitStarted, Unit: c.Addr, Total: int64(u.all)})
	defer func() {
		e := Event{Type: UnitEnded, Unit: c.Addr, Elapsed: time.Since(start)}
		if err != nil {
			e.Error = err.Error()
			r.diagnose(c, err)
		} else if u.st != nil {
			e.Text = finalArtifact(u.st)
		}
		r.emit(e)
	}()
	name := r.id + "-" + c.Addr
	tmp := filepath.Join(r.Store.Dir, "tmp", name)
	own := effects{j: r.journal, unit: c.Addr}
	if err := own.Intend(tempKind, name, nil); err != nil {
		return err
	}
	if err := os.MkdirAll(tmp, 0o700); err != nil {
		return fmt.Errorf("making the unit's temporary folder: %w", err)
	}
	defer func() {
		if u.kept {
			return // a machine on this computer may use it; the next run removes it
		}
		if e := os.RemoveAll(tmp); e != nil {
			err = errors.Join(err, fmt.Errorf("removing the unit's temporary folder: %w", e))
		} else if e := own.Settled(tempKind, name); e != nil {
			err = errors.Join(err, e)
		}
	}()
	u.out = newLines(r.redactor, func(stream, text string) { r.emit(Event{Type: Output, Unit: c.Addr, Stream: stream, Text: text}) })
	u.env = component.Env{
		Dir: r.Program.Dir, StateDir: r.Store.Dir, TempDir: tmp, RunID: r.id, Unit: c.Addr, Build: c.Unit.Build, Source: c.Unit.Source,
		Builder: c.Unit.Builder.Schema.Name, Digest: c.Digest, RestoreFrom: c.RestoreFrom,
		Stdout: u.out.writer("stdout"), Stderr: u.out.writer("stderr"),
		Say: func(format string, args ...any) {
			r.emit(Event{Type: Message, Unit: c.Addr, Text: fmt.Sprintf(format, args...)})
		},
		Progress: r.progress(c.Addr),
	}
	defer u.out.flush()
	if c.Action == planner.Build || c.Action == planner.Rebuild {
		if err := u.build(ctx); err != nil {
			return err
		}
	} else if c.Action == planner.Update {
		if err := u.update(ctx); err != nil {
			return err
		}
	} else if u.st = r.recorded(c.Addr); u.st == nil {
		return errors.New("the state no longer has its record, so its artifact cannot be used: run imgc apply again")
	}
	return u.posts(ctx)
}

// tempKind is the kind of effect of a unit's temporary folder, which the executor itself undoes. Its id is a name in
// .imgc/tmp, so that a folder that was moved is found too.
const tempKind = "temporary folder"

func phases(c *planner.Change) int {
	n := 0
	if c.Action == planner.Build || c.Action == planner.Rebuild {
		n = 2
		for _, s := range c.Steps {
			if s.Runs {
				n++
			}
		}
	}
	if c.Action == planner.Update {
		n = 1
	}
	for _, ch := range c.Posts {
		for _, l := range ch {
			if l.Runs {
				n++
			}
		}
	}
	return n
}

func finalArtifact(st *planner.UnitState) string {
	var ids []string
	for _, ch := range st.Posts {
		if n := len(ch.Links); n > 0 && ch.Links[n-1].Artifact.ID != "" {
			ids = append(ids, ch.Links[n-1].Artifact.ID)
		}
	}
	if len(ids) == 0 {
		return st.Artifact.ID
	}
	return strings.Join(ids, ", ")
}

// envFor is the environment of one component of the unit.
func (u *unitRun) envFor(call *compiler.Call) *component.Env {
	e := u.env
	e.Effects = effects{u.journal, u.c.Addr, call.Schema.Kind, call.Schema.Name, &u.handed}
	return &e
}

func title(call *compiler.Call) string {
	if call.Label != "" {
		return fmt.Sprintf("%s %q", call.Schema.Name, call.Label)
	}
	return call.Schema.Name
}

// phase runs one phase with its events, and notes it in the journal.
func (u *unitRun) phase(ctx context.Context, name string, call *compiler.Call, f func(ctx context.Context) error) error {
	u.step++
	ev := Event{Type: PhaseStarted, Unit: u.c.Addr, Phase: name, Name: title(call), Index: u.step, Total: int64(u.all)}
	u.emit(ev)
	start := time.Now()
	err := u.journal.Write(journal.Entry{Type: journal.Phase, Addr: u.c.Addr, Phase: name + " " + title(call)})
	if err == nil {
		err = f(ctx)
	}
	u.out.flush()
	ev.Type, ev.Elapsed = PhaseEnded, time.Since(start)
	if err != nil {
		ev.Error = err.Error()
		var at *callError
		if !errors.As(err, &at) {
			err = &callError{call: call, phase: name, err: err}
		}
	}
	u.emit(ev)
	return err
}

// callError is a failure of a component, with its place in the program.
type callError struct {
	call  *compiler.Call
	phase string
	err   error
}

func (e *callError) Error() string { return fmt.Sprintf("%s: %v", title(e.call), e.err) }
func (e *callError) Unwrap() error { return e.err }

// build starts the machine, runs the steps, and makes the artifact. The machine is always given back.
func (u *unitRun) build(ctx context.Context) (err error) {
	call := u.c.Unit.Builder
	inst, err := u.Registry.instance(call, u.rt, u.redactor)
	if err != nil {
		return &callError{call: call, phase: "start", err: err}
	}
	b := inst.(component.Builder)
	env := u.envFor(call)
	var m component.Machine
	defer func() {
		if u.kept {
			return
		}
		if e := u.stop(ctx, b, env, m); e != nil {
			err = errors.Join(err, e)
		}
	}()
	if err := u.phase(ctx, "start", call, func(ctx context.Context) error {
		m, err = b.Start(ctx, env)
		return err
	}); err != nil {
		return err
	}
	if err := u.steps(ctx, b, env, m); err != nil {
		return err
	}
	var a component.Artifact
	if err := u.phase(ctx, "finish", call, func(ctx context.Context) error {
		a, err = b.Finish(ctx, env, m)
		return err
	}); err != nil {
		return err
	}
	u.st = &planner.UnitState{Digest: u.c.Digest, BuiltAt: time.Now().UTC(), RunID: u.id, Builder: u.c.Builder.Recorded, Artifact: a}
	for _, s := range u.c.Steps {
		u.st.Steps = append(u.st.Steps, s.Recorded)
	}
	return u.become(ctx, inst)
}

// stop gives back what a builder has made, also after a cancel.
func (u *unitRun) stop(ctx context.Context, b component.Builder, env *component.Env, m component.Machine) error {
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), u.stopTimeout(b))
	defer cancel()
	if err := b.Stop(stop, env, m); err != nil {
		return fmt.Errorf("giving back the machine: %w", err)
	}
	return nil
}

// stopTimeout bounds how long a component may take to put in order what it has made.
func (r *run) stopTimeout(inst any) time.Duration {
	if s, ok := inst.(component.SlowStopper); ok {
		return max(s.StopTimeout(), r.StopTimeout)
	}
	return r.StopTimeout
}

// steps runs the steps that have to run, and does with a failure what the policy says.
func (u *unitRun) steps(ctx context.Context, b component.Builder, env *component.Env, m component.Machine) error {
	points, _ := b.(component.Checkpointer)
	for i := 0; i < len(u.c.Steps); {
		n := u.c.Steps[i]
		if !n.Runs {
			i++
			continue
		}
		err := u.phase(ctx, "step", n.Call, func(ctx context.Context) error {
			return u.tries(ctx, n.Call, func(ctx context.Context) error { return u.provision(ctx, n.Call, m) })
		})
		if err == nil && points != nil {
			err = points.Checkpoint(ctx, env, m, n.Digest)
		}
		if err == nil {
			i++
			continue
		}
		policy := u.OnError
		if policy == Ask && u.Input.Ask != nil && ctx.Err() == nil {
			switch u.Input.Ask(ctx, u.c.Addr, title(n.Call), err) {
			case AnswerRetry:
				u.step--
				continue
			case AnswerKeep:
				policy = Keep
			}
		}
		u.onError(ctx, m)
		if policy == Keep && m != nil && ctx.Err() == nil {
			u.emit(Event{Type: LeftBehind, Unit: u.c.Addr, Text: "the machine stays as it is" + where(m) + "; the next imgc apply removes it"})
			u.kept = true
		}
		return err
	}
	return nil
}

func where(m component.Machine) string {
	i := m.Info()
	if i.Host == "" {
		return fmt.Sprintf(" (%s, %s)", i.Transport, m.TempDir())
	}
	return fmt.Sprintf(" (%s %s@%s port %d, %s)", i.Transport, i.User, i.Host, i.Port, m.TempDir())
}

func (u *unitRun) provision(ctx context.Context, call *compiler.Call, m component.Machine) error {
	inst, err := u.Registry.instance(call, u.rt, u.redactor)
	if err != nil {
		return err
	}
	return inst.(component.Provisioner).Provision(ctx, u.envFor(call), m)
}

// onError runs the build's on_error step. It runs after a cancel too, within the bound for giving back a machine.
func (u *unitRun) onError(ctx context.Context, m component.Machine) {
	call := u.c.Unit.OnError
	if call == nil || m == nil && !call.Schema.NoMachine {
		return
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), u.StopTimeout)
	defer cancel()
	u.step--
	if err := u.phase(late, "on_error", call, func(ctx context.Context) error {
		return u.tries(ctx, call, func(ctx context.Context) error { return u.provision(ctx, call, m) })
	}); err != nil {
		u.emit(Event{Type: WarningEvent, Unit: u.c.Addr, Text: fmt.Sprintf("on_error failed too: %v", err)})
	}
	u.step++
}

// tries runs f with the call's pause, timeout and retry: each try waits first, and each has the whole timeout.
func (u *unitRun) tries(ctx context.Context, call *compiler.Call, f func(ctx context.Context) error) error {
	delay := u.Backoff
	for try := 0; ; try++ {
		if err := sleep(ctx, call.Pause); err != nil {
			return err
		}
		err := once(ctx, call.Timeout, f)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if try >= call.Retry {
			if try > 0 {
				return fmt.Errorf("it failed %d times, the last time so: %w", try+1, err)
			}
			return err
		}
		u.emit(Event{Type: Retrying, Unit: u.c.Addr, Name: title(call), Try: try + 2, Tries: call.Retry + 1, Error: err.Error()})
		if err := sleep(ctx, delay); err != nil {
			return err
		}
		delay = min(delay*2, 30*time.Second)
	}
}

func once(ctx context.Context, limit time.Duration, f func(ctx context.Context) error) error {
	if limit <= 0 {
		return f(ctx)
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := f(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("it did not end within its timeout of %s", limit)
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// progress thins out the reports of long transfers to ten a second.
func (r *run) progress(unit string) func(what string, done, total int64) {
	t := &throttle{}
	return func(what string, done, total int64) {
		if t.pass(what, total > 0 && done >= total) {
			r.emit(Event{Type: Progress, Unit: unit, Text: what, Done: done, Total: total})
		}
	}
}

// diagnose keeps a failure with its place in the program.
func (r *run) diagnose(c *planner.Change, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ds lang.Diagnostics
	if errors.As(err, &ds) {
		r.result.Diagnostics = append(r.result.Diagnostics, r.redacted(ds)...)
		return
	}
	d := lang.Diagnostic{Code: "E0901", Message: fmt.Sprintf("%s failed: %v", c.Addr, err), Help: "mend what it says and run imgc apply again: what is finished is not done again"}
	if c.Unit != nil {
		d.Range = c.Unit.Range
	}
	var at *callError
	if errors.As(err, &at) {
		d.Range = at.call.Range
		d.Message = fmt.Sprintf("%s: %s of %s failed: %v", c.Addr, phaseWord(at.phase), title(at.call), at.err)
	}
	if errors.Is(err, context.Canceled) {
		d.Message = c.Addr + " was cancelled"
		d.Help = "run imgc apply again to go on"
	}
	r.result.Diagnostics = append(r.result.Diagnostics, r.redacted(lang.Diagnostics{d})...)
}

func phaseWord(p string) string {
	switch p {
	case "update":
		return "the update"
	case "start":
		return "the start"
	case "finish":
		return "the last phase"
	case "post":
		return "post"
	}
	return "the step"
}
