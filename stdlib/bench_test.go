package stdlib_test

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"imgc/stdlib/checksum"
	"imgc/stdlib/component/componenttest"
)

// BenchmarkChecksum compares checksum with sha256sum, in turns in one run.
func BenchmarkChecksum(b *testing.B) {
	componenttest.NeedTool(b, "sha256sum")
	env := componenttest.NewEnv(b)
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(env.Path(name), make([]byte, 256<<20), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	in := env.Artifact(b, "a", "b")
	var ours, theirs time.Duration
	b.SetBytes(512 << 20)
	for b.Loop() {
		start := time.Now()
		if err := exec.Command("sha256sum", env.Path("a"), env.Path("b")).Run(); err != nil {
			b.Fatal(err)
		}
		theirs += time.Since(start)
		start = time.Now()
		if _, err := checksum.Component().Post(&checksum.Options{Types: []string{"sha256"}}).Process(b.Context(), env.Env, in); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
	}
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "x-sha256sum")
}
