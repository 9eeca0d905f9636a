package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"imgc/compiler"
	"imgc/lang"
)

func (a *app) testCommand() *cobra.Command {
	var p programFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "test [PATH]",
		Short: "Run the tests that a program carries, without touching anything",
		Long: `Run the tests that a program carries. Each test "…" { … } gives parameters and says what is expected of the
plan, or which mistake. Nothing is built, reached or looked up. Exit code 1 says that a test failed.`,
		Example: `  test "staging is small" {
    param stage = "staging"
    expect plan.units["web.vm"].options.size == 10GiB, "10 GiB are enough"
  }`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.place(args)
			cfg, err := a.config(&p)
			if err != nil {
				return err
			}
			results, ds := compiler.RunTests(cfg)
			if ds.HasErrors() {
				return ds
			}
			return a.writeTests(results, asJSON)
		},
	}
	p.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each test as JSON, one a line")
	return cmd
}

func (a *app) writeTests(results []compiler.TestResult, asJSON bool) error {
	failed := 0
	for _, r := range results {
		if len(r.Failures) > 0 {
			failed++
		}
		if asJSON {
			if err := writeJSON(a.out, testJSON(r)); err != nil {
				return err
			}
			continue
		}
		if len(r.Failures) == 0 {
			fmt.Fprintf(a.out, "%s %s\n", a.green("ok  "), r.Name)
			continue
		}
		fmt.Fprintf(a.out, "%s %s\n", a.red("FAIL"), r.Name)
		a.report(r.Failures, nil)
	}
	if !asJSON {
		switch {
		case len(results) == 0:
			fmt.Fprintln(a.out, `The program has no tests. Write one: test "name" { expect … }`)
		case failed == 0:
			fmt.Fprintf(a.out, "%d passed.\n", len(results))
		default:
			fmt.Fprintf(a.out, "%d of %d failed.\n", failed, len(results))
		}
	}
	if failed > 0 {
		return errExit(exitError)
	}
	return nil
}

// testJSON is a test as a program reads it.
func testJSON(r compiler.TestResult) any {
	type failure struct {
		Code    string   `json:"code"`
		Message string   `json:"message"`
		File    string   `json:"file,omitempty"`
		Notes   []string `json:"notes,omitempty"`
	}
	out := struct {
		Test     string    `json:"test"`
		Passed   bool      `json:"passed"`
		Failures []failure `json:"failures,omitempty"`
	}{Test: r.Name, Passed: len(r.Failures) == 0}
	for _, f := range r.Failures {
		out.Failures = append(out.Failures, failure{f.Code, f.Message, f.Range.File, f.Notes})
	}
	return out
}

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "explain CODE",
		Short:   "Explain a diagnostic, with a wrong and a right example",
		Long:    `Explain what the code of a diagnostic means, with an example that has the mistake and one that is right. Without a code: list them all.`,
		Example: `  imgc explain E0301`,
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var codes []string
			for _, c := range lang.Codes() {
				codes = append(codes, c.Code+"\t"+c.Title)
			}
			return codes, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				for _, c := range lang.Codes() {
					fmt.Fprintf(a.out, "%s  %s\n", a.bold(c.Code), c.Title)
				}
				return nil
			}
			return a.explain(args[0])
		},
	}
}
