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
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"imgc/compiler"
)

// Files digests the content of local files and folders, each once in its life. It is safe for concurrent use.
// Between runs it remembers the digests of large files in the folder's .imgc, if there is one.
type Files struct {
	dir   string
	mu    sync.Mutex
	done  map[string]*fileDigest
	cache *statCache
}

type fileDigest struct {
	once sync.Once
	sum  string
	err  error
}

// NewFiles digests paths relative to the program's folder.
func NewFiles(dir string) *Files {
	return &Files{dir: dir, done: map[string]*fileDigest{}, cache: &statCache{path: filepath.Join(dir, stateFolder, "files.json")}}
}

// Digest is the hex SHA-256 of a file's content and of whether it is executable; or of the names, kinds and contents
// of everything in a folder, and where its symbolic links lead. imgc's own folder .imgc is left out. An error wraps
// fs.ErrNotExist when there is no such path.
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
	d.once.Do(func() { d.sum, d.err = f.digestPath(ctx, abs) })
	return d.sum, d.err
}

// ahead begins with all files that units read, several at a time. What goes wrong is told when each is asked for.
func (f *Files) ahead(ctx context.Context, units []*compiler.Unit) {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	seen := map[string]bool{}
	for _, u := range units {
		calls := append([]*compiler.Call{u.Builder}, u.Steps...)
		for _, ch := range u.Posts {
			calls = append(calls, ch.Links...)
		}
		for _, c := range calls {
			for _, o := range c.Options {
				for _, p := range localPaths(o, reading) {
					if !seen[p.path] {
						seen[p.path] = true
						g.Go(func() error {
							_, _ = f.Digest(ctx, p.path) // kept, and reported by the digest of the node
							return nil
						})
					}
				}
			}
		}
	}
	_ = g.Wait() // its functions give no errors
}

func (f *Files) digestPath(ctx context.Context, path string) (string, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return f.digestFile(ctx, path, info)
	}
	own, err := filepath.EvalSymlinks(filepath.Join(f.dir, stateFolder))
	if err != nil {
		own = ""
	}
	var entries []folderEntry
	err = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if p == own {
			return fs.SkipDir
		}
		entries = append(entries, folderEntry{path: p})
		return ctx.Err()
	})
	if err != nil {
		return "", err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	const batch = 64 // so that small files do not cost a goroutine each
	for from := 0; from < len(entries); from += batch {
		part := entries[from:min(from+batch, len(entries))]
		g.Go(func() error {
			for i := range part {
				if err := f.entry(ctx, path, &part[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return "", err
	}
	e := newEncoder(nil)
	e.count('d', len(entries))
	for _, x := range entries {
		e.text(x.name)
		e.tagged(x.kind, x.sum)
	}
	return e.sum(), nil
}

// folderEntry is one thing in a folder: 'd' a folder, 'l' a link and where it leads, 'f' a file and its digest.
type folderEntry struct {
	path, name, sum string
	kind            byte
}

func (f *Files) entry(ctx context.Context, root string, x *folderEntry) error {
	info, err := os.Lstat(x.path)
	if err != nil {
		return err
	}
	if x.name, err = filepath.Rel(root, x.path); err != nil {
		return err
	}
	x.name = filepath.ToSlash(x.name)
	switch {
	case info.IsDir():
		x.kind = 'd'
	case info.Mode()&fs.ModeSymlink != 0:
		x.kind = 'l'
		x.sum, err = os.Readlink(x.path)
	default:
		x.kind = 'f'
		x.sum, err = f.digestFile(ctx, x.path, info)
	}
	return err
}

// digestFile reads a file in pieces. Whether it is executable counts; its other permissions, owner and times do not.
func (f *Files) digestFile(ctx context.Context, path string, info fs.FileInfo) (string, error) {
	if !info.Mode().IsRegular() {
		return "", &notFileError{path, modeName(info.Mode())}
	}
	if sum, ok := f.cache.get(path, info); ok {
		return sum, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return "", err
	}
	h := sha256.New()
	if info.Mode()&0o111 != 0 {
		h.Write([]byte("x"))
	} else {
		h.Write([]byte("-"))
	}
	if _, err := io.CopyBuffer(h, onlyReader{ctxReader{ctx, file}}, make([]byte, 256<<10)); err != nil {
		return "", fmt.Errorf("reading %s: %w", path, err)
	}
	sum := hex.EncodeToString(h.Sum(nil))
	if after, err := file.Stat(); err == nil {
		f.cache.put(path, info, after, sum)
	}
	return sum, nil
}

// onlyReader hides the other methods of a reader, so that io.CopyBuffer uses its buffer.
type onlyReader struct{ io.Reader }

// ctxReader stops between pieces when its context is cancelled.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c ctxReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// notFileError is about a path that is no file, folder or link.
type notFileError struct{ path, is string }

func (e *notFileError) Error() string {
	return fmt.Sprintf("%s is %s, not a file or a folder", e.path, e.is)
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

// reasonOf is the last part of an error of the file system: "permission denied".
func reasonOf(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return strings.TrimSpace(p.Path + ": " + p.Err.Error())
	}
	return err.Error()
}
