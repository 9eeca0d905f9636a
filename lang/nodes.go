package lang

// Span is where the node stands.
func (n *Param) Span() Span { return n.Pos }
func (*Param) declNode()    {}

// Span is where the node stands.
func (n *Let) Span() Span { return n.Pos }
func (*Let) declNode()    {}

// Span is where the node stands.
func (n *Func) Span() Span { return n.Pos }
func (*Func) declNode()    {}

// Span is where the node stands.
func (n *TypeDecl) Span() Span { return n.Pos }
func (*TypeDecl) declNode()    {}

// Span is where the node stands.
func (n *Data) Span() Span { return n.Pos }
func (*Data) declNode()    {}

// Span is where the node stands.
func (n *Source) Span() Span { return n.Pos }
func (*Source) declNode()    {}

// Span is where the node stands.
func (n *Recipe) Span() Span { return n.Pos }
func (*Recipe) declNode()    {}

// Span is where the node stands.
func (n *Build) Span() Span { return n.Pos }
func (*Build) declNode()    {}

// Span is where the node stands.
func (n *Output) Span() Span { return n.Pos }
func (*Output) declNode()    {}

// Span is where the node stands.
func (n *Assert) Span() Span { return n.Pos }
func (*Assert) declNode()    {}

// Span is where the node stands.
func (n *Use) Span() Span { return n.Pos }
func (*Use) declNode()    {}

// Span is where the node stands.
func (n *Test) Span() Span { return n.Pos }
func (*Test) declNode()    {}

// Span is where the node stands.
func (n *BadDecl) Span() Span { return n.Pos }
func (*BadDecl) declNode()    {}

// Span is where the node stands.
func (n *Schema) Span() Span { return n.Pos }
func (*Schema) declNode()    {}

// Span is where the node stands.
func (n *Option) Span() Span { return n.Pos }
func (*Option) stmtNode()    {}

// Span is where the node stands.
func (n *From) Span() Span { return n.Pos }
func (*From) stmtNode()    {}

// Span is where the node stands.
func (n *Provision) Span() Span { return n.Pos }
func (*Provision) stmtNode()    {}

// Span is where the node stands.
func (n *On) Span() Span { return n.Pos }
func (*On) stmtNode()    {}

// Span is where the node stands.
func (n *Override) Span() Span { return n.Pos }
func (*Override) stmtNode()    {}

// Span is where the node stands.
func (n *Only) Span() Span { return n.Pos }
func (*Only) stmtNode()    {}

// Span is where the node stands.
func (n *Except) Span() Span { return n.Pos }
func (*Except) stmtNode()    {}

// Span is where the node stands.
func (n *Retry) Span() Span { return n.Pos }
func (*Retry) stmtNode()    {}

// Span is where the node stands.
func (n *Timeout) Span() Span { return n.Pos }
func (*Timeout) stmtNode()    {}

// Span is where the node stands.
func (n *Pause) Span() Span { return n.Pos }
func (*Pause) stmtNode()    {}

// Span is where the node stands.
func (n *When) Span() Span { return n.Pos }
func (*When) stmtNode()    {}

// Span is where the node stands.
func (n *Keep) Span() Span { return n.Pos }
func (*Keep) stmtNode()    {}

// Span is where the node stands.
func (n *OnError) Span() Span { return n.Pos }
func (*OnError) stmtNode()    {}

// Span is where the node stands.
func (n *Post) Span() Span { return n.Pos }
func (*Post) stmtNode()    {}

// Span is where the node stands.
func (n *GiveParam) Span() Span { return n.Pos }
func (*GiveParam) stmtNode()    {}

// Span is where the node stands.
func (n *Expect) Span() Span { return n.Pos }
func (*Expect) stmtNode()    {}

// Span is where the node stands.
func (n *BadStmt) Span() Span { return n.Pos }
func (*BadStmt) stmtNode()    {}

// Span is where the node stands.
func (n *BoolLit) Span() Span { return n.Pos }
func (*BoolLit) exprNode()    {}

// Span is where the node stands.
func (n *NullLit) Span() Span { return n.Pos }
func (*NullLit) exprNode()    {}

