package executor_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"imgc/executor"
)

// many is a program of n units that do not depend on each other, each with two chains of two links.
func many(n int, to string) string {
	src := "source s = fake { text = \"content\" }\n"
	for i := range n {
		src += fmt.Sprintf("build b%d {\n  from s\n  post copy { keep to = \"out/%s%d\" } |> copy { to = \"out/%s%d.2\" }\n  post copy { keep to = \"out/%s%d.3\" }\n}\n", i, to, i, to, i, to, i)
	}
	return src
}

// TestUnitsSideBySide holds that units at work at once do not disturb each other's records: it counts under the race
// detector. The second run has chains alone to do, which begin from the records of the first.
func TestUnitsSideBySide(t *testing.T) {
	const n = 12
	b := newBench(t, many(n, "first"))
	b.set = func(in *executor.Input) { in.Parallel = n }
	for _, to := range []string{"first", "second"} {
		b.src = many(n, to)
		res, err := b.apply(t.Context())
		if err != nil {
			t.Fatal(err, res.Diagnostics)
		}
		if len(res.Built) != n {
			t.Errorf("%s: %d units were made, not %d", to, len(res.Built), n)
		}
		for i := range n {
			if got, err := os.ReadFile(filepath.Join(b.dir, fmt.Sprintf("out/%s%d.2", to, i))); err != nil || string(got) != "content" {
				t.Errorf("%q %v", got, err)
			}
		}
	}
	if p := b.again(); p.HasChanges() {
		t.Errorf("a plan after apply has changes: %s", p.Summary())
	}
}
