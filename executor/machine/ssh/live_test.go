package ssh

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"imgc/executor/machine/sshtest"
	"imgc/stdlib/component"
)

// eventually waits for something that another process does; how long that takes is not what is tested.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so after a long time: %s", what)
		}
	}
}

// running says whether a process has this word as an argument.
func running(word string) bool {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		text, _ := os.ReadFile(f)
		for _, arg := range strings.Split(string(text), "\x00") {
			if arg == word {
				return true
			}
		}
	}
	return false
}

// sleeper is a command with children whose sleep can be told from others.
func sleeper() (command, word string) {
	word = fmt.Sprintf("987.%09d", time.Now().UnixNano()%1e9)
	return "(sleep " + word + "; true) & sh -c 'sleep " + word + "; true'; true", word
}

func TestCancelKillsTheGroup(t *testing.T) {
	m := dial(t, config(sshtest.Start(t, sshtest.Config{})))
	for _, stdin := range []io.Reader{nil, strings.NewReader("x")} {
		ctx, cancel := context.WithCancelCause(context.Background())
		command, word := sleeper()
		why := errors.New("no more of this")
		go func() {
			for !running(word) {
				time.Sleep(10 * time.Millisecond)
			}
			cancel(why)
		}()
		if _, err := m.Run(ctx, component.Command{Shell: command, Stdin: stdin}); !errors.Is(err, why) {
			t.Errorf("Run: %v", err)
		}
		// The whole group has had its signal; the kernel may take a moment to end each process.
		eventually(t, "nothing of it is left", func() bool { return !running(word) })
		if out, code := run(t, m, component.Command{Shell: "echo still here"}); code != 0 || out != "still here\n" {
			t.Errorf("after a cancel: %q, %d", out, code)
		}
	}
}

// TestKilledClient starts this test again as a client, and kills it as nothing can prepare for.
func TestKilledClient(t *testing.T) {
	command, word := sleeper()
	if text := os.Getenv("IMGC_TEST_CLIENT"); text != "" {
		var c struct {
			Server           sshtest.Server
			Command, TempDir string
		}
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		cfg := config(&c.Server)
		cfg.TempDir = c.TempDir
		m := dial(t, cfg)
		_, err := m.Run(context.Background(), component.Command{Shell: c.Command})
		t.Fatal("the command ended: ", err)
	}
	s := sshtest.Start(t, sshtest.Config{})
	stale := NewTempDir()
	text, err := json.Marshal(map[string]any{"Server": s, "Command": command, "TempDir": stale})
	if err != nil {
		t.Fatal(err)
	}
	client := exec.Command(os.Args[0], "-test.run=^TestKilledClient$")
	client.Env = append(os.Environ(), "IMGC_TEST_CLIENT="+string(text))
	client.Stdout, client.Stderr = os.Stderr, os.Stderr
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the command runs", func() bool { return running(word) })
	if err := client.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = client.Wait() // killed
	eventually(t, "nothing of the command is left", func() bool { return !running(word) })
	// Its private folder stays, and can be removed by whoever has its name.
	m := dial(t, config(s))
	if _, err := os.Stat(stale); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := m.RemoveStale(context.Background(), stale); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(stale); err == nil {
		t.Error("the folder is still there")
	}
}

// proxy passes bytes on until it is cut.
type proxy struct {
	l  net.Listener
	mu sync.Mutex
	on []net.Conn
	wg sync.WaitGroup
}

func newProxy(t *testing.T, to string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{l: l}
	p.wg.Go(func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", to)
			if err != nil {
				a.Close()
				continue
			}
			p.mu.Lock()
			p.on = append(p.on, a, b)
			p.mu.Unlock()
			p.wg.Go(func() { _, _ = io.Copy(a, b); a.Close() })
			p.wg.Go(func() { _, _ = io.Copy(b, a); b.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); p.cut(); p.wg.Wait() })
	return p
}

func (p *proxy) port() int { return p.l.Addr().(*net.TCPAddr).Port }

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.on {
		c.Close()
	}
	p.on = nil
}

