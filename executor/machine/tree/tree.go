// Package tree turns a file or a folder into a tar stream and back, for machines that copy folders so. It keeps names,
// permissions, times of change, symbolic links and empty folders; owners, devices, sockets and pipes do not travel.
//
// Start reading at Pack and Unpack.
package tree

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const special = fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// Pack writes what is in a folder as a tar with names relative to it; the folder itself is not an entry. A src that is a symbolic
// link is followed, links inside are kept.
func Pack(w io.Writer, src string) error {
	src, err := filepath.EvalSymlinks(src)
	if err != nil {
		return err
	}
	// Headers and small files come in small pieces; what follows works on large ones.
	buffered := bufio.NewWriterSize(w, 256<<10)
	tw := tar.NewWriter(buffered)
	buffer := make([]byte, 256<<10)
	err = filepath.WalkDir(src, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == src {
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
		return add(tw, p, filepath.ToSlash(rel), info, buffer)
	})
	return errors.Join(err, tw.Close(), buffered.Flush())
}

func add(tw *tar.Writer, p, name string, info fs.FileInfo, buffer []byte) error {
	h := &tar.Header{Name: name, Mode: int64(info.Mode().Perm()) | specialBits(info.Mode()), ModTime: info.ModTime().Truncate(time.Second)}
	switch info.Mode().Type() {
	case 0:
		h.Typeflag, h.Size = tar.TypeReg, info.Size()
	case fs.ModeDir:
		h.Typeflag = tar.TypeDir
		h.Name += "/"
	case fs.ModeSymlink:
		link, err := os.Readlink(p)
		if err != nil {
			return err
		}
		h.Typeflag, h.Linkname = tar.TypeSymlink, link
	default:
		return nil
	}
	if h.Typeflag != tar.TypeReg {
		return tw.WriteHeader(h)
	}
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{tw}, io.LimitReader(f, h.Size), buffer)
	if err == nil && n < h.Size {
		err = fmt.Errorf("%s became shorter while it was read", p)
	}
	return err
}

// specialBits are setuid, setgid and sticky as a tar has them.
func specialBits(m fs.FileMode) int64 {
	var out int64
	for bit, flag := range map[int64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if m&flag != 0 {
			out |= bit
		}
	}
	return out
}

// Target is the path that a copy named base becomes: dst itself, or a file below it when dst is a folder or ends in a slash. With
// into, the content of a folder goes into dst.
func Target(dst, base string, into bool) string {
	if into {
		return filepath.Clean(dst)
	}
	if info, err := os.Stat(dst); strings.HasSuffix(dst, "/") || err == nil && info.IsDir() {
		return filepath.Join(dst, base)
	}
	return filepath.Clean(dst)
}

// Unpack unpacks a tar into dir, which is made when it is missing. Nothing in the tar can reach outside of dir, whatever it says.
func Unpack(r io.Reader, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	var folders []*tar.Header
	tr := tar.NewReader(r)
	buffer := make([]byte, 256<<10)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("reading the tar: %w", err)
		}
		h.Name = filepath.Clean(h.Name)
		if !filepath.IsLocal(h.Name) {
			return fmt.Errorf("the tar holds %q, which lies outside of the folder it is for", h.Name)
		}
		if h.Name == "." {
			continue
		}
		if err := extract(root, tr, h, buffer); err != nil {
			return fmt.Errorf("unpacking %s: %w", h.Name, err)
		}
		if h.Typeflag == tar.TypeDir {
			folders = append(folders, h)
		}
	}
	// A folder may be one that nothing can be written to, so it gets its mode when all is in it.
	for i := len(folders) - 1; i >= 0; i-- {
		if err := attributes(root, folders[i]); err != nil {
			return err
		}
	}
	return nil
}

func extract(root *os.Root, r io.Reader, h *tar.Header, buffer []byte) error {
	if parent := filepath.Dir(h.Name); parent != "." {
		if err := root.MkdirAll(parent, 0o755); err != nil {
			return err
		}
	}
	if info, err := root.Lstat(h.Name); err == nil && (h.Typeflag != tar.TypeDir || !info.IsDir()) {
		if err := root.Remove(h.Name); err != nil {
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeDir:
		err := root.Mkdir(h.Name, 0o700)
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, h.Name)
	case tar.TypeLink:
		old := filepath.Clean(h.Linkname)
		if !filepath.IsLocal(old) {
			return fmt.Errorf("it is a link to %q, which lies outside of the folder it is for", h.Linkname)
		}
		return root.Link(old, h.Name)
	case tar.TypeReg:
		f, err := root.OpenFile(h.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.CopyBuffer(struct{ io.Writer }{f}, r, buffer)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		return attributes(root, h)
	}
	return nil // devices and pipes do not travel
}

func attributes(root *os.Root, h *tar.Header) error {
	if err := root.Chmod(h.Name, h.FileInfo().Mode()&(fs.ModePerm|special)); err != nil {
		return err
	}
	return root.Chtimes(h.Name, h.ModTime, h.ModTime)
}

// Remove removes a folder in which a step or overlayfs made folders that nobody may enter.
func Remove(path string) error {
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && err == nil {
			_ = os.Chmod(p, 0o700)
		}
		return nil
	})
	return os.RemoveAll(path)
}
