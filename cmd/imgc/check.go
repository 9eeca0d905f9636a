package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) checkCommand() *cobra.Command {
	var p programFlags
	var asJSON, strict bool
	cmd := &cobra.Command{
		Use:   "check [PATH]",
		Short: "Find what is wrong in a program, without touching anything",
		Long: `Find everything that is wrong in a program: all mistakes of all its files, each with its place, a code and a
way out. Nothing is touched, and parameters that are not set are no mistake. With --json one diagnostic a
line is written to standard output.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.place(args)
			src, ds, err := a.check(&p)
			if err != nil {
				return err
			}
			if asJSON {
				err = a.reportJSON(ds, src)
			} else {
				a.report(ds, src)
			}
			if err != nil {
				return err
			}
			if ds.HasErrors() || strict && len(ds) > 0 {
				return errExit(exitError)
			}
			if !asJSON && len(ds) == 0 {
				fmt.Fprintln(a.out, "No mistakes found.")
			}
			return nil
		},
	}
	p.add(cmd)
	cmd.Flags().BoolVar(&strict, "fail-on-warnings", false, "end with code 1 if there are warnings")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the diagnostics as JSON, one a line")
	return cmd
}
