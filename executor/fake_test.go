package executor_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"imgc/compiler"
	"imgc/executor"
	"imgc/lang"
	"imgc/planner"
	"imgc/stdlib/component"
)

// world is a pretend outside: what components have made there, and what they were asked to do.
type world struct {
	mu     sync.Mutex
	made   map[string]bool // machines that exist
	log    []string
	tries  map[string]int
	fail   map[string]int           // step → how many tries fail
	slow   map[string]time.Duration // step → how long it takes
	active int
	most   int           // units at work at once
	stuck  bool          // machines cannot be given back
	late   chan struct{} // when set, a step goes on after its end until it receives, and then closes it
}

func newWorld() *world {
	return &world{made: map[string]bool{}, tries: map[string]int{}, fail: map[string]int{}, slow: map[string]time.Duration{}}
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

const fakeSchemas = `
builder fake {
  text: string = ""
  artifact files { path: path }
}
builder bare { machine none  artifact none {} }
provisioner step {
  name: string
  say: string = ""
  echo: bool = false
}
post copy {
  takes any
  to: public string
  artifact files { path: path }
}
post keeper { takes any  keeps input  artifact report { path: path } }
`

type fakeBuilder struct {
	w *world
	o *fakeOptions
}

type fakeOptions struct {
	Text string `imgc:"text"`
}

func (b fakeBuilder) Start(ctx context.Context, env *component.Env) (component.Machine, error) {
	id := "machine of " + env.Unit
	if err := env.Effects.Intend("machine", id, nil); err != nil {
		return nil, err
	}
	b.w.mu.Lock()
	b.w.made[id] = true
	b.w.active++
	b.w.most = max(b.w.most, b.w.active)
	b.w.mu.Unlock()
	b.w.note("start %s", env.Unit)
	return fakeMachine{}, ctx.Err()
}

// fakeMachine is there, and that is all: the fake steps do not use it.
type fakeMachine struct{ component.Machine }

func (fakeMachine) Info() component.MachineInfo { return component.MachineInfo{Transport: "fake"} }
func (fakeMachine) TempDir() string             { return "/nowhere" }

func (b fakeBuilder) Finish(ctx context.Context, env *component.Env, _ component.Machine) (component.Artifact, error) {
	b.w.note("finish %s", env.Unit)
	path := "out/" + env.Unit
	if err := writeFile(env.Path(path), b.o.Text); err != nil {
		return component.Artifact{}, err
	}
	a, err := component.LocalArtifact(ctx, env, "files", []string{env.Path(path)})
	a.Attrs = map[string]any{"path": path}
	return a, err
}

func (b fakeBuilder) Stop(ctx context.Context, env *component.Env, _ component.Machine) error {
	id := "machine of " + env.Unit
	if b.w.stuck {
		<-ctx.Done()
		return ctx.Err()
	}
	b.w.mu.Lock()
	if b.w.made[id] {
		b.w.active--
	}
	delete(b.w.made, id)
	b.w.mu.Unlock()
	b.w.note("stop %s", env.Unit)
	return env.Effects.Settled("machine", id)
}

func (b fakeBuilder) Undo(_ context.Context, _ *component.Env, e component.Effect) error {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	delete(b.w.made, e.ID)
	return nil
}

type fakeStep struct {
	w *world
	o *stepOptions
}

type stepOptions struct {
	Name string `imgc:"name"`
	Say  string `imgc:"say"`
	Echo bool   `imgc:"echo"` // put the name into the error
}

func (s fakeStep) Provision(ctx context.Context, env *component.Env, _ component.Machine) error {
	s.w.mu.Lock()
	s.w.tries[s.o.Name]++
	try := s.w.tries[s.o.Name]
	s.w.mu.Unlock()
	s.w.note("%s %s", s.o.Name, env.Unit)
	if s.o.Say != "" {
		fmt.Fprintln(env.Stdout, s.o.Say)
	}
	if d := s.w.slow[s.o.Name]; d > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
		}
	}
	if late := s.w.late; late != nil && s.o.Name == "one" {
		go func() {
			<-late
			fmt.Fprintln(env.Stdout, "still here")
			env.Say("still here")
			close(late)
		}()
	}
	if try <= s.w.fail[s.o.Name] {
		if s.o.Echo {
			return fmt.Errorf("%s failed on purpose", s.o.Name)
		}
		return fmt.Errorf("try %d failed on purpose", try)
	}
	return ctx.Err()
}

type fakeCopy struct {
	w *world
	o *copyOptions
}

type copyOptions struct {
	To string `imgc:"to"`
}

