package component

import (
	"io"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// Env is what a component has to work with in one run of one unit. A unit is one build for one source,
// written "build.source".
type Env struct {
	Dir      string // the program's folder, absolute; relative paths in options are resolved against it
	StateDir string // the program's .imgc folder, absolute: for caches and known hosts
	TempDir  string // a private folder (0700) for this unit, removed after the run, also after a crash

	RunID  string // unique for each run of imgc apply
	Unit   string // "web.ec2", or web["amd64"].ec2
	Build  string // "web", or web["amd64"]
	Source string // "ec2"
	// Builder is the component of the source: "rootfs".
	Builder string
	Digest  string // input digest of the unit, hex: equal digests mean equal inputs

	// RestoreFrom is the digest of the checkpoint at which a Checkpointer begins; empty for a fresh start.
	RestoreFrom string

	// Stdout and Stderr take what commands print. The executor redacts secrets and prefixes lines.
	Stdout, Stderr io.Writer
	// Say prints one line of imgc's own about what is being done.
	Say func(format string, args ...any)
	// Progress reports how far a long transfer is. total is 0 when it is not known. It may be called
	// often and from several goroutines; the executor thins it out.
	Progress func(what string, done, total int64)

	Effects Effects
}

// Path resolves a path of an option against the program's folder.
func (e *Env) Path(p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(e.Dir, p)
}

// Rel shortens an absolute path below the program's folder for people to read.
func (e *Env) Rel(p string) string {
	if r, err := filepath.Rel(e.Dir, p); err == nil && filepath.IsLocal(r) {
		return r
	}
	return p
}

// FileName is the unit's address as the name of a file: that of web["amd64"].ec2 is web@amd64.ec2. Different units have different ones.
func (e *Env) FileName() string {
	before, rest, many := strings.Cut(e.Unit, "[")
	i := strings.LastIndex(rest, "]")
	if !many || i < 0 {
		return e.Unit
	}
	key, err := strconv.Unquote(strings.ReplaceAll(rest[:i], `\${`, "${"))
	if err != nil {
		key = rest[:i]
	}
	return before + "@" + url.QueryEscape(key) + rest[i+1:]
}

// Effects is the journal as a component sees it. Nothing outside (a temporary folder on a remote host, an
// overlay, an instance) is made before Intend has returned.
type Effects interface {
	// Intend records that a thing is about to be made. id names it so that it can be found again: a
	// path, a tag, a client token. data is what Undo needs besides; it must hold no secret.
	Intend(kind, id string, data map[string]string) error
	// Settled records that the thing no longer needs undoing: it was removed, or is part of an artifact.
	Settled(kind, id string) error
	// Handover says that the thing is part of the artifact that Finish or Update is about to return: it is settled when the executor
	// has recorded that artifact, in the same entry of the journal, so that no crash comes between.
	Handover(kind, id string) error
}

// Effect is one recorded intention.
type Effect struct {
	Unit      string            `json:"unit"`
	Component string            `json:"component"` // of the component that recorded it
	Kind      string            `json:"kind"`
	ID        string            `json:"id"`
	Data      map[string]string `json:"data,omitempty"`
}
