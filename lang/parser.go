package lang

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/alecthomas/participle/v2/lexer"
)

// declWords begin the declarations of a program, schemaWords those of a schema file.
var (
	declWords   = []string{"param", "secret", "let", "func", "type", "data", "source", "recipe", "build", "output", "assert", "use", "test"}
	schemaWords = []string{"builder", "provisioner", "post", "type", "data"}
)

// Parser parses files and keeps the declarations of earlier versions, so that an edit costs one declaration.
// It is not safe for concurrent use.
type Parser struct {
	chunks map[string]*Decl // by text
	cuts   cuts             // of the version before
	schema bool
}

// NewParser returns a parser with nothing kept.
func NewParser() *Parser { return &Parser{chunks: map[string]*Decl{}} }

// Parse parses a program file. It never fails: what is wrong is in the declarations' Problems.
func Parse(name, src string) *File { return NewParser().Parse(name, src) }

// ParseSchema parses a schema file.
func ParseSchema(name, src string) *File {
	return (&Parser{chunks: map[string]*Decl{}, schema: true}).Parse(name, src)
}

// Parse parses a file, taking from earlier ones the declarations whose text is the same.
func (p *Parser) Parse(name, src string) *File {
	f := &File{Name: name, Src: src}
	next := make(map[string]*Decl, len(p.chunks))
	words := declWords
	if p.schema {
		words = schemaWords
	}
	var chunks []chunk
	chunks, p.cuts = edited(p.cuts, src, words)
	parsed := p.parse(src, chunks)
	for i, c := range chunks {
		d := parsed[i]
		next[src[c.start:c.end]] = d
		placed := *d
		placed.File, placed.Base = f, c.start
		placed.Problems = placed.diagnostics()
		f.Decls = append(f.Decls, &placed)
	}
	p.chunks = next
	return f
}

// parse parses the chunks of a file that are not known yet: each by itself, so on all cores where there are many.
func (p *Parser) parse(src string, chunks []chunk) []*Decl {
	out := make([]*Decl, len(chunks))
	var todo []int
	size := 0
	for i, c := range chunks {
		if out[i] = p.chunks[src[c.start:c.end]]; out[i] == nil {
			todo = append(todo, i)
			size += c.end - c.start
		}
	}
	workers := min(runtime.GOMAXPROCS(0), size/parallelFrom+1, len(todo))
	var next atomic.Int64
	work := func() {
		for n := next.Add(1); n <= int64(len(todo)); n = next.Add(1) {
			c := chunks[todo[n-1]]
			out[todo[n-1]] = p.parseChunk(src[c.start:c.end])
		}
	}
	var wg sync.WaitGroup
	for range workers - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	return out
}

// parallelFrom is how many bytes there have to be for each more core, so that a small file starts no goroutines.
const parallelFrom = 32 << 10

func (p *Parser) parseChunk(text string) *Decl {
	d := &Decl{Doc: docOf(text)}
	sc := newScanner(text)
	lex, err := lexer.Upgrade(sc)
	if err != nil {
		d.Node = &BadDecl{Pos: Span{0, int32(len(text))}}
		return d
	}
	for lex.Peek().Type == tokNewline {
		lex.Next()
	}
	start := int32(lex.Peek().Pos.Offset)
	node, err := p.declaration(lex, start)
	var problems []*problem
	var trailing *problem
	if err == nil {
		for lex.Peek().Type == tokNewline {
			lex.Next()
		}
		if t := lex.Peek(); !t.EOF() {
			trailing = afterDeclaration(node, t)
		}
	} else {
		pr := asProblem(err)
		word := firstWord(text[start:])
		node = &BadDecl{Keyword: word, Name: firstWord(strings.TrimLeft(strings.TrimPrefix(strings.TrimLeft(text[int(start)+len(word):], " \t"), "param "), " \t")), Pos: Span{start, int32(len(strings.TrimRight(text, " \t\r\n")))}, problem: pr}
	}
	d.Node = node
	switch n := node.(type) {
	case *Schema:
		attachDocs(text, n.Fields)
		if n.Artifact != nil {
			attachDocs(text, n.Artifact.Fields)
		}
	case *TypeDecl:
		attachTypeDocs(text, n.Type)
	case *Build:
		attachStepDocs(text, n.Body)
	case *Recipe:
		attachStepDocs(text, n.Body)
	}
	if sc.deep > 0 {
		problems = []*problem{tooDeep(sc.deep - 1)}
	} else {
		// What follows a declaration that is wrong is mostly a part of it that was not understood.
		if wrong := collectInto(&problems, node); !wrong && trailing != nil {
			problems = append(problems, trailing)
		}
	}
	atUnclosed(text, problems)
	slices.SortStableFunc(problems, func(a, b *problem) int { return int(a.span.Start - b.span.Start) })
	if len(problems) > maxProblems {
		problems = problems[:maxProblems]
	}
	d.problems = problems
	return d
}

// maxProblems is how many problems of one declaration are kept.
const maxProblems = 100

func firstWord(s string) string {
	i := 0
	for i < len(s) && (isNameStart(s[i]) || isDigit(s[i])) {
		i++
	}
	return s[:i]
}

// docOf returns the text of the ## lines at the start of a chunk.
func docOf(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(strings.Trim(line, " \t\r\n"), "##")
		if !ok {
			if rest := strings.TrimSpace(line); rest == "" || rest[0] == '#' {
				return "" // what follows stands apart
			}
			break
		}
		lines = append(lines, strings.TrimPrefix(rest, " "))
	}
	return strings.Join(lines, "\n")
}

// Range makes a place in the file of a place in the declaration.
func (d *Decl) Range(s Span) Range {
	name := ""
	if d.File != nil {
		name = d.File.Name
	}
	return Range{File: name, Start: d.Base + int(s.Start), End: d.Base + int(s.End)}
}

// diagnostics places the syntax errors of the declaration in its file.
func (d *Decl) diagnostics() Diagnostics {
	var ds Diagnostics
	for _, p := range d.problems {
		ds = append(ds, p.place(d))
	}
	return ds
}

// Diagnostics are the syntax errors of the file.
func (f *File) Diagnostics() Diagnostics {
	var ds Diagnostics
	for _, d := range f.Decls {
		ds = append(ds, d.Problems...)
	}
	return ds
}
