package component

import (
	"context"
	"errors"
	"io"
	"io/fs"
)

// Machine is where steps run. Its methods may be called by one step at a time.
type Machine interface {
	// Run runs a command and waits for it. It returns the exit code when the command ran and ended;
	// err is set when it could not be run or its end is not known (ErrDisconnected). When ctx ends, the
	// command and every process it started are killed before Run returns ctx's error.
	Run(ctx context.Context, cmd Command) (exitCode int, err error)
	// Upload copies a local file or folder to the machine, with modes. When src ends in a slash, the
	// folder's content goes into dst; otherwise the folder itself goes below dst when dst is a folder
	// or ends in a slash.
	Upload(ctx context.Context, src, dst string, opts Transfer) error
	// Download copies a file or folder of the machine to a local path, by the same rules.
	Download(ctx context.Context, src, dst string, opts Transfer) error
	// WriteFile writes a small file on the machine, with exactly this mode from the start.
	WriteFile(ctx context.Context, path string, content io.Reader, mode fs.FileMode) error
	// Remove removes a file or folder of the machine; one that does not exist is no error.
	Remove(ctx context.Context, path string) error
	// TempDir is a private folder on the machine that goes away with the machine or its connection.
	TempDir() string
	// Reconnect waits until the machine answers again after a restart, until ctx ends.
	Reconnect(ctx context.Context) error
	// Info tells what provisioners and their scripts may know of the machine.
	Info() MachineInfo
}

// MachineInfo describes a machine to provisioners.
type MachineInfo struct {
	Transport string // "ssh", "local", "sandbox"
	Host      string // empty unless there is one
	Port      int
	User      string
}

// Command is what Machine.Run runs.
type Command struct {
	// Shell is a command line for /bin/sh on the machine.
	Shell string
	// Env is added to the environment. Values never appear in a process list.
	Env map[string]string
	// Dir is the working directory; empty means the transport's default.
	Dir    string
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}

// Transfer tunes an upload or a download.
type Transfer struct {
	// Progress is told how many bytes are done; total is 0 when it is not known. It may be nil.
	Progress func(done, total int64)
}

// ErrDisconnected is (wrapped by) the error of Run when the connection ended before the command did, as
// when it restarts the machine.
var ErrDisconnected = errors.New("the machine disconnected before the command ended")
