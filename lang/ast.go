package lang

// Span is a stretch of source in byte offsets relative to the start of the declaration (the chunk) it lies
// in, so that an edit elsewhere in the file leaves a parsed declaration as it is. Decl.Range makes a
// Range of it.
type Span struct{ Start, End int32 }

// Node is anything in the tree.
type Node interface{ Span() Span }

// File is one parsed source file.
type File struct {
	Name  string
	Src   string
	Decls []*Decl
}

// Decl is one top-level declaration, parsed by itself. It is immutable once parsed.
type Decl struct {
	File *File  // set by the file that holds it
	Base int    // offset of the chunk in the file
	Doc  string // text of the "##" comment lines before it, without the marks
	Node DeclNode
	// Problems are the syntax errors found in it.
	Problems Diagnostics
	problems []*problem // relative to the chunk
}

// DeclNode is one of *Param, *Let, *Func, *TypeDecl, *Data, *Source, *Recipe, *Build, *Output, *Assert,
// *Use, *Test, *Schema, *BadDecl.
type DeclNode interface {
	Node
	declNode()
}

// Ident is a name as written.
type Ident struct {
	Name string
	Pos  Span
}

// Dotted is a component's name such as aws.ebs.
type Dotted struct {
	Parts []Ident
	Pos   Span
}

type (
	Param struct {
		Secret  bool
		Name    Ident
		Type    TypeExpr // nil when it is inferred from Default
		Default Expr     // nil when the param is required
		Checks  []*Check // check EXPR, "message"
		Pos     Span
	}
	Let struct {
		Name  Ident
		Type  TypeExpr
		Value Expr
		Pos   Span
	}
	Func struct {
		Name   Ident
		Params []*FuncParam
		Result TypeExpr // nil when it is inferred
		Value  Expr
		Pos    Span
	}
	TypeDecl struct {
		Name Ident
		Type TypeExpr
		Pos  Span
	}
	Data struct {
		Name      Ident
		Component Dotted
		Body      *Body
		Pos       Span
	}
	Source struct {
		Name      Ident
		Component Dotted
		Body      *Body
		Pos       Span
	}
	Recipe struct {
		Name   Ident
		Params []*FuncParam
		Body   *Body
		Pos    Span
	}
	Build struct {
		Name Ident
		For  *ForClause
		Body *Body
		Pos  Span
	}
	Output struct {
		Name  Ident
		Value Expr
		Pos   Span
	}
	Assert struct {
		Cond, Message Expr
		Pos           Span
	}
	Use struct {
		Path *StringLit
		As   *Ident
		Pos  Span
	}
	Test struct {
		Name *StringLit
		Body *Body
		Pos  Span
	} // test "name" { param x = 1  expect EXPR, "message" }
	BadDecl struct {
		Keyword string
		Name    string // what it would probably have declared
		Pos     Span
		problem *problem
	}

	FuncParam struct {
		Name    Ident
		Type    TypeExpr
		Default Expr
		Doc     string
		Pos     Span
	}
	ForClause struct {
		Key   *Ident
		Value Ident
		In    Expr
		Pos   Span
	}
	Check struct {
		Cond, Message Expr
		Pos           Span
	}
)

// Schema declares a component: builder | provisioner | post | data NAME { … }. Only embedded schema files
// may hold it.
type Schema struct {
	Kind     string // the keyword
	Name     Dotted
	Fields   []*SchemaField
	Facts    []*SchemaFact
	Artifact *SchemaArtifact // nil when there is none
	Pos      Span
}

// SchemaField is one option: [MARK …] NAME: TYPE [= DEFAULT], with its ## doc.
type SchemaField struct {
	Doc     string
	Marks   []Ident // update free reads writes shared
	Name    Ident
	Type    TypeExpr
	Default Expr
	Pos     Span
}

// SchemaFact is a statement about the component itself: "machine none", "takes files", "keeps input",
// "one_of inline script scripts". Args are plain words.
type SchemaFact struct {
	Name Ident
	Args []Ident
	Pos  Span
}

// SchemaArtifact is "artifact KIND { fields }".
type SchemaArtifact struct {
	Kind   Ident
	Fields []*SchemaField
	Pos    Span
}

// Body is { … } of a source, build, step, or any other block.
type Body struct {
	Stmts   []Stmt
	Pos     Span
	problem *problem
}

// Stmt is one of the types below. A name followed by "=" is always an *Option, whatever the name.
type Stmt interface {
	Node
	stmtNode()
}