// Span is where the node stands.
func (n *IntLit) Span() Span { return n.Pos }
func (*IntLit) exprNode()    {}

// Span is where the node stands.
func (n *FloatLit) Span() Span { return n.Pos }
func (*FloatLit) exprNode()    {}

// Span is where the node stands.
func (n *SizeLit) Span() Span { return n.Pos }
func (*SizeLit) exprNode()    {}

// Span is where the node stands.
func (n *DurationLit) Span() Span { return n.Pos }
func (*DurationLit) exprNode()    {}

// Span is where the node stands.
func (n *StringLit) Span() Span { return n.Pos }
func (*StringLit) exprNode()    {}

// Span is where the node stands.
func (n *ListLit) Span() Span { return n.Pos }
func (*ListLit) exprNode()    {}

// Span is where the node stands.
func (n *ObjectLit) Span() Span { return n.Pos }
func (*ObjectLit) exprNode()    {}

// Span is where the node stands.
func (n *ListComp) Span() Span { return n.Pos }
func (*ListComp) exprNode()    {}

// Span is where the node stands.
func (n *ObjectComp) Span() Span { return n.Pos }
func (*ObjectComp) exprNode()    {}

// Span is where the node stands.
func (n *Unary) Span() Span { return n.Pos }
func (*Unary) exprNode()    {}

// Span is where the node stands.
func (n *Binary) Span() Span { return n.Pos }
func (*Binary) exprNode()    {}

// Span is where the node stands.
func (n *Cond) Span() Span { return n.Pos }
func (*Cond) exprNode()    {}

// Span is where the node stands.
func (n *Select) Span() Span { return n.Pos }
func (*Select) exprNode()    {}

// Span is where the node stands.
func (n *Index) Span() Span { return n.Pos }
func (*Index) exprNode()    {}

// Span is where the node stands.
func (n *Call) Span() Span { return n.Pos }
func (*Call) exprNode()    {}

// Span is where the node stands.
func (n *Paren) Span() Span { return n.Pos }
func (*Paren) exprNode()    {}

// Span is where the node stands.
func (n *BadExpr) Span() Span { return n.Pos }
func (*BadExpr) exprNode()    {}

// Span is where the node stands.
func (n *NamedType) Span() Span { return n.Pos }
func (*NamedType) typeNode()    {}

// Span is where the node stands.
func (n *ListType) Span() Span { return n.Pos }
func (*ListType) typeNode()    {}

// Span is where the node stands.
func (n *MapType) Span() Span { return n.Pos }
func (*MapType) typeNode()    {}

// Span is where the node stands.
func (n *ObjectType) Span() Span { return n.Pos }
func (*ObjectType) typeNode()    {}

// Span is where the node stands.
func (n *OptionalType) Span() Span { return n.Pos }
func (*OptionalType) typeNode()    {}

// Span is where the node stands.
func (n *EnumType) Span() Span { return n.Pos }
func (*EnumType) typeNode()    {}

// Span is where the node stands.
func (n *PublicType) Span() Span { return n.Pos }
func (*PublicType) typeNode()    {}

// Span is where the node stands.
func (n *BadType) Span() Span { return n.Pos }
func (*BadType) typeNode()    {}

// Span is where the node stands.
func (n *Body) Span() Span { return n.Pos }

// Span is where the node stands.
func (n *FuncParam) Span() Span { return n.Pos }

// Span is where the node stands.
func (n *ForClause) Span() Span { return n.Pos }

// Span is where the node stands.
func (n *Check) Span() Span { return n.Pos }

// Span is where the node stands.
func (n *SchemaField) Span() Span { return n.Pos }

// Span is where the node stands.
func (n *SchemaFact) Span() Span { return n.Pos }

// Span is where the node stands.
func (n *SchemaArtifact) Span() Span { return n.Pos }

// Span is where the node stands.
func (n *PostLink) Span() Span { return n.Pos }

// Span is where the node stands.
func (n *ObjectField) Span() Span { return n.Pos }

// Span is where the node stands.
func (n *Arg) Span() Span { return n.Pos }

// Span is where the name stands.
func (n *Name) Span() Span { return n.Pos }
func (*Name) exprNode()    {}
