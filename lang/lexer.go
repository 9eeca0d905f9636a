package lang

import (
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"
)

// The types of token. A line break is a token only where it ends a statement.
const (
	tokEOF                     = lexer.EOF
	tokNewline lexer.TokenType = -(iota + 2)
	tokIdent
	tokInt
	tokFloat
	tokSize
	tokDuration
	tokString // a whole literal with its quotes; the expression parser looks inside
	tokPunct
	tokInvalid
)

// maxNesting bounds how deep brackets may nest, so that no input can exhaust the stack.
const maxNesting = 1000

// definition is the lexer as participle sees it. It never fails: what begins no token is a tokInvalid.
type definition struct{}

func (definition) Symbols() map[string]lexer.TokenType {
	return map[string]lexer.TokenType{
		"EOF": tokEOF, "Newline": tokNewline, "Ident": tokIdent, "Int": tokInt, "Float": tokFloat,
		"Size": tokSize, "Duration": tokDuration, "String": tokString, "Punct": tokPunct, "Invalid": tokInvalid,
	}
}

func (d definition) Lex(name string, r io.Reader) (lexer.Lexer, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return d.LexString(name, string(b))
}

func (definition) LexString(name, src string) (lexer.Lexer, error) {
	return newScanner(src), nil
}

// newScanner begins after a byte order mark.
func newScanner(src string) *scanner {
	s := &scanner{src: src}
	if strings.HasPrefix(src, "\ufeff") {
		s.pos = len("\ufeff")
	}
	return s
}

// scanner cuts a chunk into tokens.
type scanner struct {
	src  string
	pos  int
	base int // added to every offset
	// brackets holds the open ones; line breaks count only at the top and directly inside "{".
	brackets []byte
	prev     lexer.Token // the last token, to tell whether a statement can end after it
	deep     int         // offset of the first bracket that is nested too deep, plus one
	line     int         // line breaks passed
	end      int         // where the last token that is no line break ended
}

// Next is the lexer.Lexer method.
func (s *scanner) Next() (lexer.Token, error) {
	t := s.next()
	if t.Type != tokNewline {
		s.end = s.pos
	}
	s.prev = t
	return t, nil
}

func (s *scanner) token(typ lexer.TokenType, start int) lexer.Token {
	t := s.at(typ, start)
	if typ == tokString {
		s.line += strings.Count(t.Value, "\n")
	}
	return t
}

// at makes a token of what lies between start and the place the scanner is at. Its Line counts from 1 in the chunk.
func (s *scanner) at(typ lexer.TokenType, start int) lexer.Token {
	return lexer.Token{Type: typ, Value: s.src[start:s.pos], Pos: lexer.Position{Offset: s.base + start, Line: 1 + s.line, Column: 1}}
}

func (s *scanner) next() lexer.Token {
	for s.pos < len(s.src) {
		c := s.src[s.pos]
		switch {
		case c == ' ' || c == '\t' || c == '\r':
			s.pos++
		case c == '#':
			if i := strings.IndexByte(s.src[s.pos:], '\n'); i >= 0 {
				s.pos += i
			} else {
				s.pos = len(s.src)
			}
		case c == '\n':
			start := s.pos
			s.pos++
			s.line++
			if s.breakCounts() {
				return s.at(tokNewline, start)
			}
		default:
			return s.word(c)
		}
	}
	// The end is where the last token ended: what is missing is missing there, not lines below.
	t := s.at(tokEOF, s.pos)
	t.Pos.Offset = s.base + s.end
	return t
}

