package lang

import "strings"

// ParseTemplate parses the text of a template file: text with ${…} in it, where $${ stands for ${ and nothing else has a
// meaning. The declaration places what is in it.
func ParseTemplate(name, src string) (*StringLit, *Decl, Diagnostics) {
	d := &Decl{File: &File{Name: name, Src: src}}
	s := &StringLit{Multiline: true, Pos: Span{0, int32(len(src))}}
	var text strings.Builder
	start := 0
	flush := func(end int) {
		if text.Len() > 0 {
			s.Parts = append(s.Parts, StringPart{Text: text.String(), Pos: Span{int32(start), int32(end)}})
			text.Reset()
		}
	}
	for i := 0; i < len(src); {
		switch {
		case strings.HasPrefix(src[i:], "$${"):
			text.WriteString("${")
			i += 3
		case strings.HasPrefix(src[i:], "${"):
			flush(i)
			end := interpolationEnd(src, i+2, true, 0)
			inner, closed := strings.CutSuffix(src[i+2:end], "}")
			if !closed && s.problem == nil {
				s.problem = &problem{code: "E0103", span: Span{int32(i), int32(i + 2)}, message: "this ${ is not closed", help: `close it with "}", or write $${ for the characters themselves`}
			}
			s.Parts = append(s.Parts, StringPart{Expr: parseEmbedded(inner, i+2), Pos: Span{int32(i), int32(end)}})
			i, start = end, end
		default:
			text.WriteByte(src[i])
			i++
		}
	}
	flush(len(src))
	var ds Diagnostics
	for _, p := range collectProblems(s) {
		ds = append(ds, p.place(d))
	}
	return s, d, ds
}
