// Package manifest is the post-processor that records builds in a JSON file with the fields of Packer's
// manifest. Builds that run at the same time may share one file.
//
// Start reading at Process; document.go has the file's format.
package manifest

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"imgc/stdlib/component"
)

//go:embed schema.imgc
var schema string

// Options are the post-processor's options; the schema says what they mean.
type Options struct {
	Output     string            `imgc:"output"`
	StripPath  bool              `imgc:"strip_path"`
	StripTime  bool              `imgc:"strip_time"`
	CustomData map[string]string `imgc:"custom_data"`
}

// Component is the registry entry.
func Component() component.Component {
	return component.NewPost("manifest", schema, "1", func(o *Options) component.PostProcessor { return &post{Options: o} })
}

type post struct {
	component.UndoPartialFiles
	*Options
}

// Process puts the build's entry in the manifest.
func (p *post) Process(ctx context.Context, env *component.Env, in component.Artifact) (component.Artifact, error) {
	e := entry{
		Name: env.Source, BuilderType: env.Builder, ArtifactID: in.ID, RunUUID: env.RunID,
		CustomData: p.CustomData, Build: env.Unit, InputDigest: env.Digest,
	}
	if !p.StripTime {
		e.BuildTime = time.Now().Unix()
	}
	for _, f := range in.Files {
		name := f.Path
		if p.StripPath {
			name = filepath.Base(name)
		}
		e.Files = append(e.Files, entryFile{name, f.Size})
	}
	err := p.locked(ctx, env, p.Output, func(doc *document) error {
		doc.LastRun = env.RunID
		return doc.put(e)
	})
	if err != nil {
		return component.Artifact{}, err
	}
	// The file is shared, so it is not one of the artifact's own files: Probe looks for the entry in it.
	rel := env.Rel(env.Path(p.Output))
	return component.Artifact{Kind: "report", ID: rel, Attrs: map[string]any{
		"path": rel, "build": env.Unit, "input_digest": env.Digest,
	}}, nil
}

// Probe looks for the build's entry.
func (p *post) Probe(_ context.Context, env *component.Env, a component.Artifact) (component.Status, error) {
	path, build, digest := attr(a, "path"), attr(a, "build"), attr(a, "input_digest")
	doc, err := read(env.Path(path), path)
	switch {
	case err != nil:
		return component.Changed, nil //nolint:nilerr // what cannot be read is not what was written; Process says why
	case doc == nil:
		return component.Gone, nil
	}
	for _, raw := range doc.Builds {
		if e := identify(raw); e.Build == build {
			if e.InputDigest == digest {
				return component.Present, nil
			}
			return component.Changed, nil
		}
	}
	return component.Gone, nil
}

// Delete takes the build's entry out, and removes the manifest with the last one.
func (p *post) Delete(ctx context.Context, env *component.Env, a component.Artifact) error {
	if _, err := os.Stat(env.Path(attr(a, "path"))); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return p.locked(ctx, env, attr(a, "path"), func(doc *document) error {
		doc.remove(attr(a, "build"))
		return nil
	})
}

func attr(a component.Artifact, name string) string {
	s, _ := a.Attrs[name].(string)
	return s
}

// locked changes the manifest while no other build does.
func (p *post) locked(ctx context.Context, env *component.Env, output string, change func(*document) error) error {
	path := env.Path(output)
	// The lock lies in the state folder so that nothing is left beside the manifest.
	sum := sha256.Sum256([]byte(path))
	locks := filepath.Join(env.StateDir, "locks")
	if err := os.MkdirAll(locks, 0o700); err != nil {
		return fmt.Errorf("locking the manifest %s: %w", output, err)
	}
	lock := flock.New(filepath.Join(locks, "manifest-"+hex.EncodeToString(sum[:8])))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return fmt.Errorf("waiting for the lock of the manifest %s: %w", output, err)
	}
	defer lock.Unlock() //nolint:errcheck // closing the file unlocks it in any case

	doc, err := read(path, output)
	if err != nil {
		return err
	}
	if doc == nil {
		doc = &document{}
	}
	if err := change(doc); err != nil {
		return err
	}
	if len(doc.Builds) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the empty manifest %s: %w", output, err)
		}
		return nil
	}
	return component.WriteAtomic(ctx, env, output, 0o644, doc.write)
}
