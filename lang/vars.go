package lang

import "github.com/alecthomas/participle/v2/lexer"

// VarsFile is a parsed .imgcvars file: lines of name = EXPR.
type VarsFile struct {
	Name     string
	Src      string
	Values   []*Option // spans are absolute: the file is one chunk
	Problems Diagnostics
	decl     *Decl
}

// Decl is the context in which the values' spans are placed.
func (f *VarsFile) Decl() *Decl { return f.decl }

// ParseVars parses a vars file. It never fails: what is wrong is in Problems.
func ParseVars(name, src string) *VarsFile {
	f := &VarsFile{Name: name, Src: src}
	f.decl = &Decl{File: &File{Name: name, Src: src}}
	lex, err := lexer.Upgrade(newScanner(src))
	if err != nil {
		return f
	}
	for {
		t := lex.Peek()
		if t.EOF() {
			return f
		}
		if t.Type == tokNewline {
			lex.Next()
			continue
		}
		s := parseStmt(lex)
		var problems []*problem
		switch s := s.(type) {
		case *Option:
			f.Values = append(f.Values, s)
			problems = collectProblems(s)
		case *BadStmt:
			problems = []*problem{s.problem}
		default:
			problems = []*problem{{code: "E0115", span: s.Span(), message: "a vars file holds only lines of name = value", help: "write the param's name, = and its value"}}
		}
		for _, p := range problems {
			f.Problems = append(f.Problems, p.place(f.decl))
		}
		if t := lex.Peek(); t.Type == tokPunct && !t.EOF() { // a stray bracket that no statement took
			f.Problems = append(f.Problems, expected("a line of name = value", t).place(f.decl))
			lex.Next()
		}
	}
}

// ParseExpr parses one expression, such as the value of -p. The Decl places its spans; its File holds src.
func ParseExpr(name, src string) (Expr, *Decl, Diagnostics) {
	d := &Decl{File: &File{Name: name, Src: src}}
	sc := newScanner(src)
	sc.brackets = []byte{'('}
	lex, err := lexer.Upgrade(sc)
	if err != nil {
		return &BadExpr{}, d, nil //nolint:nilerr // our scanner gives no errors
	}
	p := &exprParser{lex: lex}
	x := p.expr(0)
	problems := collectProblems(x)
	if t := p.peek(); !t.EOF() && len(problems) == 0 {
		problems = append(problems, expected("the end of the expression", t))
	}
	if sc.deep > 0 {
		problems = []*problem{tooDeep(sc.deep - 1)}
	}
	var ds Diagnostics
	for _, p := range problems {
		ds = append(ds, p.place(d))
	}
	return x, d, ds
}
