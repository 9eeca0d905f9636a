package lang

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// Parse makes Body a participle.Parseable: { statements }. A statement that is wrong becomes a BadStmt that ends at
// its line's end; only a body without "{" is an error.
func (b *Body) Parse(lex *lexer.PeekingLexer) error {
	t := lex.Peek()
	if t.Type != tokPunct || t.Value != "{" {
		return participle.NextMatch
	}
	lex.Next()
	b.Pos.Start = int32(t.Pos.Offset)
	for {
		t = lex.Peek()
		switch {
		case t.EOF():
			b.Pos.End = int32(t.Pos.Offset)
			b.problem = &problem{code: "E0106", span: Span{b.Pos.Start, b.Pos.Start + 1}, message: `this "{" is not closed`, help: `close it with "}"`}
			return nil
		case t.Type == tokNewline || t.Type == tokPunct && t.Value == ",":
			lex.Next()
		case t.Type == tokPunct && t.Value == "}":
			lex.Next()
			b.Pos.End = tokenSpan(t).End
			return nil
		default:
			b.Stmts = append(b.Stmts, parseStmt(lex))
		}
	}
}

// statementWords are the words that begin a statement other than an option.
var statementWords = []string{"from", "provision", "on", "on_error", "override", "only", "except", "retry", "timeout",
	"pause", "when", "keep", "post", "param", "expect"}

func parseStmt(lex *lexer.PeekingLexer) Stmt {
	t := lex.Peek()
	start := int32(t.Pos.Offset)
	before := lex.Cursor()
	if t.Type == tokIdent {
		mark := lex.MakeCheckpoint()
		lex.Next()
		n := lex.Peek()
		next := *n
		isOption := n.Type == tokPunct && (n.Value == "=" || n.Value == "==")
		lex.LoadCheckpoint(mark)
		var s Stmt
		var err error
		if isOption {
			s, err = parseOption(lex, start)
		} else if s, err = plain(lex, t.Value, start); s != nil || err != nil {
			// It was read.
		} else if f := statementFor(t.Value); f != nil {
			s, err = f(lex, start)
		} else {
			err = unknownStatement(t, &next)
		}
		if err == nil {
			if after := lex.Peek(); endsStatement(after, s) {
				return s
			}
			// What is wrong inside explains best why the statement does not end here. It keeps what could be read of it.
			if len(collectProblems(s)) > 0 {
				skipStmt(lex)
				return s
			}
			err = expected("the end of the line", lex.Peek())
		}
		return recoverStmt(lex, start, before, err)
	}
	return recoverStmt(lex, start, before, expected("a statement or an option", t))
}

// endsStatement reports whether a statement may be followed by t. Options and one-line statements may stand side by
// side on a line, so the beginning of another one ends it too.
func endsStatement(t *lexer.Token, _ Stmt) bool {
	return t.EOF() || t.Type == tokNewline || t.Type == tokIdent || t.Type == tokPunct && (t.Value == "}" || t.Value == ",")
}

// recoverStmt takes what is left of a statement that is wrong: the rest of its line with the brackets that open in it.
func recoverStmt(lex *lexer.PeekingLexer, start int32, before int, err error) Stmt {
	end := start
	if lex.Cursor() == before {
		t := lex.Next()
		end = tokenSpan(t).End
		if opensBracket(t) {
			end = skipBrackets(lex, end)
		}
	}
	return &BadStmt{Pos: Span{start, max(end, skipStmt(lex))}, problem: asProblem(err)}
}

// skipStmt skips to the end of the line, or to the "}" that closes the body, and returns where the last token ended.
func skipStmt(lex *lexer.PeekingLexer) int32 {
	end := int32(0)
	for {
		t := lex.Peek()
		if t.EOF() || t.Type == tokNewline || t.Type == tokPunct && t.Value == "}" {
			return end
		}
		lex.Next()
		end = tokenSpan(t).End
		if opensBracket(t) {
			end = skipBrackets(lex, end)
		}
	}
}

// skipBrackets skips to the bracket that closes the one just taken.
func skipBrackets(lex *lexer.PeekingLexer, end int32) int32 {
	for depth := 1; depth > 0; {
		t := lex.Peek()
		if t.EOF() {
			return end
		}
		lex.Next()
		end = tokenSpan(t).End
		switch {
		case opensBracket(t):
			depth++
		case closesBracket(t):
			depth--
		}
	}
	return end
}

func opensBracket(t *lexer.Token) bool {
	return t.Type == tokPunct && (t.Value == "{" || t.Value == "(" || t.Value == "[")
}

func closesBracket(t *lexer.Token) bool {
	return t.Type == tokPunct && (t.Value == "}" || t.Value == ")" || t.Value == "]")
}

// asProblem turns an error of participle, which carries a place, into a problem.
func asProblem(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	var unexpected *participle.UnexpectedTokenError
	if errors.As(err, &unexpected) {
		t := unexpected.Unexpected
		return expected(plainExpectation(unexpected), &t)
	}
	var pe participle.Error
	if errors.As(err, &pe) {
		at := int32(pe.Position().Offset)
		return &problem{code: "E0110", span: Span{at, at + 1}, message: pe.Message()}
	}
	return &problem{code: "E0110", message: fmt.Sprint(err)}
}

// plainExpectation says in plain words what participle wanted.
func plainExpectation(e *participle.UnexpectedTokenError) string {
	msg := e.Message()
	if i := strings.Index(msg, "(expected "); i >= 0 {
		want := strings.TrimSuffix(msg[i+len("(expected "):], ")")
		want = strings.Trim(want, "<>")
		switch {
		case strings.HasPrefix(want, "ident"), strings.HasPrefix(want, "IdentP"), strings.HasPrefix(want, "TypedP"),
			strings.HasPrefix(want, "FuncParamP"), strings.HasPrefix(want, "PathP"):
			return "a name"
		case strings.HasPrefix(want, "DottedP"), strings.HasPrefix(want, "LinkP"):
			return "the name of a component"
		case strings.HasPrefix(want, "CheckP"):
			return `"check"`
		case strings.HasPrefix(want, "body"), strings.HasPrefix(want, "Body"):
			return `"{"`
		case strings.HasPrefix(want, `"`):
			return want[:strings.IndexByte(want[1:], '"')+2]
		case strings.HasPrefix(want, "string"):
			return "a string"
		}
	}
	return "something else"
}
