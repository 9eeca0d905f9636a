// Package file is the builder of a single local file. It has no machine.
//
// Start reading at Finish.
package file

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"imgc/stdlib/component"
)

//go:embed schema.imgc
var schema string

// Options are the builder's options; the schema says what they mean.
type Options struct {
	Content *string `imgc:"content"`
	Source  *string `imgc:"source"`
	Target  string  `imgc:"target"`
	Mode    int     `imgc:"mode"`
}

// Component is the registry entry.
func Component() component.Component {
	return component.NewBuilder("file", schema, "1", func(o *Options) component.Builder { return &builder{Options: o} })
}

type builder struct {
	component.UndoPartialFiles
	*Options
}

// Start makes no machine.
func (b *builder) Start(context.Context, *component.Env) (component.Machine, error) { return nil, nil }

// Stop has nothing to give back.
func (b *builder) Stop(context.Context, *component.Env, component.Machine) error { return nil }

// Finish writes the file.
func (b *builder) Finish(ctx context.Context, env *component.Env, _ component.Machine) (component.Artifact, error) {
	if b.Mode < 0 || b.Mode > 0o777 {
		return component.Artifact{}, fmt.Errorf("mode %#o is not a file's permissions; give one from 0o000 to 0o777", b.Mode)
	}
	err := component.WriteAtomic(ctx, env, b.Target, fs.FileMode(b.Mode), func(w io.Writer) error {
		if b.Source == nil {
			_, err := io.WriteString(w, *b.Content)
			return err
		}
		return copyFrom(ctx, env, *b.Source, w)
	})
	if err != nil {
		return component.Artifact{}, err
	}
	a, err := component.LocalArtifact(ctx, env, "files", []string{b.Target})
	a.Attrs = map[string]any{"path": strings.TrimSuffix(b.Target, "/")}
	return a, err
}

func copyFrom(ctx context.Context, env *component.Env, source string, w io.Writer) error {
	f, err := os.Open(env.Path(source))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	_, err = io.Copy(w, component.NewReader(ctx, f, info.Size(), func(done, total int64) {
		env.Progress("copying "+source, done, total)
	}))
	return err
}
