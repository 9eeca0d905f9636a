package component

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// partialFile is the kind of effect that WriteAtomic records.
const partialFile = "partial-file"

// WriteAtomic writes a file so that at every moment the old content or the whole new content is at path,
// whatever fails and also after a crash: write fills a file beside it, which then takes its place. path is resolved against env.Dir;
// folders that are missing are made. An error leaves path as it was.
func WriteAtomic(ctx context.Context, env *Env, path string, mode fs.FileMode, write func(io.Writer) error) (err error) {
	path = env.Path(path)
	fail := func(err error) error { return fmt.Errorf("writing %s: %w", env.Rel(path), err) }
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fail(err)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fail(errors.New("something that is not a file is there already; choose another path or remove it"))
	}
	run := env.RunID
	if len(run) > 8 {
		run = run[len(run)-8:] // its random end
	}
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+run+".part")
	if err := env.Effects.Intend(partialFile, temp, nil); err != nil {
		return fail(err)
	}
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return errors.Join(fail(err), env.Effects.Settled(partialFile, temp))
	}
	buffered := bufio.NewWriterSize(f, 256<<10)
	err = write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		err = errors.Join(fail(err), os.Remove(temp))
	}
	return errors.Join(err, env.Effects.Settled(partialFile, temp))
}

// WriteArtifact writes a file as WriteAtomic does, and gives the artifact of it without reading it again.
func WriteArtifact(ctx context.Context, env *Env, kind, path string, mode fs.FileMode, write func(io.Writer) error) (Artifact, error) {
	sum := sha256.New()
	err := WriteAtomic(ctx, env, path, mode, func(w io.Writer) error { return write(io.MultiWriter(w, sum)) })
	if err != nil {
		return Artifact{}, err
	}
	full := env.Path(path)
	info, err := os.Stat(full)
	if err != nil {
		return Artifact{}, fmt.Errorf("looking at %s after writing it: %w", env.Rel(full), err)
	}
	f := File{Path: env.Rel(full), SHA256: hex.EncodeToString(sum.Sum(nil)), Size: info.Size(), ModTime: info.ModTime()}
	return Artifact{Kind: kind, ID: f.Path, Files: []File{f}}, nil
}

// UndoPartialFiles is embedded by components that use WriteAtomic: it makes them an Undoer.
type UndoPartialFiles struct{}

// Undo removes a file that WriteAtomic had not finished.
func (UndoPartialFiles) Undo(_ context.Context, _ *Env, e Effect) error {
	if e.Kind != partialFile {
		return nil
	}
	if err := os.Remove(e.ID); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the unfinished file %s: %w", e.ID, err)
	}
	return nil
}
