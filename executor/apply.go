package executor

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"imgc/compiler"
	"imgc/executor/journal"
	"imgc/executor/redact"
	"imgc/lang"
	"imgc/planner"
	"imgc/stdlib/component"
)

// Policy says what becomes of a machine when a step has failed.
type Policy string

// The policies.
const (
	Cleanup Policy = "cleanup" // it is removed
	Keep    Policy = "keep"    // it stays for a look; the next apply removes it
	Ask     Policy = "ask"     // the user is asked
)

// Answer is what the user wants after a step has failed.
type Answer string

// The answers.
const (
	AnswerRetry   Answer = "retry"
	AnswerCleanup Answer = "cleanup"
	AnswerKeep    Answer = "keep"
)

// Input is what Apply works with.
type Input struct {
	Program  *compiler.Program
	Plan     *planner.Plan
	Store    *planner.Store // locked
	State    *planner.State // as loaded from it
	Registry *Registry
	Parallel int // how many units at once; below 1 is 1
	// Recovered says that Recover has put in order what an earlier run had left; Apply does not do so again.
	Recovered bool
	OnError   Policy
	Ask       func(ctx context.Context, unit, step string, err error) Answer
	Events    func(Event) // called by one goroutine at a time
	// OnJournal is called after each entry of the journal that has reached the disk. It is for tests.
	OnJournal func(seq int)
	// StopTimeout bounds how long giving back a machine may take; 0 is 30 s.
	StopTimeout time.Duration
	// Backoff is the delay before the first repetition of a failed try; it doubles up to 30 s. 0 is 1 s.
	Backoff time.Duration
}

// Result is what Apply did.
type Result struct {
	Built       []string // addresses of units whose changes were made
	Failed      []string
	Skipped     []string
	Outputs     map[string]planner.OutputState
	Diagnostics lang.Diagnostics // for each failure, at its place in the program
}

// ErrFailed is the error of an Apply in which a unit failed; the Diagnostics say why.
var ErrFailed = errors.New("not everything could be done")

// run is one Apply under way.
type run struct {
	Input
	id       string
	started  time.Time
	journal  *journal.Journal
	redactor *redact.Redactor

	events sync.Mutex
	ended  bool // guarded by events

	mu        sync.Mutex // guards what follows
	unsaved   bool       // the journal holds a record that is not in the state on the disk
	artifacts map[string]map[string]any
	result    Result
}

// Apply does what a plan says. It returns ErrFailed when a unit failed, and the context's error when it was cancelled;
// what was finished before is recorded in either case.
func Apply(ctx context.Context, in Input) (*Result, error) {
	r, left, err := start(in)
	if err != nil {
		return &r.result, err
	}
	defer r.journal.Close()
	if !in.Recovered {
		if err := r.recover(ctx, left); err != nil {
			return &r.result, r.masked(err)
		}
	}
	r.emit(Event{Type: RunStarted, Total: int64(changes(in.Plan))})
	err = r.masked(r.all(ctx))
	end := Event{Type: RunEnded, Elapsed: time.Since(r.started)}
	if err != nil {
		end.Error = err.Error()
	}
	r.emit(end)
	return &r.result, err
}

// start opens the journal of a run, and gives what an earlier one has left in it.
func start(in Input) (*run, []journal.Entry, error) {
	r := &run{Input: in, id: runID(), started: time.Now(), redactor: redact.New(in.Program.Secrets), artifacts: map[string]map[string]any{}}
	if r.Parallel < 1 {
		r.Parallel = 1
	}
	if r.StopTimeout == 0 {
		r.StopTimeout = 30 * time.Second
	}
	if r.Backoff == 0 {
		r.Backoff = time.Second
	}
	if n := r.redactor.TooShort(); n > 0 {
		r.emit(Event{Type: WarningEvent, Text: fmt.Sprintf("%d secrets are shorter than %d characters and cannot be looked for in output", n, redact.MinLength)})
	}
	for addr, u := range in.State.Units {
		r.artifacts[addr] = u.Artifact.Attrs
	}
	var left []journal.Entry
	var err error
	r.journal, left, err = journal.Open(in.Store.Dir, r.id, in.OnJournal)
	return r, left, err
}

// Recover removes what an earlier run has left and did not make whole. The plan says what units are made from now; a plan of what is to be done is made
// afterwards, as one that was made before may have found what is no longer there.
func Recover(ctx context.Context, in Input) error {
	r, left, err := start(in)
	if err != nil {
		return err
	}
	defer r.journal.Close()
	return r.masked(r.recover(ctx, left))
}

