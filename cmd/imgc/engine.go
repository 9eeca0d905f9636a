package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"imgc/compiler"
	"imgc/lang"
	"imgc/planner"
)

// wired says whether the commands reach the parser, the compiler, the planner and the executor. Until they do, the
// functions below are the whole of what is missing: each is a few lines over an entry point of one of those packages.
const wired = false

var errNotWired = errors.New("this imgc was built before the language and the builder were finished; build it again from a newer commit")

// session is an open program: its folder's state under the lock, the compiled program, and what exists.
type session struct {
	store any // *planner.Store
	prog  *compiler.Program
}

// open takes the lock of the program's folder, reads the state and compiles the program.
func (a *app) open(ctx context.Context, p *planFlags) (*session, error) { return nil, errNotWired }

// openApply does what open does and makes the plan, or, when args name a file that imgc plan --out wrote, loads
// that plan and refuses it when it is stale.
func (a *app) openApply(ctx context.Context, p *applyFlags, args []string) (*session, *planner.Plan, error) {
	return nil, nil, errNotWired
}

// close gives the lock back.
func (s *session) close() {}

// plan looks at what exists and makes the plan.
func (s *session) plan(ctx context.Context) (*planner.Plan, error) { return nil, errNotWired }

// save writes a plan for imgc apply FILE, readable by its owner alone.
func (s *session) save(file string, p *planner.Plan) error { return errNotWired }

// mustApply says whether there is something to do, or to put in order after a crash.
func (s *session) mustApply(p *planner.Plan) bool { return changes(p) > 0 }

// apply does what the plan says and hands each event to r.
func (s *session) apply(ctx context.Context, p *planner.Plan, f *applyFlags, r *applyRun) error {
	return errNotWired
}

// results prints the outputs as they are after the run.
func (a *app) results(s *session, asJSON bool) error { return errNotWired }

// leave says what is left when somebody presses Ctrl-C twice.
func (r *applyRun) leave(a *app) {
	r.close()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range r.units {
		fmt.Fprintf(a.err, "%s was under way and has not been cleaned up\n", u)
	}
	fmt.Fprintln(a.err, "What is left is in the journal in .imgc; the next `imgc apply` removes it.")
}

// check compiles the program without needing values of parameters.
func (a *app) check(p *programFlags) ([]*lang.File, lang.Diagnostics, error) {
	return nil, nil, errors.Join(p.checkDir(), errNotWired)
}

// outline compiles the program for looking at: parameters without a value are no mistake.
func (a *app) outline(p *programFlags) (*compiler.Program, error) { return nil, errNotWired }

// showUnit prints a build as one source sees it.
func (a *app) showUnit(cmd *cobra.Command, p *programFlags, addr string, asJSON bool) error {
	prog, err := a.outline(p)
	if err != nil {
		return err
	}
	var addrs []string
	for _, u := range prog.Units {
		if u.Addr == addr {
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

// showState prints what the state file holds; it takes no lock.
func (a *app) showState(cmd *cobra.Command, p *programFlags, asJSON bool) error { return errNotWired }

// report writes diagnostics for people to standard error, reportJSON for programs to standard output.
func (a *app) report(ds lang.Diagnostics, src []*lang.File) {
	for _, d := range ds {
		fmt.Fprintln(a.err, d.Error())
	}
}

func (a *app) reportJSON(ds lang.Diagnostics, src []*lang.File) error { return errNotWired }

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

// writePlan prints a plan: planner.WriteText or planner.WriteJSON.
func (a *app) writePlan(p *planner.Plan, asJSON bool) error { return errNotWired }

// formatSource is format.Source.
func formatSource(name string, src []byte) ([]byte, lang.Diagnostics) {
	return src, lang.Diagnostics{{Message: errNotWired.Error()}}
}

// loadSchemas reads the schemas of everything in the registry.
func loadSchemas() (*compiler.SchemaSet, error) { return nil, errNotWired }
