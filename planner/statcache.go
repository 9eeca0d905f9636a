package planner

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/renameio/v2"
)

const (
	// cachedFrom is the size, in bytes, from which a file's digest is worth remembering.
	cachedFrom = 256 << 10
	// settled is how long a file has to have been unchanged before its times are trusted: a change within the
	// clock's grain after it was read would otherwise not be seen.
	settled = 2 * time.Second
)

// statCache remembers the digests of files by what the file system says of them. It only saves time: one that is
// missing, unreadable or cannot be written is not an error.
type statCache struct {
	path  string
	mu    sync.Mutex
	read  bool
	fresh bool
	files map[string]statEntry
}

// statEntry is a digest and the identity of the file when it was read. Times are nanoseconds since 1970.
type statEntry struct {
	Stat fileStat `json:"stat"`
	Sum  string   `json:"sha256"`
}

type fileStat struct {
	Size  int64  `json:"size"`
	Mode  uint32 `json:"mode"`
	MTime int64  `json:"mtime"`
	CTime int64  `json:"ctime"`
	Inode uint64 `json:"inode"`
	Dev   uint64 `json:"dev"`
}

// load reads the cache once. The caller holds the lock.
func (c *statCache) load() {
	if c.read {
		return
	}
	c.read = true
	if b, err := os.ReadFile(c.path); err == nil {
		_ = json.Unmarshal(b, &c.files) // a broken cache is an empty one
	}
	if c.files == nil {
		c.files = map[string]statEntry{}
	}
}

func (c *statCache) get(path string, info fs.FileInfo) (string, bool) {
	st, ok := statOf(info)
	if !ok || info.Size() < cachedFrom {
		return "", false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.load()
	e, ok := c.files[path]
	return e.Sum, ok && e.Stat == st && len(e.Sum) == 64
}

// put remembers a digest, unless the file changed while it was read or shortly before.
func (c *statCache) put(path string, before, after fs.FileInfo, sum string) {
	a, ok := statOf(before)
	b, _ := statOf(after)
	if !ok || a != b || a.Size < cachedFrom || time.Since(time.Unix(0, max(a.MTime, a.CTime))) < settled {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.load()
	c.files[path] = statEntry{Stat: a, Sum: sum}
	c.fresh = true
}

// save keeps what was learned for the next run, where the state folder exists.
func (c *statCache) save() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.fresh {
		return
	}
	c.fresh = false
	if _, err := os.Stat(filepath.Dir(c.path)); err != nil {
		return
	}
	for path := range c.files {
		if _, err := os.Lstat(path); err != nil {
			delete(c.files, path)
		}
	}
	if b, err := json.Marshal(c.files); err == nil {
		_ = renameio.WriteFile(c.path, b, 0o600) // it only saves time
	}
}
