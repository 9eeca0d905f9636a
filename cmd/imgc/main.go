// Command imgc builds machine images from programs in a small typed language.
//
// This package is the command line: one file a command, and wiring only. What a command does lives in
// compiler, planner and executor; what imgc can build with is the list in stdlib. How a run is drawn is in
// cmd/imgc/view. Start reading at root.go, then plan.go and apply.go.
package main

import (
	"os"

	"imgc/executor/machine/sandbox"
)

func main() {
	// The sandbox starts this very program again inside its namespaces; then Init does not return.
	sandbox.Init()
	os.Exit(run())
}

// run runs the command line that the process was given.
func run() int {
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv, environ: os.Environ}
	return a.main(os.Args[1:])
}
