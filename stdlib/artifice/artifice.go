// Package artifice is the post-processor that makes an artifact of local files.
//
// Start reading at Process.
package artifice

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"imgc/stdlib/component"
)

//go:embed schema.imgc
var schema string

// Options are the post-processor's options; the schema says what they mean.
type Options struct {
	Files []string `imgc:"files"`
}

// Component is the registry entry.
func Component() component.Component {
	return component.NewPost("artifice", schema, "1", func(o *Options) component.PostProcessor { return &post{o} })
}

type post struct{ *Options }

// Process finds the files; every one that is missing is named.
func (p *post) Process(ctx context.Context, env *component.Env, _ component.Artifact) (component.Artifact, error) {
	var found, missing []string
	for _, pattern := range p.Files {
		path := env.Path(pattern)
		// A file may have the characters of a pattern in its name.
		if _, err := os.Lstat(path); err == nil {
			found = append(found, path)
			continue
		} else if !errors.Is(err, fs.ErrNotExist) {
			return component.Artifact{}, fmt.Errorf("looking for the artifact file %s: %w", pattern, err)
		}
		matches, err := filepath.Glob(path)
		if err != nil {
			return component.Artifact{}, fmt.Errorf("the pattern %s of files is not valid: %w", pattern, err)
		}
		if len(matches) == 0 {
			missing = append(missing, pattern)
		}
		found = append(found, matches...)
	}
	if len(missing) > 0 {
		return component.Artifact{}, fmt.Errorf("nothing is at %s; did a step make it, or download it to there?", strings.Join(missing, ", "))
	}
	a, err := component.LocalArtifact(ctx, env, "files", found)
	if err != nil {
		return component.Artifact{}, err
	}
	if len(a.Files) == 0 {
		return component.Artifact{}, fmt.Errorf("there are no files in %s", strings.Join(p.Files, ", "))
	}
	a.Attrs = map[string]any{"files": paths(a)}
	return a, nil
}

func paths(a component.Artifact) []any {
	out := make([]any, len(a.Files))
	for i, f := range a.Files {
		out[i] = f.Path
	}
	return out
}
