package ssh

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"imgc/executor/machine/sshtest"
	"imgc/stdlib/component"
)

// TestPTY runs commands on a terminal: they see one, their output comes as it is, and nothing of them is left after a cancel or the
// end of the connection.
func TestPTY(t *testing.T) {
	cfg := config(sshtest.Start(t, sshtest.Config{}))
	without := dial(t, cfg)
	if _, code := run(t, without, component.Command{Shell: "test -t 1"}); code == 0 {
		t.Error("without pty there is a terminal")
	}
	cfg.PTY = true
	m := dial(t, cfg)
	secret := strings.Repeat("long and secret ", 1000)
	out, code := run(t, m, component.Command{Shell: `test -t 1 && : </dev/tty && echo "a	b" && echo error >&2; printf %s "$S" | wc -c; exit 7`, Env: map[string]string{"S": secret}})
	if code != 7 || out != "a\tb\nerror\n16000\n" {
		t.Errorf("%d, %q", code, out)
	}
	if out, code := run(t, m, component.Command{Shell: "cat", Stdin: strings.NewReader("given")}); code != 0 || out != "given" {
		t.Errorf("with input: %d, %q", code, out)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	command, word := sleeper()
	why := errors.New("no more of this")
	go func() {
		for !running(word) {
			time.Sleep(10 * time.Millisecond)
		}
		cancel(why)
	}()
	if _, err := m.Run(ctx, component.Command{Shell: "trap '' HUP; " + command}); !errors.Is(err, why) {
		t.Errorf("Run: %v", err)
	}
	eventually(t, "nothing of the cancelled command is left", func() bool { return !running(word) })
	if out, code := run(t, m, component.Command{Shell: "echo still here"}); code != 0 || out != "still here\n" {
		t.Errorf("after a cancel: %q, %d", out, code)
	}
	command, word = sleeper()
	go func() { _, _ = m.Run(context.Background(), component.Command{Shell: "trap '' HUP; " + command}) }()
	eventually(t, "the command runs", func() bool { return running(word) })
	l, err := m.current()
	if err != nil {
		t.Fatal(err)
	}
	l.shut()
	eventually(t, "nothing is left after the end of the connection", func() bool { return !running(word) })
	refusing := config(sshtest.Start(t, sshtest.Config{Lines: []string{"PermitTTY no"}}))
	refusing.PTY = true
	if _, err := dial(t, refusing).Run(context.Background(), component.Command{Shell: "true"}); err == nil || !strings.Contains(err.Error(), "PermitTTY") {
		t.Errorf("without PermitTTY: %v", err)
	}
}

// socksServer is a SOCKS5 proxy (RFC 1928, 1929) that counts its connections. With a password it wants that.
func socksServer(t *testing.T, password string) (port int, count *atomic.Int64) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	count = &atomic.Int64{}
	serve := func(c net.Conn) error {
		defer c.Close()
		r := bufio.NewReader(c)
		read := func(n int) []byte {
			b := make([]byte, n)
			_, _ = io.ReadFull(r, b)
			return b
		}
		methods := read(int(read(2)[1]))
		if password == "" {
			_, _ = c.Write([]byte{5, 0})
		} else {
			if !strings.Contains(string(methods), "\x02") {
				_, err := c.Write([]byte{5, 0xff})
				return err
			}
			_, _ = c.Write([]byte{5, 2})
			user := read(int(read(2)[1]))
			given := read(int(read(1)[0]))
			if string(user) != "me" || string(given) != password {
				_, err := c.Write([]byte{1, 1})
				return err
			}
			_, _ = c.Write([]byte{1, 0})
		}
		head := read(4)
		var host string
		switch head[3] {
		case 1:
			host = net.IP(read(4)).String()
		case 3:
			host = string(read(int(read(1)[0])))
		}
		target := net.JoinHostPort(host, fmt.Sprint(binary.BigEndian.Uint16(read(2))))
		other, err := net.Dial("tcp", target)
		if err != nil {
			_, err := c.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
			return err
		}
		defer other.Close()
		count.Add(1)
		_, _ = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		go func() { _, _ = io.Copy(other, r) }()
		_, err = io.Copy(c, other)
		return err
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { _ = serve(c) }()
		}
	}()
	return ln.Addr().(*net.TCPAddr).Port, count
}

func TestProxy(t *testing.T) {
	cfg := config(sshtest.Start(t, sshtest.Config{}))
	for _, password := range []string{"", "pass"} {
		port, count := socksServer(t, password)
		cfg.Proxy = &Proxy{Host: "127.0.0.1", Port: port}
		if password != "" {
			cfg.Proxy.User, cfg.Proxy.Password = "me", password
		}
		m := dial(t, cfg)
		if out, code := run(t, m, component.Command{Shell: "echo through"}); code != 0 || out != "through\n" || count.Load() != 1 {
			t.Errorf("password %q: %q, %d, %d connections", password, out, code, count.Load())
		}
	}
	port, _ := socksServer(t, "pass")
	cfg.Timeout = 2 * time.Second
	cfg.Proxy = &Proxy{Host: "127.0.0.1", Port: port, User: "me", Password: "wrong-one"}
	if _, err := Dial(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), "SOCKS proxy 127.0.0.1") || strings.Contains(err.Error(), "wrong-one") {
		t.Errorf("with a wrong password: %v", err)
	}
}

func TestTunnels(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	local, remote := freePort(t), freePort(t)
	cfg := config(sshtest.Start(t, sshtest.Config{}))
	target := echo.Addr().String()
	for _, c := range []struct {
		port int
		list *[]Tunnel
	}{{local, &cfg.LocalTunnels}, {remote, &cfg.RemoteTunnels}} {
		tunnel, err := ParseTunnel(fmt.Sprintf("%d:%s", c.port, target))
		if err != nil {
			t.Fatal(err)
		}
		*c.list = append(*c.list, tunnel)
	}
	m := dial(t, cfg)
	for name, port := range map[string]int{"local": local, "remote": remote} {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(name, err)
		}
		fmt.Fprintf(c, "hello %s", name)
		_ = c.(*net.TCPConn).CloseWrite()
		if got, err := io.ReadAll(c); err != nil || string(got) != "hello "+name {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		c.Close()
	}
	taken := cfg
	taken.RemoteTunnels = nil
	if _, err := Dial(context.Background(), taken); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("port %d here", local)) {
		t.Errorf("with a port that is taken: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	for _, port := range []int{local, remote} {
		eventually(t, "the tunnel has ended", func() bool {
			c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err == nil {
				c.Close()
			}
			return err != nil
		})
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestParseTunnel(t *testing.T) {
	for text, want := range map[string]Tunnel{"8080:127.0.0.1:80": {8080, "127.0.0.1:80"}, "1:mirror.example.com:3142": {1, "mirror.example.com:3142"}, "5:[::1]:6": {5, "[::1]:6"}} {
		if got, err := ParseTunnel(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "80", "80:host", "x:host:80", "80:host:x", "0:host:80", "80::80", "80:host:0", "80:host:70000", "80:::1:80"} {
		if got, err := ParseTunnel(text); err == nil || !strings.Contains(err.Error(), "PORT:HOST:PORT") {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func FuzzParseTunnel(f *testing.F) {
	f.Add("8080:127.0.0.1:80")
	f.Fuzz(func(t *testing.T, text string) {
		if tunnel, err := ParseTunnel(text); err == nil && (tunnel.Port < 1 || tunnel.Port > 65535 || tunnel.Target == "") {
			t.Errorf("%q: %+v", text, tunnel)
		}
	})
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
