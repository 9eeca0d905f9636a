package lang_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"imgc/lang"
	"imgc/lang/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestErrors compares what is reported of the first file of each archive with its file "want".
func TestErrors(t *testing.T) {
	names, err := filepath.Glob("testdata/errors/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			in := ar.Files[0]
			src := string(in.Data)
			var out bytes.Buffer
			err = report.Text(&out, problems(in.Name, src), func(string) (string, bool) { return src, true }, report.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				ar.Files = []txtar.File{in, {Name: "want", Data: out.Bytes()}}
				if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if len(ar.Files) != 2 {
				t.Fatalf("%s has no want", name)
			}
			if d := cmp.Diff(string(ar.Files[1].Data), out.String()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// problems parses a file as its name says.
func problems(name, src string) lang.Diagnostics {
	switch {
	case strings.HasSuffix(name, ".imgcvars"):
		return lang.ParseVars(name, src).Problems
	case name == "schema.imgc":
		return lang.ParseSchema(name, src).Diagnostics()
	}
	return lang.Parse(name, src).Diagnostics()
}
