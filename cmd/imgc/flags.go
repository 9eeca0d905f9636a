package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

// programFlags say which program, with which parameters.
type programFlags struct {
	dir    string // the program's folder
	params []string
	vars   []string
}

func (p *programFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&p.params, "param", "p", nil, "set a parameter: `name=value`; may be repeated")
	cmd.Flags().StringArrayVar(&p.vars, "vars", nil, "take parameters from an .imgcvars `FILE`; may be repeated")
	_ = cmd.MarkFlagFilename("vars", "imgcvars")
}

// place takes the program's folder from the arguments. A file of the folder stands for the folder.
func (p *programFlags) place(args []string) {
	p.dir = "."
	if len(args) > 0 {
		p.dir = args[0]
		if filepath.Ext(p.dir) == ".imgc" {
			if info, err := os.Stat(p.dir); err == nil && !info.IsDir() {
				p.dir = filepath.Dir(p.dir)
			}
		}
	}
}

// locate gives where a file lies that a diagnostic names, as seen from the folder imgc was started in, or absolute when
// that is not above it. The names of a program's files begin at its folder, those of vars files are as they were given.
func (p *programFlags) locate(file string) string {
	if !filepath.IsAbs(file) && !slices.Contains(p.vars, file) {
		file = filepath.Join(p.dir, file)
	}
	if !filepath.IsAbs(file) {
		return file
	}
	here, err := os.Getwd()
	if err != nil {
		return file
	}
	if rel, err := filepath.Rel(here, file); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return file
}

var addressForm = regexp.MustCompile(`^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\[".*"\])?\.[A-Za-z_]\w*$`)

// address takes an argument such as web.vm out of args, if there is one that is not a file's name.
func (p *programFlags) address(args []string) (others []string, addr string) {
	for _, arg := range args {
		if _, err := os.Stat(arg); addr == "" && err != nil && addressForm.MatchString(arg) {
			addr = arg
			continue
		}
		others = append(others, arg)
	}
	return others, addr
}

// planFlags say of what part of a program to make a plan.
type planFlags struct {
	programFlags
	targets     []string
	replace     []string
	lockTimeout time.Duration
	refresh     bool
	rehearsal   rehearsalFlags
}

// rehearsalFlags say whether the cloud is one inside this process.
type rehearsalFlags struct {
	on     bool
	root   string
	images []string
	policy string
}

func (r *rehearsalFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&r.on, "rehearse", false, "use a cloud inside this process, whose machines are sandboxes of this computer: no account, no cost")
	cmd.Flags().StringVar(&r.root, "rehearse-root", "", "the `FOLDER` that the images of a rehearsal hold; this computer's shell and file commands otherwise")
	cmd.Flags().StringArrayVar(&r.images, "rehearse-image", nil, "the `ID` of a public image that the rehearsal is to have; may be repeated")
	cmd.Flags().StringVar(&r.policy, "rehearse-policy", "", "an IAM policy, as a JSON `FILE`, that the rehearsal enforces")
	_ = cmd.MarkFlagDirname("rehearse-root")
	_ = cmd.MarkFlagFilename("rehearse-policy", "json")
}

func (p *planFlags) add(a *app, cmd *cobra.Command) {
	p.programFlags.add(cmd)
	cmd.Flags().StringArrayVar(&p.targets, "target", nil, "only this `BUILD` or BUILD.SOURCE and what it needs; may be repeated")
	cmd.Flags().StringArrayVar(&p.replace, "replace", nil, "build this `BUILD.SOURCE` anew though nothing changed; may be repeated")
	cmd.Flags().DurationVar(&p.lockTimeout, "lock-timeout", 0, "how long to wait while another imgc works in this folder (0: not at all)")
	cmd.Flags().BoolVar(&p.refresh, "refresh", true, "look at what exists outside this computer; with --refresh=false the state is believed")
	p.rehearsal.add(cmd)
	for _, name := range []string{"target", "replace"} {
		_ = cmd.RegisterFlagCompletionFunc(name, a.completeAddress(&p.programFlags))
	}
}

// checkDir makes the error of a folder that is not there better than the file system's.
func (p *programFlags) checkDir() error {
	info, err := os.Stat(p.dir)
	switch {
	case os.IsNotExist(err):
		return fmt.Errorf("there is no folder %s; `imgc init %s` writes a program to start from", p.dir, p.dir)
	case err != nil:
		return fmt.Errorf("cannot look at the program's folder: %w", err)
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder of .imgc files", p.dir)
	}
	return nil
}
