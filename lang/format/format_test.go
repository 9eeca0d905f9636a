package format_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"imgc/lang"
	"imgc/lang/format"
)

// TestGolden formats in.imgc of each archive to out.imgc, and out.imgc to itself.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if len(ar.Files) != 2 {
				t.Fatalf("%s holds %d files, not an input and an output", name, len(ar.Files))
			}
			want := string(ar.Files[1].Data)
			for _, f := range ar.Files {
				got, err := format.Source(f.Name, string(f.Data))
				if err != nil {
					t.Fatalf("%s: %v", f.Name, err)
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s (-want +got):\n%s", f.Name, d)
				}
			}
		})
	}
}

// TestPrograms holds the project's example programs in canonical form.
func TestPrograms(t *testing.T) {
	for _, pattern := range []string{"../../testdata/*/[^.]*.imgc"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files: %v", pattern, err)
		}
		for _, name := range files {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := format.Source(name, string(src))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if d := cmp.Diff(string(src), got); d != "" {
				t.Errorf("%s is not in its form (-is +form):\n%s", name, d)
			}
		}
	}
}

func TestRefusesMistakes(t *testing.T) {
	out, err := format.Source("a.imgc", "let a = (1\nlet b = 2\n")
	var ds lang.Diagnostics
	if !errors.As(err, &ds) || !ds.HasErrors() || out != "" {
		t.Errorf("got %q, %v; want diagnostics", out, err)
	}
}