func TestBrokenConnection(t *testing.T) {
	s := sshtest.Start(t, sshtest.Config{})
	p := newProxy(t, s.Addr())
	c := config(s)
	c.Port = p.port()
	m := dial(t, c)
	command, word := sleeper()
	go func() {
		for !running(word) {
			time.Sleep(10 * time.Millisecond)
		}
		p.cut()
	}()
	if _, err := m.Run(context.Background(), component.Command{Shell: command}); !errors.Is(err, component.ErrDisconnected) {
		t.Errorf("Run: %v", err)
	}
	eventually(t, "nothing of the command is left", func() bool { return !running(word) })
	if err := m.Upload(context.Background(), s.KeyFile, m.TempDir()+"/x", component.Transfer{}); !errors.Is(err, component.ErrDisconnected) {
		t.Errorf("Upload: %v", err)
	}
	if err := m.Reconnect(context.Background()); err != nil {
		t.Fatal(err)
	}
	if out, _ := run(t, m, component.Command{Shell: "cd " + m.TempDir() + " && echo back"}); out != "back\n" {
		t.Error(out)
	}
}

func TestReconnectWaitsForTheMachine(t *testing.T) {
	s := sshtest.Start(t, sshtest.Config{})
	m := dial(t, config(s))
	go s.Stop()
	if _, err := m.Run(context.Background(), component.Command{Shell: "sleep 600"}); !errors.Is(err, component.ErrDisconnected) {
		t.Fatalf("Run: %v", err)
	}
	back := make(chan error)
	go func() { back <- m.Reconnect(context.Background()) }()
	time.Sleep(300 * time.Millisecond) // some attempts are refused
	s.Restart()
	if err := <-back; err != nil {
		t.Fatal(err)
	}
	run(t, m, component.Command{Shell: "true"})
}

func TestServerThatSaysNothing(t *testing.T) {
	s := sshtest.Start(t, sshtest.Config{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := config(s)
	c.Port, c.AttemptTimeout, c.Timeout = l.Addr().(*net.TCPAddr).Port, 200*time.Millisecond, time.Second
	_, err = Dial(context.Background(), c)
	if err == nil || !strings.Contains(err.Error(), "handshake did not end within 200ms") {
		t.Errorf("Dial: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.AttemptTimeout, c.Timeout = time.Hour, time.Hour
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err = Dial(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("Dial: %v", err)
	}
}

func TestCloseRemovesTheFolder(t *testing.T) {
	m := dial(t, config(sshtest.Start(t, sshtest.Config{})))
	info, err := os.Stat(m.TempDir())
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	for range 2 {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(m.TempDir()); err == nil {
		t.Error("the folder is still there")
	}
	if _, err := m.Run(context.Background(), component.Command{Shell: "true"}); err == nil {
		t.Error("a closed machine runs commands")
	}
}

func TestShells(t *testing.T) {
	m := dial(t, config(sshtest.Start(t, sshtest.Config{})))
	for _, shell := range []string{"dash", "bash --posix", "busybox sh"} {
		if _, err := exec.LookPath(strings.Fields(shell)[0]); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			continue
		}
		text := wrapped("end", "/dev/null", ":", false)
		script := filepath.Join(t.TempDir(), "wrapper")
		if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		argv := append(strings.Fields(shell), script)
		command, word := sleeper()
		cmd := exec.Command(argv[0], argv[1:]...)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(in, "export A='one\ntwo'\n__imgc_c=%s\nend\n", quote(`echo "$A"; `+command))
		lines := bufio.NewScanner(out)
		lines.Scan()
		lines.Scan()
		if lines.Text() != "two" {
			t.Errorf("%s: %q", shell, lines.Text())
		}
		eventually(t, shell+" runs it", func() bool { return running(word) })
		in.Close()
		_ = cmd.Wait() // what it exits with after a kill does not matter
		eventually(t, shell+" leaves nothing", func() bool { return !running(word) })
	}
	_ = m
}
