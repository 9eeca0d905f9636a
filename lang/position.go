package lang

import (
	"strings"
	"unicode/utf8"
)

// Position is a place in a file for people: lines and columns count from 1, columns in characters.
type Position struct{ Line, Column int }

// PositionOf finds the line and column of a byte offset of src.
func PositionOf(src string, offset int) Position {
	offset = max(0, min(offset, len(src)))
	line := 1 + strings.Count(src[:offset], "\n")
	start := strings.LastIndexByte(src[:offset], '\n') + 1
	return Position{Line: line, Column: 1 + utf8.RuneCountInString(strings.TrimPrefix(src[start:offset], "\ufeff"))}
}