func (c fakeCopy) Process(ctx context.Context, env *component.Env, in component.Artifact) (component.Artifact, error) {
	c.w.note("copy %s", env.Unit)
	if c.w.fail["copy"] > 0 {
		return component.Artifact{}, errors.New("the copy failed on purpose")
	}
	text := ""
	for _, f := range in.Files {
		b, err := os.ReadFile(env.Path(f.Path))
		if err != nil {
			return component.Artifact{}, err
		}
		text += string(b)
	}
	if err := writeFile(env.Path(c.o.To), text); err != nil {
		return component.Artifact{}, err
	}
	return component.LocalArtifact(ctx, env, "files", []string{env.Path(c.o.To)})
}

func writeFile(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

func (w *world) registry() *executor.Registry {
	return executor.NewRegistry([]component.Component{
		component.NewBuilder("fake", fakeSchemas, "1", func(o *fakeOptions) component.Builder { return fakeBuilder{w, o} }),
		component.NewProvisioner("step", fakeSchemas, "1", func(o *stepOptions) component.Provisioner { return fakeStep{w, o} }),
		component.NewPost("copy", fakeSchemas, "1", func(o *copyOptions) component.PostProcessor { return fakeCopy{w, o} }),
	})
}

// bench is a program in a folder of its own.
type bench struct {
	t      *testing.T
	w      *world
	dir    string
	src    string
	events []executor.Event
	hook   func(int)
	set    func(*executor.Input)
}

func newBench(t *testing.T, src string) *bench {
	return &bench{t: t, w: newWorld(), dir: t.TempDir(), src: src}
}

func (b *bench) compile() *compiler.Program {
	b.t.Helper()
	schemas, ds := compiler.LoadSchemas(map[string]string{"fake.imgc": fakeSchemas})
	if len(ds) > 0 {
		b.t.Fatal(ds)
	}
	prog, ds := compiler.Compile(compiler.Config{Dir: b.dir, Files: []*lang.File{lang.Parse("main.imgc", b.src)}, Schemas: schemas,
		LookupEnv: func(name string) (string, bool) { return "s3cr3t-value", name == "TOKEN" }})
	if prog == nil {
		b.t.Fatal(ds)
	}
	return prog
}

func (b *bench) plan(prog *compiler.Program, st *planner.State, reg *executor.Registry, store *planner.Store) *planner.Plan {
	b.t.Helper()
	in := planner.Input{Program: prog, State: st, Key: []byte("0123456789abcdef0123456789abcdef"), Version: reg.Version, Files: planner.NewFiles(b.dir)}
	d, ds := planner.Digest(b.t.Context(), in)
	if len(ds) > 0 {
		b.t.Fatal(ds)
	}
	seen, err := executor.Observe(b.t.Context(), executor.ObserveInput{Program: prog, State: st, Digests: d, Registry: reg, StoreDir: store.Dir})
	if err != nil {
		b.t.Fatal(err)
	}
	p, ds := planner.Make(in, d, seen)
	if len(ds) > 0 {
		b.t.Fatal(ds)
	}
	return p
}

// apply plans and applies as imgc apply does.
func (b *bench) apply(ctx context.Context) (*executor.Result, error) {
	b.t.Helper()
	store, err := planner.Lock(ctx, b.dir, planner.LockOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	defer store.Close()
	st, err := store.Load()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := executor.Reconcile(store.Dir, st); err != nil {
		b.t.Fatal(err)
	}
	prog, reg := b.compile(), b.w.registry()
	plan := b.plan(prog, st, reg, store)
	if st, err = store.Load(); err != nil {
		b.t.Fatal(err)
	}
	in := executor.Input{Program: prog, Plan: plan, Store: store, State: st, Registry: reg, Parallel: 2, OnError: executor.Cleanup,
		Events: func(e executor.Event) { b.events = append(b.events, e) }, OnJournal: b.hook, Backoff: time.Millisecond}
	if b.set != nil {
		b.set(&in)
	}
	return executor.Apply(ctx, in)
}

// texts are what the events say.
func (b *bench) texts() string {
	var s strings.Builder
	for _, e := range b.events {
		fmt.Fprintln(&s, e.Type, e.Unit, e.Name, e.Text, e.Error)
	}
	return s.String()
}

// again plans once more, and returns the plan.
func (b *bench) again() *planner.Plan {
	b.t.Helper()
	store := planner.View(b.dir)
	st, err := store.Load()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := executor.Reconcile(store.Dir, st); err != nil {
		b.t.Fatal(err)
	}
	return b.plan(b.compile(), st, b.w.registry(), store)
}
