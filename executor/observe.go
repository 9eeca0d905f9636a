package executor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"imgc/compiler"
	"imgc/executor/redact"
	"imgc/planner"
	"imgc/stdlib/component"
)

// ObserveInput is what Observe looks at.
type ObserveInput struct {
	Program  *compiler.Program
	State    *planner.State
	Digests  *planner.Digests
	Registry *Registry
	StoreDir string // the .imgc folder
	// Blind looks at nothing outside this computer: what the state says is believed.
	Blind bool
}

// Observe finds out what of the recorded artifacts is still there, and where builds can restart. It changes nothing.
func Observe(ctx context.Context, in ObserveInput) (planner.Observed, error) {
	seen := planner.Observed{Artifacts: map[string]component.Status{}, Found: map[string]component.Artifact{}, Drift: map[string][]component.Drift{}, Missing: map[string]bool{}, Checkpoints: map[string]bool{}}
	o := &observer{in: in, seen: &seen}
	slots := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for _, u := range in.Program.Units {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			o.unit(ctx, u)
		})
	}
	wg.Wait()
	return seen, o.err
}

type observer struct {
	in   ObserveInput
	mu   sync.Mutex
	seen *planner.Observed
	err  error
}

func (o *observer) env(u *compiler.Unit, call *compiler.Call) *component.Env {
	return &component.Env{Dir: o.in.Program.Dir, StateDir: o.in.StoreDir, Unit: u.Addr, Build: u.Build, Source: u.Source, Builder: u.Builder.Schema.Name,
		Digest: o.in.Digests.Units[u.Addr].Digest(), Say: func(string, ...any) {}, Progress: func(string, int64, int64) {}, Stdout: discard{}, Stderr: discard{}}
}

func (o *observer) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = errors.Join(o.err, err)
}

func (o *observer) unit(ctx context.Context, u *compiler.Unit) {
	if inst, ok := o.in.Registry.blank("builder", u.Builder.Schema.Name); ok {
		if p, ok := inst.(component.Checkpointer); ok {
			have, err := p.Checkpoints(ctx, o.env(u, u.Builder), o.in.Digests.Units[u.Addr].StepDigests())
			if err != nil {
				o.fail(fmt.Errorf("%s: looking for checkpoints: %w", u.Addr, err))
			}
			o.mu.Lock()
			for d, yes := range have {
				if yes {
					o.seen.Checkpoints[d] = true
				}
			}
			o.mu.Unlock()
		}
	}
	st := o.in.State.Units[u.Addr]
	found := o.find(ctx, u, st)
	if st == nil {
		return
	}
	if !st.Consumed && !found {
		o.probe(ctx, u, u.Builder, "builder", st.Builder.Component, u.Addr, st.Artifact)
		if o.status(u.Addr) == component.Present {
			o.drift(ctx, u, st.Builder.Component, st.Artifact)
		}
	}
	for i, ch := range st.Posts {
		for j, l := range ch.Links {
			if l.Consumed {
				continue
			}
			maker := l.Component
			o.probe(ctx, u, u.Builder, "post", maker, planner.LinkKey(u.Addr, i, j), l.Artifact)
		}
	}
	for _, s := range st.Steps {
		for _, p := range s.Writes {
			abs := p
			if !filepath.IsAbs(abs) {
				abs = filepath.Join(o.in.Program.Dir, p)
			}
			if _, err := os.Lstat(abs); errors.Is(err, os.ErrNotExist) {
				o.mu.Lock()
				o.seen.Missing[p] = true
				o.mu.Unlock()
			}
		}
	}
}

// find looks for an artifact that was made from what the unit is made from now, and that the state does not know.
func (o *observer) find(ctx context.Context, u *compiler.Unit, st *planner.UnitState) bool {
	digest := o.in.Digests.Units[u.Addr].Digest()
	if o.in.Blind || st != nil && st.Digest == digest {
		return false
	}
	if inst, ok := o.in.Registry.blank("builder", u.Builder.Schema.Name); !ok {
		return false
	} else if _, ok := inst.(component.Finder); !ok {
		return false
	}
	rt := &compiler.Runtime{Digest: digest[:12], Artifacts: map[string]map[string]any{}}
	for addr, s := range o.in.State.Units {
		rt.Artifacts[addr] = s.Artifact.Attrs
	}
	inst, err := o.in.Registry.instance(u.Builder, rt, redact.New(nil))
	if err != nil {
		return false // it waits for what is not there yet, so neither is it
	}
	a, ok, err := inst.(component.Finder).Find(ctx, o.env(u, u.Builder))
	if err != nil {
		o.fail(fmt.Errorf("%s: looking whether it exists: %w; with --refresh=false the plan believes the state", u.Addr, err))
	}
	if !ok || err != nil {
		return false
	}
	o.mu.Lock()
	o.seen.Found[u.Addr] = a
	o.mu.Unlock()
	o.drift(ctx, u, u.Builder.Schema.Name, a)
	return true
}

func (o *observer) status(key string) component.Status {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen.Artifacts[key]
}

func (o *observer) drift(ctx context.Context, u *compiler.Unit, name string, a component.Artifact) {
	inst, _ := o.in.Registry.blank("builder", name)
	up, ok := inst.(component.Updater)
	if !ok || o.in.Blind {
		return
	}
	d, err := up.Drift(ctx, o.env(u, u.Builder), a)
	if err != nil {
		o.fail(fmt.Errorf("%s: looking at %s: %w; with --refresh=false the plan believes the state", u.Addr, a.ID, err))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(d) > 0 {
		o.seen.Drift[u.Addr] = d
	}
}

func (o *observer) probe(ctx context.Context, u *compiler.Unit, call *compiler.Call, kind, name, key string, a component.Artifact) {
	env := o.env(u, call)
	var status component.Status
	var err error
	inst, _ := o.in.Registry.blank(kind, name)
	if k, ok := inst.(component.ArtifactKeeper); ok && o.in.Blind {
		status = component.Present
	} else if ok {
		if status, err = k.Probe(ctx, env, a); err != nil {
			err = fmt.Errorf("%w; with --refresh=false the plan believes the state", err)
		}
	} else {
		status, err = component.ProbeFiles(ctx, env, a)
	}
	if err != nil {
		o.fail(fmt.Errorf("%s: looking at %s: %w", u.Addr, a.ID, err))
		return
	}
	o.mu.Lock()
	o.seen.Artifacts[key] = status
	o.mu.Unlock()
}
