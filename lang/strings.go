package lang

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"
)

// parseString makes the node of a string literal, whose text with its quotes begins at offset in its chunk.
func parseString(text string, offset int) *StringLit {
	s := &StringLit{Raw: text[0] == '\'', Pos: Span{int32(offset), int32(offset + len(text))}}
	mark := text[:1]
	if strings.HasPrefix(text, strings.Repeat(mark, 3)) {
		mark = strings.Repeat(mark, 3)
		s.Multiline = true
	}
	body, closed := text[len(mark):], false
	// A quote behind a backslash is text, also where nothing comes after it.
	if b, ok := strings.CutSuffix(body, mark); ok && (s.Raw || (len(b)-len(strings.TrimRight(b, `\`)))%2 == 0) {
		body, closed = b, true
	}
	if !closed {
		s.problem = &problem{code: "E0102", span: s.Pos, message: "this string is not closed", help: "end it with " + mark}
		if s.Multiline {
			s.problem.span.End = s.Pos.Start + int32(len(mark))
		}
	}
	at := offset + len(mark)
	if s.Multiline {
		if n := lineEnd(body); n > 0 {
			body, at = body[n:], at+n
		}
	}
	indent := ""
	if s.Multiline {
		indent = indentOf(body)
	}
	if s.Raw {
		s.Parts = []StringPart{{Text: undent(body, indent), Pos: Span{int32(at), int32(at + len(body))}}}
	} else {
		s.interpolate(body, at, indent)
	}
	return s
}

// lineEnd is the length of the line break at the start of text: a line feed, with any carriage returns before it. 0 is none.
func lineEnd(text string) int {
	if rest := strings.TrimLeft(text, "\r"); strings.HasPrefix(rest, "\n") {
		return len(text) - len(rest) + 1
	}
	return 0
}

// indentOf is the white space before the closing mark, when nothing else stands there.
func indentOf(body string) string {
	last := body[strings.LastIndexByte(body, '\n')+1:]
	if strings.TrimLeft(last, " \t") != "" {
		return ""
	}
	return last
}

// undent takes the indentation off every line, and the carriage returns before line breaks, so that a string does not
// depend on how its file was checked out.
func undent(body, indent string) string {
	var b strings.Builder
	for line := range strings.Lines(body) {
		line = strings.TrimPrefix(line, indent)
		if l, ok := strings.CutSuffix(line, "\n"); ok {
			line = strings.TrimRight(l, "\r") + "\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// interpolate cuts body at its ${…}, resolves escapes, and takes the indentation off every line as it was written: what an
// escape or an expression puts there stays.
func (s *StringLit) interpolate(body string, at int, indent string) {
	var text strings.Builder
	start := 0
	flush := func(end int) {
		if text.Len() > 0 {
			s.Parts = append(s.Parts, StringPart{Text: text.String(), Pos: Span{int32(at + start), int32(at + end)}})
			text.Reset()
		}
	}
	for i := 0; i < len(body); {
		if s.Multiline && indent != "" && (i == 0 || body[i-1] == '\n') && strings.HasPrefix(body[i:], indent) {
			i += len(indent)
			continue
		}
		switch {
		case body[i] == '\r':
			run := len(body[i:]) - len(strings.TrimLeft(body[i:], "\r"))
			if i += run; !strings.HasPrefix(body[i:], "\n") {
				text.WriteString(body[i-run : i])
			}
		case body[i] == '\\' && i+1 < len(body):
			n := s.escape(&text, body[i:], at+i)
			i += n
		case strings.HasPrefix(body[i:], "${"):
			flush(i)
			end := interpolationEnd(body, i+2, s.Multiline, 0)
			inner := body[i+2 : end]
			if cut, ok := strings.CutSuffix(inner, "}"); ok {
				inner = cut
			} else if s.problem == nil {
				s.problem = &problem{code: "E0103", span: Span{int32(at + i), int32(at + i + 2)}, message: "this ${ is not closed", help: `close it with "}", or write \${ for the characters themselves`}
			}
			e := parseEmbedded(inner, at+i+2)
			s.Parts = append(s.Parts, StringPart{Expr: e, Pos: Span{int32(at + i), int32(at + end)}})
			i, start = end, end
		default:
			text.WriteByte(body[i])
			i++
		}
	}
	flush(len(body))
}

// escape appends what the escape at the start of rest stands for, and returns its length.
func (s *StringLit) escape(text *strings.Builder, rest string, at int) int {
	switch rest[1] {
	case 'n':
		text.WriteByte('\n')
	case 't':
		text.WriteByte('\t')
	case 'r':
		text.WriteByte('\r')
	case '\\', '"', '$', '\'':
		text.WriteByte(rest[1])
	case 'u':
		if end := strings.IndexByte(rest, '}'); end > 3 && rest[2] == '{' && end <= 10 {
			if n, err := strconv.ParseUint(rest[3:end], 16, 32); err == nil && utf8.ValidRune(rune(n)) {
				text.WriteRune(rune(n))
				return end + 1
			}
		}
		s.wrongEscape(`\u`, at, 2)
		return 2
	default:
		_, n := utf8.DecodeRuneInString(rest[1:])
		s.wrongEscape(rest[:1+n], at, 1+n)
		text.WriteString(rest[:1+n])
		return 1 + n
	}
	return 2
}

func (s *StringLit) wrongEscape(what string, at, n int) {
	if s.problem == nil {
		s.problem = &problem{code: "E0104", span: Span{int32(at), int32(at + n)}, message: "there is no escape " + what,
			help: `the escapes are \n \t \r \\ \" \$ and \u{1F600}; write \\ for a backslash, or use '…', which has none`}
	}
}

// parseEmbedded parses the expression of an interpolation.
func parseEmbedded(src string, offset int) Expr {
	if firstWord(src) == src && src != "" && !isDigit(src[0]) { // a name, as most of them are: no lexer is needed
		switch src {
		case "true", "false", "null", "if", "then", "else", "in", "for":
		default:
			return &Name{Ident{Name: src, Pos: Span{int32(offset), int32(offset + len(src))}}}
		}
	}
	lex, err := lexer.Upgrade(&scanner{src: src, base: offset, brackets: []byte{'('}})
	if err != nil {
		return &BadExpr{Pos: Span{int32(offset), int32(offset + len(src))}}
	}
	p := &exprParser{lex: lex, end: int32(offset)}
	if p.peek().EOF() {
		return &BadExpr{Pos: Span{int32(offset), int32(offset + len(src))}, problem: &problem{code: "E0105", span: Span{int32(offset - 2), int32(offset + len(src) + 1)}, message: "this ${} is empty", help: "write an expression inside"}}
	}
	x := p.expr(0)
	if t := p.peek(); !t.EOF() {
		if _, wrong := x.(*BadExpr); !wrong {
			return &BadExpr{Pos: x.Span(), problem: &problem{code: "E0110", span: tokenSpan(t), message: fmt.Sprintf("expected the end of ${…}, found %s", describe(t)), help: `close it with "}"`}}
		}
	}
	return x
}
