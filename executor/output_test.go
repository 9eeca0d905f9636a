package executor

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"imgc/executor/redact"
)

// told writes text in pieces of size bytes and returns the masked lines that come out.
func told(r *redact.Redactor, text string, size int) []string {
	var out []string
	l := newLines(r, func(_, text string) { out = append(out, r.String(text)) })
	w := l.writer("stdout")
	for len(text) > 0 {
		n := min(size, len(text))
		_, _ = w.Write([]byte(text[:n])) // never fails
		text = text[n:]
	}
	l.flush()
	return out
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"one\ntwo\n", []string{"one", "two"}},
		{"one\n\ntwo", []string{"one", "", "two"}},
		{"windows\r\n", []string{"windows"}},
		{" 1 %\r 50 %\r100 %\n", []string{"100 %"}},
		{"bad \xff\xfe byte\n", []string{"bad \uFFFD byte"}},
		{"token hunter2hunter2.\n", []string{"token (secret)."}},
	} {
		for _, size := range []int{1, 2, 3, 1000} {
			if d := cmp.Diff(c.want, told(redact.New([]string{"hunter2hunter2"}), c.text, size)); d != "" {
				t.Errorf("%q in pieces of %d: %s", c.text, size, d)
			}
		}
	}
}

// TestLongLine writes a line without an end in which a secret stands at every place around where it is split: no part of
// it comes out, nothing else is lost, and no part is too long.
func TestLongLine(t *testing.T) {
	const secret = "hunter2-hunter2"
	r := redact.New([]string{secret})
	for at := maxLine - 40; at < maxLine+40; at++ {
		text := strings.Repeat("ä", at/2) + secret + strings.Repeat("é", maxLine) + "end"
		got := told(r, text, 10_000)
		for _, part := range got {
			if len(part) > maxLine+r.Longest() || !utf8.ValidString(part) || strings.ContainsRune(part, utf8.RuneError) {
				t.Fatalf("secret at %d: a part of %d bytes, valid: %v", at, len(part), utf8.ValidString(part))
			}
		}
		if all := strings.Join(got, ""); all != r.String(text) {
			t.Fatalf("secret at %d: what came out differs, around %q", at, all[max(0, at-20):at+40])
		}
	}
}
