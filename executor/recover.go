package executor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"imgc/executor/journal"
	"imgc/planner"
	"imgc/stdlib/component"
)

// Reconcile puts into a state what an earlier run has finished and not yet recorded when it crashed. It reads only.
func Reconcile(storeDir string, st *planner.State) error {
	j, err := journal.Read(storeDir)
	if err != nil {
		return err
	}
	fold(j, st)
	return nil
}

// Left lists what a run has made and not taken away again, from a state folder's journal: what a run that is leaving leaves, in
// words for its user.
func Left(storeDir string) ([]string, error) {
	entries, err := journal.Read(storeDir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range journal.Unsettled(entries) {
		out = append(out, describe(storeDir, *e.Effect))
	}
	return out, nil
}

func describe(storeDir string, e component.Effect) string {
	if e.Component == "" && e.Kind == tempKind {
		return fmt.Sprintf("the temporary folder %s of %s", filepath.Join(storeDir, "tmp", e.ID), e.Unit)
	}
	text := fmt.Sprintf("%s %s of %s", e.Kind, e.ID, e.Unit)
	if host := e.Data["host"]; host != "" {
		text += " on " + host
	}
	return text
}

func fold(left []journal.Entry, st *planner.State) (changed bool) {
	for _, e := range left {
		if e.Type == journal.Unit && e.Unit != nil {
			st.Units[e.Addr] = e.Unit
			changed = true
		}
	}
	return changed
}

// recover undoes what an earlier run has begun and not finished. What cannot be undone stays in the journal, and is told.
func (r *run) recover(ctx context.Context, left []journal.Entry) error {
	if len(left) == 0 {
		return nil
	}
	if fold(left, r.State) {
		if err := r.Store.Save(r.State); err != nil {
			return err
		}
	}
	for addr, u := range r.State.Units {
		r.artifacts[addr] = u.Artifact.Attrs
	}
	for _, e := range r.journal.Unsettled() {
		err := r.undo(ctx, e)
		kept := errors.Is(err, component.ErrKept)
		if err != nil && !kept {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.emit(Event{Type: WarningEvent, Unit: e.Effect.Unit, Text: fmt.Sprintf("an earlier run left %s %s, and it could not be removed: %v", e.Effect.Kind, e.Effect.ID, err)})
			continue
		}
		settled := journal.Entry{Type: journal.Settled, Kind: e.Kind, Effect: e.Effect}
		if err := r.journal.Write(settled); err != nil {
			return err
		}
		text := fmt.Sprintf("removed %s %s, which an earlier run left", e.Effect.Kind, e.Effect.ID)
		if kept {
			text = fmt.Sprintf("kept %s %s, which an earlier run had made whole", e.Effect.Kind, e.Effect.ID)
		}
		r.emit(Event{Type: Message, Unit: e.Effect.Unit, Text: text})
	}
	if err := r.tidyUp(ctx, left); err != nil {
		return err
	}
	return r.journal.Compact()
}

func (r *run) undo(ctx context.Context, e journal.Entry) error {
	if e.Effect.Component == "" && e.Effect.Kind == tempKind {
		if !filepath.IsLocal(e.Effect.ID) || filepath.Base(e.Effect.ID) != e.Effect.ID {
			return fmt.Errorf("%q is not the name of a temporary folder", e.Effect.ID)
		}
		return os.RemoveAll(filepath.Join(r.Store.Dir, "tmp", e.Effect.ID))
	}
	inst := r.current(e)
	if inst == nil {
		var ok bool
		if inst, ok = r.Registry.blank(e.Kind, e.Effect.Component); !ok {
			return fmt.Errorf("%s is not part of this imgc", e.Effect.Component)
		}
	}
	env := r.quietEnv(e.Effect.Unit)
	env.Effects = effects{j: r.journal, unit: e.Effect.Unit, kind: e.Kind, component: e.Effect.Component}
	bounded, cancel := context.WithTimeout(ctx, r.stopTimeout(inst))
	defer cancel()
	if e.Effect.Kind == usedKind || e.Effect.Kind == replacedKind {
		return r.finishRemoval(bounded, env, inst, *e.Effect)
	}
	u, ok := inst.(component.Undoer)
	if !ok {
		return errors.New("its component cannot undo it")
	}
	return u.Undo(bounded, env, *e.Effect)
}

// quietEnv is the environment of a component that puts in order what an earlier run left.
func (r *run) quietEnv(unit string) *component.Env {
	digest := ""
	for _, c := range r.Plan.Changes {
		if c.Addr == unit {
			digest = c.Digest
		}
	}
	return &component.Env{Dir: r.Program.Dir, StateDir: r.Store.Dir, RunID: r.id, Unit: unit, Digest: digest,
		Say: func(format string, args ...any) {
			r.emit(Event{Type: Message, Unit: unit, Text: fmt.Sprintf(format, args...)})
		},
		Progress: func(string, int64, int64) {}, Stdout: discard{}, Stderr: discard{}}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// current is the component that recorded an effect with its options as the program has them now; nil when the program
// no longer uses it there.
func (r *run) current(e journal.Entry) any {
	for _, u := range r.Program.Units {
		if u.Addr != e.Effect.Unit {
			continue
		}
		for _, c := range u.Calls() {
			if c.Schema.Kind == e.Kind && c.Schema.Name == e.Effect.Component {
				if inst, err := r.Registry.instance(c, r.runtime(""), r.redactor); err == nil {
					return inst
				}
			}
		}
	}
	return nil
}
