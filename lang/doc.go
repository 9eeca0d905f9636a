// Package lang turns text into a syntax tree: lexer, grammar, a parser that goes on after errors, positions, and the
// Diagnostic type that every later pass reports with. It knows nothing of components, values or clouds.
//
// Start reading at ast.go for the tree, then parser.go: a file is cut into declarations (chunks), each of which is parsed
// by itself. grammar.go holds the participle grammar of declarations and statements, expr.go the Pratt parser of expressions.
package lang
