package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"imgc/lang"
)

// The exit codes of imgc. They are documented in the README; scripts rely on them.
const (
	exitOK          = 0
	exitError       = 1
	exitChanges     = 2   // plan --detailed-exitcode: there are changes; fmt --check: there are files to format
	exitInterrupted = 130 // ended with Ctrl-C or SIGTERM
)

// app is one run of imgc: what it reads and writes, and the flags that all commands share.
type app struct {
	in       io.Reader
	out, err io.Writer // results; diagnostics and progress
	env      func(string) string
	environ  func() []string

	color string // auto, always, never
	// files are those read so far, for the source lines of diagnostics.
	files []*lang.File
	// onJournal is called after each entry of the journal; only tests set it.
	onJournal func(seq int)
}

// errExit ends imgc with a code when all there is to say has been said.
type errExit int

func (e errExit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func (a *app) main(args []string) int {
	root := a.root()
	root.SetArgs(longFlags(root, args))
	cmd, err := root.ExecuteC()
	if err == nil {
		return exitOK
	}
	var code errExit
	if errors.As(err, &code) {
		return int(code)
	}
	var ds lang.Diagnostics
	if errors.As(err, &ds) {
		a.report(ds, nil)
		return exitError
	}
	fmt.Fprintln(a.err, a.red("error:")+" "+strings.TrimRight(err.Error(), "\n"))
	var usage errUsage
	if errors.As(err, &usage) {
		fmt.Fprintf(a.err, "\nSee `%s --help`.\n", cmd.CommandPath())
	}
	return exitError
}

// errUsage marks an error of the command line itself.
type errUsage struct{ error }

func (e errUsage) Unwrap() error { return e.error }

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "imgc",
		Short: "Build machine images from programs in a small typed language",
		Long: `imgc builds machine images from programs in a small typed language.

A program is a folder of .imgc files. Every command takes that folder (or one file of it) as its argument;
without one it is the folder you are in.`,
		Example: `  imgc init web && cd web    # write a program to start from
  imgc plan                  # what would be built, and why
  imgc apply                 # build it
  imgc doc                   # what there is to build with`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:              unknownCommand,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.next()
		},
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.PersistentFlags().StringVar(&a.color, "color", "auto", "colour: auto, always or never (NO_COLOR counts too)")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		switch a.color {
		case "auto", "always", "never":
			return nil
		}
		return errUsage{fmt.Errorf("--color is auto, always or never, not %q", a.color)}
	}
	root.SetFlagErrorFunc(unknownFlag)
	root.SetHelpCommand(&cobra.Command{Use: "help", Hidden: true, RunE: func(cmd *cobra.Command, args []string) error {
		target, _, err := root.Find(args)
		if err != nil {
			return err
		}
		return target.Help()
	}})
	root.AddCommand(
		a.checkCommand(), a.planCommand(), a.applyCommand(), a.gcCommand(), a.policyCommand(), a.showCommand(), a.fmtCommand(), a.testCommand(), a.consoleCommand(),
		a.graphCommand(), a.docCommand(), a.explainCommand(), a.initCommand(), a.versionCommand(), a.completionCommand(),
	)
	for _, c := range root.Commands() {
		c.DisableFlagsInUseLine = true
	}
	return root
}

// unknownCommand refuses arguments of imgc itself: they are commands that do not exist.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	msg := fmt.Sprintf("there is no command %q", args[0])
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	if near := lang.Nearest(args[0], names); near != "" {
		msg += fmt.Sprintf("; did you mean `imgc %s`?", near)
	} else if _, err := os.Stat(args[0]); err == nil {
		msg += fmt.Sprintf("; did you mean `imgc plan %s`?", args[0])
	}
	return errUsage{errors.New(msg)}
}

// unknownFlag adds the flag that was probably meant.
func unknownFlag(cmd *cobra.Command, err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !unknown {
		return errUsage{err}
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	msg := fmt.Sprintf("%s has no flag --%s", cmd.CommandPath(), name)
	if near := lang.Nearest(name, names); near != "" {
		msg += fmt.Sprintf("; did you mean --%s?", near)
	}
	return errUsage{errors.New(msg)}
}

// longFlags lets long flags be written with one dash, as in `imgc plan -out FILE`: -json means --json.
func longFlags(root *cobra.Command, args []string) []string {
	known := map[string]bool{"help": true}
	for _, c := range append(root.Commands(), root) {
		for _, set := range []*pflag.FlagSet{c.Flags(), c.PersistentFlags()} {
			set.VisitAll(func(f *pflag.Flag) { known[f.Name] = true })
		}
	}
	out := make([]string, len(args))
	copy(out, args)
	for i, arg := range out {
		if arg == "--" {
			break
		}
		if len(arg) < 3 || arg[0] != '-' || arg[1] == '-' {
			continue
		}
		if name, _, _ := strings.Cut(arg[1:], "="); known[name] {
			out[i] = "-" + arg
		}
	}
	return out
}
