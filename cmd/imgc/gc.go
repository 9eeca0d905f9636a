package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"imgc/executor"
)

func (a *app) gcCommand() *cobra.Command {
	var p applyFlags
	cmd := &cobra.Command{
		Use:   "gc [PATH]",
		Short: "Remove what a run that was killed has left, and build nothing",
		Long: `Remove what a run that was killed, or could not clean up, has left: instances, key pairs, images that did not become
whole, in every region; temporary folders. What has become whole is kept and recorded. The next imgc apply does the same before it builds.

What there is to remove is known from the journal in .imgc. Exit codes: 0, nothing is left; 1, something could not be removed.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.parallel, p.onError = 1, "cleanup"
			ctx, _, stop := a.interruptible(cmd.Context(), func() {})
			defer stop()
			s, plan, err := a.openApply(ctx, &p, args)
			if err != nil {
				return err
			}
			defer s.close()
			done := 0
			say := func(e executor.Event) {
				switch e.Type {
				case executor.Message:
					done++
					fmt.Fprintln(a.out, e.Text)
				case executor.WarningEvent, executor.LeftBehind:
					fmt.Fprintln(a.err, a.red("left:")+" "+e.Text)
				}
			}
			if plan, err = s.settle(ctx, plan, say); err != nil {
				return err
			}
			st, err := s.store.Load()
			if err != nil {
				return err
			}
			err = executor.Adopt(ctx, executor.Input{Program: s.prog, Plan: plan, Store: s.store, State: st, Registry: s.registry, OnJournal: a.onJournal, Events: say})
			switch {
			case errors.Is(err, executor.ErrFailed):
				return errors.New("not everything could be removed; `imgc gc` tries again")
			case err != nil:
				return err
			case done == 0:
				fmt.Fprintln(a.out, "There is nothing to remove.")
			}
			return nil
		},
	}
	p.add(a, cmd)
	return cmd
}
