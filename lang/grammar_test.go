package lang

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/participle/v2/ebnf"
	"github.com/alecthomas/participle/v2/lexer"
	"github.com/google/go-cmp/cmp"
)

// specified is the grammar of SPEC.md.
func specified(t *testing.T) map[string]*ebnf.Expression {
	t.Helper()
	b, err := os.ReadFile("../SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```ebnf\n(.*?)```").FindStringSubmatch(string(b))
	if m == nil {
		t.Fatal("SPEC.md has no grammar")
	}
	g, err := ebnf.ParseString(regexp.MustCompile(`\(\*.*?\*\)`).ReplaceAllString(m[1], ""))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*ebnf.Expression{}
	for _, p := range g.Productions {
		out[p.Production] = p.Expression
	}
	return out
}

// maker makes texts of a grammar.
type maker struct {
	grammar map[string]*ebnf.Expression
	costs   map[string]int
	rand    *rand.Rand
	out     strings.Builder
	last    string // what was written last: a name, or a word
	used    map[string]int
	failed  error
}

// make writes a text of a production. Beyond a depth it takes what ends soonest.
func (m *maker) make(e *ebnf.Expression, depth int) {
	if m.out.Len() > 4000 {
		depth = 0
	}
	i := m.rand.IntN(len(e.Alternatives))
	if depth <= 0 {
		best := 1 << 30
		for k, a := range e.Alternatives {
			if c := m.cost(a); c < best {
				i, best = k, c
			}
		}
	}
	for _, term := range e.Alternatives[i].Terms {
		n := 1
		switch term.Repetition {
		case "?":
			n = m.rand.IntN(2)
		case "*":
			n = m.rand.IntN(4)
		}
		if depth <= 0 && term.Repetition != "" {
			n = 0
		}
		for range n {
			m.term(term, depth-1)
		}
	}
}

// cost is how many words it takes at least to end.
func (m *maker) cost(s *ebnf.Sequence) int {
	n := 0
	for _, t := range s.Terms {
		switch {
		case t.Repetition == "?" || t.Repetition == "*":
		case t.Group != nil:
			n += m.least(t.Group.Expr)
		case m.grammar[t.Name] != nil:
			n += 1 + m.costs[t.Name]
		default:
			n++
		}
	}
	return n
}

func (m *maker) least(e *ebnf.Expression) int {
	best := 1 << 20
	for _, a := range e.Alternatives {
		best = min(best, m.cost(a))
	}
	return best
}

// costs finds what each production takes at least.
func costs(g map[string]*ebnf.Expression) map[string]int {
	m := &maker{grammar: g, costs: map[string]int{}}
	for name := range g {
		m.costs[name] = 1 << 20
	}
	for changed := true; changed; {
		changed = false
		for name, e := range g {
			if c := m.least(e); c < m.costs[name] {
				m.costs[name], changed = c, true
			}
		}
	}
	return m.costs
}

func (m *maker) term(t *ebnf.Term, depth int) {
	switch {
	case t.Group != nil:
		m.make(t.Group.Expr, depth)
	case t.Literal != "":
		m.word(strings.Trim(t.Literal, `"`), false)
	case m.grammar[t.Name] != nil:
		m.used[t.Name]++
		if t.Name == "Declaration" {
			m.out.WriteString("\n")
			m.last = ""
		}
		m.make(m.grammar[t.Name], depth)
		if t.Name == "Declaration" {
			m.out.WriteString("\n")
		}
	default:
		m.terminal(t.Name)
	}
}

