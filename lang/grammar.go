package lang

import (
	"github.com/alecthomas/participle/v2/lexer"
)

// The heads of declarations and the statements are participle grammars: each struct is a production and its tags are
// the grammar. Bodies loop over statements themselves (body.go), so that one that is wrong costs only its own line,
// and expressions and types are written by hand (expr.go, type.go): participle calls them for each Expr and TypeExpr.
//
// The keyword that begins a production has been looked at, not taken, when its parser is called.
//
// Names are Parseables, options are read by hand (statements.go), and so are statements that are written as nearly all are
// (fast.go): they are most of a program, and reflection on each of their tokens was most of the time of parsing. The
// productions here say what is legal; a test holds that what is read by hand comes out the same.

type (
	identP  struct{ Ident }  // Ident
	dottedP struct{ Dotted } // Ident ( '.' Ident )*: the name of a component
	pathP   struct{ Dotted } // the same, the name of a source
	typedP  struct {
		Name identP   `parser:"@@"`
		Type TypeExpr `parser:"( ':' @@ )?"`
	}
	paramP struct {
		Secret  bool     `parser:"@'secret'? 'param'"`
		Decl    typedP   `parser:"@@"`
		Default Expr     `parser:"( '=' @@ )?"`
		Checks  *checksP `parser:"@@?"`
	}
	checksP struct {
		Open   string    `parser:"@'{' Newline*"`
		Checks []*checkP `parser:"( @@ ( ',' | Newline )* )* '}'"`
	}
	checkP struct {
		Pos     lexer.Position
		Cond    Expr `parser:"'check' @@ ','"`
		Message Expr `parser:"@@"`
		EndPos  lexer.Position
	}
	letP struct {
		Decl  typedP `parser:"'let' @@"`
		Value Expr   `parser:"'=' @@"`
	}
	typeDeclP struct {
		Name identP   `parser:"'type' @@ '='"`
		Type TypeExpr `parser:"@@"`
	}
	funcParamP struct {
		Pos     lexer.Position
		Name    identP   `parser:"@@"`
		Type    TypeExpr `parser:"':' @@"`
		Default Expr     `parser:"( '=' @@ )?"`
		EndPos  lexer.Position
	}
	funcP struct {
		Name   identP        `parser:"'func' @@ '('"`
		Params []*funcParamP `parser:"( @@ ( (?= ',' Ident ) ',' @@ )* ','? )? ')'"`
		Result TypeExpr      `parser:"( ':' @@ )?"`
		Value  Expr          `parser:"'=' @@"`
	}
	componentDeclP struct {
		Keyword   string  `parser:"@( 'source' | 'data' )"`
		Name      identP  `parser:"@@ '='"`
		Component dottedP `parser:"@@"`
		Body      *Body   `parser:"@@"`
	}
	recipeP struct {
		Name   identP        `parser:"'recipe' @@ '('"`
		Params []*funcParamP `parser:"( @@ ( (?= ',' Ident ) ',' @@ )* ','? )? ')'"`
		Body   *Body         `parser:"@@"`
	}
	forP struct {
		Pos    lexer.Position
		First  identP  `parser:"'for' @@"`
		Second *identP `parser:"( ',' @@ )?"`
		In     Expr    `parser:"'in' @@"`
		EndPos lexer.Position
	}
	buildP struct {
		Name identP `parser:"'build' @@"`
		For  *forP  `parser:"@@?"`
		Body *Body  `parser:"@@"`
	}
	outputP struct {
		Name  identP `parser:"'output' @@ '='"`
		Value Expr   `parser:"@@"`
	}
	assertP struct {
		Cond    Expr `parser:"'assert' @@ ','"`
		Message Expr `parser:"@@"`
	}
	useP struct {
		Path Expr    `parser:"'use' @@"`
		As   *identP `parser:"( 'as' @@ )?"`
	}
	testP struct {
		Name quotedP `parser:"'test' @@"`
		Body *Body   `parser:"@@"`
	}

	fromP struct { // from vm { … }
		Name pathP `parser:"'from' @@"`
		Body *Body `parser:"@@?"`
	}
	overrideP struct {
		Name identP `parser:"'override' @@"`
		Body *Body  `parser:"@@?"`
	}
	stepP struct { // provision shell "label" { … }
		Component dottedP `parser:"( 'provision' | 'on_error' ) @@"`
		Label     *labelP `parser:"@@?"`
		Body      *Body   `parser:"@@?"`
	}
	labelP     struct{ *StringLit } // String
	quotedP    struct{ *StringLit } // String, which has to be there
	namesBodyP struct {
		Names []identP `parser:"'on' @@ ( ',' @@ )*"`
		Body  *Body    `parser:"@@"`
	}
	namesP struct {
		Names []identP `parser:"( 'only' | 'except' ) @@ ( (?! ',' Ident '=' ) ',' @@ )*"`
	}
	valueP struct {
		Value Expr `parser:"( 'retry' | 'timeout' | 'pause' | 'when' ) @@"`
	}
	givenP struct { // param x = 1, in a test
		Name  identP `parser:"'param' @@ '='"`
		Value Expr   `parser:"@@"`
	}
	expectErrorP struct {
		Cond    Expr `parser:"'expect' 'error' @@"`
		Message Expr `parser:"( (?! ',' Ident '=' ) ',' @@ )?"`
	}
	expectP struct {
		Cond    Expr `parser:"'expect' @@"`
		Message Expr `parser:"( (?! ',' Ident '=' ) ',' @@ )?"`
	}
	keepP struct {
		Keep bool `parser:"@'keep'"`
	}
	linkP struct {
		Component dottedP `parser:"@@"`
		Body      *Body   `parser:"@@?"`
	}
	postP struct {
		Links []*linkP `parser:"'post' @@ ( '|>' @@ )*"`
	}
)
