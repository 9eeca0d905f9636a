package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/crypto/ssh"
)

// ciphers are in the order of how fast they are on both sides; every one of them is sound.
var ciphers = []string{"aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr"}

// connect tries until it is connected, the error is one that trying again does not mend, or the time is over.
func (m *Machine) connect(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, m.cfg.Timeout, errTimeout)
	defer cancel()
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 200*time.Millisecond, 5*time.Second
	var last error
	refused := 0
	l, err := backoff.Retry(ctx, func() (*link, error) {
		l, err := m.attempt(ctx)
		if err == nil {
			return l, nil
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		if isAuth(err) {
			// A machine that is still starting may not have its keys yet.
			if refused++; refused >= m.cfg.LoginAttempts {
				return nil, backoff.Permanent(err)
			}
		}
		var bad *HostKeyError
		var local *loginError
		if errors.As(err, &bad) || errors.As(err, &local) {
			return nil, backoff.Permanent(err)
		}
		return nil, err
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0))
	switch {
	case err == nil:
		return l, nil
	case errors.Is(context.Cause(ctx), errTimeout):
		return nil, fmt.Errorf("%s does not answer as it should after %s: %w", m.cfg.addr(), m.cfg.Timeout, last)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, last
}

var errTimeout = errors.New("the time for connecting is over")

// loginError is a mistake in what the login was given: it does not go away by itself.
type loginError struct{ error }

func (e *loginError) Unwrap() error { return e.error }

func isAuth(err error) bool { return strings.Contains(err.Error(), "unable to authenticate") }

// attempt connects once, through the bastion if there is one.
func (m *Machine) attempt(ctx context.Context) (*link, error) {
	direct := &net.Dialer{Timeout: m.cfg.AttemptTimeout}
	var dial dialer = direct.DialContext
	if m.cfg.Proxy != nil {
		var err error
		if dial, err = m.cfg.Proxy.dialer(direct); err != nil {
			return nil, &loginError{err}
		}
	}
	var jump *ssh.Client
	if b := m.cfg.Bastion; b != nil {
		client, err := m.client(ctx, b, dial)
		if err != nil {
			return nil, fmt.Errorf("connecting to the bastion: %w", err)
		}
		jump, dial = client, client.DialContext
	}
	client, err := m.client(ctx, &m.cfg.Login, dial)
	if err != nil {
		if jump != nil {
			jump.Close()
		}
		return nil, err
	}
	l := newLink(client, jump, m.cfg.KeepAlive)
	if err := l.tunnels(m.cfg.LocalTunnels, m.cfg.RemoteTunnels); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

type dialer func(ctx context.Context, network, addr string) (net.Conn, error)

func (m *Machine) client(ctx context.Context, l *Login, dial dialer) (*ssh.Client, error) {
	var first error
	for _, kinds := range m.cfg.HostKeys.algorithms(l.addr()) {
		c, err := m.clientWith(ctx, l, dial, kinds)
		if err == nil {
			return c, nil
		}
		var bad *HostKeyError
		if errors.As(err, &bad) || first == nil {
			first = err
		}
		if !errors.As(first, &bad) {
			break
		}
	}
	return nil, first
}

func (m *Machine) clientWith(ctx context.Context, l *Login, dial dialer, kinds []string) (*ssh.Client, error) {
	methods, done, err := l.methods()
	defer done()
	if err != nil {
		return nil, &loginError{err}
	}
	ctx, cancel := context.WithTimeout(ctx, m.cfg.AttemptTimeout)
	defer cancel()
	conn, err := dial(ctx, "tcp", l.addr())
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", l.addr(), err)
	}
	var refused error
	stop := context.AfterFunc(ctx, func() { conn.Close() }) // also ends a server that accepts and says nothing
	cfg := &ssh.ClientConfig{
		User: l.User, Auth: methods, ClientVersion: "SSH-2.0-imgc",
		Config: ssh.Config{Ciphers: ciphers},
		HostKeyCallback: func(addr string, remote net.Addr, key ssh.PublicKey) error {
			refused = m.cfg.HostKeys.check(addr, remote, key)
			return refused
		},
		HostKeyAlgorithms: kinds,
	}
	c, channels, requests, err := ssh.NewClientConn(conn, l.addr(), cfg)
	if !stop() && err == nil {
		c.Close()
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		switch {
		case refused != nil:
			return nil, refused
		case ctx.Err() != nil:
			return nil, fmt.Errorf("connecting to %s: it accepts the connection, but the SSH handshake did not end within %s", l.addr(), m.cfg.AttemptTimeout)
		case isAuth(err):
			return nil, fmt.Errorf("logging in to %s as %s: it refuses what it was offered: %w; check the user name and the key", l.addr(), l.User, err)
		}
		return nil, fmt.Errorf("connecting to %s: %w", l.addr(), err)
	}
	return ssh.NewClient(c, channels, requests), nil
}
