package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"

	socks "golang.org/x/net/proxy"
)

// Proxy is a SOCKS5 proxy through which the machine, or its bastion, is reached.
type Proxy struct {
	Host     string
	Port     int // 1080 when 0
	User     string
	Password string
}

// dialer connects through the proxy.
func (p *Proxy) dialer(direct *net.Dialer) (dialer, error) {
	port := p.Port
	if port == 0 {
		port = 1080
	}
	var auth *socks.Auth
	if p.User != "" {
		auth = &socks.Auth{User: p.User, Password: p.Password}
	}
	addr := net.JoinHostPort(p.Host, fmt.Sprint(port))
	d, err := socks.SOCKS5("tcp", addr, auth, direct)
	if err != nil {
		return nil, fmt.Errorf("using the SOCKS proxy %s: %w", addr, err)
	}
	through := d.(socks.ContextDialer) // what SOCKS5 documents that it returns
	return func(ctx context.Context, network, target string) (net.Conn, error) {
		c, err := through.DialContext(ctx, network, target)
		if err != nil {
			return nil, fmt.Errorf("through the SOCKS proxy %s: %w", addr, err)
		}
		return c, nil
	}, nil
}

// Tunnel is a port on one side whose connections go on from the other side.
type Tunnel struct {
	Port   int    // on the loopback address of the side that listens
	Target string // host and port, as seen from the other side
}

// ParseTunnel reads "PORT:HOST:PORT".
func ParseTunnel(text string) (Tunnel, error) {
	listen, target, ok := strings.Cut(text, ":")
	port, err := strconv.ParseUint(listen, 10, 16)
	host, targetPort, targetErr := net.SplitHostPort(target)
	number, numberErr := strconv.ParseUint(targetPort, 10, 16)
	if !ok || err != nil || port == 0 || targetErr != nil || host == "" || numberErr != nil || number == 0 {
		return Tunnel{}, fmt.Errorf("%q is no tunnel: write PORT:HOST:PORT, such as 8080:127.0.0.1:80, with [brackets] around an IPv6 address", text)
	}
	return Tunnel{Port: int(port), Target: net.JoinHostPort(host, targetPort)}, nil
}

// tunnels opens the tunnels of a connection; they end with it.
func (l *link) tunnels(local, remote []Tunnel) error {
	for _, t := range local {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", t.Port))
		if err != nil {
			return &loginError{fmt.Errorf("opening port %d here for a tunnel: %w", t.Port, err)}
		}
		l.forward(ln, func() (net.Conn, error) { return l.client.Dial("tcp", t.Target) })
	}
	for _, t := range remote {
		ln, err := l.client.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", t.Port))
		if err != nil {
			return &loginError{fmt.Errorf("opening port %d on the machine for a tunnel: %w; it may be taken, or sshd may forbid it (AllowTcpForwarding)", t.Port, err)}
		}
		l.forward(ln, func() (net.Conn, error) { return net.Dial("tcp", t.Target) })
	}
	return nil
}

// forward hands the connections of a listener on until the link ends.
func (l *link) forward(ln net.Listener, dial func() (net.Conn, error)) {
	l.all.Go(func() {
		<-l.quit
		_ = ln.Close() // that of the machine is gone with the connection
	})
	l.all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			l.all.Go(func() { l.join(c, dial) })
		}
	})
}

// join copies between a connection and its other side, until both ends have said all, or the link ends.
func (l *link) join(c net.Conn, dial func() (net.Conn, error)) {
	defer c.Close()
	other, err := dial()
	if err != nil {
		return // the client sees its connection close
	}
	defer other.Close()
	done := make(chan struct{})
	go func() {
		select {
		case <-l.quit:
			c.Close()
			other.Close()
		case <-done:
		}
	}()
	var both sync.WaitGroup
	both.Go(func() { pass(other, c) })
	both.Go(func() { pass(c, other) })
	both.Wait()
	close(done)
}

// pass copies one way and hands the end on.
func pass(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if w, ok := to.(interface{ CloseWrite() error }); ok && (err == nil || errors.Is(err, io.EOF)) {
		_ = w.CloseWrite() // the other side may have ended
		return
	}
	_ = to.Close()
}
