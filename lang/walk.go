package lang

// Walk calls f for n and, where f says true, for everything below it, in the order of the source.
func Walk(n Node, f func(Node) bool) {
	if isNil(n) || !f(n) {
		return
	}
	w := func(c Node) { Walk(c, f) }
	body := func(b *Body) {
		if b != nil {
			w(b)
		}
	}
	label := func(s *StringLit) {
		if s != nil {
			w(s)
		}
	}
	head := func(h ForHead) { w(h.In); w(h.If) }
	switch n := n.(type) {
	case *Param:
		w(n.Type)
		w(n.Default)
		for _, c := range n.Checks {
			w(c)
		}
	case *Check:
		w(n.Cond)
		w(n.Message)
	case *Let:
		w(n.Type)
		w(n.Value)
	case *Func:
		for _, p := range n.Params {
			w(p)
		}
		w(n.Result)
		w(n.Value)
	case *FuncParam:
		w(n.Type)
		w(n.Default)
	case *TypeDecl:
		w(n.Type)
	case *Data:
		body(n.Body)
	case *Source:
		body(n.Body)
	case *Recipe:
		for _, p := range n.Params {
			w(p)
		}
		body(n.Body)
	case *Build:
		if n.For != nil {
			w(n.For)
		}
		body(n.Body)
	case *ForClause:
		w(n.In)
	case *Output:
		w(n.Value)
	case *Assert:
		w(n.Cond)
		w(n.Message)
	case *Use:
		label(n.Path)
	case *Test:
		label(n.Name)
		body(n.Body)
	case *Schema:
		for _, c := range n.Fields {
			w(c)
		}
		if n.Artifact != nil {
			w(n.Artifact)
		}
	case *SchemaArtifact:
		for _, c := range n.Fields {
			w(c)
		}
	case *SchemaField:
		w(n.Type)
		w(n.Default)
	case *Body:
		for _, c := range n.Stmts {
			w(c)
		}
	case *Option:
		w(n.Value)
	case *From:
		body(n.Body)
	case *Provision:
		label(n.Label)
		body(n.Body)
	case *On:
		body(n.Body)
	case *Override:
		body(n.Body)
	case *Retry:
		w(n.Count)
	case *Timeout:
		w(n.Limit)
	case *Pause:
		w(n.Delay)
	case *When:
		w(n.Cond)
	case *GiveParam:
		w(n.Value)
	case *Expect:
		w(n.Cond)
		w(n.Message)
	case *OnError:
		label(n.Label)
		body(n.Body)
	case *Post:
		for _, c := range n.Links {
			w(c)
		}
	case *PostLink:
		body(n.Body)
	case *StringLit:
		for _, c := range n.Parts {
			w(c.Expr)
		}
	case *ListLit:
		for _, c := range n.Items {
			w(c)
		}
	case *ObjectLit:
		for _, c := range n.Fields {
			w(c)
		}
	case *ObjectField:
		w(n.KeyExpr)
		w(n.Value)
	case *ListComp:
		head(n.For)
		w(n.Value)
	case *ObjectComp:
		head(n.For)
		w(n.Key)
		w(n.Value)
	case *Unary:
		w(n.X)
	case *Binary:
		w(n.X)
		w(n.Y)
	case *Cond:
		w(n.If)
		w(n.Then)
		w(n.Else)
	case *Select:
		w(n.X)
	case *Index:
		w(n.X)
		w(n.Index)
	case *Call:
		for _, c := range n.Args {
			w(c)
		}
	case *Arg:
		w(n.Value)
	case *Paren:
		w(n.X)
	case *ListType:
		w(n.Elem)
	case *MapType:
		w(n.Elem)
	case *ObjectType:
		for _, c := range n.Fields {
			w(c)
		}
	case *OptionalType:
		w(n.Elem)
	case *EnumType:
		for _, c := range n.Values {
			w(c)
		}
	case *PublicType:
		w(n.Elem)
	}
}

// isNil reports whether a child is absent. Absent children are nil interfaces, or nil bodies and labels, which
// Walk guards itself.
func isNil(n Node) bool { return n == nil }

// collectProblems gathers the problems kept in a tree, the first of each statement: those after it mostly follow from it.
func collectProblems(root Node) []*problem {
	var ps []*problem
	collectInto(&ps, root)
	return ps
}

// collectInto reports whether the statement itself, without its blocks, is wrong. A field of an object is as good as
// a statement.
func collectInto(ps *[]*problem, root Node) (wrong bool) {
	var first *problem
	var bodies []*Body
	var fields []*ObjectField
	Walk(root, func(n Node) bool {
		if b, ok := n.(*Body); ok {
			bodies = append(bodies, b)
			return false
		}
		if f, ok := n.(*ObjectField); ok && n != root {
			fields = append(fields, f)
			return false
		}
		if p := problemOf(n); p != nil && (first == nil || p.span.Start < first.span.Start) {
			first = p
		}
		return true
	})
	if first != nil {
		*ps = append(*ps, first)
	}
	for _, f := range fields {
		wrong = collectInto(ps, f) || wrong
	}
	for _, b := range bodies {
		if b.problem != nil {
			*ps = append(*ps, b.problem)
		}
		for _, s := range b.Stmts {
			collectInto(ps, s)
		}
	}
	return wrong || first != nil
}

func problemOf(n Node) *problem {
	switch n := n.(type) {
	case *BadDecl:
		return n.problem
	case *BadStmt:
		return n.problem
	case *BadExpr:
		return n.problem
	case *BadType:
		return n.problem
	case *StringLit:
		return n.problem
	case *ListLit:
		return n.problem
	case *ObjectLit:
		return n.problem
	case *ListComp:
		return n.problem
	case *ObjectComp:
		return n.problem
	case *Select:
		return n.problem
	case *Index:
		return n.problem
	case *Call:
		return n.problem
	case *Paren:
		return n.problem
	}
	return nil
}

// attachStepDocs gives each step the ## lines above it.
func attachStepDocs(text string, b *Body) {
	if b == nil {
		return
	}
	for _, s := range b.Stmts {
		switch s := s.(type) {
		case *Provision:
			s.Doc = docAbove(text, int(s.Pos.Start))
		case *On:
			attachStepDocs(text, s.Body)
		}
	}
}
