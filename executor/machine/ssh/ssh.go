// Package ssh is the Machine that is reached over SSH: commands, files and folders, with the host's key always checked.
// It is no SSH client for people: nothing is typed, and no agent is forwarded. It needs a POSIX shell on the machine; tar makes
// folders fast but is not needed.
//
// Start reading at Dial. dial.go connects, tunnel.go has the ways around, auth.go and hostkey.go say who trusts whom, run.go runs commands so that nothing is
// left behind, transfer.go and folder.go copy.
package ssh

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sync"
	"time"

	"imgc/stdlib/component"
)

// Config says which machine, and how to reach it.
type Config struct {
	Login
	Bastion  *Login   // a host to go through; nil for none
	Proxy    *Proxy   // to reach the bastion, or the machine where there is none; nil for none
	HostKeys HostKeys // for both

	Timeout        time.Duration // for connecting, all attempts together; 5 minutes when 0
	AttemptTimeout time.Duration // for one attempt, up to being logged in; 20 seconds when 0
	LoginAttempts  int           // a login that is refused is tried again so often, as the machine may still be starting; 3 when 0
	KeepAlive      time.Duration // between questions whether the machine is there; 5 seconds when 0; three without an answer end it

	// PTY runs commands on a pseudo-terminal, which some sudoers files want. Standard error then comes with standard output.
	PTY bool
	// LocalTunnels listen here and go on from the machine, RemoteTunnels the other way round, as long as the connection lasts.
	LocalTunnels, RemoteTunnels []Tunnel

	// TempDir is the private folder to make on the machine, absolute. It is the caller's to choose, so that it can be recorded
	// before it exists: NewTempDir chooses one. Empty makes none.
	TempDir string
}

// Machine is a machine behind an SSH connection.
type Machine struct {
	cfg Config

	mu     sync.Mutex
	link   *link
	closed bool
}

// NewTempDir chooses the path of a private folder that does not exist yet.
func NewTempDir() string { return "/tmp/imgc-" + rand.Text() }

// Dial connects and makes the private folder. It tries again until Config.Timeout; a host key that is not trusted, a login that
// cannot work and a full LoginAttempts end it at once.
func Dial(ctx context.Context, c Config) (*Machine, error) {
	if c.Host == "" || c.User == "" {
		return nil, errors.New("connecting over SSH needs a host and a user name")
	}
	for _, d := range []struct {
		value     *time.Duration
		otherwise time.Duration
	}{{&c.Timeout, 5 * time.Minute}, {&c.AttemptTimeout, 20 * time.Second}, {&c.KeepAlive, 5 * time.Second}} {
		if *d.value <= 0 {
			*d.value = d.otherwise
		}
	}
	if c.LoginAttempts <= 0 {
		c.LoginAttempts = 3
	}
	if c.TempDir != "" && !path.IsAbs(c.TempDir) {
		return nil, fmt.Errorf("the temporary folder %s on the machine is not an absolute path", c.TempDir)
	}
	m := &Machine{cfg: c}
	if err := m.open(ctx); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Machine) open(ctx context.Context) error {
	l, err := m.connect(ctx)
	if err != nil {
		return &unconnectedError{err}
	}
	if err := m.prepare(ctx, l); err != nil {
		l.close()
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		l.close()
		return errClosed
	}
	m.link = l
	return nil
}

// ErrNotConnected is what Dial fails with when it has not got as far as changing anything on the machine.
var ErrNotConnected = errors.New("there is no connection to the machine")

type unconnectedError struct{ error }

func (e *unconnectedError) Unwrap() []error { return []error{e.error, ErrNotConnected} }

var errClosed = errors.New("the connection to the machine is closed")

// current is the connection as it is now.
func (m *Machine) current() (*link, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed || m.link == nil:
		return nil, errClosed
	case !m.link.alive():
		return nil, fmt.Errorf("the connection to %s is broken: %w", m.cfg.addr(), component.ErrDisconnected)
	}
	return m.link, nil
}

// Reconnect connects again, after a restart of the machine, until ctx or Config.Timeout ends. What the machine is now must have the
// host key it had. A connection that still works is closed first: it may be one to a machine that is about to go.
func (m *Machine) Reconnect(ctx context.Context) error {
	m.mu.Lock()
	old := m.link
	m.link = nil
	closed := m.closed
	m.mu.Unlock()
	if old != nil {
		old.close()
	}
	if closed {
		return errClosed
	}
	if err := m.open(ctx); err != nil {
		return fmt.Errorf("waiting for the machine to come back: %w", err)
	}
	return nil
}

// Close removes the private folder and ends the connection. It may be called again. A folder that could not be removed is an error.
func (m *Machine) Close() error {
	m.mu.Lock()
	l := m.link
	m.link, m.closed = nil, true
	m.mu.Unlock()
	if l == nil {
		return nil
	}
	defer l.close()
	if m.cfg.TempDir == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return m.removeStale(ctx, l, m.cfg.TempDir)
}

// RemoveStale removes a private folder that an earlier connection left. One that is gone is no error.
func (m *Machine) RemoveStale(ctx context.Context, dir string) error {
	l, err := m.current()
	if err != nil {
		return err
	}
	return m.removeStale(ctx, l, dir)
}

func (m *Machine) removeStale(ctx context.Context, l *link, dir string) error {
	if _, err := l.script(ctx, "rm -rf -- "+quote(dir)); err != nil {
		return fmt.Errorf("removing %s on %s: %w", dir, m.cfg.Host, err)
	}
	return nil
}

// TempDir is the private folder on the machine.
func (m *Machine) TempDir() string { return m.cfg.TempDir }

// Info describes the machine.
func (m *Machine) Info() component.MachineInfo {
	port := m.cfg.Port
	if port == 0 {
		port = 22
	}
	return component.MachineInfo{Transport: "ssh", Host: m.cfg.Host, Port: port, User: m.cfg.User}
}

// WriteFile writes a small file with exactly this mode from the start.
func (m *Machine) WriteFile(ctx context.Context, name string, content io.Reader, mode fs.FileMode) error {
	l, err := m.current()
	if err == nil {
		err = l.writeFile(ctx, name, content, mode, 0, nil)
	}
	if err != nil {
		return fmt.Errorf("writing %s on %s: %w", name, m.cfg.Host, err)
	}
	return nil
}

// Remove removes a file or a folder with what is in it.
func (m *Machine) Remove(ctx context.Context, name string) error {
	l, err := m.current()
	if err == nil {
		_, err = l.script(ctx, "rm -rf -- "+quote(name))
	}
	if err != nil {
		return fmt.Errorf("removing %s on %s: %w", name, m.cfg.Host, err)
	}
	return nil
}
