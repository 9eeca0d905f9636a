package compress

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"imgc/stdlib/component/componenttest"
)

// benchSize is the size in bytes of what the benchmarks compress.
const benchSize = 256 << 20

// benchCompress compares compress with a program that does the same, in turns in one run.
func benchCompress(b *testing.B, output, metric, tool string, args ...string) {
	componenttest.NeedTool(b, tool)
	env := componenttest.NewEnv(b)
	// Words from a small dictionary between random bytes: it shrinks to a third or so.
	r := rand.New(rand.NewPCG(1, 2))
	words := make([][]byte, 4096)
	for i := range words {
		words[i] = make([]byte, 4+r.IntN(12))
		for j := range words[i] {
			words[i][j] = byte('a' + r.IntN(26))
		}
	}
	data := make([]byte, 0, benchSize+64)
	for len(data) < benchSize {
		data = append(data, words[min(r.IntN(4096), r.IntN(4096))]...)
		data = append(data, ' ', byte(r.Uint32()))
	}
	env.Write(b, "data", string(data))
	in := env.Artifact(b, "data")
	var ours, theirs time.Duration
	b.SetBytes(int64(len(data)))
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