// Adopt records the artifacts that a plan has found, and builds nothing. Recover comes before it. It returns ErrFailed when something is left that could
// not be removed.
func Adopt(ctx context.Context, in Input) error {
	r, _, err := start(in)
	if err != nil {
		return err
	}
	defer r.journal.Close()
	if err = r.adopt(ctx); err == nil {
		for _, e := range r.journal.Unsettled() {
			r.emit(Event{Type: LeftBehind, Unit: e.Effect.Unit, Text: fmt.Sprintf("%s %s", e.Effect.Kind, e.Effect.ID)})
			err = ErrFailed
		}
	}
	return r.masked(errors.Join(err, r.journal.Compact()))
}

// Pending says whether the journal of a state folder holds something that an earlier run left. Apply puts it in order.
func Pending(dir string) (bool, error) {
	b, err := os.ReadFile(filepath.Join(dir, "journal.jsonl"))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return len(b) > 0, err
}

func (r *run) all(ctx context.Context) error {
	if err := r.journal.Write(journal.Entry{Type: journal.Begin}); err != nil {
		return err
	}
	if err := r.forget(); err != nil {
		return err
	}
	if err := r.adopt(ctx); err != nil {
		return err
	}
	r.walk(ctx)
	err := ctx.Err()
	if err == nil && len(r.result.Failed) > 0 {
		err = ErrFailed
	}
	if err == nil {
		err = r.finish()
	}
	for _, e := range r.journal.Unsettled() {
		r.emit(Event{Type: LeftBehind, Unit: e.Effect.Unit, Text: fmt.Sprintf("%s %s; the next imgc apply removes it", e.Effect.Kind, e.Effect.ID)})
	}
	err = errors.Join(err, r.journal.Write(journal.Entry{Type: journal.End}))
	if r.unsaved {
		if e := r.Store.Save(r.State); e != nil {
			return errors.Join(err, fmt.Errorf("what was built stays in the journal, from which the next imgc apply takes it: %w", e))
		}
	}
	return errors.Join(err, r.journal.Compact())
}

// forget takes units out of the state that the program no longer has.
func (r *run) forget() error {
	found := false
	for _, c := range r.Plan.Changes {
		if c.Action == planner.Forget {
			delete(r.State.Units, c.Addr)
			found = true
		}
	}
	if !found {
		return nil
	}
	return r.Store.Save(r.State)
}

// finish checks the assertions that waited, and keeps the outputs.
func (r *run) finish() error {
	rt := r.runtime("")
	for _, a := range r.Program.Asserts {
		r.result.Diagnostics = append(r.result.Diagnostics, r.redacted(a.Check(rt))...)
	}
	outs := map[string]planner.OutputState{}
	for _, o := range r.Program.Outputs {
		if len(r.Plan.Targets) > 0 && !o.Value.IsWhollyKnown() {
			if old, ok := r.State.Outputs[o.Name]; ok {
				outs[o.Name] = old
			}
			continue
		}
		v, ds := o.Resolve(rt)
		if ds.HasErrors() {
			r.result.Diagnostics = append(r.result.Diagnostics, r.redacted(ds)...)
			continue
		}
		outs[o.Name] = planner.OutputState{Value: compiler.JSON(v), Text: compiler.FormatValue(v, o.Type)}
	}
	r.result.Outputs = outs
	if !sameOutputs(outs, r.State.Outputs) {
		r.State.Outputs = outs
		if err := r.Store.Save(r.State); err != nil {
			return err
		}
	}
	if r.result.Diagnostics.HasErrors() {
		return ErrFailed
	}
	return nil
}

func sameOutputs(a, b map[string]planner.OutputState) bool {
	if len(a) != len(b) {
		return false
	}
	for n, o := range a {
		if b[n].Text != o.Text {
			return false
		}
	}
	return true
}

func (r *run) runtime(digest string) *compiler.Runtime {
	r.mu.Lock()
	defer r.mu.Unlock()
	rt := &compiler.Runtime{RunID: r.id, Time: r.started, Artifacts: map[string]map[string]any{}}
	if len(digest) >= 12 {
		rt.Digest = digest[:12]
	}
	for a, attrs := range r.artifacts {
		rt.Artifacts[a] = attrs
	}
	return rt
}

