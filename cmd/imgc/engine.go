package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/term"

	"imgc/compiler"
	"imgc/executor"
	"imgc/lang"
	"imgc/lang/format"
	"imgc/lang/report"
	"imgc/lang/report/sarif"
	"imgc/planner"
	"imgc/stdlib"
	"imgc/stdlib/aws/rehearsal"
)

// session is an open program: its folder's state, the compiled program, and what it is made of.
type session struct {
	app      *app
	store    *planner.Store
	state    *planner.State
	prog     *compiler.Program
	registry *executor.Registry
	targets  []string
	replace  []string
	params   map[string]string // as given, without secrets
	cloud    *rehearsal.Cloud  // nil unless it is a rehearsal
	blind    bool              // nothing outside this computer is looked at
	settled  bool              // what an earlier run had left is in order
	result   *executor.Result
	dir      string
}

// sources finds the text of a file that a diagnostic speaks of.
func sources(files []*lang.File) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, f := range files {
			if f.Name == name {
				return f.Src, true
			}
		}
		return "", false
	}
}

// config reads what a program is compiled from.
func (a *app) config(p *programFlags) (compiler.Config, error) {
	var cfg compiler.Config
	if err := p.checkDir(); err != nil {
		return cfg, err
	}
	src, err := compiler.Load(p.dir)
	if err != nil {
		return cfg, err
	}
	schemas, err := loadSchemas()
	if err != nil {
		return cfg, err
	}
	cfg = compiler.Config{Dir: src.Dir, Files: src.Files, Used: src.Used, Schemas: schemas, LookupEnv: a.lookupEnv()}
	for _, name := range p.vars {
		src, err := os.ReadFile(name)
		if err != nil {
			return cfg, fmt.Errorf("reading parameters: %w", err)
		}
		v := lang.ParseVars(name, string(src))
		cfg.VarsFiles = append(cfg.VarsFiles, v)
		a.files = append(a.files, &lang.File{Name: name, Src: namesOnly(v)})
	}
	a.files = append(a.files, src.All()...)
	for _, text := range p.params {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return cfg, errUsage{fmt.Errorf("-p %s: write -p name=value", text)}
		}
		cfg.Params = append(cfg.Params, compiler.ParamInput{Name: strings.TrimSpace(name), Text: value, Origin: "-p"})
	}
	return cfg, nil
}

// namesOnly is the text of a vars file with all but the names blotted out: a line that a diagnostic shows may hold a secret.
func namesOnly(v *lang.VarsFile) string {
	b := []byte(v.Src)
	kept := make([]bool, len(b))
	for _, o := range v.Values {
		r := v.Decl().Range(o.Name.Pos)
		for i := r.Start; i < r.End; i++ {
			kept[i] = true
		}
	}
	for i, c := range b {
		if !kept[i] && c != '\n' && c != ' ' && c != '=' {
			b[i] = '*'
		}
	}
	return string(b)
}

