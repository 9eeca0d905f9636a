package compress

import (
	"archive/tar"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"imgc/stdlib/component/componenttest"
)

// benchCompress compares compress with a program that does the same, in turns in one run, on the Go toolchain as one tar: text and
// programs, as images have.
func benchCompress(b *testing.B, output, metric, tool string, args ...string) {
	componenttest.NeedTool(b, tool)
	env := componenttest.NewEnv(b)
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		b.Fatal(err)
	}
	f, err := os.Create(env.Path("data"))
	if err != nil {
		b.Fatal(err)
	}
	w := tar.NewWriter(f)
	if err := errors.Join(w.AddFS(os.DirFS(strings.TrimSpace(string(root)))), w.Close(), f.Close()); err != nil {
		b.Fatal(err)
	}
	in := env.Artifact(b, "data")
	info, err := os.Stat(env.Path("data"))
	if err != nil {
		b.Fatal(err)
	}
	var ours, theirs time.Duration
	b.SetBytes(info.Size())
	for b.Loop() {
		start := time.Now()
		cmd := exec.Command(tool, append(args, env.Path("data"))...)
		out, err := os.Create(env.Path("theirs"))
		if err != nil {
			b.Fatal(err)
		}
		cmd.Stdout = out
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
		if err := out.Sync(); err != nil {
			b.Fatal(err)
		}
		out.Close()
		theirs += time.Since(start)
		start = time.Now()
		if _, err := Component().Post(&Options{Output: output}).Process(b.Context(), env.Env, in); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
	}
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), metric)
	a, err1 := os.Stat(env.Path("theirs"))
	c, err2 := os.Stat(env.Path(output))
	if err1 != nil || err2 != nil {
		b.Fatal(err1, err2)
	}
	b.ReportMetric(float64(c.Size())/float64(a.Size()), "size-ratio")
}

func BenchmarkCompressGzip(b *testing.B) { benchCompress(b, "out.gz", "x-pigz", "pigz", "-6", "-c") }
func BenchmarkCompressZstd(b *testing.B) {
	benchCompress(b, "out.zst", "x-zstd", "zstd", "-3", "-T0", "-q", "-c")
}
