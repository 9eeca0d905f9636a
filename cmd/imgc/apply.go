package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"imgc/cmd/imgc/view"
	"imgc/executor"
	"imgc/planner"
)

type applyFlags struct {
	planFlags
	parallel int
	onError  string
	json     bool
}

func (a *app) applyCommand() *cobra.Command {
	var p applyFlags
	cmd := &cobra.Command{
		Use:   "apply [PATH | PLAN]",
		Short: "Build what has changed",
		Long: `Build what has changed since the last time: all that imgc plan names. Given a file that imgc plan --out wrote,
do exactly what it says, or refuse when something has changed since.

apply does not ask first. It replaces nothing but what it built itself, and what it will do is what plan says.

--on-error says what becomes of a machine whose step failed: cleanup removes it, keep leaves it for you to look
at and says where it is, ask asks (on a terminal).

Ctrl-C once cleans up; twice leaves at once, and says what is left. The next run removes that.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch p.onError {
			case "cleanup", "keep":
			case "ask":
				if _, ok := terminal(a.in); !ok {
					return errUsage{errors.New("--on-error ask needs a terminal to ask on; use cleanup or keep")}
				}
			default:
				return errUsage{fmt.Errorf("--on-error is cleanup, keep or ask, not %q", p.onError)}
			}
			if p.parallel < 1 {
				return errUsage{fmt.Errorf("--parallel is at least 1, not %d", p.parallel)}
			}
			return a.apply(cmd.Context(), &p, args)
		},
	}
	p.add(a, cmd)
	cmd.Flags().IntVar(&p.parallel, "parallel", max(4, runtime.NumCPU()), "how many units to build at a time")
	cmd.Flags().StringVar(&p.onError, "on-error", "cleanup", "when a step failed: cleanup, keep or ask")
	cmd.Flags().BoolVar(&p.json, "json", false, "print the plan, what happens, and the outputs as JSON, one a line")
	_ = cmd.RegisterFlagCompletionFunc("on-error", cobra.FixedCompletions([]string{"cleanup", "keep", "ask"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) apply(parent context.Context, p *applyFlags, args []string) error {
	r := &applyRun{}
	ctx, interrupted, stop := a.interruptible(parent, func() { r.leave(a) })
	defer stop()
	s, plan, err := a.openApply(ctx, p, args)
	if err != nil {
		return err
	}
	defer s.close()
	if len(args) == 0 || !planner.IsSaved(args[0]) { // a kept plan is done as it is, or not at all
		plan, err = s.settle(ctx, plan, func(e executor.Event) {
			switch e.Type {
			case executor.Message:
				fmt.Fprintf(a.err, "%s: %s\n", e.Unit, e.Text)
			case executor.WarningEvent:
				fmt.Fprintf(a.err, "%s: %s %s\n", e.Unit, a.red("warning:"), e.Text)
			}
		})
		if interrupted() && err != nil {
			return errExit(exitInterrupted)
		}
		if err != nil {
			return err
		}
	}
	if err := a.writePlan(plan, p.json); err != nil {
		return err
	}
	if !s.mustApply(plan) {
		return nil
	}
	r.view = a.view(p.json, plan)
	err = s.apply(ctx, plan, p, r)
	r.close()
	switch {
	case interrupted():
		switch left := r.left(); {
		case err == nil:
		case len(left) > 0:
			fmt.Fprintf(a.err, "%s not everything could be cleaned up:\n  %s\n`imgc apply` tries again, and goes on from there\n", a.red("interrupted:"), strings.Join(left, "\n  "))
		default:
			fmt.Fprintln(a.err, a.red("interrupted:")+" what was under way has been cleaned up; `imgc apply` goes on from there")
		}
		return errExit(exitInterrupted)
	case err != nil:
		return err
	}
	return a.results(s, p.json)
}

// view chooses how to show the run: bars only where a person looks at them.
func (a *app) view(asJSON bool, plan *planner.Plan) view.View {
	if asJSON {
		return view.NewJSON(a.out)
	}
	var units []string
	for _, c := range plan.Changes {
		if c.Action != planner.None && c.Action != planner.Forget {
			units = append(units, c.Addr)
		}
	}
	style := view.Style{Color: a.colored(a.err)}
	fd, ok := terminal(a.err)
	if !ok || a.env("TERM") == "dumb" || a.env("CI") != "" {
		return view.NewPlain(a.err, units, style)
	}
	return view.NewLive(a.err, units, style, func() (int, int) {
		columns, rows, err := term.GetSize(fd)
		if err != nil || columns <= 0 || rows <= 0 {
			return 80, 24
		}
		return columns, rows
	})
}

// applyRun is a run while it lasts: its view, and what to tell somebody who leaves it at once.
type applyRun struct {
	mu       sync.Mutex
	view     view.View
	closed   bool
	units    []string
	storeDir string // empty until the run begins

	asking sync.Mutex       // one question at a time
	paused bool             // while a question stands on the terminal
	queue  []executor.Event // came in the meantime
}

// event shows one event; the executor may call it from several goroutines.
func (r *applyRun) event(e executor.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	switch e.Type {
	case executor.UnitStarted:
		r.units = append(r.units, e.Unit)
	case executor.UnitEnded:
		for i, u := range r.units {
			if u == e.Unit {
				r.units = append(r.units[:i:i], r.units[i+1:]...)
				break
			}
		}
	}
	if r.paused {
		r.queue = append(r.queue, e)
		return
	}
	r.view.Event(e)
}

// ask asks while the view holds still.
func (r *applyRun) ask(a *app, unit, problem string) string {
	r.asking.Lock()
	defer r.asking.Unlock()
	r.mu.Lock()
	r.paused = true
	r.view.Pause(true)
	r.mu.Unlock()
	answer := a.ask(unit, problem)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paused = false
	r.view.Pause(false)
	for _, e := range r.queue {
		if !r.closed {
			r.view.Event(e)
		}
	}
	r.queue = nil
	return answer
}

func (r *applyRun) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed && r.view != nil {
		r.view.Close()
	}
	r.closed = true
}

// ask asks on the terminal what to do with a machine whose step failed.
func (a *app) ask(unit, problem string) string {
	fmt.Fprintf(a.err, "\n%s: %s\n[r]etry the step, [k]eep the machine as it is, [c]lean up? [c] ", unit, problem)
	line, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil {
		return "cleanup"
	}
	switch answer := strings.ToLower(strings.TrimSpace(line)); {
	case strings.HasPrefix(answer, "r"):
		return "retry"
	case strings.HasPrefix(answer, "k"):
		return "keep"
	}
	return "cleanup"
}
