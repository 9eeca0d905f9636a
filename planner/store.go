package planner

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
)

// stateFolder is imgc's own folder beside a program.
const stateFolder = ".imgc"

// stateFormat is the version of the state file that this imgc writes.
const stateFormat = 1

// Store is a program's .imgc folder: state, key and lock.
type Store struct {
	Dir  string // the .imgc folder, absolute
	lock *flock.Flock
}

// Owner says who holds the lock of a folder.
type Owner struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	User    string    `json:"user"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

func (o Owner) String() string {
	if o.PID == 0 {
		return "another imgc"
	}
	return fmt.Sprintf("%s (process %d of %s on %s, since %s)", o.Command, o.PID, o.User, o.Host, o.Since.Local().Format("15:04:05"))
}

// LockedError says that another imgc works in the folder.
type LockedError struct {
	Dir   string
	Owner Owner
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("%s is locked by %s: wait until it has ended, or let this one wait with --lock-timeout", e.Dir, e.Owner)
}

// View opens the store of a program's folder to read only. It takes no lock and makes nothing.
func View(dir string) *Store { return &Store{Dir: filepath.Join(dir, stateFolder)} }

// ViewPart opens the store of a part of a program's folder, which has a state of its own: that of a rehearsal.
func ViewPart(dir, part string) *Store { return &Store{Dir: filepath.Join(dir, stateFolder, part)} }

// LockOptions tell how Lock waits.
type LockOptions struct {
	Wait    time.Duration // how long to wait for another imgc; 0 does not wait
	Part    string        // as that of ViewPart; empty for the program's own state
	Command string        // what this imgc does, for others to read
	OnWait  func(Owner)   // called once when there is somebody to wait for
}

// Lock opens the store of a program's folder to change it, making it where needed. Only one process has it at a time;
// the lock ends with the process, however that ends.
func Lock(ctx context.Context, dir string, o LockOptions) (*Store, error) {
	s := ViewPart(dir, o.Part)
	if err := s.prepare(); err != nil {
		return nil, err
	}
	s.lock = flock.New(filepath.Join(s.Dir, "lock"), flock.SetPermissions(0o600))
	ok, err := s.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", s.Dir, err)
	}
	if !ok {
		if o.Wait <= 0 {
			return nil, &LockedError{Dir: s.Dir, Owner: s.owner()}
		}
		if o.OnWait != nil {
			o.OnWait(s.owner())
		}
		wait, cancel := context.WithTimeout(ctx, o.Wait)
		defer cancel()
		if ok, err = s.lock.TryLockContext(wait, 100*time.Millisecond); !ok {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				return nil, fmt.Errorf("locking %s: %w", s.Dir, err)
			}
			return nil, &LockedError{Dir: s.Dir, Owner: s.owner()}
		}
	}
	host, _ := os.Hostname()
	me := Owner{PID: os.Getpid(), Host: host, Command: o.Command, Since: time.Now()}
	if u, err := user.Current(); err == nil {
		me.User = u.Username
	}
	b, err := json.Marshal(me)
	if err != nil {
		return nil, fmt.Errorf("recording who holds the lock: %w", err)
	}
	if err := os.WriteFile(filepath.Join(s.Dir, "lock-owner.json"), b, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("recording who holds the lock: %w", err), s.Close())
	}
	return s, nil
}

// prepare makes the folder, private and out of version control.
func (s *Store) prepare() error {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return fmt.Errorf("making the state folder: %w", err)
	}
	if err := os.Chmod(s.Dir, 0o700); err != nil {
		return fmt.Errorf("making the state folder private: %w", err)
	}
	ignore := filepath.Join(s.Dir, ".gitignore")
	if _, err := os.Stat(ignore); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(ignore, []byte("*\n"), 0o600); err != nil {
			return fmt.Errorf("writing %s: %w", ignore, err)
		}
	}
	return nil
}

func (s *Store) owner() Owner {
	var o Owner
	if b, err := os.ReadFile(filepath.Join(s.Dir, "lock-owner.json")); err == nil {
		_ = json.Unmarshal(b, &o) // it only helps a message
	}
	return o
}

// Close gives the lock back.
func (s *Store) Close() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Unlock()
}

func (s *Store) statePath() string { return filepath.Join(s.Dir, "state.json") }

// Load reads the state. Without one it returns an empty state.
func (s *Store) Load() (*State, error) {
	b, err := os.ReadFile(s.statePath())
	if errors.Is(err, fs.ErrNotExist) {
		return &State{Format: stateFormat, Units: map[string]*UnitState{}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the state: %w", err)
	}
	st, err := decodeState(b)
	if err != nil {
		help := "restore the file from a copy"
		if _, e := os.Stat(s.statePath() + ".backup"); e == nil {
			help = fmt.Sprintf("the state before the last change is in %s.backup: look at it, and copy it over", s.statePath())
		}
		return nil, fmt.Errorf("the state %s cannot be used: %w; %s. Nothing was changed", s.statePath(), err, help)
	}
	return st, nil
}

func decodeState(b []byte) (*State, error) {
	var head struct {
		Format int `json:"format_version"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, jsonError(b, err)
	}
	if head.Format > stateFormat {
		return nil, fmt.Errorf("it was written by a newer imgc (format %d, this one knows %d): use that one", head.Format, stateFormat)
	}
	if head.Format < 1 {
		return nil, errors.New("it has no format_version")
	}
	st := &State{}
	if err := json.Unmarshal(b, st); err != nil {
		return nil, jsonError(b, err)
	}
	if st.Units == nil {
		st.Units = map[string]*UnitState{}
	}
	for addr, u := range st.Units {
		if u == nil {
			return nil, fmt.Errorf("unit %s is null", addr)
		}
	}
	return st, nil
}

