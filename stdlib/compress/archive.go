package compress

import (
	"archive/tar"
	"archive/zip"
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/flate"

	"imgc/stdlib/component"
)

// item is one entry of an archive.
type item struct {
	path string // absolute
	name string // in the archive, with slashes
	link string // the target of a symbolic link that is kept as one
	info fs.FileInfo
}

// items lists what goes into the archive, sorted by name.
func (p *post) items(env *component.Env, in component.Artifact) ([]item, error) {
	paths := make([]string, len(in.Files))
	packed := map[string]bool{}
	for i, f := range in.Files {
		paths[i] = env.Path(f.Path)
		packed[paths[i]] = true
	}
	if packed[env.Path(p.Output)] {
		return nil, fmt.Errorf("output %s is one of the files to compress; choose another", p.Output)
	}
	base := commonFolder(paths)
	if p.Base != nil {
		base = env.Path(*p.Base)
	}
	out := make([]item, len(paths))
	for i, path := range paths {
		name, err := filepath.Rel(base, path)
		if err != nil || !filepath.IsLocal(name) {
			return nil, fmt.Errorf("%s is not below the base %s of the archive", in.Files[i].Path, env.Rel(base))
		}
		out[i] = item{path: path, name: filepath.ToSlash(name)}
		if err := out[i].stat(packed); err != nil {
			return nil, fmt.Errorf("reading the artifact file %s: %w", in.Files[i].Path, err)
		}
	}
	slices.SortFunc(out, func(a, b item) int { return cmp.Compare(a.name, b.name) })
	return out, nil
}

// stat decides whether a symbolic link is kept: it is when it leads to a file that is packed too, or to no file at all.
// Otherwise the file it leads to is packed in its place.
func (it *item) stat(packed map[string]bool) error {
	info, err := os.Lstat(it.path)
	if err != nil {
		return err
	}
	it.info = info
	if info.Mode()&fs.ModeSymlink == 0 {
		return nil
	}
	target, err := os.Readlink(it.path)
	if err != nil {
		return err
	}
	followed, err := os.Stat(it.path)
	inside := !filepath.IsAbs(target) && packed[filepath.Join(filepath.Dir(it.path), target)]
	if inside || err != nil || !followed.Mode().IsRegular() {
		it.link = target
		return nil //nolint:nilerr // a link that leads nowhere is packed as the link it is
	}
	it.info = followed
	return nil
}

func commonFolder(paths []string) string {
	common := filepath.Dir(paths[0])
	for _, path := range paths[1:] {
		for common != "/" && !strings.HasPrefix(path, common+"/") {
			common = filepath.Dir(common)
		}
	}
	return common
}

func (it *item) time(mtime int64) time.Time {
	if mtime < 0 {
		return it.info.ModTime().UTC()
	}
	return time.Unix(mtime, 0).UTC()
}

// writeTar writes a tar with sorted entries that belong to root.
func writeTar(ctx context.Context, w io.Writer, items []item, mtime int64, p *progress) error {
	tw := tar.NewWriter(w)
	for _, it := range items {
		h := &tar.Header{Name: it.name, Typeflag: tar.TypeReg, Mode: permissions(it.info.Mode()), Size: it.info.Size(), ModTime: it.time(mtime).Truncate(time.Second)}
		if it.link != "" {
			h.Typeflag, h.Linkname, h.Size, h.Mode = tar.TypeSymlink, it.link, 0, 0o777
		}
		err := tw.WriteHeader(h)
		if err == nil && it.link == "" {
			err = copyFile(ctx, tw, it.path, p)
		}
		if err != nil {
			return fmt.Errorf("packing %s: %w", it.name, err)
		}
	}
	return tw.Close()
}

// permissions are a tar header's: those of Unix, with set-user-id and its like.
func permissions(m fs.FileMode) int64 {
	n := int64(m.Perm())
	for bit, value := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&bit != 0 {
			n |= value
		}
	}
	return n
}

// writeZip writes a zip with sorted entries.
func writeZip(ctx context.Context, w io.Writer, items []item, level int, mtime int64, p *progress) error {
	zw := zip.NewWriter(w)
	zw.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, level) })
	for _, it := range items {
		h := &zip.FileHeader{Name: it.name, Method: zip.Deflate, Modified: it.time(mtime)}
		h.SetMode(it.info.Mode())
		if it.link != "" {
			h.SetMode(fs.ModeSymlink | 0o777)
		}
		entry, err := zw.CreateHeader(h)
		switch {
		case err == nil && it.link != "":
			_, err = io.WriteString(entry, it.link)
		case err == nil:
			err = copyFile(ctx, entry, it.path, p)
		}
		if err != nil {
			return fmt.Errorf("packing %s: %w", it.name, err)
		}
	}
	return zw.Close()
}
