package lang

import (
	"slices"
	"strings"
)

// atUnclosed makes one problem of the blocks that are not closed, at the brace that most likely lacks its end.
// The parser sees a lack only at the end of the text, where the outermost block is open; the indentation tells more.
func atUnclosed(text string, problems []*problem) {
	at := slices.IndexFunc(problems, func(p *problem) bool { return p.code == "E0106" })
	if at < 0 {
		return
	}
	if suspect := unclosedBrace(text); suspect >= 0 {
		problems[at].span = Span{int32(suspect), int32(suspect + 1)}
	}
}

// unclosedBrace returns the offset of the "{" whose "}" stands further to the left than the line it opens in, so that
// it was meant for a block around it, or -1.
func unclosedBrace(text string) int {
	type brace struct{ offset, indent int }
	var open []brace
	indent := 0
	for i, t := range Tokens(text) {
		if i == 0 || t.Breaks > 0 {
			line := text[strings.LastIndexByte(text[:t.Start], '\n')+1 : t.Start]
			indent = len(line)
		}
		switch {
		case t.Is("{"):
			open = append(open, brace{t.Start, indent})
		case t.Is("}") && len(open) > 0:
			last := open[len(open)-1]
			if indent < last.indent {
				return last.offset
			}
			open = open[:len(open)-1]
		}
	}
	return -1
}
