package compiler

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"imgc/lang"
)

// Load reads and parses a program: one .imgc file, or all of those in a folder. It returns the program's folder and
// its files sorted by name. File names in diagnostics are relative to the folder.
func Load(path string) (dir string, files []*lang.File, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", nil, fmt.Errorf("reading the program %s: %w", path, err)
	}
	var names []string
	if info.IsDir() {
		dir = path
		entries, err := os.ReadDir(path)
		if err != nil {
			return "", nil, fmt.Errorf("reading the program's folder: %w", err)
		}
		for _, e := range entries {
			if !e.IsDir() && strings.HasSuffix(e.Name(), ".imgc") {
				names = append(names, e.Name())
			}
		}
		sort.Strings(names)
		if len(names) == 0 {
			return "", nil, fmt.Errorf("there is no .imgc file in %s: write one, or let imgc init make one: %w", path, fs.ErrNotExist)
		}
	} else {
		dir = filepath.Dir(path)
		names = []string{filepath.Base(path)}
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", nil, fmt.Errorf("finding the program's folder: %w", err)
	}
	for _, name := range names {
		src, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", nil, fmt.Errorf("reading the program: %w", err)
		}
		files = append(files, lang.Parse(name, string(src)))
	}
	return dir, files, nil
}