func (a *app) lookupEnv() func(string) (string, bool) {
	vars := map[string]string{}
	for _, kv := range a.environ() {
		if k, v, ok := strings.Cut(kv, "="); ok {
			vars[k] = v
		}
	}
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

// compile compiles a program for building, and reports its warnings.
func (a *app) compile(cfg compiler.Config) (*compiler.Program, error) {
	prog, ds := compiler.Compile(cfg)
	if ds.HasErrors() {
		return nil, ds
	}
	a.report(ds, nil)
	return prog, nil
}

func newSession(ctx context.Context, a *app, cfg compiler.Config, p *planFlags) (*session, error) {
	s := &session{app: a, targets: p.targets, replace: p.replace, params: map[string]string{}, dir: cfg.Dir, blind: !p.refresh}
	cloud, err := s.open(&p.rehearsal)
	if err != nil {
		return nil, err
	}
	s.registry = executor.NewRegistry(stdlib.Components(cloud))
	cfg.Lookup = func(schema *compiler.Schema, options cty.Value) (map[string]any, error) {
		return s.registry.Lookup(ctx, schema, options)
	}
	if s.prog, err = a.compile(cfg); err != nil {
		s.close()
		return nil, err
	}
	for _, in := range s.prog.Params {
		if !in.Secret && in.Origin != "" && in.Origin != "default" {
			s.params[in.Name] = paramText(in)
		}
	}
	return s, nil
}

// paramText is a parameter's value as -p takes it.
func paramText(p *compiler.Param) string {
	switch p.Type.Kind {
	case compiler.String, compiler.Path, compiler.Enum:
		if !p.Value.IsNull() {
			return p.Value.AsString()
		}
	}
	return compiler.FormatValue(p.Value, p.Type)
}

// open compiles the program and reads its state, without a lock: to look, not to change.
func (a *app) open(ctx context.Context, p *planFlags) (*session, error) {
	cfg, err := a.config(&p.programFlags)
	if err != nil {
		return nil, err
	}
	s, err := newSession(ctx, a, cfg, p)
	if err != nil {
		return nil, err
	}
	s.store = planner.ViewPart(cfg.Dir, s.part())
	if err := s.load(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// load reads the state as it is, with what a crashed run has finished and not recorded.
func (s *session) load() (err error) {
	if s.state, err = s.store.Load(); err != nil {
		return err
	}
	return executor.Reconcile(s.store.Dir, s.state)
}

// openApply does what open does under the folder's lock, and makes the plan; or, when args name a file that imgc plan
// --out wrote, takes that plan and refuses it when it is stale.
func (a *app) openApply(ctx context.Context, p *applyFlags, args []string) (*session, *planner.Plan, error) {
	var saved *planner.Plan
	if len(args) == 1 && planner.IsSaved(args[0]) {
		var err error
		if saved, err = planner.ReadSaved(args[0]); err != nil {
			return nil, nil, err
		}
		if len(p.params)+len(p.vars)+len(p.targets)+len(p.replace) > 0 {
			return nil, nil, errUsage{errors.New("a kept plan has its own parameters and targets: give them to imgc plan")}
		}
		p.dir, p.targets, p.replace = saved.Dir, saved.Targets, saved.Replace
	} else {
		p.place(args)
	}
	cfg, err := a.config(&p.programFlags)
	if err != nil {
		return nil, nil, err
	}
	if saved != nil {
		for name, text := range saved.Params {
			cfg.Params = append(cfg.Params, compiler.ParamInput{Name: name, Text: text, Origin: "the plan's parameter"})
		}
	}
	s, err := newSession(ctx, a, cfg, &p.planFlags)
	if err != nil {
		return nil, nil, err
	}
	command := "imgc apply"
	if len(args) > 0 {
		command += " " + args[0]
	}
	s.store, err = planner.Lock(ctx, cfg.Dir, planner.LockOptions{Part: s.part(), Wait: p.lockTimeout, Command: command, OnWait: func(o planner.Owner) {
		fmt.Fprintf(a.err, "Waiting for %s…\n", o)
	}})
	if err != nil {
		s.close()
		return nil, nil, err
	}
	plan, err := func() (*planner.Plan, error) {
		if err := s.load(); err != nil {
			return nil, err
		}
		plan, err := s.plan(ctx)
		if err != nil || saved == nil {
			return plan, err
		}
		if why := saved.Stale(plan); why != "" {
			return nil, fmt.Errorf("the plan %s is stale: %s; make a new one with imgc plan --out", args[0], why)
		}
		return plan, nil
	}()
	if err != nil {
		s.close()
		return nil, nil, err
	}
	return s, plan, nil
}

// close gives the lock back, and ends a rehearsal.
func (s *session) close() {
	var err error
	if s.store != nil {
		err = s.store.Close()
	}
	if s.cloud != nil {
		err = errors.Join(err, s.cloud.Close())
	}
	if err != nil {
		fmt.Fprintln(s.app.err, s.app.red("error:"), err)
	}
}

// plan looks at what exists and makes the plan.
func (s *session) plan(ctx context.Context) (*planner.Plan, error) {
	key, err := s.store.Key()
	if err != nil {
		return nil, err
	}
	if key == nil && len(s.prog.Secrets) > 0 {
		// Without a key a kept plan could not be told from a stale one. Where the folder cannot be written, there is none.
		if err := os.MkdirAll(s.store.Dir, 0o700); err == nil {
			if key, err = s.store.EnsureKey(); err != nil {
				return nil, err
			}
		}
	}
	in := planner.Input{Program: s.prog, State: s.state, Key: key, Targets: s.targets, Replace: s.replace, Version: s.registry.Version, Files: planner.NewFiles(s.dir)}
	digests, ds := planner.Digest(ctx, in)
	if ds.HasErrors() {
		return nil, ds
	}
	seen, err := executor.Observe(ctx, executor.ObserveInput{Program: s.prog, State: s.state, Digests: digests, Registry: s.registry, StoreDir: s.store.Dir, Blind: s.blind})
	if err != nil {
		return nil, err
	}
	plan, ds := planner.Make(in, digests, seen)
	if ds.HasErrors() {
		return nil, ds
	}
	plan.Params, plan.Dir = s.params, s.dir
	return plan, nil
}

// settle puts in order what an earlier run has left, and makes the plan again where there was something.
func (s *session) settle(ctx context.Context, p *planner.Plan, say func(executor.Event)) (*planner.Plan, error) {
	left, err := executor.Pending(s.store.Dir)
	if s.settled = err == nil; err != nil || !left {
		return p, nil //nolint:nilerr // apply tells of a journal that cannot be read
	}
	st, err := s.store.Load()
	if err != nil {
		return nil, err
	}
	if err := executor.Recover(ctx, executor.Input{Program: s.prog, Plan: p, Store: s.store, State: st, Registry: s.registry, OnJournal: s.app.onJournal, Events: say}); err != nil {
		return nil, err
	}
	if err := s.load(); err != nil {
		return nil, err
	}
	return s.plan(ctx)
}

// save writes a plan for imgc apply FILE, readable by its owner alone.
func (s *session) save(file string, p *planner.Plan) error { return planner.WriteSaved(file, p) }

// mustApply says whether there is something to do, or to put in order after a crash.
func (s *session) mustApply(p *planner.Plan) bool {
	left, err := executor.Pending(s.store.Dir)
	found := slices.ContainsFunc(p.Changes, func(c *planner.Change) bool { return c.Found != nil })
	return p.HasChanges() || left || found || err != nil
}

// apply does what the plan says and hands each event to r.
func (s *session) apply(ctx context.Context, p *planner.Plan, f *applyFlags, r *applyRun) error {
	in := executor.Input{Program: s.prog, Plan: p, Store: s.store, State: s.state, Registry: s.registry, Recovered: s.settled, Parallel: f.parallel,
		OnError: executor.Policy(f.onError), Events: r.event, OnJournal: s.app.onJournal,
		Ask: func(_ context.Context, unit, step string, err error) executor.Answer {
			return executor.Answer(r.ask(s.app, unit, step+": "+err.Error()))
		}}
	r.storeDir = s.store.Dir
	// The state may have been reconciled in memory: apply reads the journal itself and begins with what is on the disk.
	var err error
	if in.State, err = s.store.Load(); err != nil {
		return err
	}
	s.result, err = executor.Apply(ctx, in)
	r.close()
	s.app.report(s.result.Diagnostics, nil)
	if errors.Is(err, executor.ErrFailed) && len(s.result.Diagnostics) > 0 {
		return errExit(exitError)
	}
	return err
}

// results prints the outputs as they are after the run.
func (a *app) results(s *session, asJSON bool) error {
	if s.result == nil || len(s.result.Outputs) == 0 {
		return nil
	}
	if asJSON {
		return writeJSON(a.out, map[string]any{"outputs": s.result.Outputs})
	}
	a.writeOutputs(s.result.Outputs)
	return nil
}

// leave says what is left when somebody presses Ctrl-C twice.
func (r *applyRun) leave(a *app) {
	r.close()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range r.units {
		fmt.Fprintf(a.err, "%s was under way and has not been cleaned up\n", u)
	}
	if left := r.left(); len(left) > 0 {
		fmt.Fprintf(a.err, "Left behind:\n  %s\n", strings.Join(left, "\n  "))
	}
	fmt.Fprintln(a.err, "It is in the journal in .imgc; the next `imgc apply` removes it.")
}

// left is what the run has made and not taken away.
func (r *applyRun) left() []string {
	if r.storeDir == "" {
		return nil
	}
	left, err := executor.Left(r.storeDir)
	if err != nil {
		return []string{err.Error()}
	}
	return left
}

// check compiles the program without needing values of parameters.
func (a *app) check(p *programFlags) ([]*lang.File, lang.Diagnostics, error) {
	cfg, err := a.config(p)
	if err != nil {
		return nil, nil, err
	}
	cfg.AllowMissing = true
	_, ds := compiler.Compile(cfg)
	return a.files, ds, nil
}

// outline compiles the program for looking at: parameters without a value are no mistake.
func (a *app) outline(p *programFlags) (*compiler.Program, error) {
	cfg, err := a.config(p)
	if err != nil {
		return nil, err
	}
	cfg.AllowMissing = true
	prog, ds := compiler.Compile(cfg)
	if ds.HasErrors() {
		return nil, ds
	}
	return prog, nil
}

// showUnit prints a build as one source sees it.
func (a *app) showUnit(cmd *cobra.Command, p *programFlags, addr string, asJSON bool) error {
	prog, err := a.outline(p)
	if err != nil {
		return err
	}
	var addrs []string
	for _, u := range prog.Units {
		if u.Addr == addr {
			if asJSON {
				return writeJSON(a.out, unitJSON(u))
			}
			a.writeUnit(u)
			return nil
		}
		addrs = append(addrs, u.Addr)
	}
	if near := lang.Nearest(addr, addrs); near != "" {
		return fmt.Errorf("the program has no %s; did you mean %s?", addr, near)
	}
	return fmt.Errorf("the program has no %s; it has %s", addr, list(addrs))
}

// unitJSON is a unit as one source sees it, for programs.
func unitJSON(u *compiler.Unit) map[string]any {
	call := func(c *compiler.Call) map[string]any {
		options := map[string]string{}
		for _, o := range c.Options {
			options[o.Field.Name] = formatOption(o)
		}
		return map[string]any{"component": c.Schema.Name, "label": c.Label, "options": options, "retry": c.Retry, "timeout": c.Timeout.String(), "pause": c.Pause.String(), "keep": c.Keep}
	}
	calls := func(cs []*compiler.Call) []any {
		out := []any{}
		for _, c := range cs {
			out = append(out, call(c))
		}
		return out
	}
	out := map[string]any{"addr": u.Addr, "builder": call(u.Builder), "steps": calls(u.Steps), "depends_on": u.DependsOn}
	chains := []any{}
	for _, ch := range u.Posts {
		chains = append(chains, calls(ch.Links))
	}
	out["posts"] = chains
	if u.OnError != nil {
		out["on_error"] = call(u.OnError)
	}
	return out
}

// showState prints what the state file holds; it takes no lock.
func (a *app) showState(p *programFlags, rehearsed, asJSON bool) error {
	if err := p.checkDir(); err != nil {
		return err
	}
	dir, err := filepath.Abs(p.dir)
	if err != nil {
		return err
	}
	store := planner.View(dir)
	if rehearsed {
		store = planner.ViewPart(dir, rehearsalPart)
	}
	st, err := store.Load()
	if err != nil {
		return err
	}
	if err := executor.Reconcile(store.Dir, st); err != nil {
		return err
	}
	if asJSON {
		return writeJSON(a.out, st)
	}
	a.writeState(st)
	return nil
}

// report writes diagnostics for people to standard error; reportJSON and reportSARIF for programs to standard output.
func (a *app) report(ds lang.Diagnostics, src []*lang.File) {
	if len(ds) == 0 {
		return
	}
	width := 100
	if fd, ok := terminal(a.err); ok {
		if w, _, err := term.GetSize(fd); err == nil && w > 20 {
			width = w
		}
	}
	if err := report.Text(a.err, ds, sources(append(src, a.files...)), report.Options{Color: a.colored(a.err), Width: width}); err != nil {
		fmt.Fprintln(a.err, err)
	}
}

func (a *app) reportJSON(ds lang.Diagnostics, src []*lang.File) error {
	return report.JSON(a.out, ds, sources(append(src, a.files...)))
}

// reportSARIF writes diagnostics for code hosts and editors; path gives where a file lies.
func (a *app) reportSARIF(ds lang.Diagnostics, src []*lang.File, path func(string) string) error {
	return sarif.Write(a.out, ds, sources(append(src, a.files...)), sarif.Options{Version: buildVersion().Version, Path: path})
}

// completeAddress offers the addresses of the program's builds.
func (a *app) completeAddress(p *programFlags) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		p.place(nil)
		prog, err := a.outline(p)
		if err != nil {
			return nil, cobra.ShellCompDirectiveDefault
		}
		var out []string
		for _, u := range prog.Units {
			out = append(out, u.Addr)
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// writePlan prints a plan for people, or as JSON.
func (a *app) writePlan(p *planner.Plan, asJSON bool) error {
	if asJSON {
		return planner.WriteJSON(a.out, p)
	}
	return planner.WriteText(a.out, p, planner.TextOptions{Color: a.colored(a.out)})
}

// formatSource writes a file in its one form.
func formatSource(name string, src []byte) ([]byte, lang.Diagnostics) {
	out, err := format.Source(name, string(src))
	var ds lang.Diagnostics
	if errors.As(err, &ds) {
		return nil, ds
	}
	if err != nil {
		return nil, lang.Diagnostics{{Message: err.Error()}}
	}
	return []byte(out), nil
}

// loadSchemas reads the schemas of everything in the registry.
func loadSchemas() (*compiler.SchemaSet, error) {
	set, ds := compiler.LoadSchemas(stdlib.Schemas())
	if ds.HasErrors() {
		return nil, fmt.Errorf("imgc itself is broken, a schema has mistakes: %w", ds)
	}
	return set, nil
}
