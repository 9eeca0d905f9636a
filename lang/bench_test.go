package lang_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"imgc/lang"
	"imgc/lang/format"
)

// megabyte is a program of about 1 MB: the project's own, over and over.
func megabyte(b testing.TB) string {
	b.Helper()
	src, err := os.ReadFile("../testdata/consul/consul.imgc")
	if err != nil {
		b.Fatal(err)
	}
	var all strings.Builder
	for i := 0; all.Len() < 1<<20; i++ {
		fmt.Fprintf(&all, "# copy %d\n", i)
		all.WriteString(strings.ReplaceAll(string(src), "/tmp/", fmt.Sprintf("/tmp/%d/", i)))
		all.WriteByte('\n')
	}
	return all.String()
}

func BenchmarkParseCold(b *testing.B) {
	src := megabyte(b)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if ds := lang.Parse("a.imgc", src).Diagnostics(); len(ds) > 0 {
			b.Fatal(ds)
		}
	}
}

func BenchmarkReparseOneEdit(b *testing.B) {
	src := megabyte(b)
	p := lang.NewParser()
	p.Parse("a.imgc", src)
	at := strings.Index(src[len(src)/2:], "retry 2") + len(src)/2
	b.SetBytes(int64(len(src)))
	i := 0
	for b.Loop() {
		i++
		p.Parse("a.imgc", fmt.Sprintf("%sretry %d%s", src[:at], i, src[at+len("retry 2"):]))
	}
}

func BenchmarkFormat(b *testing.B) {
	src := megabyte(b)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if _, err := format.Source("a.imgc", src); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTokens(b *testing.B) {
	src := megabyte(b)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		lang.Tokens(src)
	}
}
