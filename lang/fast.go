package lang

import (
	"github.com/alecthomas/participle/v2/lexer"
)

// plain reads a statement that is written as nearly all are, without the grammar's reflection, which took half the time of
// parsing. It gives nothing, and has taken nothing, where anything is unusual: then the grammar reads the statement, and says what is
// wrong. But what is wrong behind a body it says itself: a body that was read twice would be read twice at every depth.
// A test holds that both read the same.
func plain(lex *lexer.PeekingLexer, word string, start int32) (Stmt, error) {
	mark := lex.MakeCheckpoint()
	if word == "post" {
		if p, err := plainPost(lex, start); p != nil || err != nil {
			return p, err
		}
	} else if s := plainStmt(lex, word, start); s != nil {
		return s, nil
	}
	lex.LoadCheckpoint(mark)
	return nil, nil
}

// plainPost reads a chain. It gives nothing where not even the first link can be read.
func plainPost(lex *lexer.PeekingLexer, start int32) (Stmt, error) {
	lex.Next()
	p := &Post{}
	for {
		name, err := parseDotted(lex, "the name of a component")
		switch {
		case err != nil && len(p.Links) == 0:
			return nil, nil
		case err != nil:
			return nil, err
		}
		l := &PostLink{Component: name, Pos: name.Pos}
		if body, ok := plainBody(lex); ok {
			l.Body, l.Pos.End = body, body.Pos.End
		}
		p.Links = append(p.Links, l)
		if t := lex.Peek(); t.Type != tokPunct || t.Value != "|>" {
			p.Pos = Span{start, lastEnd(lex, start)}
			return p, nil
		}
		lex.Next()
	}
}

func plainStmt(lex *lexer.PeekingLexer, word string, start int32) Stmt {
	switch word {
	case "provision", "on_error":
		lex.Next()
		name, ok := plainName(lex)
		if !ok {
			return nil
		}
		var label *StringLit
		if t := lex.Peek(); t.Type == tokString {
			lex.Next()
			label = parseString(t.Value, t.Pos.Offset)
		}
		body, ok := plainBody(lex)
		if !ok {
			return nil
		}
		pos := Span{start, body.Pos.End}
		if word == "on_error" {
			return &OnError{Component: name, Label: label, Body: body, Pos: pos}
		}
		return &Provision{Component: name, Label: label, Body: body, Pos: pos}
	case "override":
		lex.Next()
		name, ok := plainName(lex)
		if !ok || len(name.Parts) > 1 {
			return nil
		}
		if body, ok := plainBody(lex); ok {
			return &Override{Source: name.Parts[0], Body: body, Pos: Span{start, body.Pos.End}}
		}
	case "from":
		lex.Next()
		name, ok := plainName(lex)
		if !ok {
			return nil
		}
		if body, ok := plainBody(lex); ok {
			return &From{Source: name, Body: body, Pos: Span{start, body.Pos.End}}
		}
		return &From{Source: name, Pos: Span{start, name.Pos.End}}
	case "only", "except":
		lex.Next()
		name, ok := plainName(lex)
		if t := lex.Peek(); !ok || len(name.Parts) > 1 || t.Type == tokPunct && t.Value == "," {
			return nil
		}
		pos := Span{start, name.Pos.End}
		if word == "only" {
			return &Only{Sources: name.Parts, Pos: pos}
		}
		return &Except{Sources: name.Parts, Pos: pos}
	case "retry", "timeout", "pause", "when":
		lex.Next()
		x, err := parseExprProduction(lex)
		if err != nil || len(collectProblems(x)) > 0 {
			return nil
		}
		pos := Span{start, lastEnd(lex, start)}
		switch word {
		case "retry":
			return &Retry{Count: x, Pos: pos}
		case "timeout":
			return &Timeout{Limit: x, Pos: pos}
		case "pause":
			return &Pause{Delay: x, Pos: pos}
		}
		return &When{Cond: x, Pos: pos}
	}
	return nil
}

// plainName reads NAME or NAME.NAME.
func plainName(lex *lexer.PeekingLexer) (Dotted, bool) {
	d, err := parseDotted(lex, "a name")
	return d, err == nil
}

// plainBody reads a body, if one stands there.
func plainBody(lex *lexer.PeekingLexer) (*Body, bool) {
	if t := lex.Peek(); t.Type != tokPunct || t.Value != "{" {
		return nil, false
	}
	b := &Body{}
	return b, b.Parse(lex) == nil
}
