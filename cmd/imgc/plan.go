package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) planCommand() *cobra.Command {
	var p planFlags
	var out string
	var asJSON, detailed bool
	cmd := &cobra.Command{
		Use:   "plan [PATH]",
		Short: "Say what apply would build, and why",
		Long: `Say what apply would build, and why. Nothing is started or changed outside the folder's .imgc.

Exit codes: 0, the plan was made; 1, it could not be; with --detailed-exitcode 2 when there is something to do.`,
		Example: `  imgc plan -p version=1.2
  imgc plan --out web.plan && imgc apply web.plan`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.place(args)
			ctx, _, stop := a.interruptible(cmd.Context(), func() {})
			defer stop()
			s, err := a.open(ctx, &p)
			if err != nil {
				return err
			}
			defer s.close()
			plan, err := s.plan(ctx)
			if err != nil {
				return err
			}
			if out != "" {
				if err := s.save(out, plan); err != nil {
					return err
				}
			}
			if err := a.writePlan(plan, asJSON); err != nil {
				return err
			}
			if out != "" {
				fmt.Fprintf(a.err, "The plan is in %s; `imgc apply %s` does just that.\n", out, out)
			}
			if detailed && plan.HasChanges() {
				return errExit(exitChanges)
			}
			return nil
		},
	}
	p.add(a, cmd)
	cmd.Flags().StringVarP(&out, "out", "o", "", "write the plan to `FILE`, for imgc apply FILE")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the plan as JSON")
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "end with 2 when there is something to do")
	return cmd
}
