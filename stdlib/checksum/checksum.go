// Package checksum is the post-processor that writes checksum files in the format of coreutils.
//
// Start reading at Process.
package checksum

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"imgc/stdlib/component"
)

//go:embed schema.imgc
var schema string

// Options are the post-processor's options; the schema says what they mean.
type Options struct {
	Types  []string `imgc:"types"`
	Output *string  `imgc:"output"`
}

// Component is the registry entry.
func Component() component.Component {
	return component.NewPost("checksum", schema, "1", func(o *Options) component.PostProcessor { return &post{Options: o} })
}

type post struct {
	component.UndoPartialFiles
	*Options
}

func newHash(kind string) (hash.Hash, error) {
	switch kind {
	case "md5":
		return md5.New(), nil
	case "sha1":
		return sha1.New(), nil
	case "sha224":
		return sha256.New224(), nil
	case "sha256":
		return sha256.New(), nil
	case "sha384":
		return sha512.New384(), nil
	case "sha512":
		return sha512.New(), nil
	}
	return nil, fmt.Errorf("there is no checksum type %s", kind)
}

// Process reads each file once, whatever the number of types, and writes a checksum file for each type.
func (p *post) Process(ctx context.Context, env *component.Env, in component.Artifact) (component.Artifact, error) {
	var none component.Artifact
	if len(in.Files) == 0 {
		return none, errors.New("the artifact has no local files to make checksums of")
	}
	types := slices.Compact(slices.Sorted(slices.Values(p.Types)))
	if len(types) == 0 {
		return none, errors.New("types is empty: name at least one checksum type")
	}
	outputs, err := p.outputs(env, types, in.Files)
	if err != nil {
		return none, err
	}
	sums, err := sumAll(ctx, env, types, in.Files)
	if err != nil {
		return none, err
	}
	var written []any
	all := make([]string, 0, len(in.Files)+len(types))
	for t, output := range outputs {
		err := component.WriteAtomic(ctx, env, output, 0o644, func(w io.Writer) error {
			for i, f := range in.Files {
				name, err := filepath.Rel(filepath.Dir(output), env.Path(f.Path))
				if err != nil {
					return err
				}
				if _, err := io.WriteString(w, line(sums[i][t], name)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return none, err
		}
		written = append(written, env.Rel(output))
		all = append(all, output)
	}
	a, err := component.LocalArtifact(ctx, env, "files", all)
	if err != nil {
		return none, err
	}
	a.Files = append(a.Files, in.Files...)
	slices.SortFunc(a.Files, func(x, y component.File) int { return strings.Compare(x.Path, y.Path) })
	files := make([]any, len(in.Files))
	for i, f := range in.Files {
		files[i] = f.Path
	}
	a.Attrs = map[string]any{"files": files, "sums": written}
	return a, nil
}

// outputs gives the absolute path of each type's checksum file.
func (p *post) outputs(env *component.Env, types []string, files []component.File) ([]string, error) {
	out := make([]string, len(types))
	for i, t := range types {
		switch {
		case p.Output == nil:
			out[i] = filepath.Join(commonFolder(env, files), strings.ToUpper(t)+"SUMS")
		case len(types) > 1 && !strings.Contains(*p.Output, "{type}"):
			return nil, fmt.Errorf("output %s is one file for %d types; write {type} where the type goes, as in sums.{type}", *p.Output, len(types))
		default:
			out[i] = env.Path(strings.ReplaceAll(*p.Output, "{type}", t))
		}
		for _, f := range files {
			if env.Path(f.Path) == out[i] {
				return nil, fmt.Errorf("output %s is one of the files to make checksums of; choose another", env.Rel(out[i]))
			}
		}
	}
	return out, nil
}

func commonFolder(env *component.Env, files []component.File) string {
	common := filepath.Dir(env.Path(files[0].Path))
	for _, f := range files[1:] {
		for path := env.Path(f.Path); common != "/" && !strings.HasPrefix(path, common+"/"); {
			common = filepath.Dir(common)
		}
	}
	return common
}

func sumAll(ctx context.Context, env *component.Env, types []string, files []component.File) ([][]string, error) {
	var total int64
	for _, f := range files {
		total += f.Size
	}
	var done atomic.Int64
	sums := make([][]string, len(files))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		group.Go(func() error {
			var err error
			sums[i], err = sum(ctx, env.Path(f.Path), types, func(n int64) { env.Progress("checksums", done.Add(n), total) })
			if err != nil {
				return fmt.Errorf("making the checksum of %s: %w", f.Path, err)
			}
			return nil
		})
	}
	return sums, group.Wait()
}

func sum(ctx context.Context, path string, types []string, advance func(int64)) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	hashes := make([]hash.Hash, len(types))
	writers := make([]io.Writer, len(types))
	for i, t := range types {
		if hashes[i], err = newHash(t); err != nil {
			return nil, err
		}
		writers[i] = hashes[i]
	}
	var last int64
	r := component.NewReader(ctx, f, 0, func(done, _ int64) { advance(done - last); last = done })
	if _, err := io.CopyBuffer(io.MultiWriter(writers...), r, make([]byte, 256<<10)); err != nil {
		return nil, err
	}
	out := make([]string, len(types))
	for i, h := range hashes {
		out[i] = hex.EncodeToString(h.Sum(nil))
	}
	return out, nil
}

// line is a line as coreutils writes it: a name with a line break or a backslash is escaped, and the line
// begins with a backslash to say so.
func line(sum, name string) string {
	escaped := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(name)
	if escaped != name {
		sum = `\` + sum
	}
	return sum + "  " + escaped + "\n"
}
