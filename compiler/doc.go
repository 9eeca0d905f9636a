// Package compiler turns the syntax tree of a program into a Program: everything typed, expanded and
// evaluated as far as it can be before apply. It knows components by their schemas alone, not the Go code
// behind them, and it neither reads what the program builds from nor touches anything outside.
//
// Start reading at Program, then Type and Schema.
package compiler
