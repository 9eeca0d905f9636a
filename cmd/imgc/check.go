package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"
)

func (a *app) checkCommand() *cobra.Command {
	var p programFlags
	var asJSON, strict bool
	var form string
	cmd := &cobra.Command{
		Use:   "check [PATH]",
		Short: "Find what is wrong in a program, without touching anything",
		Long: `Find everything that is wrong in a program: all mistakes of all its files, each with its place, a code and a
way out. Nothing is touched, and parameters that are not set are no mistake.

--format says how: text, for people, on standard error; json, one diagnostic a line, and sarif, a SARIF 2.1.0 report
for code hosts and editors, on standard output. The report names files as seen from the folder you are in.`,
		Example: `  imgc check
  imgc check images/web --format sarif > imgc.sarif`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.place(args)
			if asJSON {
				if cmd.Flags().Changed("format") && form != "json" {
					return errUsage{fmt.Errorf("--json and --format %s exclude each other", form)}
				}
				form = "json"
			}
			if !slices.Contains([]string{"text", "json", "sarif"}, form) {
				return errUsage{fmt.Errorf("--format is text, json or sarif, not %q", form)}
			}
			src, ds, err := a.check(&p)
			if err != nil {
				return err
			}
			switch form {
			case "json":
				err = a.reportJSON(ds, src)
			case "sarif":
				err = a.reportSARIF(ds, src, p.locate)
			default:
				a.report(ds, src)
			}
			if err != nil {
				return err
			}
			if ds.HasErrors() || strict && len(ds) > 0 {
				return errExit(exitError)
			}
			if form == "text" && len(ds) == 0 {
				fmt.Fprintln(a.out, "No mistakes found.")
			}
			return nil
		},
	}
	p.add(cmd)
	cmd.Flags().BoolVar(&strict, "fail-on-warnings", false, "end with code 1 if there are warnings")
	cmd.Flags().StringVar(&form, "format", "text", "text, json or sarif")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the diagnostics as JSON, one a line; short for --format json")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json", "sarif"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}
