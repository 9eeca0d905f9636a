package lang

import (
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// TokenKind says what a Token is.
type TokenKind int

// The kinds of token.
const (
	TokenName TokenKind = iota
	TokenNumber
	TokenString  // a whole literal with its quotes
	TokenPunct   // an operator, a bracket, a comma
	TokenComment // from its # to the end of the line
	TokenInvalid
)

// Token is a piece of source as the formatter and editors see it: comments are tokens, white space is not.
type Token struct {
	Kind   TokenKind
	Text   string
	Start  int // in bytes
	Breaks int // line breaks between the token before and this one
}

// End is the offset after the token.
func (t Token) End() int { return t.Start + len(t.Text) }

// Is reports whether the token is the punctuation text.
func (t Token) Is(text string) bool { return t.Kind == TokenPunct && t.Text == text }

// Tokens cuts a source into tokens, comments among them. It never fails.
func Tokens(src string) []Token {
	s := newScanner(src)
	var tokens []Token
	breaks := 0
	for s.pos < len(src) {
		switch c := src[s.pos]; c {
		case '\n':
			breaks++
			s.pos++
		case ' ', '\t', '\r':
			s.pos++
		case '#':
			end := len(src)
			if i := strings.IndexByte(src[s.pos:], '\n'); i >= 0 {
				end = s.pos + i
			}
			tokens = append(tokens, Token{TokenComment, strings.TrimRight(src[s.pos:end], " \t\r"), s.pos, breaks})
			s.pos, breaks = end, 0
		default:
			start := s.pos
			t := s.word(c)
			tokens = append(tokens, Token{kindOf(t.Type), src[start:s.pos], start, breaks})
			breaks = 0
		}
	}
	return tokens
}

func kindOf(t lexer.TokenType) TokenKind {
	switch t {
	case tokIdent:
		return TokenName
	case tokInt, tokFloat, tokSize, tokDuration:
		return TokenNumber
	case tokString:
		return TokenString
	case tokPunct:
		return TokenPunct
	}
	return TokenInvalid
}
