package main

// starter is the program that imgc init writes; NAME is replaced by its name. A test applies it.
const starter = `## A first program. ` + "`imgc plan`" + ` says what it would make, ` + "`imgc apply`" + ` makes it.

param greeting: string = "hello"

# What to build on. This builder makes a file and needs no machine; ` + "`imgc doc`" + ` lists the others:
# rootfs builds an image in a sandbox, null works on a machine that you have.
source here = file {
  content = "${greeting} from NAME\n"
  target  = "dist/NAME.txt"
}

build NAME {
  from here

  provision shell_local "say hello" {
    script = "hello.sh"
    env    = { GREETING = greeting }
  }

  post compress { output = "dist/NAME.tar.gz" }
    |> checksum
}
`

const starterScript = `#!/bin/sh
# A step of the program: change it, and imgc plan names it.
echo "$GREETING"
`
