package rootfs

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"imgc/executor/machine/sandbox"
	"imgc/executor/machine/tree"
	"imgc/stdlib/component"
)

const effect = "rootfs-folder"

type builder struct {
	o    *Options
	work string
}

func newBuilder(o *Options) component.Builder { return &builder{o: o} }

// Start unpacks the base where that is not done yet, and starts the sandbox on it.
func (b *builder) Start(ctx context.Context, env *component.Env) (component.Machine, error) {
	cache := cacheDir(env)
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return nil, err
	}
	b.work = filepath.Join(cache, "work-"+env.RunID+"-"+env.FileName())
	if err := env.Effects.Intend(effect, b.work, nil); err != nil {
		return nil, err
	}
	if err := os.Mkdir(b.work, 0o755); err != nil {
		return nil, err
	}
	lower, err := b.lower(ctx, env, cache)
	if err != nil {
		return nil, err
	}
	used(cache, lower)
	r := &root{work: b.work, config: sandbox.Config{Lower: lower, Network: b.o.Network, Hostname: b.o.Hostname, Stderr: env.Stderr}}
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

func cacheDir(env *component.Env) string { return filepath.Join(env.StateDir, "cache", "rootfs") }

// lower lists the layers to begin on: those of the checkpoint, or the base.
func (b *builder) lower(ctx context.Context, env *component.Env, cache string) ([]string, error) {
	if env.RestoreFrom != "" {
		return layersOf(cache, env.RestoreFrom)
	}
	if b.o.Base != nil {
		l, err := b.base(ctx, env, cache)
		return []string{l}, err
	}
	// All that begin with nothing share one empty layer, which checkpoints can stand on.
	empty := filepath.Join(cache, "base-empty")
	if err := os.Mkdir(empty, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return []string{empty}, nil
}

func (b *builder) base(ctx context.Context, env *component.Env, cache string) (string, error) {
	path := env.Path(*b.o.Base)
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("opening the base: %w", err)
	}
	half := filepath.Join(b.work, "base")
	if info.IsDir() {
		if !isLayout(path) {
			return path, nil // only read; what changes lies in the upper folder
		}
		return b.image(env, cache, path, half)
	}
	archive, err := isArchive(path)
	if err != nil {
		return "", fmt.Errorf("opening the base: %w", err)
	}
	sum, _, err := component.HashFile(ctx, path, nil)
	if err != nil {
		return "", fmt.Errorf("reading the base: %w", err)
	}
	done := filepath.Join(cache, "base-"+sum)
	if _, err := os.Stat(done); err == nil {
		return done, nil
	}
	env.Say("unpacking the base %s", env.Rel(path))
	unpackTo := half
	if archive {
		unpackTo = filepath.Join(b.work, "layout")
	}
	if err := os.Mkdir(unpackTo, 0o755); err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	r, err := decompress(component.NewReader(ctx, f, info.Size(), func(n, total int64) { env.Progress("unpacking the base", n, total) }))
	switch {
	case err != nil:
	case archive:
		if err = unpackArchive(r, unpackTo); err == nil {
			return b.image(env, cache, unpackTo, half)
		}
	default:
		err = sandbox.Unpack(r, half, ".", true)
	}
	if err != nil {
		return "", fmt.Errorf("unpacking the base %s: %w; is it a whole tar (plain, gz, zst or xz) or OCI archive?", env.Rel(path), err)
	}
	return settle(half, done)
}

// image unpacks the image of an OCI layout.
func (b *builder) image(env *component.Env, cache, dir, half string) (string, error) {
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("unpacking the base %s: %w; is it a whole OCI layout?", env.Rel(env.Path(*b.o.Base)), err)
	}
	img, err := layoutImage(dir)
	if err != nil {
		return fail(err)
	}
	digest, err := img.Digest()
	if err != nil {
		return fail(err)
	}
	done := filepath.Join(cache, "base-oci-"+digest.Hex)
	if _, err := os.Stat(done); err == nil {
		return done, nil
	}
	if err := os.Mkdir(half, 0o755); err != nil {
		return "", err
	}
	if err := unpackImage(img, half); err != nil {
		return fail(err)
	}
	return settle(half, done)
}

// settle puts a whole base into the cache.
func settle(half, done string) (string, error) {
	if err := os.Rename(half, done); err != nil {
		if _, e := os.Stat(done); e == nil {
			return done, nil // another unit was faster
		}
		return "", err
	}
	return done, nil
}

func decompress(r io.Reader) (io.Reader, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	head, _ := br.Peek(6)
	switch {
	case len(head) > 1 && head[0] == 0x1f && head[1] == 0x8b:
		return gzip.NewReader(br)
	case len(head) > 3 && string(head[:4]) == "\x28\xb5\x2f\xfd":
		d, err := zstd.NewReader(br)
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	case string(head) == "\xfd7zXZ\x00":
		return xz.NewReader(br)
	}
	return br, nil
}

// Finish writes the root as a tar.
func (b *builder) Finish(ctx context.Context, env *component.Env, m component.Machine) (component.Artifact, error) {
	sb, ok := m.(*root)
	if !ok || sb == nil {
		return component.Artifact{}, errors.New("finishing the root file system: there is no sandbox")
	}
	out := filepath.Join(env.StateDir, "artifacts", env.FileName(), "rootfs.tar")
	if b.o.Output != nil {
		out = env.Path(*b.o.Output)
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return component.Artifact{}, err
	}
	half := filepath.Join(filepath.Dir(out), ".rootfs-"+env.RunID+"-"+env.FileName()+".tmp")
	if err := env.Effects.Intend(effect, half, nil); err != nil {
		return component.Artifact{}, err
	}
	f, err := os.OpenFile(half, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return component.Artifact{}, fmt.Errorf("writing the root file system: %w", err)
	}
	defer os.Remove(half)
	h := sha256.New()
	err = sb.Export(ctx, io.MultiWriter(f, h), b.o.Epoch)
	var info fs.FileInfo
	if err == nil {
		err = errors.Join(f.Chmod(0o644), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(half, out)
	}
	if err == nil {
		info, err = os.Stat(out)
	}
	if err != nil {
		return component.Artifact{}, fmt.Errorf("writing the root file system to %s: %w", env.Rel(out), err)
	}
	if err := env.Effects.Settled(effect, half); err != nil {
		return component.Artifact{}, err
	}
	p := env.Rel(out)
	return component.Artifact{Kind: "rootfs", ID: p, Attrs: map[string]any{"path": p},
		Files: []component.File{{Path: p, Size: info.Size(), SHA256: hex.EncodeToString(h.Sum(nil)), ModTime: info.ModTime()}}}, nil
}

// Stop ends the sandbox and removes its folders.
func (b *builder) Stop(ctx context.Context, env *component.Env, m component.Machine) error {
	if sb, ok := m.(*root); ok && sb != nil && sb.Machine != nil {
		if err := sb.Close(); err != nil {
			return err
		}
	}
	if b.work == "" {
		return nil
	}
	if err := tree.Remove(b.work); err != nil {
		return fmt.Errorf("removing the sandbox's folder: %w", err)
	}
	return errors.Join(env.Effects.Settled(effect, b.work), dropIdle(cacheDir(env)))
}

// Undo removes the folders of a run that was killed; the sandbox died with it.
func (b *builder) Undo(ctx context.Context, env *component.Env, e component.Effect) error {
	if e.Kind != effect {
		return nil
	}
	return tree.Remove(e.ID)
}
