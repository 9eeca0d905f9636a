// Package redact takes secrets out of text before anybody sees it: the values themselves and the forms in which programs
// commonly print them. It knows nothing of where secrets come from or where text goes.
//
// Start reading at New.
package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Mask stands where a secret was.
const Mask = "(secret)"

// MinLength is the length in bytes below which a secret is not looked for in text: it would mask ordinary words.
const MinLength = 3

// MinDerived is the length below which a value that is only made of secrets is not looked for: "yes" may be one.
const MinDerived = 6

// Redactor replaces secrets. The zero value replaces nothing. It is safe for concurrent use.
type Redactor struct {
	mu      sync.Mutex // held while secrets are added
	secrets []string
	forms   atomic.Pointer[forms]
}

// forms is what is looked for.
type forms struct {
	replacer *strings.Replacer
	sorted   []string // the longest first
	short    int
}

// New makes a redactor for secrets. Each is looked for as it is, line by line when it has several, in base64 (standard and
// URL, with and without padding, and inside longer encoded text), in hex, and escaped for URLs, JSON, Go and shells.
func New(secrets []string) *Redactor {
	r := &Redactor{}
	r.add(secrets)
	return r
}

// Add looks for more: values made of secrets, such as the hash of one. Left out are those that are shorter than MinDerived, and
// those in which a secret stands as it is: that part of them is masked anyway.
func (r *Redactor) Add(derived []string) {
	long := slices.DeleteFunc(slices.Clone(derived), func(s string) bool { return len(s) < MinDerived || r.String(s) != s })
	if len(long) > 0 {
		r.add(long)
	}
}

func (r *Redactor) add(more []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := len(r.secrets)
	for _, s := range more {
		if !slices.Contains(r.secrets, s) {
			r.secrets = append(r.secrets, s)
		}
	}
	if len(r.secrets) > before {
		r.forms.Store(formsOf(r.secrets))
	}
}

func formsOf(secrets []string) *forms {
	all := map[string]bool{}
	out := &forms{}
	for _, s := range secrets {
		if len(s) < MinLength {
			out.short++
			continue
		}
		addForms(all, s)
		if lines := strings.Split(s, "\n"); len(lines) > 1 {
			for _, l := range lines {
				if l = strings.TrimSpace(l); len(l) >= MinLength+1 {
					addForms(all, l)
				}
			}
		}
	}
	for f := range all {
		out.sorted = append(out.sorted, f)
	}
	// The replacer takes the first that matches at a place, so longer ones come first.
	sort.Slice(out.sorted, func(i, j int) bool {
		if len(out.sorted[i]) != len(out.sorted[j]) {
			return len(out.sorted[i]) > len(out.sorted[j])
		}
		return out.sorted[i] < out.sorted[j]
	})
	var pairs []string
	for _, f := range out.sorted {
		pairs = append(pairs, f, Mask)
	}
	if len(pairs) > 0 {
		out.replacer = strings.NewReplacer(pairs...)
	}
	return out
}

// state is what is looked for now.
func (r *Redactor) state() forms {
	if r == nil {
		return forms{}
	}
	if f := r.forms.Load(); f != nil {
		return *f
	}
	return forms{}
}

// TooShort is how many secrets are too short to be looked for.
func (r *Redactor) TooShort() int { return r.state().short }

// String returns s with every secret masked.
func (r *Redactor) String(s string) string {
	if f := r.state(); f.replacer != nil {
		return f.replacer.Replace(s)
	}
	return s
}

// Longest is the length in bytes of the longest form that is looked for.
func (r *Redactor) Longest() int {
	if f := r.state(); len(f.sorted) > 0 {
		return len(f.sorted[0])
	}
	return 0
}

// Cut is the last place at or before at where b can be cut in two so that no secret is cut with it: a part of a secret is
// not known as one. It needs Longest bytes after at to be sure. It is 0 when there is no such place.
func (r *Redactor) Cut(b []byte, at int) int {
	all := r.state().sorted
	for {
		before := at
		for _, f := range all {
			from := max(0, at-len(f)+1)
			if i := bytes.Index(b[from:min(len(b), at+len(f)-1)], []byte(f)); i >= 0 {
				at = from + i
			}
			if at == 0 {
				return 0
			}
		}
		if at == before {
			return at
		}
	}
}

func addForms(forms map[string]bool, s string) {
	add := func(f string) {
		if len(f) >= MinLength {
			forms[f] = true
		}
	}
	add(s)
	add(strings.TrimSpace(s))
	b := []byte(s)
	add(hex.EncodeToString(b))
	add(strings.ToUpper(hex.EncodeToString(b)))
	add(url.QueryEscape(s))
	add(url.PathEscape(s))
	add(lowerEscapes(url.QueryEscape(s)))
	add(percentAll(s))
	for _, html := range []bool{true, false} {
		var j strings.Builder
		e := json.NewEncoder(&j)
		e.SetEscapeHTML(html)
		if e.Encode(s) == nil {
			add(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(j.String()), `"`), `"`))
		}
	}
	add(inside(strconv.Quote(s)))
	add(inside(strconv.QuoteToASCII(s)))
	add(strings.ReplaceAll(s, `'`, `'\''`))
	add(strings.ReplaceAll(s, `'`, `'"'"'`))
	add(backslashed(s))
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		full := enc.EncodeToString(b)
		add(full)
		if rest := len(full) % 4; rest > 0 {
			add(full + strings.Repeat("=", 4-rest))
		}
		for offset := range 3 {
			if core := embedded(enc, b, offset); len(core) >= 6 {
				add(core)
			}
		}
	}
}

// embedded is what of the base64 of longer data depends on b alone when b begins offset bytes after a multiple of three.
func embedded(enc *base64.Encoding, b []byte, offset int) string {
	full := enc.EncodeToString(append(make([]byte, offset), b...))
	begin := (offset*8 + 5) / 6
	end := (offset + len(b)) * 8 / 6
	if begin >= end || end > len(full) {
		return ""
	}
	return full[begin:end]
}

func inside(quoted string) string { return quoted[1 : len(quoted)-1] }

func lowerEscapes(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			b.WriteString(strings.ToLower(s[i : i+3]))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// percentAll escapes all but letters, digits and -_.~, as RFC 3986 has it.
func percentAll(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// backslashed is how bash's printf %q writes text of printable characters.
func backslashed(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(" !\"#$&'()*,;<>?[\\]^`{|}~", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