type (
	Option struct {
		Name  Ident
		Value Expr
		Pos   Span
	} // inline = [...]
	From struct {
		Source Dotted // vm, or lib.vm for a source of another module
		Body   *Body
		Pos    Span
	} // from vm { … }; Body may be nil
	Provision struct {
		Doc       string
		Component Dotted
		Label     *StringLit
		Body      *Body
		Pos       Span
	}
	On struct {
		Sources []Ident
		Body    *Body
		Pos     Span
	} // on vm { … }
	Override struct {
		Source Ident
		Body   *Body
		Pos    Span
	}
	Only struct {
		Sources []Ident
		Pos     Span
	}
	Except struct {
		Sources []Ident
		Pos     Span
	}
	Retry struct {
		Count Expr
		Pos   Span
	}
	Timeout struct {
		Limit Expr
		Pos   Span
	}
	Pause struct {
		Delay Expr
		Pos   Span
	}
	When struct {
		Cond Expr
		Pos  Span
	}
	Keep    struct{ Pos Span }
	OnError struct {
		Component Dotted
		Label     *StringLit
		Body      *Body
		Pos       Span
	}
	Post struct {
		Links []*PostLink
		Pos   Span
	} // post A {…} |> B {…}
	GiveParam struct {
		Name  Ident
		Value Expr
		Pos   Span
	} // param x = 1, in a test
	Expect struct {
		Error   bool // expect error "E0301": the program has this mistake
		Cond    Expr // or the code
		Message Expr // may be nil
		Pos     Span
	}
	BadStmt struct {
		Pos     Span
		problem *problem
	}

	PostLink struct {
		Component Dotted
		Body      *Body
		Pos       Span
	} // Body may be nil
)

// Expr is one of the expression nodes below.
type Expr interface {
	Node
	exprNode()
}

type (
	Name    struct{ Ident }
	BoolLit struct {
		Value bool
		Pos   Span
	}
	NullLit struct{ Pos Span } // null: an optional without a value
	IntLit  struct {
		Text string
		Pos  Span
	} // 10, 0x1F, 0b11, 0o755, 1_000
	FloatLit struct {
		Text string
		Pos  Span
	}
	SizeLit struct {
		Text string
		Pos  Span
	} // 20GiB, 1.5GB, 512KiB, 10B
	DurationLit struct {
		Text string
		Pos  Span
	} // 30s, 1h30m, 250ms, 2d
	StringLit struct {
		Parts          []StringPart
		Raw, Multiline bool
		Pos            Span
		problem        *problem
	}
	ListLit struct {
		Items   []Expr
		Pos     Span
		problem *problem
	}
	ObjectLit struct {
		Fields  []*ObjectField
		Pos     Span
		problem *problem
	} // { a = 1, "b c" = 2, (expr) = 3 }
	ListComp struct {
		For     ForHead
		Value   Expr
		Pos     Span
		problem *problem
	}
	ObjectComp struct {
		For        ForHead
		Key, Value Expr
		Pos        Span
		problem    *problem
	}
	Unary struct {
		Op  string
		X   Expr
		Pos Span
	}
	Binary struct {
		Op   string
		X, Y Expr
		Pos  Span
	}
	Cond struct {
		If, Then, Else Expr
		Pos            Span
	}
	Select struct {
		X       Expr
		Name    Ident
		Pos     Span
		problem *problem
	} // x.name; Name.Name is "" when it is still being typed
	Index struct {
		X, Index Expr
		Pos      Span
		problem  *problem
	}
	Call struct {
		Func    Dotted // upper, or lib.name for a function of another module
		Args    []*Arg
		Pos     Span
		problem *problem
	}
	Paren struct {
		X       Expr
		Pos     Span
		problem *problem
	}
	BadExpr struct {
		Pos     Span
		problem *problem
	}

	StringPart struct {
		Text string
		Expr Expr
		Pos  Span
	} // Expr is nil for text; Text is unescaped and undented
	ObjectField struct {
		Key     Ident
		KeyExpr Expr
		Value   Expr
		Pos     Span
	} // exactly one of Key and KeyExpr
	ForHead struct {
		Key   *Ident
		Value Ident
		In    Expr
		If    Expr
	}
	Arg struct {
		Name  *Ident
		Value Expr
		Pos   Span
	}
)

// TypeExpr is a type as written.
type TypeExpr interface {
	Node
	typeNode()
}

type (
	NamedType struct {
		Name Dotted
		Pos  Span
	} // string, ssh, aws.ebs.artifact
	ListType struct {
		Elem TypeExpr
		Pos  Span
	}
	MapType struct {
		Elem TypeExpr
		Pos  Span
	}
	ObjectType struct {
		Fields []*SchemaField
		Pos    Span
	} // only schemas may give Marks and Default
	OptionalType struct {
		Elem TypeExpr
		Pos  Span
	} // T?
	EnumType struct {
		Values []*StringLit
		Pos    Span
	} // "gp2" | "gp3"
	PublicType struct {
		Elem TypeExpr
		Pos  Span
	} // public T: takes no secret
	BadType struct {
		Pos     Span
		problem *problem
	}
)
