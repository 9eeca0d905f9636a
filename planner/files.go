package planner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"sync"
)

// Files digests the content of local files and folders, each once. It is safe for concurrent use.
type Files struct {
	dir  string
	mu   sync.Mutex
	done map[string]*fileDigest
}

type fileDigest struct {
	once sync.Once
	sum  string
	err  error
}

// NewFiles digests paths relative to the program's folder.
func NewFiles(dir string) *Files { return &Files{dir: dir, done: map[string]*fileDigest{}} }

// Digest is the hex SHA-256 of a file's content and of whether it is executable; or of the names, modes and contents
// of everything in a folder. An error wraps fs.ErrNotExist when there is no such path.
func (f *Files) Digest(ctx context.Context, path string) (string, error) {
	abs := path
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(f.dir, path)
	}
	abs = filepath.Clean(abs)
	f.mu.Lock()
	d, ok := f.done[abs]
	if !ok {
		d = &fileDigest{}
		f.done[abs] = d
	}
	f.mu.Unlock()
	d.once.Do(func() { d.sum, d.err = digestPath(ctx, abs) })
	return d.sum, d.err
}

func digestPath(ctx context.Context, path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	if !info.IsDir() {
		if err := digestFile(ctx, h, path, info); err != nil {
			return "", err
		}
		return hex.EncodeToString(h.Sum(nil)), nil
	}
	var names []string
	err = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		names = append(names, p)
		return nil
	})
	if err != nil {
		return "", err
	}
	sort.Strings(names)
	for _, p := range names {
		info, err := os.Lstat(p)
		if err != nil {
			return "", err
		}
		rel, err := filepath.Rel(path, p)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%d:%s", len(rel), rel)
		switch {
		case info.IsDir():
			fmt.Fprintf(h, "d%o", info.Mode().Perm())
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(p)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(h, "l%d:%s", len(target), target)
		default:
			if err := digestFile(ctx, h, p, info); err != nil {
				return "", err
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func digestFile(ctx context.Context, w io.Writer, path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is neither a file nor a folder, but %s", path, modeName(info.Mode()))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	h := sha256.New()
	n, err := io.Copy(h, file)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	fmt.Fprintf(w, "f%t:%d:%x", info.Mode()&0o111 != 0, n, h.Sum(nil))
	return nil
}

func modeName(m fs.FileMode) string {
	switch {
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}

// near finds a path like the one that does not exist, in the same folder, for "did you mean".
func (f *Files) near(path string, nearest func(string, []string) string) string {
	dir, base := filepath.Split(path)
	abs := dir
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(f.dir, dir)
	}
	entries, err := os.ReadDir(abs)
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if n := nearest(base, names); n != "" {
		return dir + n
	}
	return ""
}

func notExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
