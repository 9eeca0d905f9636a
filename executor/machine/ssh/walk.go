package ssh

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/pkg/sftp"
)

// packRemote reads a folder of the machine file by file and writes it as a tar.
func packRemote(ctx context.Context, c *sftp.Client, src string, w io.Writer) error {
	src = path.Clean(src)
	tw := tar.NewWriter(w)
	walk := c.Walk(src)
	for walk.Step() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := walk.Err(); err != nil {
			return err
		}
		name := strings.TrimPrefix(strings.TrimPrefix(walk.Path(), src), "/")
		if name == "" {
			continue
		}
		if err := packOne(c, tw, walk.Path(), name, walk.Stat()); err != nil {
			return err
		}
	}
	return tw.Close()
}

func packOne(c *sftp.Client, tw *tar.Writer, at, name string, info fs.FileInfo) error {
	h := &tar.Header{Name: name, Mode: int64(octal(info.Mode())), ModTime: info.ModTime()}
	switch info.Mode().Type() {
	case fs.ModeDir:
		h.Typeflag = tar.TypeDir
		return tw.WriteHeader(h)
	case fs.ModeSymlink:
		link, err := c.ReadLink(at)
		if err != nil {
			return err
		}
		h.Typeflag, h.Linkname = tar.TypeSymlink, link
		return tw.WriteHeader(h)
	case 0:
		f, err := c.Open(at)
		if err != nil {
			return err
		}
		defer f.Close()
		h.Typeflag, h.Size = tar.TypeReg, info.Size()
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		n, err := f.WriteTo(tw)
		if err == nil && n != h.Size {
			err = errors.New(at + " changed while it was read")
		}
		return err
	}
	return nil
}
