package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"imgc/lang"
)

type fmtFlags struct{ check, diff, write bool }

func (a *app) fmtCommand() *cobra.Command {
	var f fmtFlags
	cmd := &cobra.Command{
		Use:   "fmt [PATH…]",
		Short: "Write programs in their one form",
		Long: `Write .imgc files in their one form; there is nothing to set. A PATH is a file, a folder (with all folders in
it), or - for standard input. Files are rewritten and named, unless --check or --diff is given without -w.
Standard input is formatted to standard output.`,
		Example: `  imgc fmt
  imgc fmt --check . || echo "run imgc fmt"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			return a.fmt(args, f)
		},
	}
	cmd.Flags().BoolVar(&f.check, "check", false, "name files that would change, and end with code 2 if there are any")
	cmd.Flags().BoolVar(&f.diff, "diff", false, "print what would change")
	cmd.Flags().BoolVarP(&f.write, "write", "w", false, "rewrite the files, also with --check or --diff")
	return cmd
}

func (a *app) fmt(paths []string, f fmtFlags) error {
	if !f.check && !f.diff {
		f.write = true
	}
	changed, failed := 0, false
	one := func(name string) error {
		differs, err := a.fmtFile(name, f)
		var bad lang.Diagnostics
		if errors.As(err, &bad) {
			failed = true // and has been reported: go on with the others
			return nil
		}
		if differs {
			changed++
		}
		return err
	}
	for _, path := range paths {
		if path == "-" {
			if err := one(path); err != nil {
				return err
			}
			continue
		}
		err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return fmt.Errorf("cannot format %s: %w", name, err)
			case d.IsDir() && name != path && strings.HasPrefix(d.Name(), "."):
				return fs.SkipDir
			case d.IsDir(), name != path && !formatted(name):
				return nil
			}
			return one(name)
		})
		if err != nil {
			return err
		}
	}
	switch {
	case failed:
		return errExit(exitError)
	case f.check && changed > 0:
		return errExit(exitChanges)
	}
	return nil
}

func formatted(name string) bool {
	return filepath.Ext(name) == ".imgc"
}

// fmtFile formats one file and reports whether it differs from its form.
func (a *app) fmtFile(name string, f fmtFlags) (differs bool, err error) {
	var src []byte
	if name == "-" {
		src, err = io.ReadAll(a.in)
	} else {
		src, err = os.ReadFile(name)
	}
	if err != nil {
		return false, fmt.Errorf("cannot read what to format: %w", err)
	}
	out, ds := formatSource(name, src)
	if ds.HasErrors() {
		a.report(ds, []*lang.File{{Name: name, Src: string(src)}})
		return false, ds
	}
	differs = !bytes.Equal(src, out)
	if f.diff && differs {
		if _, err := a.out.Write(diff.Diff(name, src, name+" (formatted)", out)); err != nil {
			return differs, err
		}
	}
	if name == "-" {
		if !f.check && !f.diff {
			_, err = a.out.Write(out)
		}
		return differs, err
	}
	if !differs {
		return false, nil
	}
	if !f.diff {
		fmt.Fprintln(a.out, name)
	}
	if f.write {
		info, err := os.Stat(name)
		if err != nil {
			return true, err
		}
		if err := renameio.WriteFile(name, out, info.Mode().Perm(), renameio.WithExistingPermissions()); err != nil {
			return true, fmt.Errorf("cannot write %s: %w", name, err)
		}
	}
	return true, nil
}
