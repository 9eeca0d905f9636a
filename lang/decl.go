package lang

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

var (
	paramG     = production[paramP]()
	letG       = production[letP]()
	typeDeclG  = production[typeDeclP]()
	funcG      = production[funcP]()
	componentG = production[componentDeclP]()
	recipeG    = production[recipeP]()
	buildG     = production[buildP]()
	outputG    = production[outputP]()
	assertG    = production[assertP]()
	useG       = production[useP]()
	testG      = production[testP]()
)

// declaration parses the declaration that the next word begins.
func (p *Parser) declaration(lex *lexer.PeekingLexer, start int32) (DeclNode, error) {
	t := lex.Peek()
	if t.Type != tokIdent {
		return nil, expected("a declaration", t)
	}
	if p.schema {
		switch t.Value {
		case "builder", "provisioner", "post", "data":
			return parseSchemaDecl(lex, start)
		case "type":
		default:
			return nil, unknownDeclaration(t, schemaWords)
		}
	}
	switch t.Value {
	case "param", "secret":
		g, err := paramG.parse(lex)
		if err != nil {
			return nil, err
		}
		n := &Param{Secret: g.Secret, Name: g.Decl.Name.ident(), Type: g.Decl.Type, Default: g.Default, Pos: Span{start, lastEnd(lex, start)}}
		if g.Checks != nil {
			for _, c := range g.Checks.Checks {
				n.Checks = append(n.Checks, &Check{Cond: c.Cond, Message: c.Message, Pos: Span{int32(c.Pos.Offset), c.Message.Span().End}})
			}
		}
		return n, nil
	case "let":
		g, err := letG.parse(lex)
		if err != nil {
			return nil, err
		}
		return &Let{Name: g.Decl.Name.ident(), Type: g.Decl.Type, Value: g.Value, Pos: Span{start, lastEnd(lex, start)}}, nil
	case "type":
		g, err := typeDeclG.parse(lex)
		if err != nil {
			return nil, err
		}
		return &TypeDecl{Name: g.Name.ident(), Type: g.Type, Pos: Span{start, lastEnd(lex, start)}}, nil
	case "func":
		g, err := funcG.parse(lex)
		if err != nil {
			return nil, err
		}
		return &Func{Name: g.Name.ident(), Params: funcParams(g.Params), Result: g.Result, Value: g.Value, Pos: Span{start, lastEnd(lex, start)}}, nil
	case "source", "data":
		g, err := componentG.parse(lex)
		if err != nil {
			return nil, err
		}
		pos := Span{start, lastEnd(lex, start)}
		if g.Keyword == "data" {
			return &Data{Name: g.Name.ident(), Component: g.Component.dotted(), Body: g.Body, Pos: pos}, nil
		}
		return &Source{Name: g.Name.ident(), Component: g.Component.dotted(), Body: g.Body, Pos: pos}, nil
	case "recipe":
		g, err := recipeG.parse(lex)
		if err != nil {
			return nil, err
		}
		return &Recipe{Name: g.Name.ident(), Params: funcParams(g.Params), Body: g.Body, Pos: Span{start, lastEnd(lex, start)}}, nil
	case "build":
		g, err := buildG.parse(lex)
		if err != nil {
			return nil, err
		}
		b := &Build{Name: g.Name.ident(), Body: g.Body, Pos: Span{start, lastEnd(lex, start)}}
		if g.For != nil {
			b.For = &ForClause{Value: g.For.First.ident(), In: g.For.In, Pos: Span{int32(g.For.Pos.Offset), g.For.In.Span().End}}
			if g.For.Second != nil {
				key := b.For.Value
				b.For.Key, b.For.Value = &key, g.For.Second.ident()
			}
		}
		return b, nil
	case "output":
		g, err := outputG.parse(lex)
		if err != nil {
			return nil, err
		}
		return &Output{Name: g.Name.ident(), Value: g.Value, Pos: Span{start, lastEnd(lex, start)}}, nil
	case "assert":
		g, err := assertG.parse(lex)
		if err != nil {
			return nil, err
		}
		return &Assert{Cond: g.Cond, Message: g.Message, Pos: Span{start, lastEnd(lex, start)}}, nil
	case "use":
		g, err := useG.parse(lex)
		if err != nil {
			return nil, err
		}
		path, ok := g.Path.(*StringLit)
		if !ok {
			return nil, &problem{code: "E0110", span: g.Path.Span(), message: "the path of use is a literal string", help: `write use "lib.imgc"`}
		}
		u := &Use{Path: path, Pos: Span{start, lastEnd(lex, start)}}
		if g.As != nil {
			as := g.As.ident()
			u.As = &as
		}
		return u, nil
	case "test":
		g, err := testG.parse(lex)
		if err != nil {
			return nil, err
		}
		return &Test{Name: g.Name.StringLit, Body: g.Body, Pos: Span{start, lastEnd(lex, start)}}, nil
	case "builder", "provisioner", "post":
		return nil, &problem{code: "E0114", span: tokenSpan(t), message: fmt.Sprintf("%q declares a component, and only imgc's own schema files do that", t.Value), help: "in a program, use source, provision and post"}
	}
	return nil, unknownDeclaration(t, declWords)
}

// afterDeclaration says what is wrong with a token that stands after a declaration.
func afterDeclaration(n DeclNode, t *lexer.Token) *problem {
	p := expected("the end of the declaration", t)
	if p.code != "E0110" {
		return p
	}
	p.help = "remove it, or begin the next declaration in a line of its own"
	if t.Type == tokIdent && slices.Contains(declWords, t.Value) {
		p.help = "begin each declaration at the start of its line, without space before it"
	}
	if n, ok := n.(*Param); ok {
		switch {
		case t.Value == "{" && n.Checks == nil:
			p.message, p.help = "the block of a param holds its checks and nothing else", `write { check CONDITION, "message" }`
		case n.Type == nil && n.Default == nil:
			p.message = fmt.Sprintf(`expected ":" and a type, or "=" and a value, found %s`, describe(t))
			p.help = fmt.Sprintf("write param %s: string", n.Name.Name)
		}
	}
	return p
}

func unknownDeclaration(t *lexer.Token, words []string) *problem {
	p := &problem{code: "E0113", span: tokenSpan(t), message: fmt.Sprintf("%q begins no declaration", t.Value), help: "a declaration begins with one of " + strings.Join(words, ", ")}
	if near := Nearest(t.Value, words); near != "" {
		p.help = fmt.Sprintf("did you mean %q?", near)
	} else if slices.Contains(statementWords, t.Value) {
		p.help = "it is a statement of a build: indent it, and check that the build's braces close after it"
	}
	return p
}

func funcParams(ps []*funcParamP) []*FuncParam {
	var out []*FuncParam
	for _, g := range ps {
		f := &FuncParam{Name: g.Name.ident(), Type: g.Type, Default: g.Default, Pos: Span{int32(g.Pos.Offset), g.Type.Span().End}}
		if g.Default != nil {
			f.Pos.End = g.Default.Span().End
		}
		out = append(out, f)
	}
	return out
}
