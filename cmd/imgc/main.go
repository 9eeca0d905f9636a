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
	os.Exit(newApp().main(os.Args[1:]))
}

// newApp is an app of the process's own streams and environment.
func newApp() *app {
	return &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv, environ: os.Environ}
}
