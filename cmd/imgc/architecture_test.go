package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layer says which of our own packages the packages below a folder may import, and why no others.
type layer struct {
	folder string // "x" is x and all below; "x/" is only what lies below; "=x" is x alone
	may    []string
	why    string
}

// layers is the one-way street cmd → executor → planner → compiler → lang. The first that fits counts.
var layers = []layer{
	{"lang", []string{"lang"},
		"lang turns text into a tree; an editor must be able to use it without values, components or a build"},
	{"compiler", []string{"compiler", "lang"},
		"the compiler knows components only as schemas that are handed to it, so that it can check a program for which this binary has no code"},
	{"planner", []string{"planner", "compiler", "lang", "=stdlib/component"},
		"the planner is pure: it decides from what it is told, and can start nothing, so that plan is always safe"},
	{"executor/machine", []string{"executor/machine", "=stdlib/component"},
		"a machine is used by components of any build; it must not know plans, programs or who uses it"},
	{"executor", []string{"executor", "planner", "compiler", "lang", "=stdlib/component"},
		"the executor reaches components through the contract; if it knew one by name, a new component would take a change here"},
	{"=stdlib/component", nil,
		"everything depends on the contract, so it depends on nothing"},
	{"=stdlib", []string{"stdlib"},
		"the registry is the list of components and nothing else"},
	{"stdlib/", []string{"=stdlib/component", "stdlib/internal", "=stdlib/ssh", "executor/machine"},
		"a component stands by itself: it can be read, tested and removed without plans, programs, the executor or other components"},
	{"cmd", []string{"cmd", "executor", "planner", "compiler", "lang", "stdlib"},
		"the command puts the parts together; the quick start's programs are no parts"},
	{"testdata", []string{"testdata"},
		"what programs in testdata are made of must not depend on imgc: they show what a user has"},
}

func (l layer) fits(pkg string) bool { return under(l.folder, pkg) }

func under(folder, pkg string) bool {
	if exact, ok := strings.CutPrefix(folder, "="); ok {
		return pkg == exact
	}
	if strings.HasSuffix(folder, "/") {
		return strings.HasPrefix(pkg, folder)
	}
	return pkg == folder || strings.HasPrefix(pkg, folder+"/")
}

// allowed reports whether from may import to, and the reason when it may not.
func allowed(from, to string) (bool, string) {
	for _, l := range layers {
		if !l.fits(from) {
			continue
		}
		// What lies in a component's own folder belongs to it.
		if l.folder == "stdlib/" && componentOf(from) == componentOf(to) {
			return true, ""
		}
		return slices.ContainsFunc(l.may, func(f string) bool { return under(f, to) }), l.why
	}
	return false, "this folder has no place in ARCHITECTURE.md; give it a line in architecture_test.go"
}

func componentOf(pkg string) string {
	parts := strings.SplitN(pkg, "/", 3)
	if len(parts) < 2 || parts[0] != "stdlib" {
		return ""
	}
	return parts[1]
}

func TestImportsRunOneWay(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() != ".." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		// Tests may reach across: they put parts together to see that they fit.
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		from := path.Dir(filepath.ToSlash(rel))
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		seen++
		for _, spec := range f.Imports {
			full, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			to, ours := strings.CutPrefix(full, "imgc/")
			if !ours {
				continue
			}
			if ok, why := allowed(from, to); !ok {
				t.Errorf("%s imports imgc/%s, and must not: %s", filepath.ToSlash(rel), to, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Fatal("no Go file was found: the test looks in the wrong folder")
	}
}

// TestBannedEdges holds the edges that matter, so that a slip in the table above is seen.
func TestBannedEdges(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"lang", "compiler", false},
		{"lang/format", "lang", true},
		{"compiler", "stdlib/component", false},
		{"compiler", "planner", false},
		{"planner", "executor", false},
		{"planner", "stdlib/component", true},
		{"planner", "stdlib/shell", false},
		{"executor", "stdlib/shell", false},
		{"executor", "stdlib", false},
		{"executor", "planner", true},
		{"executor/machine/ssh", "executor", false},
		{"executor/machine/ssh", "stdlib/component", true},
		{"executor/machine/ssh", "compiler", false},
		{"stdlib/component", "lang", false},
		{"stdlib/shell", "compiler", false},
		{"stdlib/shell", "planner", false},
		{"stdlib/shell", "executor", false},
		{"stdlib/shell", "executor/machine/ssh", true},
		{"stdlib/shell", "stdlib/upload", false},
		{"stdlib/null", "stdlib/ssh", true}, // no component, but options that builders share
		{"stdlib/compress", "stdlib/compress/zip", true},
		{"stdlib", "stdlib/shell", true},
		{"executor", "cmd/imgc/view", false},
		{"cmd/imgc", "stdlib", true},
		{"cmd/imgc", "testdata/quickstart/shell", false},
		{"utils", "lang", false},
	} {
		if got, _ := allowed(c.from, c.to); got != c.want {
			t.Errorf("%s may import %s: %v, want %v", c.from, c.to, got, c.want)
		}
	}
}