// breakCounts reports whether the line break just passed ends a statement.
func (s *scanner) breakCounts() bool {
	if n := len(s.brackets); n > 0 && s.brackets[n-1] != '{' {
		if !s.nextLineBeginsStatement() {
			return false
		}
		for n > 0 && s.brackets[n-1] != '{' {
			n--
		}
		s.brackets = s.brackets[:n]
		return true
	}
	switch s.prev.Type {
	case tokPunct:
		switch s.prev.Value {
		case ")", "]", "}", "?", ".":
		default:
			return false
		}
	case tokNewline, 0:
		return false
	}
	// The next line goes on with the statement when it begins with |>.
	rest := s.src[s.pos:]
	for {
		rest = strings.TrimLeft(rest, " \t\r\n")
		if !strings.HasPrefix(rest, "#") {
			break
		}
		i := strings.IndexByte(rest, '\n')
		if i < 0 {
			return true
		}
		rest = rest[i:]
	}
	return !strings.HasPrefix(rest, "|>")
}

// nextLineBeginsStatement reports whether the next line surely begins a statement, so that the "(" or "[" around it
// cannot have been closed: nothing inside them is NAME = or a statement's word and a name.
func (s *scanner) nextLineBeginsStatement() bool {
	line := strings.TrimLeft(s.src[s.pos:], " \t")
	word := firstWord(line)
	if word == "" || isDigit(word[0]) {
		return false
	}
	rest := strings.TrimLeft(line[len(word):], " \t")
	if rest == "" {
		return false
	}
	if rest[0] == '=' {
		return !strings.HasPrefix(rest, "==")
	}
	switch firstWord(rest) {
	case "then", "else", "if", "in", "for":
		return false
	}
	return len(rest) < len(line)-len(word) && (isNameStart(rest[0]) || isDigit(rest[0])) && slices.Contains(statementWords, word)
}

// closeBracket drops the bracket that c closes and those inside that were left open. A c that closes nothing drops none.
func (s *scanner) closeBracket(c byte) {
	opening := byte('{')
	switch c {
	case ')':
		opening = '('
	case ']':
		opening = '['
	}
	for i := len(s.brackets) - 1; i >= 0; i-- {
		if s.brackets[i] == opening {
			s.brackets = s.brackets[:i]
			return
		}
		if s.brackets[i] == '{' {
			return
		}
	}
}

func (s *scanner) word(c byte) lexer.Token {
	start := s.pos
	switch {
	case c == '"' || c == '\'':
		s.pos, _ = stringEnd(s.src, s.pos)
		return s.token(tokString, start)
	case '0' <= c && c <= '9':
		return s.number()
	case isNameStart(c) || c >= utf8.RuneSelf:
		for s.pos < len(s.src) {
			r, n := utf8.DecodeRuneInString(s.src[s.pos:])
			if r != '_' && !unicode.IsLetter(r) && !(s.pos > start && unicode.IsDigit(r)) {
				break
			}
			s.pos += n
		}
		if s.pos == start {
			_, n := utf8.DecodeRuneInString(s.src[s.pos:])
			s.pos += n
			return s.token(tokInvalid, start)
		}
		return s.token(tokIdent, start)
	}
	if s.pos+1 < len(s.src) {
		switch s.src[s.pos : s.pos+2] {
		case "|>", "||", "&&", "==", "!=", "<=", ">=", "??":
			s.pos += 2
			return s.token(tokPunct, start)
		}
	}
	s.pos++
	switch c {
	case '(', '[', '{':
		s.brackets = append(s.brackets, c)
		if len(s.brackets) > maxNesting && s.deep == 0 {
			s.deep = start + 1
			s.pos = len(s.src)
		}
	case ')', ']', '}':
		s.closeBracket(c)
	case '=', '<', '>', '+', '-', '*', '/', '%', '!', '?', ':', ',', '.', '|':
	default:
		return s.token(tokInvalid, start)
	}
	t := s.at(tokPunct, start)
	t.Value = s.src[start : start+1] // of a bracket that is too deep the rest of the source is not part
	return t
}