func (m *maker) terminal(kind string) {
	pick := func(words ...string) string { return words[m.rand.IntN(len(words))] }
	switch kind {
	case "name":
		m.word(pick("a", "b1", "some_name", "_x", "source_ami"), true)
	case "string":
		m.word(pick(`"text"`, `'raw'`, "\"\"\"\n  long\n  \"\"\""), false)
	case "literal":
		m.word(pick(`"a ${b} c"`, `'raw'`, "1", "0x1f", "1.5", "20GiB", "1h30m", "true", "null"), false)
	case "operator":
		m.word(pick("??", "||", "&&", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%"), false)
	case "Sep":
		m.out.WriteString("\n")
		m.last = ""
	default:
		m.failed = fmt.Errorf("the grammar has no %s", kind)
	}
}

func (m *maker) word(w string, name bool) {
	call := w == "(" && (m.last == "name" || m.last == "list" || m.last == "map" || m.last == "func")
	if m.out.Len() > 0 && !call {
		m.out.WriteString(" ")
	}
	m.out.WriteString(w)
	m.last = w
	if name {
		m.last = "name"
	}
}

// TestGrammar makes programs of the grammar in SPEC.md: the parser takes each. Every production is used.
func TestGrammar(t *testing.T) {
	g := specified(t)
	used, least := map[string]int{}, costs(g)
	for i := range 3000 {
		m := &maker{grammar: g, costs: least, rand: rand.New(rand.NewPCG(1, uint64(i))), used: used}
		m.make(g["Declaration"], 3+i%12)
		if m.failed != nil {
			t.Fatal(m.failed)
		}
		src := strings.TrimSpace(m.out.String()) + "\n"
		if ds := Parse("a.imgc", src).Diagnostics(); len(ds) > 0 {
			t.Fatalf("the grammar makes what the parser does not take: %v\n%s", ds[0], src)
		}
	}
	for name := range g {
		if used[name] == 0 && name != "File" && name != "Declaration" {
			t.Errorf("no program has a %s", name)
		}
	}
}

// TestGrammarHasAllWords holds the words of the grammar in SPEC.md against those of the parser.
func TestGrammarHasAllWords(t *testing.T) {
	words := map[string]bool{}
	for _, e := range specified(t) {
		for _, m := range regexp.MustCompile(`"([a-z_]+)"`).FindAllStringSubmatch(e.String(), -1) {
			words[m[1]] = true
		}
	}
	want := map[string]bool{}
	for _, w := range slices.Concat(declWords, statementWords, []string{"check", "for", "in", "if", "then", "else", "as", "error", "public", "list", "map",
		"string", "int", "float", "bool", "duration", "size", "path"}) {
		want[w] = true
	}
	if d := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(words))); d != "" {
		t.Error(d)
	}
	// What participle reads is in the grammar too.
	for _, p := range []interface{ String() string }{paramG.p, letG.p, typeDeclG.p, funcG.p, componentG.p, recipeG.p, buildG.p, outputG.p, assertG.p, useG.p, testG.p,
		fromG.p, overrideG.p, stepG.p, namesBodyG.p, namesG.p, valueG.p, keepG.p, postG.p, givenG.p, expectG.p, expectErrorG.p} {
		for _, m := range regexp.MustCompile(`"([a-z_]+)"`).FindAllStringSubmatch(p.String(), -1) {
			if !words[m[1]] {
				t.Errorf("the parser knows %q and the grammar does not:\n%s", m[1], p)
			}
		}
	}
}

// TestEdits edits programs in many places: each version is cut as if it were new.
func TestEdits(t *testing.T) {
	names, err := filepath.Glob("../testdata/*/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	var all strings.Builder
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	r := rand.New(rand.NewPCG(3, 4))
	parts := []string{"let x = 1\n", "\n", "{", "}", "\"", "\"\"\"\n", "# comment\n", "## doc\n", "  ## doc\n", "build b {\n", "'", "(", "a = ", "\n\n", "use \"x\"\n", "${", "é"}
	for range 200 {
		src := all.String()
		from := r.IntN(len(src) - 3000)
		src = src[from : from+3000]
		var old cuts
		for range 30 {
			at := r.IntN(len(src) + 1)
			end := min(len(src), at+r.IntN(40)*r.IntN(2))
			src = src[:at] + parts[r.IntN(len(parts))] + src[end:]
			var got []chunk
			got, old = edited(old, src, declWords)
			want, whole := cutAll(src, declWords)
			if d := cmp.Diff(want, got, cmp.AllowUnexported(chunk{})); d != "" {
				t.Fatalf("an edit at %d: %s\n%s", at, d, src)
			}
			if !whole.strict && !slices.Equal(whole.starts, old.starts) {
				t.Fatal("what is kept differs")
			}
		}
	}
}

// TestPlainStatements reads every statement of every program in both ways, by the grammar and by hand: they give the same tree.
func TestPlainStatements(t *testing.T) {
	names, err := filepath.Glob("../testdata/*/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	n := 0
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f := Parse(name, string(b)) // the names of files between the programs cost their lines only
		for _, d := range f.Decls {
			Walk(d.Node, func(node Node) bool {
				s, ok := node.(Stmt)
				if _, option := node.(*Option); !ok || option {
					return true
				}
				if _, bad := node.(*BadStmt); bad {
					return true
				}
				text := f.Src[d.Base+int(s.Span().Start) : d.Base+int(s.Span().End)]
				read := func(parse func(*lexer.PeekingLexer, string) Stmt) Stmt {
					lex, err := lexer.Upgrade(newScanner(text))
					if err != nil {
						t.Fatal(err)
					}
					return parse(lex, lex.Peek().Value)
				}
				grammar := read(func(lex *lexer.PeekingLexer, word string) Stmt {
					s, err := statementFor(word)(lex, 0)
					if err != nil {
						return nil
					}
					return s
				})
				quick := read(func(lex *lexer.PeekingLexer, word string) Stmt {
					s, err := plain(lex, word, 0)
					if err != nil {
						t.Errorf("%s: %v", text, err)
					}
					return s
				})
				if quick != nil {
					n++
					if d := cmp.Diff(grammar, quick, cmp.Exporter(func(reflect.Type) bool { return true })); d != "" {
						t.Errorf("%s\n%s", text, d)
					}
				}
				return true
			})
		}
	}
	if n < 300 {
		t.Errorf("only %d statements were read by hand", n)
	}
}
