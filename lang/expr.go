package lang

import (
	"fmt"
	"slices"

	"github.com/alecthomas/participle/v2/lexer"
)

// exprParser is a Pratt parser over the tokens of a chunk. It returns a node for whatever stands there, a BadExpr
// where it cannot tell, and never an error: what is wrong is kept in the nodes (see collectProblems).
type exprParser struct {
	lex  *lexer.PeekingLexer
	end  int32 // where the last token taken ended
	bads int   // places so far where something else was wanted
}

// precedence of the binary operators; a higher one binds tighter.
var precedence = map[string]int{
	"??": 1, "||": 2, "&&": 3, "==": 4, "!=": 4, "<": 5, "<=": 5, ">": 5, ">=": 5,
	"+": 6, "-": 6, "*": 7, "/": 7, "%": 7,
}

func parseExprProduction(lex *lexer.PeekingLexer) (Expr, error) {
	p := &exprParser{lex: lex}
	return p.expr(0), nil
}

func (p *exprParser) peek() *lexer.Token { return p.lex.Peek() }

func (p *exprParser) next() *lexer.Token {
	t := p.lex.Next()
	p.end = tokenSpan(t).End
	return t
}

func (p *exprParser) is(value string) bool {
	t := p.peek()
	return (t.Type == tokPunct || t.Type == tokIdent) && t.Value == value
}

func (p *exprParser) accept(value string) bool {
	if p.is(value) {
		p.next()
		return true
	}
	return false
}

func tokenSpan(t *lexer.Token) Span {
	return Span{int32(t.Pos.Offset), int32(t.Pos.Offset + len(t.Value))}
}

// bad makes a node for a place where something else was wanted.
func (p *exprParser) bad(want string) *BadExpr {
	p.bads++
	t := p.peek()
	return &BadExpr{Pos: tokenSpan(t), problem: expected(want, t)}
}

// unclosed is the problem of a bracket that was opened at start and is not closed where another token stands.
func (p *exprParser) unclosed(start int32, mark, want string) *problem {
	if p.done() {
		p.bads++
		return &problem{code: "E0106", span: Span{start, start + 1}, message: fmt.Sprintf("this %q is not closed", mark), help: fmt.Sprintf("close it with %q", closing[mark])}
	}
	return p.bad(want).problem
}

var closing = map[string]string{"(": ")", "[": "]", "{": "}"}

// done reports whether nothing can follow in brackets: the text ends, or a line begins that cannot be inside.
func (p *exprParser) done() bool { return p.peek().EOF() || p.peek().Type == tokNewline }

func (p *exprParser) expr(min int) Expr {
	if p.is("if") {
		return p.cond()
	}
	x := p.unary()
	for {
		t := p.peek()
		if t.Type != tokPunct {
			return x
		}
		prec, ok := precedence[t.Value]
		if !ok || prec <= min {
			return x
		}
		op := p.next().Value
		right := prec
		if op == "??" {
			right = prec - 1
		}
		y := p.expr(right)
		x = &Binary{Op: op, X: x, Y: y, Pos: Span{x.Span().Start, y.Span().End}}
	}
}

func (p *exprParser) cond() Expr {
	start := tokenSpan(p.next()).Start
	c := &Cond{If: p.expr(0)}
	c.Then, c.Else = Expr(nil), Expr(nil)
	if p.accept("then") {
		c.Then = p.expr(0)
	} else {
		c.Then = p.bad(`"then"`)
	}
	if p.accept("else") {
		c.Else = p.expr(0)
	} else {
		c.Else = p.bad(`"else"`)
	}
	c.Pos = Span{start, max(start, p.end)}
	return c
}

func (p *exprParser) unary() Expr {
	t := p.peek()
	if t.Type == tokPunct && (t.Value == "!" || t.Value == "-") {
		start := tokenSpan(p.next()).Start
		x := p.unary()
		return &Unary{Op: t.Value, X: x, Pos: Span{start, x.Span().End}}
	}
	return p.postfix(p.primary())
}

func (p *exprParser) postfix(x Expr) Expr {
	for {
		switch {
		case p.is("."):
			dot := tokenSpan(p.next())
			sel := &Select{X: x, Name: Ident{Pos: Span{dot.End, dot.End}}}
			if t := p.peek(); t.Type == tokIdent {
				p.next()
				sel.Name = Ident{Name: t.Value, Pos: tokenSpan(t)}
			} else {
				p.bads++
				sel.problem = &problem{code: "E0111", span: dot, message: "expected a name after the dot, found " + describe(t), help: "write the name of a field"}
			}
			sel.Pos = Span{x.Span().Start, p.end}
			x = sel
			if n := p.peek(); n.Type == tokPunct && n.Value == "(" && int32(n.Pos.Offset) == sel.Pos.End {
				if name, ok := dottedOf(sel); ok {
					x = p.call(name)
				}
			}
		case p.is("["):
			start := tokenSpan(p.next()).Start
			i := p.expr(0)
			ix := &Index{X: x, Index: i}
			if !p.accept("]") {
				ix.problem = p.unclosed(start, "[", `"]"`)
			}
			ix.Pos = Span{x.Span().Start, p.end}
			x = ix
		default:
			return x
		}
	}
}

