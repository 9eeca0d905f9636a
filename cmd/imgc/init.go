package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [PATH]",
		Short: "Write a small program to start from",
		Long: `Write a small program to start from into a folder, which is made if need be. It plans and applies as it
is, and changes nothing on your machine but files in that folder. A folder that has a program is left alone.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return a.init(dir)
		},
	}
}

func (a *app) init(dir string) error {
	if found, err := filepath.Glob(filepath.Join(dir, "[^.]*.imgc")); err != nil {
		return err
	} else if len(found) > 0 {
		return fmt.Errorf("%s has a program already (%s); give imgc init another folder", dir, list(found))
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make the folder for the program: %w", err)
	}
	name := programName(filepath.Base(abs))
	for _, f := range []struct {
		name, text string
		mode       fs.FileMode
	}{
		{name + ".imgc", strings.ReplaceAll(starter, "NAME", name), 0o644},
		{"hello.sh", starterScript, 0o755},
		{".gitignore", ".imgc/\ndist/\n", 0o644},
	} {
		path := filepath.Join(dir, f.name)
		err := writeNew(path, f.text, f.mode)
		switch {
		case errors.Is(err, fs.ErrExist):
			fmt.Fprintf(a.err, "%s is there already and stays as it is\n", path)
		case err != nil:
			return err
		default:
			fmt.Fprintf(a.out, "wrote %s\n", path)
		}
	}
	cd := ""
	if filepath.Clean(dir) != "." {
		cd = " " + dir
	}
	fmt.Fprintf(a.out, "\nNext: imgc plan%s\n", cd)
	return nil
}

func writeNew(path, text string, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// programName makes a name that the language takes of a folder's.
func programName(folder string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, folder)
	name = strings.Trim(name, "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		return "image"
	}
	return name
}
