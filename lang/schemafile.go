package lang

import (
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// factWords begin the statements about a component itself.
var factWords = map[string]bool{"machine": true, "one_of": true, "at_most_one": true, "takes": true, "gives": true, "keeps": true, "calls": true}

// parseSchemaDecl parses KIND NAME { facts, fields, artifact }.
func parseSchemaDecl(lex *lexer.PeekingLexer, start int32) (DeclNode, error) {
	p := &exprParser{lex: lex}
	s := &Schema{Kind: p.next().Value, Name: p.dotted()}
	if s.Name.Parts[len(s.Name.Parts)-1].Name == "" {
		return nil, expected("the name of a component", p.peek())
	}
	if !p.accept("{") {
		return nil, expected(`"{"`, p.peek())
	}
	for {
		p.skipBreaks()
		t := p.peek()
		switch {
		case p.accept("}"):
			s.Pos = Span{start, p.end}
			return s, nil
		case t.Type != tokIdent:
			return nil, expected(`a field or "}"`, t)
		case factWords[t.Value] && !p.followedBy(":"):
			f := &SchemaFact{Name: p.name()}
			for a := p.peek(); a.Type == tokIdent && !factWords[a.Value] && !fieldMarks[a.Value] && a.Value != "artifact" && !p.followedBy(":"); a = p.peek() {
				arg := p.name()
				for p.accept(".") {
					part := p.name()
					arg.Name += "." + part.Name
					arg.Pos.End = part.Pos.End
				}
				f.Args = append(f.Args, arg)
			}
			f.Pos = Span{f.Name.Pos.Start, p.end}
			s.Facts = append(s.Facts, f)
		case t.Value == "artifact" && !p.followedBy(":"):
			p.next()
			a := &SchemaArtifact{Kind: p.name()}
			if a.Kind.Name == "" {
				return nil, expected("the kind of the artifact", p.peek())
			}
			if p.accept("{") {
				for p.skipBreaks(); !p.is("}"); p.skipBreaks() {
					f, err := p.field()
					if err != nil {
						return nil, err
					}
					a.Fields = append(a.Fields, f)
				}
				p.next()
			}
			a.Pos = Span{tokenSpan(t).Start, p.end}
			s.Artifact = a
		default:
			f, err := p.field()
			if err != nil {
				return nil, err
			}
			s.Fields = append(s.Fields, f)
		}
	}
}

// followedBy reports whether the token after the next one is value.
func (p *exprParser) followedBy(value string) bool {
	mark := p.lex.MakeCheckpoint()
	p.lex.Next()
	ok := p.is(value)
	p.lex.LoadCheckpoint(mark)
	return ok
}

// attachDocs gives each field the ## lines that stand just above it. Comments are not in the token stream, so the
// text of the chunk is asked.
func attachDocs(text string, fields []*SchemaField) {
	for _, f := range fields {
		f.Doc = docAbove(text, int(f.Pos.Start))
		attachTypeDocs(text, f.Type)
	}
}

func attachTypeDocs(text string, t TypeExpr) {
	switch t := t.(type) {
	case *ObjectType:
		attachDocs(text, t.Fields)
	case *OptionalType:
		attachTypeDocs(text, t.Elem)
	case *ListType:
		attachTypeDocs(text, t.Elem)
	case *MapType:
		attachTypeDocs(text, t.Elem)
	}
}

// docAbove returns the ## lines that end just before the line at offset. They speak of what begins that line, and not of
// what follows in it, as the second field of { a: int  b: int } does.
func docAbove(text string, offset int) string {
	lines := strings.Split(text[:offset], "\n")
	if strings.TrimSpace(lines[len(lines)-1]) != "" {
		return ""
	}
	lines = lines[:len(lines)-1]
	first := len(lines)
	for first > 0 && strings.HasPrefix(strings.TrimSpace(lines[first-1]), "##") {
		first--
	}
	var doc []string
	for _, l := range lines[first:] {
		doc = append(doc, strings.TrimPrefix(strings.TrimPrefix(strings.Trim(l, " \t\r\n"), "##"), " "))
	}
	return strings.Join(doc, "\n")
}