func (p *exprParser) primary() Expr {
	t := p.peek()
	span := tokenSpan(t)
	switch t.Type {
	case tokInt:
		p.next()
		return &IntLit{Text: t.Value, Pos: span}
	case tokFloat:
		p.next()
		return &FloatLit{Text: t.Value, Pos: span}
	case tokSize:
		p.next()
		return &SizeLit{Text: t.Value, Pos: span}
	case tokDuration:
		p.next()
		return &DurationLit{Text: t.Value, Pos: span}
	case tokString:
		p.next()
		return parseString(t.Value, int(span.Start))
	case tokInvalid:
		p.next()
		p.bads++
		return &BadExpr{Pos: span, problem: invalidToken(t)}
	case tokIdent:
		switch t.Value {
		case "true", "false":
			p.next()
			return &BoolLit{Value: t.Value == "true", Pos: span}
		case "null":
			p.next()
			return &NullLit{Pos: span}
		case "then", "else", "in":
			return p.bad("a value")
		}
		if p.beginsNextLine(t) {
			return p.missing()
		}
		p.next()
		id := Ident{Name: t.Value, Pos: span}
		if n := p.peek(); n.Type == tokPunct && n.Value == "(" && int32(n.Pos.Offset) == span.End {
			return p.call(Dotted{Parts: []Ident{id}, Pos: span})
		}
		return &Name{id}
	case tokPunct:
		switch t.Value {
		case "(":
			p.next()
			x := &Paren{X: p.expr(0)}
			if !p.accept(")") {
				x.problem = p.unclosed(span.Start, "(", `")"`)
			}
			x.Pos = Span{span.Start, p.end}
			return x
		case "[":
			return p.list()
		case "{":
			return p.object()
		}
	}
	return p.bad("a value")
}

// beginsNextLine reports whether a name that stands where a value is wanted begins the next statement instead: a line that
// ends with an operator or "=" goes on in the next one, but somebody may still be typing it.
func (p *exprParser) beginsNextLine(t *lexer.Token) bool {
	prev := p.previous()
	if prev == nil || prev.Pos.Line == t.Pos.Line || prev.Type != tokPunct {
		return false
	}
	switch prev.Value {
	case "(", "[", "{", ",":
		return false
	}
	mark := p.lex.MakeCheckpoint()
	p.lex.Next()
	n := p.peek()
	p.lex.LoadCheckpoint(mark)
	return n.Type == tokPunct && (n.Value == "=" || n.Value == ":" && prev.Value == "=") || n.Type == tokIdent && slices.Contains(statementWords, t.Value)
}

// previous is the token before the next one, or nil.
func (p *exprParser) previous() *lexer.Token {
	c := p.lex.RawCursor()
	if c == 0 {
		return nil
	}
	return &p.lex.Range(c-1, c)[0]
}

// missing makes a node for a value that should stand at the end of the line before.
func (p *exprParser) missing() *BadExpr {
	p.bads++
	s := tokenSpan(p.previous())
	return &BadExpr{Pos: Span{s.End, s.End}, problem: &problem{code: "E0110", span: s,
		message: fmt.Sprintf("expected a value after %q, found the end of the line", p.previous().Value), help: "write a value here"}}
}

// dottedOf is the name that a chain of selections spells, if it is nothing but names.
func dottedOf(x Expr) (Dotted, bool) {
	switch x := x.(type) {
	case *Name:
		return Dotted{Parts: []Ident{x.Ident}, Pos: x.Pos}, true
	case *Select:
		d, ok := dottedOf(x.X)
		if !ok || x.Name.Name == "" {
			return Dotted{}, false
		}
		return Dotted{Parts: append(d.Parts, x.Name), Pos: x.Pos}, true
	}
	return Dotted{}, false
}

func (p *exprParser) call(f Dotted) Expr {
	start := tokenSpan(p.next()).Start
	c := &Call{Func: f}
	for !p.is(")") && !p.done() {
		a := &Arg{}
		argStart := tokenSpan(p.peek()).Start
		if t := p.peek(); t.Type == tokIdent {
			mark := p.lex.MakeCheckpoint()
			end := p.end
			p.next()
			if p.accept(":") {
				a.Name = &Ident{Name: t.Value, Pos: tokenSpan(t)}
			} else {
				p.lex.LoadCheckpoint(mark)
				p.end = end
			}
		}
		a.Value = p.expr(0)
		a.Pos = Span{argStart, a.Value.Span().End}
		c.Args = append(c.Args, a)
		if _, wrong := a.Value.(*BadExpr); wrong || !p.accept(",") {
			break
		}
	}
	if !p.accept(")") {
		c.problem = p.unclosed(start, "(", `"," or ")"`)
		if p.is("=") {
			c.problem.help = "an argument is given by name with a colon: name: value"
		}
	}
	c.Pos = Span{f.Pos.Start, p.end}
	return c
}

