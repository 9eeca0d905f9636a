package lang

import (
	"fmt"
	"strings"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// problem is a syntax error kept in the node where it was found, relative to its chunk.
type problem struct {
	code    string
	span    Span
	message string
	help    string
}

func (p *problem) Error() string { return p.message }

// place makes a diagnostic of a problem of d.
func (p *problem) place(d *Decl) Diagnostic {
	return Diagnostic{Code: p.code, Message: p.message, Range: d.Range(p.span), Help: p.help}
}

func tooDeep(at int) *problem {
	return &problem{code: "E0107", span: Span{int32(at), int32(at + 1)}, message: fmt.Sprintf("brackets are nested deeper than %d levels", maxNesting), help: "name parts of it with let"}
}

func describe(t *lexer.Token) string {
	switch {
	case t.EOF():
		return "the end"
	case t.Type == tokNewline:
		return "the end of the line"
	case t.Type == tokString:
		return "a string"
	case len(t.Value) > 40:
		return fmt.Sprintf("%q…", t.Value[:40])
	}
	return fmt.Sprintf("%q", t.Value)
}

func expected(want string, t *lexer.Token) *problem {
	if t.Type == tokInvalid {
		return invalidToken(t)
	}
	if closesBracket(t) && strings.HasPrefix(want, "the end of") || closesBracket(t) && want == "a statement or an option" {
		return &problem{code: "E0108", span: tokenSpan(t), message: fmt.Sprintf("this %q closes nothing", t.Value), help: "remove it, or open what it should close"}
	}
	span := tokenSpan(t)
	if t.EOF() || t.Type == tokNewline {
		span.End = span.Start
	}
	p := &problem{code: "E0110", span: span, message: fmt.Sprintf("expected %s, found %s", want, describe(t)), help: "write " + want + " here"}
	switch {
	case t.Type == tokPunct && t.Value == "/":
		p.help = "comments begin with #"
	case strings.HasPrefix(want, "the end of"):
		p.help = "remove it, or write what should stand before it"
	}
	return p
}

func invalidToken(t *lexer.Token) *problem {
	if isDigit(t.Value[0]) {
		return &problem{code: "E0101", span: tokenSpan(t), message: fmt.Sprintf("%q is no number, size or duration", t.Value), help: "sizes are written 20GiB or 512KB, durations 30s or 1h30m"}
	}
	help := "remove it"
	switch t.Value {
	case ";":
		help = "remove it: a line break ends a statement"
	case "$":
		help = `outside of a string, write the name alone: x and not ${x}`
	case "&":
		help = "write && for and"
	case "`":
		help = `write strings as "…", or as '…' where nothing in them has a meaning`
	}
	return &problem{code: "E0101", span: tokenSpan(t), message: fmt.Sprintf("%q has no meaning here", t.Value), help: help}
}

func unknownStatement(t, after *lexer.Token) *problem {
	p := &problem{code: "E0112", span: tokenSpan(t), message: fmt.Sprintf("%q is no statement", t.Value), help: fmt.Sprintf("an option is written %s = …", t.Value)}
	if after.Type == tokPunct && after.Value == "{" {
		p.help = fmt.Sprintf("a step is written provision %s { … }, an option %s = { … }", t.Value, t.Value)
	}
	if near := Nearest(t.Value, statementWords); near != "" {
		p.help = fmt.Sprintf("did you mean %q?", near)
	}
	return p
}

var options = []participle.Option{
	participle.Lexer(definition{}),
	participle.UseLookahead(0), // one token decides, so that an error is told where it is
	participle.ParseTypeWith(parseExprProduction),
	participle.ParseTypeWith(parseTypeProduction),
}

// grammar is a participle parser that goes on in a token stream, and tells where it ended.
type grammar[T any] struct{ p *participle.Parser[T] }

func production[T any]() grammar[T] { return grammar[T]{participle.MustBuild[T](options...)} }

func (g grammar[T]) parse(lex *lexer.PeekingLexer) (*T, error) {
	return g.p.ParseFromLexer(lex, participle.AllowTrailing(true))
}

var (
	fromG        = production[fromP]()
	overrideG    = production[overrideP]()
	givenG       = production[givenP]()
	expectG      = production[expectP]()
	expectErrorG = production[expectErrorP]()
	stepG        = production[stepP]()
	namesBodyG   = production[namesBodyP]()
	namesG       = production[namesP]()
	valueG       = production[valueP]()
	keepG        = production[keepP]()
	postG        = production[postP]()
)

// Parse makes identP a participle.Parseable.
func (i *identP) Parse(lex *lexer.PeekingLexer) error {
	t := lex.Peek()
	if t.Type != tokIdent {
		return participle.NextMatch
	}
	lex.Next()
	i.Ident = Ident{Name: t.Value, Pos: tokenSpan(t)}
	return nil
}

func (i identP) ident() Ident { return i.Ident }

func idents(ps []identP) []Ident {
	var ids []Ident
	for _, p := range ps {
		ids = append(ids, p.Ident)
	}
	return ids
}

// Parse makes dottedP a participle.Parseable.
func (d *dottedP) Parse(lex *lexer.PeekingLexer) (err error) {
	d.Dotted, err = parseDotted(lex, "the name of a component")
	return err
}

// Parse makes pathP a participle.Parseable.
func (p *pathP) Parse(lex *lexer.PeekingLexer) (err error) {
	p.Dotted, err = parseDotted(lex, "a name")
	return err
}

func parseDotted(lex *lexer.PeekingLexer, what string) (Dotted, error) {
	var first identP
	if first.Parse(lex) != nil {
		return Dotted{}, expected(what, lex.Peek())
	}
	d := Dotted{Parts: []Ident{first.Ident}, Pos: first.Pos}
	for t := lex.Peek(); t.Type == tokPunct && t.Value == "."; t = lex.Peek() {
		lex.Next()
		n := lex.Peek()
		if n.Type != tokIdent {
			return d, expected("a name", n)
		}
		lex.Next()
		d.Parts = append(d.Parts, Ident{Name: n.Value, Pos: tokenSpan(n)})
		d.Pos.End = tokenSpan(n).End
	}
	return d, nil
}

func (d dottedP) dotted() Dotted { return d.Dotted }

// lastEnd is where the token before the next one ended.
func lastEnd(lex *lexer.PeekingLexer, start int32) int32 {
	c := lex.RawCursor()
	if c == 0 {
		return start
	}
	toks := lex.Range(c-1, c)
	return tokenSpan(&toks[0]).End
}

// parseOption reads NAME = EXPR; the name and what follows it have been looked at.
func parseOption(lex *lexer.PeekingLexer, start int32) (Stmt, error) {
	name := lex.Next()
	if t := lex.Peek(); t.Value != "=" {
		return nil, expected(`"="`, t)
	}
	lex.Next()
	x, err := parseExprProduction(lex)
	if err != nil {
		return nil, err
	}
	return &Option{Name: Ident{Name: name.Value, Pos: tokenSpan(name)}, Value: x, Pos: Span{start, lastEnd(lex, start)}}, nil
}

// stmtParser parses one statement whose first word has been looked at.
type stmtParser func(lex *lexer.PeekingLexer, start int32) (Stmt, error)

// statement makes a stmtParser of a production and of what makes a node of it.
func statement[T any](parse func(*lexer.PeekingLexer) (*T, error), node func(*T, Span) Stmt) stmtParser {
	return func(lex *lexer.PeekingLexer, start int32) (Stmt, error) {
		g, err := parse(lex)
		if err != nil {
			return nil, err
		}
		return node(g, Span{start, lastEnd(lex, start)}), nil
	}
}

// Parse makes labelP a participle.Parseable.
func (l *labelP) Parse(lex *lexer.PeekingLexer) error {
	t := lex.Peek()
	if t.Type != tokString {
		return participle.NextMatch
	}
	lex.Next()
	l.StringLit = parseString(t.Value, t.Pos.Offset)
	return nil
}

// Parse makes quotedP a participle.Parseable.
func (q *quotedP) Parse(lex *lexer.PeekingLexer) error {
	var l labelP
	if l.Parse(lex) != nil {
		return expected("a name in quotes", lex.Peek())
	}
	q.StringLit = l.StringLit
	return nil
}

func (g *stepP) label() *StringLit {
	if g.Label == nil {
		return nil
	}
	return g.Label.StringLit
}

// statementFor finds the parser of the statement that a word begins.
func statementFor(word string) stmtParser {
	switch word {
	case "from":
		return statement(fromG.parse, func(g *fromP, s Span) Stmt {
			return &From{Source: g.Name.Dotted, Body: g.Body, Pos: s}
		})
	case "override":
		return statement(overrideG.parse, func(g *overrideP, s Span) Stmt {
			return &Override{Source: g.Name.ident(), Body: orEmpty(g.Body, s), Pos: s}
		})
	case "provision":
		return statement(stepG.parse, func(g *stepP, s Span) Stmt {
			return &Provision{Component: g.Component.dotted(), Label: g.label(), Body: orEmpty(g.Body, s), Pos: s}
		})
	case "on_error":
		return statement(stepG.parse, func(g *stepP, s Span) Stmt {
			return &OnError{Component: g.Component.dotted(), Label: g.label(), Body: orEmpty(g.Body, s), Pos: s}
		})
	case "on":
		return statement(namesBodyG.parse, func(g *namesBodyP, s Span) Stmt { return &On{Sources: idents(g.Names), Body: g.Body, Pos: s} })
	case "only":
		return statement(namesG.parse, func(g *namesP, s Span) Stmt { return &Only{Sources: idents(g.Names), Pos: s} })
	case "except":
		return statement(namesG.parse, func(g *namesP, s Span) Stmt { return &Except{Sources: idents(g.Names), Pos: s} })
	case "retry":
		return statement(valueG.parse, func(g *valueP, s Span) Stmt { return &Retry{Count: g.Value, Pos: s} })
	case "timeout":
		return statement(valueG.parse, func(g *valueP, s Span) Stmt { return &Timeout{Limit: g.Value, Pos: s} })
	case "pause":
		return statement(valueG.parse, func(g *valueP, s Span) Stmt { return &Pause{Delay: g.Value, Pos: s} })
	case "when":
		return statement(valueG.parse, func(g *valueP, s Span) Stmt { return &When{Cond: g.Value, Pos: s} })
	case "param":
		return statement(givenG.parse, func(g *givenP, s Span) Stmt { return &GiveParam{Name: g.Name.ident(), Value: g.Value, Pos: s} })
	case "expect":
		return func(lex *lexer.PeekingLexer, start int32) (Stmt, error) {
			mark := lex.MakeCheckpoint()
			lex.Next()
			word := lex.Next()
			wrong := word.Type == tokIdent && word.Value == "error" && lex.Peek().Type == tokString
			lex.LoadCheckpoint(mark)
			if wrong {
				g, err := expectErrorG.parse(lex)
				if err != nil {
					return nil, err
				}
				return &Expect{Error: true, Cond: g.Cond, Message: g.Message, Pos: Span{start, lastEnd(lex, start)}}, nil
			}
			g, err := expectG.parse(lex)
			if err != nil {
				return nil, err
			}
			return &Expect{Cond: g.Cond, Message: g.Message, Pos: Span{start, lastEnd(lex, start)}}, nil
		}
	case "keep":
		return statement(keepG.parse, func(_ *keepP, s Span) Stmt { return &Keep{Pos: s} })
	case "post":
		return statement(postG.parse, func(g *postP, s Span) Stmt {
			p := &Post{Pos: s}
			for _, l := range g.Links {
				d := l.Component.dotted()
				end := d.Pos.End
				if l.Body != nil {
					end = l.Body.Pos.End
				}
				p.Links = append(p.Links, &PostLink{Component: d, Body: l.Body, Pos: Span{d.Pos.Start, end}})
			}
			return p
		})
	}
	return nil
}

func orEmpty(b *Body, s Span) *Body {
	if b == nil {
		return &Body{Pos: Span{s.End, s.End}}
	}
	return b
}
