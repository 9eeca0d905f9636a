package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imgc/lang"
)

// TestOurProgramsParse reads the programs that newcomers meet first.
func TestOurProgramsParse(t *testing.T) {
	programs := map[string]string{"starter": strings.ReplaceAll(starter, "NAME", "web")}
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "*", "*.imgc"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("there are no programs in testdata: the test looks in the wrong folder")
	}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		programs[f] = string(src)
	}
	for name, src := range programs {
		for _, d := range lang.Parse(name, src).Decls {
			for _, p := range d.Problems {
				at := lang.PositionOf(src, p.Range.Start)
				t.Errorf("%s:%+v: %v", name, at, p)
			}
		}
	}
}
