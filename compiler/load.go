package compiler

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"imgc/lang"
)

// Source is a program as it was read: its own files, and the modules that it uses.
type Source struct {
	Dir   string // absolute
	Files []*lang.File
	Used  map[string]UsedModule
}

// All are the files of the program and of all modules, for showing places in them.
func (s *Source) All() []*lang.File {
	all := slices.Clone(s.Files)
	for _, k := range sortedKeys(s.Used) {
		all = append(all, s.Used[k].Files...)
	}
	return all
}

// Load reads and parses a program: one .imgc file, or all of those in a folder, and the modules it uses. File names in
// diagnostics are relative to the program's folder. A module that cannot be read is no error here: the compiler reports it where
// it is used.
func Load(file string) (*Source, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("reading the program %s: %w", file, err)
	}
	dir := file
	if !info.IsDir() {
		dir = filepath.Dir(file)
	}
	s := &Source{Used: map[string]UsedModule{}}
	if s.Dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("finding the program's folder: %w", err)
	}
	if info.IsDir() {
		if s.Files, err = readFolder(s.Dir, ""); err == nil && len(s.Files) == 0 {
			err = fmt.Errorf("there is no .imgc file in %s: write one, or let imgc init make one: %w", file, fs.ErrNotExist)
		}
	} else {
		var f *lang.File
		f, err = readSource(s.Dir, filepath.Base(file))
		s.Files = []*lang.File{f}
	}
	if err != nil {
		return nil, err
	}
	s.follow("", s.Files)
	return s, nil
}

// within is the place of a path as programs write it, which is relative to a folder or absolute.
func within(dir, name string) string {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

func readSource(dir, name string) (*lang.File, error) {
	src, err := os.ReadFile(within(dir, name))
	if err != nil {
		return nil, fmt.Errorf("reading the program: %w", err)
	}
	return lang.Parse(name, string(src)), nil
}

// readFolder reads the .imgc files of a folder, sorted by name; the folder is relative to dir, or absolute.
func readFolder(dir, folder string) ([]*lang.File, error) {
	entries, err := os.ReadDir(within(dir, folder))
	if err != nil {
		return nil, fmt.Errorf("reading the program's folder: %w", err)
	}
	var files []*lang.File
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".imgc") {
			continue
		}
		f, err := readSource(dir, path.Join(folder, e.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// follow reads the modules that files use. Their relative paths begin at dir.
func (s *Source) follow(dir string, files []*lang.File) {
	for _, f := range files {
		for _, d := range f.Decls {
			u, ok := d.Node.(*lang.Use)
			if !ok {
				continue
			}
			text, plain := plainLiteral(u.Path)
			if !plain || text == "" {
				continue
			}
			where := usePath(dir, text)
			if _, done := s.Used[where]; done {
				continue
			}
			s.Used[where] = UsedModule{} // for a circle
			m := s.module(where)
			s.Used[where] = m
			s.follow(moduleDir(where), m.Files)
		}
	}
}

func (s *Source) module(where string) UsedModule {
	info, err := os.Stat(within(s.Dir, where))
	switch {
	case err != nil:
		return UsedModule{Err: errors.New("it is not there")}
	case info.IsDir():
		files, err := readFolder(s.Dir, where)
		if err == nil && len(files) == 0 {
			err = errors.New("the folder has no .imgc file")
		}
		return UsedModule{Files: files, Err: err}
	case !strings.HasSuffix(where, ".imgc"):
		return UsedModule{Err: errors.New("it is no .imgc file")}
	}
	f, err := readSource(s.Dir, where)
	if err != nil {
		return UsedModule{Err: err}
	}
	return UsedModule{Files: []*lang.File{f}}
}
