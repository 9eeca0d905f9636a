package component

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// HashFile gives the SHA-256 of a file's content in hex and its size in bytes. progress (which may be nil)
// is told the bytes that are done.
func HashFile(ctx context.Context, path string, progress func(done, total int64)) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	if !info.Mode().IsRegular() {
		return "", 0, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	h := sha256.New()
	n, err := io.CopyBuffer(struct{ io.Writer }{h}, NewReader(ctx, f, info.Size(), progress), make([]byte, 256<<10))
	if err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(h.Sum(nil)), n, nil
}

// NewReader reads from r until ctx ends, and tells progress (which may be nil) how much has been read.
func NewReader(ctx context.Context, r io.Reader, total int64, progress func(done, total int64)) io.Reader {
	return &reader{ctx: ctx, r: r, total: total, progress: progress}
}

type reader struct {
	ctx         context.Context
	r           io.Reader
	done, total int64
	progress    func(done, total int64)
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, context.Cause(r.ctx)
	}
	n, err := r.r.Read(p)
	r.done += int64(n)
	if n > 0 && r.progress != nil {
		r.progress(r.done, r.total)
	}
	return n, err
}

// LocalArtifact makes an artifact of the local files at paths, which are resolved against env.Dir. A folder
// stands for every file below it. The files are sorted by path, each once. What is missing is an error.
//
// A symbolic link is recorded with the content of the file it leads to; one that leads to no file is
// recorded by its target.
func LocalArtifact(ctx context.Context, env *Env, kind string, paths []string) (Artifact, error) {
	a := Artifact{Kind: kind}
	seen := map[string]bool{}
	for _, p := range paths {
		root := env.Path(p)
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() || seen[path] {
				return nil
			}
			seen[path] = true
			f, err := describe(ctx, env, path)
			if err != nil {
				return err
			}
			a.Files = append(a.Files, f)
			return nil
		})
		if err != nil {
			return Artifact{}, fmt.Errorf("recording the artifact file %s: %w", env.Rel(root), err)
		}
	}
	slices.SortFunc(a.Files, func(x, y File) int { return cmp.Compare(x.Path, y.Path) })
	names := make([]string, len(a.Files))
	for i, f := range a.Files {
		names[i] = f.Path
	}
	a.ID = strings.Join(names, ", ")
	if len(names) > 3 {
		a.ID = fmt.Sprintf("%s and %d more", names[0], len(names)-1)
	}
	return a, nil
}

func describe(ctx context.Context, env *Env, path string) (File, error) {
	f := File{Path: env.Rel(path)}
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return describeLink(f, path)
	}
	var progress func(done, total int64)
	if env.Progress != nil {
		progress = func(done, total int64) { env.Progress("reading "+f.Path, done, total) }
	}
	sum, size, err := HashFile(ctx, path, progress)
	if err != nil {
		return File{}, err
	}
	f.SHA256, f.Size, f.ModTime = sum, size, info.ModTime()
	return f, nil
}

func describeLink(f File, path string) (File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return File{}, err
	}
	target, err := os.Readlink(path)
	if err != nil {
		return File{}, err
	}
	sum := sha256.Sum256([]byte("link to " + target))
	f.SHA256, f.Size, f.ModTime = hex.EncodeToString(sum[:]), int64(len(target)), info.ModTime()
	return f, nil
}

// ProbeFiles says whether the artifact's files still are what was recorded. A file of the recorded size
// and modification time is taken as unchanged without reading it; otherwise its content decides.
func ProbeFiles(ctx context.Context, env *Env, a Artifact) (Status, error) {
	status := Present
	for _, f := range a.Files {
		path := env.Path(f.Path)
		info, err := os.Stat(path)
		if err == nil && info.Mode().IsRegular() {
			if info.Size() != f.Size {
				status = Changed
				continue
			}
			if info.ModTime().Equal(f.ModTime) {
				continue
			}
		}
		now, err := describe(ctx, env, path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return Gone, nil
		case ctx.Err() != nil:
			return "", context.Cause(ctx)
		case errors.Is(err, fs.ErrPermission):
			return "", fmt.Errorf("looking whether %s is still what was built: %w", f.Path, err)
		case err != nil || now.SHA256 != f.SHA256:
			status = Changed
		}
	}
	return status, nil
}

// DeleteFiles removes the artifact's files. Folders stay. A file
// that is gone already is no error; all others are tried even when one fails.
func DeleteFiles(ctx context.Context, env *Env, a Artifact) error {
	var errs []error
	for _, f := range a.Files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		path := env.Path(f.Path)
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("removing %s: %w", f.Path, err))
		}
	}
	return errors.Join(errs...)
}
