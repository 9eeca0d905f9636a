// Package parse holds imgc's parser against those of HCL and CUE, on the same program in each of the three languages. It is a module
// of its own so that imgc does not depend on its peers.
package parse

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"cuelang.org/go/cue/parser"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"imgc/lang"
)

// copies is the program as often as imgc's has a megabyte, each copy with paths of its own.
func copies(tb testing.TB, file, comment string, n int) string {
	tb.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s copy %d\n%s\n", comment, i, strings.ReplaceAll(string(src), "/tmp/", fmt.Sprintf("/tmp/%d/", i)))
	}
	return b.String()
}

// BenchmarkParse parses the same content with the three parsers in turn, and prints how many times as fast imgc is. For imgc it is
// cold: nothing is kept from one round to the next.
func BenchmarkParse(b *testing.B) {
	const ours = "../../consul/consul.imgc"
	one, err := os.ReadFile(ours)
	if err != nil {
		b.Fatal(err)
	}
	n := 1<<20/len(one) + 1
	imgcSrc, hclSrc, cueSrc := copies(b, ours, "#", n), []byte(copies(b, "consul.hcl", "#", n)), copies(b, "consul.cue", "//", n)
	var took [3]time.Duration
	for b.Loop() {
		for i, parse := range []func(){
			func() {
				if ds := lang.Parse("a.imgc", imgcSrc).Diagnostics(); len(ds) > 0 {
					b.Fatal(ds)
				}
			},
			func() {
				if _, ds := hclsyntax.ParseConfig(hclSrc, "a.hcl", hcl.InitialPos); ds.HasErrors() {
					b.Fatal(ds)
				}
			},
			func() {
				if _, err := parser.ParseFile("a.cue", cueSrc, parser.ParseComments); err != nil {
					b.Fatal(err)
				}
			},
		} {
			start := time.Now()
			parse()
			took[i] += time.Since(start)
		}
	}
	b.ReportMetric(float64(took[1])/float64(took[0]), "x-hclsyntax")
	b.ReportMetric(float64(took[2])/float64(took[0]), "x-cue")
	b.ReportMetric(float64(len(imgcSrc))*float64(b.N)/1e6/took[0].Seconds(), "MB/s-imgc")
	b.Logf("bytes: imgc %d, hcl %d, cue %d", len(imgcSrc), len(hclSrc), len(cueSrc))
}
