package journal

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Unsettled lists the effects that are not settled, the newest first: the order in which to undo them.
func (j *Journal) Unsettled() []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	entries := j.unsettled()
	slices.Reverse(entries)
	return entries
}

// unsettled lists the effects that are not settled, the oldest first.
func (j *Journal) unsettled() []Entry {
	return slices.SortedFunc(maps.Values(j.open), func(a, b Entry) int { return cmp.Compare(a.Seq, b.Seq) })
}

// Compact leaves only the effects that are not settled in the journal, once all else it told is in the state: a record
// that stayed would come back later over a newer one. A crash leaves the journal as it was, or as it is after.
func (j *Journal) Compact() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	open := j.unsettled()
	if len(open) == 0 {
		if err := errors.Join(j.f.Truncate(0), j.f.Sync()); err != nil {
			return fmt.Errorf("emptying the journal: %w", err)
		}
		return nil
	}
	if err := j.rewrite(open); err != nil {
		return fmt.Errorf("shortening the journal %s: %w", j.path, err)
	}
	return nil
}

// rewrite puts a new file with some entries in the journal's place, and goes on in it.
func (j *Journal) rewrite(entries []Entry) error {
	next := j.path + ".new"
	f, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if err := fill(f, entries); err != nil {
		return errors.Join(err, f.Close(), os.Remove(next))
	}
	if err := os.Rename(next, j.path); err != nil {
		return errors.Join(err, f.Close(), os.Remove(next))
	}
	// From here on entries belong in the new file, whatever else fails.
	old := j.f
	j.f = f
	folder, err := os.Open(filepath.Dir(j.path))
	if err != nil {
		return errors.Join(err, old.Close())
	}
	return errors.Join(folder.Sync(), folder.Close(), old.Close())
}

func fill(f *os.File, entries []Entry) error {
	for _, e := range entries {
		b, err := encode(e)
		if err != nil {
			return err
		}
		if _, err := f.Write(b); err != nil {
			return err
		}
	}
	return f.Sync()
}
