package sandbox

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

type unixStatus = syscall.WaitStatus

// packTree writes a file or folder as a tar whose names are relative to it; itself is ".".
func packTree(w io.Writer, src string) error {
	src, err := filepath.EvalSymlinks(src)
	if err != nil {
		return err
	}
	tw := tar.NewWriter(w)
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
		if info.Mode().Type()&^(fs.ModeDir|fs.ModeSymlink) != 0 {
			return nil // sockets, pipes and devices do not travel
		}
		return writeEntry(tw, p, rel, info, nil)
	})
	return errors.Join(err, tw.Close())
}

func writeEntry(tw *tar.Writer, p, name string, info fs.FileInfo, change func(*tar.Header)) error {
	link := ""
	var err error
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(p); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	h.Name, h.Format, h.Uname, h.Gname = name, tar.FormatPAX, "", ""
	h.AccessTime, h.ChangeTime = time.Time{}, time.Time{}
	if change != nil {
		change(h)
	}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	f, err := os.OpenFile(p, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{tw}, io.LimitReader(f, h.Size), make([]byte, 256<<10))
	return err
}

// exportTree writes a whole root, the same bytes for the same tree: sorted, times no later than epoch,
// numeric owners, hard links, devices and the attributes that belong to an image.
func exportTree(w io.Writer, root string, epoch int64) error {
	tw := tar.NewWriter(w)
	links := map[uint64]string{}
	limit := time.Unix(epoch, 0)
	err := filepath.WalkDir(root+"/.", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		info, err := os.Lstat(p)
		if err != nil {
			return err
		}
		if rel == "." || info.Mode()&fs.ModeSocket != 0 {
			return nil
		}
		if rel == "etc/resolv.conf" && info.Mode().IsRegular() && info.Size() == 0 {
			return nil // only what the host's was mounted on
		}
		st := info.Sys().(*syscall.Stat_t)
		return writeEntry(tw, p, rel, info, func(h *tar.Header) {
			h.ModTime = h.ModTime.Truncate(time.Second)
			if h.ModTime.After(limit) {
				h.ModTime = limit
			}
			if info.IsDir() {
				h.Name += "/"
			} else if st.Nlink > 1 {
				if first, ok := links[st.Ino]; ok {
					h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
					return
				}
				links[st.Ino] = rel
			}
			addXattrs(h, p)
		})
	})
	return errors.Join(err, tw.Close())
}

func addXattrs(h *tar.Header, p string) {
	names := make([]byte, 64<<10)
	n, err := unix.Llistxattr(p, names)
	if err != nil || n == 0 {
		return
	}
	for _, name := range strings.Split(strings.TrimRight(string(names[:n]), "\x00"), "\x00") {
		if name != "security.capability" && (!strings.HasPrefix(name, "user.") || strings.HasPrefix(name, "user.overlay.")) {
			continue
		}
		val := make([]byte, 64<<10)
		if n, err := unix.Lgetxattr(p, name, val); err == nil {
			if h.PAXRecords == nil {
				h.PAXRecords = map[string]string{}
			}
			h.PAXRecords["SCHILY.xattr."+name] = string(val[:n])
		}
	}
}

// extractTo unpacks what packTree wrote by the rules of Machine.Upload: into dst, or below it under base.
func extractTo(r io.Reader, dst, base string, into bool) error {
	target := dst
	if info, err := os.Stat(dst); !into && (strings.HasSuffix(dst, "/") || err == nil && info.IsDir()) {
		target = filepath.Join(dst, base)
	}
	target = filepath.Clean(target)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return Unpack(r, filepath.Dir(target), filepath.Base(target), false)
}

// Unpack unpacks a tar below dir/name ("." for dir itself), which nothing in it can leave. With owners set, owners, devices and
// attributes are restored as far as the user may.
func Unpack(r io.Reader, dir, name string, owners bool) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if name == "/" {
		name = "."
	}
	tr := tar.NewReader(r)
	type later struct {
		name string
		mode fs.FileMode
		time time.Time
	}
	var dirs []later
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("reading the tar: %w", err)
		}
		clean := filepath.Clean(h.Name)
		if !filepath.IsLocal(clean) {
			return fmt.Errorf("the tar holds %q, which lies outside of it", h.Name)
		}
		at := filepath.Join(name, clean)
		if at != "." && filepath.Dir(at) != "." {
			if err := root.MkdirAll(filepath.Dir(at), 0o755); err != nil {
				return err
			}
		}
		mode := h.FileInfo().Mode()
		if h.Typeflag != tar.TypeDir && at != "." {
			if info, err := root.Lstat(at); err == nil && !info.IsDir() {
				if err := root.Remove(at); err != nil {
					return err
				}
			}
		}
		switch h.Typeflag {
		case tar.TypeDir:
			if err := root.Mkdir(at, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
			dirs = append(dirs, later{at, mode, h.ModTime})
		case tar.TypeReg:
			f, err := root.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode.Perm()&0o700|0o200)
			if err != nil {
				return err
			}
			_, err = io.CopyBuffer(struct{ io.Writer }{f}, tr, make([]byte, 256<<10))
			if err := errors.Join(err, f.Close()); err != nil {
				return fmt.Errorf("writing %s: %w", at, err)
			}
		case tar.TypeSymlink:
			if err := root.Symlink(h.Linkname, at); err != nil {
				return err
			}
		case tar.TypeLink:
			if err := root.Link(filepath.Join(name, filepath.Clean(h.Linkname)), at); err != nil {
				return err
			}
			continue
		case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
			if err := makeNode(root, at, h); err != nil {
				return fmt.Errorf("making the device %s: %w", at, err)
			}
		default:
			continue
		}
		if owners && os.Geteuid() == 0 {
			if err := root.Lchown(at, h.Uid, h.Gid); err != nil {
				return err
			}
		}
		if h.Typeflag == tar.TypeSymlink {
			continue
		}
		if h.Typeflag != tar.TypeDir {
			if err := root.Chmod(at, mode&(fs.ModePerm|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)); err != nil {
				return err
			}
			if err := root.Chtimes(at, h.ModTime, h.ModTime); err != nil {
				return err
			}
		}
		if v, ok := h.PAXRecords["SCHILY.xattr.security.capability"]; ok && owners && os.Geteuid() == 0 && h.Typeflag == tar.TypeReg {
			f, err := root.OpenFile(at, os.O_RDONLY|unix.O_NOFOLLOW, 0)
			if err != nil {
				return err
			}
			err = errors.Join(unix.Fsetxattr(int(f.Fd()), "security.capability", []byte(v), 0), f.Close())
			if err != nil {
				return fmt.Errorf("restoring the capabilities of %s: %w", at, err)
			}
		}
	}
	for i := len(dirs) - 1; i >= 0; i-- {
		d := dirs[i]
		if err := root.Chmod(d.name, d.mode&(fs.ModePerm|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)); err != nil {
			return err
		}
		if err := root.Chtimes(d.name, d.time, d.time); err != nil {
			return err
		}
	}
	return nil
}

func makeNode(root *os.Root, at string, h *tar.Header) error {
	parent, err := root.Open(filepath.Dir(at))
	if err != nil {
		return err
	}
	defer parent.Close()
	kind := map[byte]uint32{tar.TypeChar: unix.S_IFCHR, tar.TypeBlock: unix.S_IFBLK, tar.TypeFifo: unix.S_IFIFO}[h.Typeflag]
	return unix.Mknodat(int(parent.Fd()), filepath.Base(at), kind|uint32(h.Mode&0o777), int(unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))))
}
