package format

import "imgc/lang"

// fact is what the tree tells of the token at an offset.
type fact uint8

const (
	sign      fact = 1 << iota // a unary operator: nothing between it and what follows
	tight                      // nothing before it, as the bracket of a call
	statement                  // begins a statement or a field
	column1                    // the type in NAME: TYPE
	column2                    // the = of NAME = VALUE
)

// facts are gathered from the tree. Some nodes know only where the token before ended: those facts wait in after until
// the next token is seen.
type facts struct {
	at    map[int]fact
	after map[int]fact
}

func (f *facts) read(base int, root lang.Node) {
	if f.after == nil {
		f.after = map[int]fact{}
	}
	at := func(offset int32, what fact) { f.at[base+int(offset)] |= what }
	after := func(offset int32, what fact) { f.after[base+int(offset)] |= what }
	typed := func(start int32, name lang.Ident, t lang.TypeExpr, value lang.Expr) {
		at(start, statement)
		switch {
		case t != nil:
			at(t.Span().Start, column1)
			if value != nil {
				after(t.Span().End, column2)
			}
		case value != nil:
			after(name.Pos.End, column2)
		}
	}
	lang.Walk(root, func(n lang.Node) bool {
		if s, ok := n.(lang.Stmt); ok {
			at(s.Span().Start, statement)
		}
		switch n := n.(type) {
		case *lang.StringLit:
			return false // written as it is
		case *lang.Unary:
			at(n.Pos.Start, sign)
		case *lang.Call:
			after(n.Func.Pos.End, tight)
		case *lang.Index:
			after(n.X.Span().End, tight)
		case *lang.ListType:
			after(n.Pos.Start+int32(len("list")), tight)
		case *lang.MapType:
			after(n.Pos.Start+int32(len("map")), tight)
		case *lang.Func:
			after(n.Name.Pos.End, tight)
		case *lang.Recipe:
			after(n.Name.Pos.End, tight)
		case *lang.Param:
			typed(n.Pos.Start, n.Name, n.Type, n.Default)
		case *lang.Let:
			typed(n.Pos.Start, n.Name, n.Type, n.Value)
		case *lang.SchemaField:
			typed(n.Pos.Start, n.Name, n.Type, n.Default)
		case *lang.Check:
			at(n.Pos.Start, statement)
		case *lang.SchemaFact:
			at(n.Pos.Start, statement)
		case *lang.SchemaArtifact:
			at(n.Pos.Start, statement)
		case *lang.TypeDecl:
			at(n.Pos.Start, statement)
			after(n.Name.Pos.End, column2)
		case *lang.Output:
			at(n.Pos.Start, statement)
			after(n.Name.Pos.End, column2)
		case *lang.Source:
			at(n.Pos.Start, statement)
			after(n.Name.Pos.End, column2)
		case *lang.Data:
			at(n.Pos.Start, statement)
			after(n.Name.Pos.End, column2)
		case *lang.Option:
			after(n.Name.Pos.End, column2)
		case *lang.ObjectField:
			at(n.Pos.Start, statement)
			if n.KeyExpr != nil {
				after(n.KeyExpr.Span().End, column2)
			} else {
				after(n.Key.Pos.End, column2)
			}
		}
		return true
	})
}
