package lang

import (
	_ "embed"

	"golang.org/x/tools/txtar"
)

//go:embed examples.txtar
var examples []byte

// Examples are a program that has the mistake of a code, and one that does it right. Further files that they need are among
// ExampleFiles.
func Examples(code string) (wrong, right string) {
	return ExampleFiles(code, "wrong")["main.imgc"], ExampleFiles(code, "right")["main.imgc"]
}

// ExampleFiles are the files of an example: kind is "wrong" or "right".
func ExampleFiles(code, kind string) map[string]string {
	prefix := code + "/" + kind + "/"
	out := map[string]string{}
	for _, f := range txtar.Parse(examples).Files {
		if len(f.Name) > len(prefix) && f.Name[:len(prefix)] == prefix {
			out[f.Name[len(prefix):]] = string(f.Data)
		}
	}
	return out
}