// isNameStart reports whether c can begin a name.
func isNameStart(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// number scans an int, a float, a size or a duration. A number with an unknown unit is a tokInvalid.
func (s *scanner) number() lexer.Token {
	start := s.pos
	digits := func() {
		for s.pos < len(s.src) && (isDigit(s.src[s.pos]) || s.src[s.pos] == '_') {
			s.pos++
		}
	}
	if s.src[s.pos] == '0' && s.pos+1 < len(s.src) && strings.IndexByte("xXbBoO", s.src[s.pos+1]) >= 0 {
		s.pos += 2
		for s.pos < len(s.src) && (isNameStart(s.src[s.pos]) || isDigit(s.src[s.pos])) {
			s.pos++
		}
		return s.token(tokInt, start)
	}
	typ := tokInt
	digits()
	if s.pos+1 < len(s.src) && s.src[s.pos] == '.' && isDigit(s.src[s.pos+1]) {
		typ = tokFloat
		s.pos++
		digits()
	}
	if s.pos < len(s.src) && (s.src[s.pos] == 'e' || s.src[s.pos] == 'E') {
		p := s.pos + 1
		if p < len(s.src) && (s.src[p] == '+' || s.src[p] == '-') {
			p++
		}
		if p < len(s.src) && isDigit(s.src[p]) {
			typ = tokFloat
			s.pos = p
			digits()
		}
	}
	unit := s.pos
	for s.pos < len(s.src) && (isNameStart(s.src[s.pos]) || isDigit(s.src[s.pos]) || s.src[s.pos] == '.' && s.pos > unit && s.pos+1 < len(s.src) && isDigit(s.src[s.pos+1])) {
		s.pos++
	}
	if s.pos == unit {
		return s.token(typ, start)
	}
	text := s.src[start:s.pos]
	if _, err := ParseSize(text); err == nil {
		return s.token(tokSize, start)
	}
	if _, err := ParseDuration(text); err == nil {
		return s.token(tokDuration, start)
	}
	return s.token(tokInvalid, start)
}

// stringEnd returns the offset just after the string literal that starts at start. One that is not closed ends
// at its line's end, or, over several lines, at the end of the text.
func stringEnd(src string, start int) (end int, closed bool) {
	q := src[start]
	i := start + 1
	multi := strings.HasPrefix(src[start:], strings.Repeat(string(q), 3))
	if multi {
		i = start + 3
	}
	for i < len(src) {
		c := src[i]
		switch {
		case c == q && !multi:
			return i + 1, true
		case c == q && strings.HasPrefix(src[i:], strings.Repeat(string(q), 3)):
			return i + 3, true
		case c == '\n' && !multi:
			return i, false
		case c == '\\' && q == '"' && i+1 < len(src) && src[i+1] != '\n':
			i += 2
			continue
		case c == '$' && q == '"' && i+1 < len(src) && src[i+1] == '{':
			i = interpolationEnd(src, i+2, multi, 0)
			continue
		}
		i++
	}
	return len(src), false
}

// interpolationEnd returns the offset after the "}" that closes the "${" before start, or where the literal
// around it must end when there is none.
func interpolationEnd(src string, start int, multi bool, depth int) int {
	open := 1
	for i := start; i < len(src); {
		switch c := src[i]; c {
		case '{':
			open++
		case '}':
			if open--; open == 0 {
				return i + 1
			}
		case '\n':
			if !multi {
				return i
			}
		case '"', '\'':
			if depth > 50 {
				return len(src)
			}
			i = nestedStringEnd(src, i, depth+1)
			continue
		}
		i++
	}
	return len(src)
}

func nestedStringEnd(src string, start, depth int) int {
	q := src[start]
	for i := start + 1; i < len(src); {
		switch c := src[i]; {
		case c == q:
			return i + 1
		case c == '\n':
			return i
		case c == '\\' && q == '"':
			i += 2
			continue
		case c == '$' && q == '"' && i+1 < len(src) && src[i+1] == '{':
			i = interpolationEnd(src, i+2, false, depth)
			continue
		}
		i++
	}
	return len(src)
}
