package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// written are ways in which a program may print a secret.
func written(s string) map[string]string {
	js, _ := json.Marshal(s)
	return map[string]string{
		"value":             s,
		"base64":            base64.StdEncoding.EncodeToString([]byte(s)),
		"base64 raw":        base64.RawStdEncoding.EncodeToString([]byte(s)),
		"base64 URL":        base64.URLEncoding.EncodeToString([]byte(s)),
		"hex":               hex.EncodeToString([]byte(s)),
		"HEX":               strings.ToUpper(hex.EncodeToString([]byte(s))),
		"URL query":         url.QueryEscape(s),
		"URL path":          url.PathEscape(s),
		"JSON":              string(js),
		"Go":                strconv.Quote(s),
		"shell":             "'" + strings.ReplaceAll(s, "'", `'\''`) + "'",
		"in other text":     "before" + s + "after",
		"twice":             s + s,
		"in a header":       "Authorization: Bearer " + s,
		"base64, a newline": base64.StdEncoding.EncodeToString([]byte(s)) + "\n",
	}
}

func TestForms(t *testing.T) {
	for _, secret := range []string{"hunter2hunter2", `s3cret/to+ken "with" all?&`, "pässwörd-日本", "a'b'c'd", "abcdef", "tab\tin it", "100%25", `back\slash`} {
		r := New([]string{secret})
		for form, text := range written(secret) {
			got := r.String("x " + text + " y")
			if strings.Contains(got, secret) || !strings.Contains(got, Mask) || !strings.HasPrefix(got, "x ") || !strings.HasSuffix(got, " y") {
				t.Errorf("%q as %s: %q", secret, form, got)
			}
		}
	}
}

// TestInsideLongerBase64 encodes the secret within other data, at each of the three places it can have there.
func TestInsideLongerBase64(t *testing.T) {
	const secret = "correct-horse-battery"
	r := New([]string{secret})
	for n := range 6 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", n) + secret + "tail"))
		if got := r.String(text); !strings.Contains(got, Mask) {
			t.Errorf("after %d bytes: %q is not masked", n, got)
		}
	}
}

func TestLinesOfAKey(t *testing.T) {
	key := "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n"
	r := New([]string{key})
	for _, line := range strings.Split(strings.TrimSpace(key), "\n") {
		if got := r.String("> " + line); got != "> "+Mask {
			t.Errorf("%q: %q", line, got)
		}
	}
}

func TestNothingElse(t *testing.T) {
	r := New([]string{"hunter2hunter2", "", "ab"})
	const text = "an ordinary line, with ab in it"
	if got := r.String(text); got != text {
		t.Errorf("%q", got)
	}
	if r.TooShort() != 2 {
		t.Errorf("%d are too short, not 2", r.TooShort())
	}
	if got := (&Redactor{}).String(text); got != text {
		t.Errorf("the zero value: %q", got)
	}
}

// TestCut cuts a long text wherever it may be cut: the parts, each masked, never hold a piece of a secret.
func TestCut(t *testing.T) {
	const secret = "hunter2hunter2"
	r := New([]string{secret, "other-secret"})
	text := strings.Repeat("x", 40) + secret + "-" + secret + secret + strings.Repeat("y", 40) + url.QueryEscape(secret) + strings.Repeat("z", 40)
	for at := 1; at < len(text); at++ {
		cut := r.Cut([]byte(text), at)
		if cut > at || cut <= 0 {
			t.Fatalf("cut at %d for %d", cut, at)
		}
		if got := r.String(text[:cut]) + r.String(text[cut:]); got != r.String(text) {
			t.Errorf("cut at %d for %d: %q", cut, at, got)
		}
	}
	if got := r.Cut([]byte(secret+strings.Repeat("x", 40)), 5); got != 0 {
		t.Errorf("a secret at the beginning is cut at %d", got)
	}
}

func FuzzForms(f *testing.F) {
	f.Add("hunter2", "x")
	f.Add("a b&c=d", "zz")
	f.Fuzz(func(t *testing.T, secret, around string) {
		if len(secret) < 6 || len(secret) > 200 || strings.TrimSpace(secret) != secret || strings.ContainsAny(secret, "\n\x00") || strings.Contains(Mask, secret) || strings.Contains(around, secret) {
			return
		}
		r := New([]string{secret})
		for form, text := range written(secret) {
			if got := r.String(text); strings.Contains(got, secret) && !strings.Contains(Mask+Mask, secret) {
				t.Errorf("%q as %s: %q", secret, form, got)
			}
			if got := r.String(text); got == text {
				t.Errorf("%q as %s: nothing is masked", secret, form)
			}
		}
	})
}

func BenchmarkString(b *testing.B) {
	var secrets []string
	for i := range 20 {
		secrets = append(secrets, fmt.Sprintf("a-rather-long-secret-%d", i))
	}
	r := New(secrets)
	line := strings.Repeat("Get:1 http://deb.debian.org/debian bookworm/main amd64 nginx 1.22.1-9 [527 kB] ", 4)
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		r.String(line)
	}
}
