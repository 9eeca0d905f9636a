package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// next tells somebody who typed only `imgc` what to do next, by what is in the folder.
func (a *app) next() error {
	files, err := filepath.Glob("[^.]*.imgc")
	if err != nil {
		return err
	}
	_, stateErr := os.Stat(filepath.Join(".imgc", "state.json"))
	fmt.Fprintln(a.out, "imgc builds machine images from programs in a small typed language.")
	fmt.Fprintln(a.out)
	step := func(cmd, what string) { fmt.Fprintf(a.out, "  %-16s %s\n", cmd, what) }
	switch {
	case len(files) == 0:
		fmt.Fprintln(a.out, "There is no program in this folder yet. Begin with:")
		fmt.Fprintln(a.out)
		step("imgc init", "write a small program that works")
		step("imgc doc", "see what there is to build with")
	case stateErr != nil:
		fmt.Fprintf(a.out, "This folder has a program (%s) that was never built. Next:\n\n", list(files))
		step("imgc plan", "see what would be built, and why")
		step("imgc apply", "build it")
	default:
		fmt.Fprintf(a.out, "This folder has a program (%s) that was built before. Next:\n\n", list(files))
		step("imgc plan", "see what has changed since")
		step("imgc show", "see what was built")
	}
	step("imgc --help", "all commands")
	return nil
}

// list writes a few names and says how many more there are.
func list(names []string) string {
	const most = 3
	out := ""
	for i, n := range names {
		if i == most {
			return fmt.Sprintf("%s and %d more", out, len(names)-most)
		}
		if i > 0 {
			out += ", "
		}
		out += n
	}
	return out
}