// jsonError says at which line JSON is wrong.
func jsonError(b []byte, err error) error {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	offset := int64(-1)
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &typ):
		offset = typ.Offset
		err = fmt.Errorf("%s is a %s", typ.Field, typ.Value)
	}
	if offset < 0 || offset > int64(len(b)) {
		return fmt.Errorf("it is not whole: %w", err)
	}
	line := 1
	for _, c := range b[:offset] {
		if c == '\n' {
			line++
		}
	}
	return fmt.Errorf("line %d: %w", line, err)
}

// Save writes the state, atomically and to the disk, with a Serial one higher. The one before stays as state.json.backup.
func (s *Store) Save(st *State) error {
	st.Format = stateFormat
	st.Serial++
	if st.Lineage == "" {
		st.Lineage = randomHex(16)
	}
	key, err := s.Key()
	if err != nil {
		return err
	}
	st.KeyID = keyID(key)
	b, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	if err := s.backup(); err != nil {
		return fmt.Errorf("keeping the state before this one: %w", err)
	}
	if err := renameio.WriteFile(s.statePath(), append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	if err := syncDir(s.Dir); err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	return nil
}

// backup gives the present state file a second name. Its content stays, since a state file is replaced and never
// written into.
func (s *Store) backup() error {
	temp, backup := s.statePath()+".new-backup", s.statePath()+".backup"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	switch err := os.Link(s.statePath(), temp); {
	case errors.Is(err, fs.ErrNotExist):
		return nil // the first state
	case err == nil:
		return os.Rename(temp, backup)
	}
	old, err := os.ReadFile(s.statePath()) // a file system without links
	if err != nil {
		return err
	}
	return renameio.WriteFile(backup, old, 0o600)
}

// syncDir makes the names in a folder last through a crash of the machine.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *Store) keyPath() string { return filepath.Join(s.Dir, "key") }

// Key reads the key of the keyed hashes; nil when there is none yet.
func (s *Store) Key() ([]byte, error) {
	info, err := os.Stat(s.keyPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s may be read by others, who could then guess secrets: chmod 600 it", s.keyPath())
	}
	b, err := os.ReadFile(s.keyPath())
	if err != nil {
		return nil, fmt.Errorf("reading the key that secrets are compared with: %w", err)
	}
	key, err := hex.DecodeString(string(b))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("%s is not a key of imgc: remove it, and everything that uses a secret is built once more", s.keyPath())
	}
	return key, nil
}

// EnsureKey reads the key, making it first where there is none. It needs no lock: when two make one, both get the first.
func (s *Store) EnsureKey() ([]byte, error) {
	key, err := s.Key()
	if key != nil || err != nil {
		return key, err
	}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	temp := s.keyPath() + "." + randomHex(8)
	if err := renameio.WriteFile(temp, []byte(randomHex(32)), 0o600); err != nil {
		return nil, fmt.Errorf("making the key that secrets are compared with: %w", err)
	}
	if err = os.Link(temp, s.keyPath()); errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err = errors.Join(err, os.Remove(temp)); err != nil {
		return nil, fmt.Errorf("making the key that secrets are compared with: %w", err)
	}
	return s.Key()
}

// keyID names a key without giving it away; empty for no key.
func keyID(key []byte) string {
	if key == nil {
		return ""
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("imgc key id"))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
