// Package journal keeps on disk what a run has begun outside and not yet finished, so that the next run can tell after a
// crash. Each entry is a line of JSON with a checksum, on the disk before what it speaks of happens. It does not know
// how anything is undone.
//
// Start reading at Open, then Entry.
package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"imgc/planner"
	"imgc/stdlib/component"
)

// Entry is one line of the journal.
type Entry struct {
	Seq  int    `json:"seq"`
	Run  string `json:"run,omitempty"`
	Type Type   `json:"type"`
	// Effect is what is about to be made (Intend) or needs no undoing any more (Settled).
	Effect *component.Effect `json:"effect,omitempty"`
	Kind   string            `json:"kind,omitempty"` // of the effect's component
	// Unit is the record of Addr as it is from now on.
	Addr  string             `json:"addr,omitempty"`
	Unit  *planner.UnitState `json:"unit,omitempty"`
	Phase string             `json:"phase,omitempty"`
	// Settles are effects that became part of Unit's artifact.
	Settles []component.Effect `json:"settles,omitempty"`
}

// Type says what an entry tells.
type Type string

// The types of entry.
const (
	Begin   Type = "begin"   // a run begins
	Phase   Type = "phase"   // a unit begins a phase: for people who look, and for tests that stop there
	Intend  Type = "intend"  // Effect is about to be made
	Settled Type = "settled" // Effect was removed, or is part of an artifact
	Unit    Type = "unit"    // Addr's record is now Unit
	End     Type = "end"     // the run has ended in order
)

// Journal is an open journal. It is safe for concurrent use.
type Journal struct {
	mu   sync.Mutex
	f    *os.File
	seq  int
	run  string
	open map[string]Entry // intended effects that are not settled
	hook func(seq int)
	path string
}

// Open opens the journal of a state folder, and returns the entries that an earlier run left: none when it ended in order.
// hook, which may be nil, is called after each entry that has reached the disk; tests stop the process there.
func Open(dir, run string, hook func(seq int)) (*Journal, []Entry, error) {
	path := filepath.Join(dir, "journal.jsonl")
	left, err := read(path)
	if err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the journal: %w", err)
	}
	j := &Journal{f: f, run: run, open: map[string]Entry{}, hook: hook, path: path}
	for _, e := range left {
		j.seq = max(j.seq, e.Seq)
		j.fold(e)
	}
	// A torn last line would make the next entry unreadable.
	if err := trimTorn(f); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return j, left, nil
}

// line is how an entry stands in the file.
type line struct {
	CRC   uint32          `json:"crc"`
	Entry json.RawMessage `json:"entry"`
}

// read returns the entries of a journal. A last line that was cut by a crash is left out; a wrong line before it is an
// error, since what it said is not known.
func read(path string) ([]Entry, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	return decode(b, path)
}

func decode(b []byte, path string) ([]Entry, error) {
	var out []Entry
	sc := bufio.NewReader(bytes.NewReader(b))
	for n := 1; ; n++ {
		text, err := sc.ReadBytes('\n')
		if err == io.EOF {
			return out, nil // what a line without an end speaks of has not begun: Write never returned
		}
		var l line
		var e Entry
		bad := json.Unmarshal(text, &l)
		if bad == nil && crc32.ChecksumIEEE(l.Entry) != l.CRC {
			bad = errors.New("its checksum is wrong")
		}
		if bad == nil {
			bad = json.Unmarshal(l.Entry, &e)
		}
		if bad == nil && (e.Type == Intend || e.Type == Settled) && e.Effect == nil {
			bad = errors.New("it names no effect")
		}
		if bad != nil {
			return nil, fmt.Errorf("line %d of the journal %s cannot be read (%w), so it is not known what an earlier run left: look at the file, remove by hand what it names, then remove the file", n, path, bad)
		}
		out = append(out, e)
	}
}

// trimTorn ends a cut last line, by removing it.
func trimTorn(f *os.File) error {
	b, err := io.ReadAll(f)
	if err != nil {
		return fmt.Errorf("reading the journal: %w", err)
	}
	if len(b) == 0 || b[len(b)-1] == '\n' {
		return nil
	}
	if err := f.Truncate(int64(bytes.LastIndexByte(b, '\n') + 1)); err != nil {
		return fmt.Errorf("removing a cut line of the journal: %w", err)
	}
	return nil
}

func key(e component.Effect) string {
	return strings.Join([]string{e.Unit, e.Component, e.Kind, e.ID}, "\x00")
}

func (j *Journal) fold(e Entry) {
	switch e.Type {
	case Intend:
		j.open[key(*e.Effect)] = e
	case Settled:
		delete(j.open, key(*e.Effect))
	case Unit:
		for _, s := range e.Settles {
			delete(j.open, key(s))
		}
	}
}

func encode(e Entry) ([]byte, error) {
	raw, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("writing the journal: %w", err)
	}
	b, err := json.Marshal(line{CRC: crc32.ChecksumIEEE(raw), Entry: raw})
	if err != nil {
		return nil, fmt.Errorf("writing the journal: %w", err)
	}
	return append(b, '\n'), nil
}

// Write adds an entry and returns when it is on the disk.
func (j *Journal) Write(e Entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq++
	e.Seq, e.Run = j.seq, j.run
	b, err := encode(e)
	if err != nil {
		return err
	}
	if _, err := j.f.Write(b); err != nil {
		return fmt.Errorf("writing the journal %s: %w", j.path, err)
	}
	if err := j.f.Sync(); err != nil {
		return fmt.Errorf("writing the journal %s to the disk: %w", j.path, err)
	}
	j.fold(e)
	if j.hook != nil {
		j.hook(e.Seq)
	}
	return nil
}

// Close closes the file.
func (j *Journal) Close() error { return j.f.Close() }

// Unsettled are the entries of what was begun and neither finished nor undone, in the order in which it was begun.
func Unsettled(entries []Entry) []Entry {
	j := &Journal{open: map[string]Entry{}}
	for _, e := range entries {
		j.fold(e)
	}
	return j.Unsettled()
}

// Read returns the entries that a run left in a state folder's journal, without opening it to write.
func Read(dir string) ([]Entry, error) { return read(filepath.Join(dir, "journal.jsonl")) }
