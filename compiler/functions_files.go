package compiler

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/zclconf/go-cty/cty"
)

// maxFile bounds what a function may read.
const maxFile = 16 << 20

func readFile(cfg Config, name string) ([]byte, error) {
	name = within(cfg.Dir, name)
	info, err := os.Stat(name)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no file")
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("it has %d bytes, and %d are the most", info.Size(), maxFile)
	}
	b, err := os.ReadFile(name)
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return b, err
}

func files(fs map[string]*builtin) {
	tPath := &Type{Kind: Path}
	reader := func(doc string, t *Type, f func([]byte) (cty.Value, error)) *builtin {
		return &builtin{params: []parameter{par("path", tPath)}, result: always(t), doc: doc,
			reads: func(cfg Config, a []cty.Value) (cty.Value, error) {
				b, err := readFile(cfg, str(a[0]))
				if err != nil {
					return cty.NilVal, fmt.Errorf("reading %s: %w", str(a[0]), err)
				}
				return f(b)
			}}
	}
	fs["file"] = reader("the text of a file; its content is part of what uses it", tString, func(b []byte) (cty.Value, error) {
		if !utf8.Valid(b) {
			return cty.NilVal, errors.New("the file is not UTF-8 text; use filebase64")
		}
		return text(string(b), nil)
	})
	fs["filebase64"] = reader("the bytes of a file, in base64", tString, func(b []byte) (cty.Value, error) {
		return text(base64.StdEncoding.EncodeToString(b), nil)
	})
	fs["filesha256"] = reader("the SHA-256 of a file, in hex", tString, func(b []byte) (cty.Value, error) {
		h := sha256.Sum256(b)
		return text(hexOf(h[:]), nil)
	})
	fs["filesha512"] = reader("the SHA-512 of a file, in hex", tString, func(b []byte) (cty.Value, error) {
		h := sha512.Sum512(b)
		return text(hexOf(h[:]), nil)
	})
	fs["fileexists"] = &builtin{params: []parameter{par("path", tPath)}, result: always(tBool), doc: "whether there is a file",
		reads: func(cfg Config, a []cty.Value) (cty.Value, error) {
			info, err := os.Stat(within(cfg.Dir, str(a[0])))
			return cty.BoolVal(err == nil && info.Mode().IsRegular()), nil
		}}
	fs["fileset"] = &builtin{params: []parameter{par("folder", tPath), par("pattern", tString)}, result: always(tStrings), doc: `the files of a folder that match a pattern such as "**/*.sh", in order`,
		reads: func(cfg Config, a []cty.Value) (cty.Value, error) {
			if !doublestar.ValidatePattern(str(a[1])) || slices.Contains(strings.Split(path.Clean(str(a[1])), "/"), "..") || path.IsAbs(str(a[1])) {
				return cty.NilVal, fmt.Errorf("%q is no pattern of names below the folder", str(a[1]))
			}
			found, err := doublestar.Glob(os.DirFS(within(cfg.Dir, str(a[0]))), path.Clean(str(a[1])), doublestar.WithFilesOnly(), doublestar.WithFailOnIOErrors())
			if err != nil {
				return cty.NilVal, fmt.Errorf("looking through %s: %w", str(a[0]), err)
			}
			slices.Sort(found)
			return stringTuple(found), nil
		}}
}