// record makes st the record of a unit, in the journal and in the state. What settles was handed over is settled with it.
func (r *run) record(addr string, st *planner.UnitState, settles ...component.Effect) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.journal.Write(journal.Entry{Type: journal.Unit, Addr: addr, Unit: st, Settles: settles}); err != nil {
		return err
	}
	r.State.Units[addr] = clone(st)
	r.artifacts[addr] = st.Artifact.Attrs
	err := r.Store.Save(r.State)
	r.unsaved = err != nil
	return err
}

// recorded is a copy of a unit's record, nil when there is none.
func (r *run) recorded(addr string) *planner.UnitState {
	r.mu.Lock()
	defer r.mu.Unlock()
	if st := r.State.Units[addr]; st != nil {
		return clone(st)
	}
	return nil
}

// clone copies a record with its chains: a unit goes on with its own while another unit saves the state. Artifacts are
// never changed once they are made.
func clone(st *planner.UnitState) *planner.UnitState {
	c := *st
	c.Posts = slices.Clone(st.Posts)
	for i := range c.Posts {
		c.Posts[i].Links = slices.Clone(st.Posts[i].Links)
	}
	return &c
}

func (r *run) emit(e Event) {
	e.Time = time.Now()
	e.Name, e.Text, e.Error = r.redactor.String(e.Name), r.redactor.String(e.Text), r.redactor.String(e.Error)
	if r.Events == nil {
		return
	}
	r.events.Lock()
	defer r.events.Unlock()
	if r.ended {
		return // of something that a component has left running
	}
	r.ended = e.Type == RunEnded
	r.Events(e)
}

// redacted masks secrets in copies of ds: the originals may be shared.
func (r *run) redacted(ds lang.Diagnostics) lang.Diagnostics {
	out := slices.Clone(ds)
	for i := range out {
		d := &out[i]
		d.Message, d.Label, d.Help = r.redactor.String(d.Message), r.redactor.String(d.Label), r.redactor.String(d.Help)
		d.Notes, d.Related = slices.Clone(d.Notes), slices.Clone(d.Related)
		for j := range d.Notes {
			d.Notes[j] = r.redactor.String(d.Notes[j])
		}
		for j := range d.Related {
			d.Related[j].Text = r.redactor.String(d.Related[j].Text)
		}
	}
	return out
}

// masked is err with secrets masked in its text.
func (r *run) masked(err error) error {
	if err == nil || r.redactor.String(err.Error()) == err.Error() {
		return err
	}
	return &maskedError{r.redactor.String(err.Error()), err}
}

// maskedError is an error with another text. It can be asked what it is with errors.Is, but not taken apart.
type maskedError struct {
	text string
	err  error
}

func (e *maskedError) Error() string        { return e.text }
func (e *maskedError) Is(target error) bool { return errors.Is(e.err, target) }

func changes(p *planner.Plan) int {
	n := 0
	for _, c := range p.Changes {
		if c.Action != planner.None && c.Action != planner.Forget {
			n++
		}
	}
	return n
}

func runID() string {
	b := make([]byte, 4)
	rand.Read(b) // never fails
	return time.Now().UTC().Format("20060102-150405-") + hex.EncodeToString(b)
}

// effects is the journal as one component of one unit sees it.
type effects struct {
	j         *journal.Journal
	unit      string
	kind      string
	component string
	handed    *[]component.Effect // what becomes part of the artifact; nil where none is made
}

func (e effects) entry(t journal.Type, kind, id string, data map[string]string) journal.Entry {
	return journal.Entry{Type: t, Kind: e.kind, Effect: &component.Effect{Unit: e.unit, Component: e.component, Kind: kind, ID: id, Data: data}}
}

// Intend is the component.Effects method.
func (e effects) Intend(kind, id string, data map[string]string) error {
	return e.j.Write(e.entry(journal.Intend, kind, id, data))
}

// Handover is the component.Effects method.
func (e effects) Handover(kind, id string) error {
	if e.handed == nil {
		return e.Settled(kind, id)
	}
	*e.handed = append(*e.handed, component.Effect{Unit: e.unit, Component: e.component, Kind: kind, ID: id})
	return nil
}

// Settled is the component.Effects method.
func (e effects) Settled(kind, id string) error {
	return e.j.Write(e.entry(journal.Settled, kind, id, nil))
}
