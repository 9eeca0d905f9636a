// Package compress is the post-processor that packs and compresses files.
//
// Start reading at Process; archive.go writes archives, stream.go compresses streams, parallel.go does so
// on all cores.
package compress

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"imgc/stdlib/component"
)

//go:embed schema.imgc
var schema string

// Options are the post-processor's options; the schema says what they mean.
type Options struct {
	Output string  `imgc:"output"`
	Format string  `imgc:"format"`
	Level  *int    `imgc:"level"`
	Base   *string `imgc:"base"`
	MTime  int64   `imgc:"mtime"`
}

// Component is the registry entry.
func Component() component.Component {
	return component.NewPost("compress", schema, "1", func(o *Options) component.PostProcessor { return &post{Options: o} })
}

type post struct {
	component.UndoPartialFiles
	*Options
}

// Process writes the archive or the compressed file.
func (p *post) Process(ctx context.Context, env *component.Env, in component.Artifact) (component.Artifact, error) {
	var none component.Artifact
	container, coding, err := p.format()
	if err != nil {
		return none, err
	}
	if err := checkLevel(coding, container, p.Level); err != nil {
		return none, err
	}
	if len(in.Files) == 0 {
		return none, errors.New("the artifact has no local files to compress")
	}
	items, err := p.items(env, in)
	if err != nil {
		return none, err
	}
	// A root file system that is a tar already is compressed, not packed into another tar.
	if in.Kind == "rootfs" && len(items) == 1 && container == "tar" && strings.HasSuffix(items[0].path, ".tar") {
		container = ""
	}
	if container == "" && len(items) > 1 {
		return none, fmt.Errorf("output %s holds one file and the artifact has %d; use an archive such as .tar.%s", p.Output, len(items), coding)
	}
	var total int64
	for _, f := range in.Files {
		total += f.Size
	}
	progress := &progress{total: total, tell: func(done, total int64) { env.Progress("compressing "+p.Output, done, total) }}
	a, err := component.WriteArtifact(ctx, env, "files", p.Output, 0o644, func(w io.Writer) error {
		if container == "zip" {
			return writeZip(ctx, w, items, level(p.Level, 6), p.MTime, progress)
		}
		c, err := compressor(w, coding, p.Level)
		if err != nil {
			return err
		}
		if container == "tar" {
			err = writeTar(ctx, c, items, p.MTime, progress)
		} else {
			err = copyFile(ctx, c, items[0].path, progress)
		}
		return errors.Join(err, c.Close())
	})
	if err != nil {
		return none, err
	}
	a.Attrs = map[string]any{"path": a.ID}
	return a, nil
}

// format gives the container ("tar", "zip" or none) and the coding of the stream ("gz", "zst", "xz" or none).
func (p *post) format() (container, coding string, err error) {
	format := p.Format
	if format == "" || format == "auto" {
		// Longest first: .tar.gz ends in .gz too.
		for _, ending := range []string{"tar.gz", "tar.zst", "tar.xz", "tgz", "tar", "zip", "gz", "zst", "xz"} {
			if strings.HasSuffix(strings.ToLower(p.Output), "."+ending) {
				format = ending
				break
			}
		}
	}
	switch format {
	case "tgz":
		return "tar", "gz", nil
	case "tar", "zip":
		return format, "", nil
	case "gz", "zst", "xz":
		return "", format, nil
	case "tar.gz", "tar.zst", "tar.xz":
		return "tar", strings.TrimPrefix(format, "tar."), nil
	}
	return "", "", fmt.Errorf("the ending of output %s says no format; set format, or end it in .tar, .tar.gz, .tgz, .tar.zst, .tar.xz, .zip, .gz, .zst or .xz", p.Output)
}

func checkLevel(coding, container string, l *int) error {
	low, high := 1, 9
	switch {
	case l == nil:
		return nil
	case coding == "" && container != "zip":
		return errors.New("a plain tar is not compressed; leave level out")
	case coding == "zst":
		high = 19
	case coding == "xz":
		low = 0
	}
	if *l < low || *l > high {
		return fmt.Errorf("level %d is not one of %d to %d", *l, low, high)
	}
	return nil
}

func level(l *int, def int) int {
	if l == nil {
		return def
	}
	return *l
}

func copyFile(ctx context.Context, w io.Writer, path string, p *progress) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyBuffer(w, component.NewReader(ctx, f, 0, p.advance()), make([]byte, 256<<10))
	return err
}

// progress adds up the bytes of several files.
type progress struct {
	done, total int64
	tell        func(done, total int64)
}

// advance gives the progress function of the next file.
func (p *progress) advance() func(done, total int64) {
	before := p.done
	return func(done, _ int64) {
		p.done = before + done
		p.tell(p.done, p.total)
	}
}
