// Command sh is the shell of the quick start's image.
package main

import (
	"context"
	"os"

	"imgc/testdata/quickstart/shell"
)

func main() {
	os.Exit(shell.Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
