package ssh

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/pkg/sftp"

	"imgc/executor/machine/tree"
	"imgc/stdlib/component"
)

const special = fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// tools is what is known of the machine's programs; it is asked once for each connection.
type tools struct {
	tar, gzip, zstd bool
}

// prepare asks what the machine has and makes the private folder, in one go.
func (m *Machine) prepare(ctx context.Context, l *link) error {
	text := "for t in tar gzip zstd; do command -v $t >/dev/null 2>&1 && echo $t; done; "
	if m.cfg.TempDir != "" {
		// After a restart the folder may still be there, and only then is it ours.
		dir := quote(m.cfg.TempDir)
		text += "umask 077; mkdir " + dir + " 2>/dev/null || { [ -d " + dir + " ] && [ -O " + dir + " ] && [ ! -L " + dir + " ] && chmod 700 " + dir + "; } || { echo " + quote("making the private folder "+m.cfg.TempDir+": it cannot be made") + " >&2; exit 1; }; "
	}
	out, err := l.script(ctx, text+"true")
	if err != nil {
		return fmt.Errorf("preparing %s: %w", m.cfg.Host, err)
	}
	have := strings.Fields(out)
	l.tools = &tools{}
	for _, t := range have {
		switch t {
		case "tar":
			l.tools.tar = true
		case "gzip":
			l.tools.gzip = true
		case "zstd":
			l.tools.zstd = true
		}
	}
	return nil
}

// Upload copies a file by SFTP, and a folder as one stream of tar where the machine has tar.
func (m *Machine) Upload(ctx context.Context, src, dst string, o component.Transfer) error {
	err := m.upload(ctx, src, dst, o)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("uploading %s to %s on %s: %w", src, dst, m.cfg.Host, err)
	}
	return err
}

func (m *Machine) upload(ctx context.Context, src, dst string, o component.Transfer) error {
	l, err := m.current()
	if err != nil {
		return err
	}
	info, err := os.Stat(src)
	if err != nil {
		return err
	}
	base, err := filepath.Abs(src) // so that "." has a name
	if err != nil {
		return err
	}
	base = filepath.Base(base)
	if info.IsDir() {
		return l.uploadFolder(ctx, src, dst, base, info.Mode(), o)
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is neither a file nor a folder")
	}
	f, err := os.Open(src)
	if err != nil {
		return err
	}
	defer f.Close()
	if strings.HasSuffix(dst, "/") {
		dst += base
	} else if c, err := l.sftp(); err != nil {
		return l.failed(ctx, err)
	} else if at, err := c.Stat(dst); err == nil && at.IsDir() {
		dst = path.Join(dst, base)
	}
	return l.writeFile(ctx, dst, f, info.Mode(), info.Size(), o.Progress)
}

// writeFile writes to a name of its own first: nobody sees half a file, nor one with another mode.
func (l *link) writeFile(ctx context.Context, name string, r io.Reader, mode fs.FileMode, size int64, progress func(done, total int64)) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c, err := l.sftp()
	if err != nil {
		return l.failed(ctx, fmt.Errorf("the machine offers no SFTP: %w", err))
	}
	if info, err := c.Stat(name); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a folder", name)
	}
	part := path.Join(path.Dir(name), ".imgc-"+rand.Text()[:12])
	f, err := c.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if errors.Is(err, fs.ErrNotExist) {
		if err := c.MkdirAll(path.Dir(name)); err != nil {
			return l.sftpError(ctx, "making the folder "+path.Dir(name), err)
		}
		f, err = c.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	}
	if err != nil {
		return l.sftpError(ctx, "making a file in "+path.Dir(name), err)
	}
	// The mode comes before the content, which may be a secret.
	err = f.Chmod(0o600)
	if err == nil {
		_, err = f.ReadFromWithConcurrency(component.NewReader(ctx, r, size, progress), 64)
	}
	if err == nil {
		err = f.Chmod(mode & (fs.ModePerm | special))
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		if err = c.PosixRename(part, name); err != nil && !l.hasPosixRename(c) {
			_ = c.Remove(name)
			err = c.Rename(part, name)
		}
	}
	if err != nil {
		_ = c.Remove(part) // when the connection is gone it stays, under a name that says whose it is
		return l.sftpError(ctx, "writing "+name, err)
	}
	return nil
}

func (l *link) hasPosixRename(c *sftp.Client) bool {
	_, ok := c.HasExtension("posix-rename@openssh.com")
	return ok
}

func (l *link) sftpError(ctx context.Context, doing string, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, sftp.ErrSSHFxConnectionLost), errors.Is(err, io.ErrUnexpectedEOF), !l.alive():
		return l.lost(err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Download copies a file by SFTP, and a folder as one stream of tar where the machine has tar.
func (m *Machine) Download(ctx context.Context, src, dst string, o component.Transfer) error {
	err := m.download(ctx, src, dst, o)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("downloading %s of %s to %s: %w", src, m.cfg.Host, dst, err)
	}
	return err
}

func (m *Machine) download(ctx context.Context, src, dst string, o component.Transfer) error {
	l, err := m.current()
	if err != nil {
		return err
	}
	c, err := l.sftp()
	if err != nil {
		return l.failed(ctx, fmt.Errorf("the machine offers no SFTP: %w", err))
	}
	info, err := c.Stat(src)
	if err != nil {
		return l.sftpError(ctx, "looking at "+src, err)
	}
	if info.IsDir() {
		target := tree.Target(dst, path.Base(path.Clean(src)), strings.HasSuffix(src, "/"))
		return l.downloadFolder(ctx, c, src, target, info.Mode(), o)
	}
	target := tree.Target(dst, path.Base(src), false)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return l.readFile(ctx, c, src, target, info, o.Progress)
}

// readFile writes beside the target first, so that there is never half a file.
func (l *link) readFile(ctx context.Context, c *sftp.Client, src, target string, info fs.FileInfo, progress func(done, total int64)) error {
	from, err := c.Open(src)
	if err != nil {
		return l.sftpError(ctx, "opening it", err)
	}
	defer from.Close()
	f, err := os.CreateTemp(filepath.Dir(target), ".imgc-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone when all went well
	_, err = from.WriteTo(&counted{ctx: ctx, w: f, total: info.Size(), progress: progress})
	if err == nil {
		err = f.Chmod(info.Mode() & (fs.ModePerm | special))
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return l.sftpError(ctx, "reading it", err)
	}
	return os.Rename(f.Name(), target)
}

type counted struct {
	ctx         context.Context
	w           io.Writer
	done, total int64
	progress    func(done, total int64)
}

func (c *counted) Write(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	n, err := c.w.Write(p)
	c.done += int64(n)
	if c.progress != nil {
		c.progress(c.done, c.total)
	}
	return n, err
}