func (p *exprParser) list() Expr {
	start := tokenSpan(p.next()).Start
	if p.is("for") {
		c := &ListComp{For: p.forHead()}
		if !p.accept(":") {
			if _, wrong := c.For.In.(*BadExpr); !wrong {
				c.problem = p.bad(`":"`).problem
			}
			c.Value = &BadExpr{Pos: Span{p.end, p.end}}
		} else {
			c.Value = p.expr(0)
			if !p.accept("]") {
				c.problem = p.unclosed(start, "[", `"]"`)
			}
		}
		c.Pos = Span{start, p.end}
		return c
	}
	l := &ListLit{}
	for !p.is("]") && !p.done() {
		x := p.expr(0)
		l.Items = append(l.Items, x)
		if _, wrong := x.(*BadExpr); wrong || !p.accept(",") {
			break
		}
	}
	if !p.accept("]") {
		l.problem = p.unclosed(start, "[", `"," or "]"`)
	}
	l.Pos = Span{start, p.end}
	return l
}

func (p *exprParser) forHead() ForHead {
	p.next()
	variable := func() Ident {
		if p.is("in") {
			return Ident{Pos: Span{tokenSpan(p.peek()).Start, tokenSpan(p.peek()).Start}}
		}
		return p.name()
	}
	h := ForHead{Value: variable()}
	if p.accept(",") {
		key := h.Value
		h.Key, h.Value = &key, variable()
	}
	switch {
	case h.Value.Name == "":
		h.In = p.bad("a name")
	case p.accept("in"):
		h.In = p.expr(0)
	default:
		h.In = p.bad(`"in"`)
	}
	if p.accept("if") {
		h.If = p.expr(0)
	}
	return h
}

// name takes an identifier; one that is missing has no Name.
func (p *exprParser) name() Ident {
	t := p.peek()
	if t.Type != tokIdent {
		return Ident{Pos: Span{tokenSpan(t).Start, tokenSpan(t).Start}}
	}
	p.next()
	return Ident{Name: t.Value, Pos: tokenSpan(t)}
}

func (p *exprParser) skipBreaks() {
	for p.peek().Type == tokNewline || p.is(",") {
		p.lex.Next()
	}
}

func (p *exprParser) object() Expr {
	start := tokenSpan(p.next()).Start
	p.skipBreaks()
	if p.is("for") {
		mark, end := p.lex.MakeCheckpoint(), p.end
		p.next()
		if !p.is("=") {
			p.lex.LoadCheckpoint(mark)
			p.end = end
			return p.objectComp(start)
		}
		p.lex.LoadCheckpoint(mark)
		p.end = end
	}
	o := &ObjectLit{}
	for !p.is("}") && !p.peek().EOF() {
		f, bads := &ObjectField{}, p.bads
		t := p.peek()
		f.Pos.Start = tokenSpan(t).Start
		switch {
		case t.Type == tokIdent:
			p.next()
			f.Key = Ident{Name: t.Value, Pos: tokenSpan(t)}
		case t.Type == tokString:
			p.next()
			f.KeyExpr = parseString(t.Value, t.Pos.Offset)
		case p.is("("):
			f.KeyExpr = p.primary()
		default:
			f.Value = p.bad(`a name or "}"`)
			f.Key.Pos = Span{f.Pos.Start, f.Pos.Start}
			f.Pos.End = f.Pos.Start
			o.Fields = append(o.Fields, f)
			p.skipField()
			p.skipBreaks()
			continue
		}
		if p.accept("=") {
			f.Value = p.expr(0)
		} else {
			f.Value = p.bad(`"="`)
		}
		f.Pos.End = max(p.end, f.Pos.Start)
		o.Fields = append(o.Fields, f)
		if p.bads > bads && !p.beginsField() {
			p.skipField()
		}
		p.skipBreaks()
	}
	if !p.accept("}") {
		o.problem = p.unclosed(start, "{", `"}"`)
	}
	o.Pos = Span{start, p.end}
	return o
}

// skipField skips what is left of a field that is wrong: to the end of its line, a comma or the end of the object.
func (p *exprParser) skipField() {
	for {
		t := p.peek()
		if t.EOF() || t.Type == tokNewline || t.Type == tokPunct && (t.Value == "}" || t.Value == ",") {
			return
		}
		p.next()
		if opensBracket(t) {
			p.end = skipBrackets(p.lex, p.end)
		}
	}
}

// beginsField reports whether a field begins here: NAME =.
func (p *exprParser) beginsField() bool { return p.peek().Type == tokIdent && p.followedBy("=") }

func (p *exprParser) objectComp(start int32) Expr {
	c := &ObjectComp{For: p.forHead()}
	bad := &BadExpr{Pos: Span{p.end, p.end}}
	c.Key, c.Value = bad, bad
	switch {
	case !p.accept(":"):
		if _, wrong := c.For.In.(*BadExpr); !wrong {
			c.problem = p.bad(`":"`).problem
		}
	default:
		c.Key = p.expr(0)
		if !p.accept("=") {
			c.problem = p.bad(`"="`).problem
			break
		}
		c.Value = p.expr(0)
		p.skipBreaks()
		if !p.accept("}") {
			c.problem = p.unclosed(start, "{", `"}"`)
		}
	}
	c.Pos = Span{start, p.end}
	return c
}
