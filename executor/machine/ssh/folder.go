package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pkg/sftp"

	"imgc/executor/machine/tree"
	"imgc/stdlib/component"
)

// compressor wraps w in the fastest compression that the machine can undo, and gives the command that undoes it.
func (t *tools) compressor(w io.Writer) (io.WriteCloser, string, error) {
	switch {
	case t.zstd:
		z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2))
		return z, "zstd -dc | ", err
	case t.gzip:
		z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
		return z, "gzip -dc | ", err
	}
	return nopCloser{w}, "", nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func (l *link) uploadFolder(ctx context.Context, src, dst, base string, mode fs.FileMode, o component.Transfer) error {
	into := strings.HasSuffix(src, "/")
	if !l.tools.tar {
		return l.uploadWalk(ctx, src, dst, base, mode, into, o)
	}
	r, w := io.Pipe()
	z, undo, err := l.tools.compressor(w)
	if err != nil {
		return err
	}
	packed := make(chan error, 1)
	go func() {
		err := tree.Pack(&counted{ctx: ctx, w: z, progress: o.Progress}, src)
		err = errors.Join(err, z.Close())
		w.CloseWithError(err)
		packed <- err
	}()
	// The mode of a folder that was there before stays as it is: it may be /tmp.
	text := "t=" + quote(dst) + "; "
	if !into {
		text += `case $t in */) t=$t` + quote(base) + `;; *) if [ -d "$t" ]; then t=$t/` + quote(base) + `; fi;; esac; `
	}
	text += fmt.Sprintf(`new=; case $t in -*) t=./$t;; esac; [ -d "$t" ] || { mkdir -p "$t" && new=1; } || exit 1; `+
		`%star -xpo -f - -C "$t" || exit 1; [ -z "$new" ] || chmod %04o "$t"`, undo, octal(mode))
	var errs bytes.Buffer
	code, err := l.pipe(ctx, text, r, nil, &errs)
	r.CloseWithError(errors.New("the machine does not want more"))
	p := <-packed
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	case code != 0:
		return fmt.Errorf("unpacking on the machine: %s", failure(code, &errs))
	}
	return p
}

func octal(m fs.FileMode) uint32 {
	out := uint32(m.Perm())
	for bit, flag := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if m&flag != 0 {
			out |= bit
		}
	}
	return out
}

func (l *link) downloadFolder(ctx context.Context, c *sftp.Client, src, target string, mode fs.FileMode, o component.Transfer) error {
	_, err := os.Stat(target)
	isNew := errors.Is(err, fs.ErrNotExist)
	if l.tools.tar {
		err = l.downloadTar(ctx, src, target, o)
	} else {
		err = l.downloadWalk(ctx, c, src, target, o)
	}
	if err == nil && isNew {
		err = os.Chmod(target, mode&(fs.ModePerm|special))
	}
	return err
}

func (l *link) downloadTar(ctx context.Context, src, target string, o component.Transfer) error {
	r, w := io.Pipe()
	unpacked := make(chan error, 1)
	text := "cd -- " + quote(src) + " && tar -cf - ."
	if l.tools.gzip {
		// A pipe has the exit code of its last command, so the first one's is told by a trailing word on standard error.
		text = "cd -- " + quote(src) + " && { tar -cf - . || echo tar failed >&2; } | gzip -1"
	}
	go func() {
		var in io.Reader = r
		var err error
		if l.tools.gzip {
			in, err = gzip.NewReader(r)
		}
		if err == nil {
			err = tree.Unpack(&countedReader{counted{ctx: ctx, progress: o.Progress}, in}, target)
		}
		if err == nil {
			_, err = io.Copy(io.Discard, in) // padding
		}
		r.CloseWithError(err)
		unpacked <- err
	}()
	var errs bytes.Buffer
	code, err := l.pipe(ctx, text, nil, w, &errs)
	w.CloseWithError(err)
	u := <-unpacked
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case u != nil && (err == nil || errors.Is(err, u)) && code == 0 && errs.Len() == 0:
		return u
	case err != nil:
		return err
	case code != 0, strings.Contains(errs.String(), "tar failed"):
		return fmt.Errorf("packing on the machine: %s", failure(code, &errs))
	}
	return u
}

type countedReader struct {
	counted
	r io.Reader
}

func (c *countedReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	n, err := c.r.Read(p)
	c.done += int64(n)
	if c.progress != nil {
		c.progress(c.done, 0)
	}
	return n, err
}

// uploadWalk is for a machine without tar.
func (l *link) uploadWalk(ctx context.Context, src, dst, base string, mode fs.FileMode, into bool, o component.Transfer) error {
	c, err := l.sftp()
	if err != nil {
		return l.failed(ctx, fmt.Errorf("the machine has neither tar nor SFTP: %w", err))
	}
	if info, err := c.Stat(dst); !into && (strings.HasSuffix(dst, "/") || err == nil && info.IsDir()) {
		dst = c.Join(dst, base)
	}
	src, err = filepath.EvalSymlinks(src)
	if err != nil {
		return err
	}
	type folder struct {
		path string
		mode fs.FileMode
	}
	var folders []folder
	var done int64
	err = filepath.WalkDir(src, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, p)
		if err != nil {
			return err
		}
		at := c.Join(dst, filepath.ToSlash(rel))
		switch info.Mode().Type() {
		case fs.ModeDir:
			old, err := c.Stat(at)
			if err == nil && old.IsDir() && rel == "." {
				return nil // as it is: it was there before
			}
			if err := c.MkdirAll(at); err != nil {
				return err
			}
			folders = append(folders, folder{at, info.Mode()})
		case fs.ModeSymlink:
			to, err := os.Readlink(p)
			if err != nil {
				return err
			}
			_ = c.Remove(at) // what is in the way; Symlink tells if it stays there
			return c.Symlink(to, at)
		case 0:
			f, err := os.Open(p)
			if err != nil {
				return err
			}
			defer f.Close()
			var progress func(int64, int64)
			if o.Progress != nil {
				progress = func(n, _ int64) { o.Progress(done+n, 0) }
			}
			if err := l.writeFile(ctx, at, f, info.Mode(), info.Size(), progress); err != nil {
				return err
			}
			done += info.Size()
		}
		return nil
	})
	for i := len(folders) - 1; i >= 0 && err == nil; i-- {
		err = c.Chmod(folders[i].path, folders[i].mode&(fs.ModePerm|special))
	}
	if err != nil {
		return l.sftpError(ctx, "copying file by file, as the machine has no tar", err)
	}
	return nil
}

// downloadWalk is for a machine without tar. Names come from the machine, so they are made into a tar and unpacked like one.
func (l *link) downloadWalk(ctx context.Context, c *sftp.Client, src, target string, o component.Transfer) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(packRemote(ctx, c, src, w)) }()
	err := tree.Unpack(&countedReader{counted{ctx: ctx, progress: o.Progress}, r}, target)
	r.CloseWithError(err)
	if err != nil {
		return l.sftpError(ctx, "copying file by file, as the machine has no tar", err)
	}
	return nil
}
