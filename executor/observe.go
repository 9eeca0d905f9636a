package executor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"imgc/compiler"
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
}

// Observe finds out what of the recorded artifacts is still there, and where builds can restart. It changes nothing.
func Observe(ctx context.Context, in ObserveInput) (planner.Observed, error) {
	seen := planner.Observed{Artifacts: map[string]component.Status{}, Missing: map[string]bool{}, Checkpoints: map[string]bool{}}
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
	if st == nil {
		return
	}
	if !st.Consumed {
		o.probe(ctx, u, u.Builder, "builder", st.Builder.Component, u.Addr, st.Artifact)
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

func (o *observer) probe(ctx context.Context, u *compiler.Unit, call *compiler.Call, kind, name, key string, a component.Artifact) {
	env := o.env(u, call)
	var status component.Status
	var err error
	inst, _ := o.in.Registry.blank(kind, name)
	if k, ok := inst.(component.ArtifactKeeper); ok {
		status, err = k.Probe(ctx, env, a)
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
