package lang

import "github.com/alecthomas/participle/v2/lexer"

func parseTypeProduction(lex *lexer.PeekingLexer) (TypeExpr, error) {
	p := &exprParser{lex: lex}
	return p.typ(), nil
}

func (p *exprParser) typ() TypeExpr {
	t := p.typeBase()
	if p.accept("?") {
		t = &OptionalType{Elem: t, Pos: Span{t.Span().Start, p.end}}
	}
	for p.is("?") || p.is("??") {
		again := tokenSpan(p.next())
		p.bads++
		t = &BadType{Pos: Span{t.Span().Start, p.end}, problem: &problem{code: "E0110", span: again, message: "the type is optional already", help: "remove this \"?\""}}
	}
	return t
}

func (p *exprParser) typeBase() TypeExpr {
	tok := p.peek()
	start := tokenSpan(tok).Start
	switch {
	case tok.Type == tokString:
		e := &EnumType{}
		for {
			v := p.peek()
			if v.Type != tokString {
				return p.badType("a string")
			}
			p.next()
			e.Values = append(e.Values, parseString(v.Value, v.Pos.Offset))
			if !p.accept("|") {
				break
			}
		}
		e.Pos = Span{start, p.end}
		return e
	case p.is("{"):
		p.next()
		o := &ObjectType{}
		p.skipBreaks()
		for !p.is("}") {
			f, err := p.field()
			if err != nil {
				return &BadType{Pos: err.span, problem: err}
			}
			o.Fields = append(o.Fields, f)
			p.skipBreaks()
		}
		p.next()
		o.Pos = Span{start, p.end}
		return o
	case tok.Type != tokIdent:
		return p.badType("a type")
	case tok.Value == "public":
		p.next()
		x := p.typ()
		return &PublicType{Elem: x, Pos: Span{start, x.Span().End}}
	}
	d := p.dotted()
	if (tok.Value == "list" || tok.Value == "map") && p.is("(") {
		p.next()
		elem := p.typ()
		if !p.accept(")") {
			return p.badType(`")"`)
		}
		if tok.Value == "list" {
			return &ListType{Elem: elem, Pos: Span{start, p.end}}
		}
		return &MapType{Elem: elem, Pos: Span{start, p.end}}
	}
	if d.Parts[len(d.Parts)-1].Name == "" {
		return p.badType("a name after the dot")
	}
	return &NamedType{Name: d, Pos: d.Pos}
}

func (p *exprParser) badType(want string) TypeExpr {
	b := p.bad(want)
	return &BadType{Pos: b.Pos, problem: b.problem}
}

func (p *exprParser) dotted() Dotted {
	first := p.name()
	d := Dotted{Parts: []Ident{first}}
	for p.is(".") {
		p.next()
		d.Parts = append(d.Parts, p.name())
	}
	d.Pos = Span{first.Pos.Start, max(p.end, first.Pos.End)}
	return d
}

var fieldMarks = map[string]bool{"update": true, "free": true, "reads": true, "writes": true, "shared": true}

// field parses [MARK …] NAME: TYPE [= DEFAULT]; or says why there is none.
func (p *exprParser) field() (*SchemaField, *problem) {
	f := &SchemaField{}
	start := tokenSpan(p.peek()).Start
	for fieldMarks[p.peek().Value] && p.peek().Type == tokIdent {
		mark, end := p.lex.MakeCheckpoint(), p.end
		id := p.name()
		if p.is(":") {
			p.lex.LoadCheckpoint(mark)
			p.end = end
			break
		}
		f.Marks = append(f.Marks, id)
	}
	if p.peek().Type != tokIdent {
		return nil, expected(`a field or "}"`, p.peek())
	}
	f.Name = p.name()
	if !p.accept(":") {
		return nil, expected(`":" and a type`, p.peek())
	}
	f.Type = p.typ()
	if p.accept("=") {
		f.Default = p.expr(0)
	}
	f.Pos = Span{start, p.end}
	return f, nil
}
