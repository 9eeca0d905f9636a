package ssh

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"imgc/executor/machine/sshtest"
	"imgc/stdlib/component"
)

// passwordServer is a server that only asks for a password, in one of the two ways of SSH: an OpenSSH server needs PAM and an account
// for that. It takes the login and refuses all else.
func passwordServer(t *testing.T, interactive bool) (cfg Config) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	ok(t, err)
	signer, err := ssh.NewSignerFromKey(key)
	ok(t, err)
	wrong := errors.New("wrong")
	server := &ssh.ServerConfig{MaxAuthTries: 3}
	if interactive {
		server.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			answers, err := ask("", "", []string{"Password: "}, []bool{false})
			if err != nil || len(answers) != 1 || answers[0] != "sesame" {
				return nil, wrong
			}
			return nil, nil
		}
	} else {
		server.PasswordCallback = func(_ ssh.ConnMetadata, p []byte) (*ssh.Permissions, error) {
			if string(p) != "sesame" {
				return nil, wrong
			}
			return nil, nil
		}
	}
	server.AddHostKey(signer)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				conn, channels, requests, err := ssh.NewServerConn(c, server)
				if err != nil {
					c.Close()
					return
				}
				defer conn.Close()
				go ssh.DiscardRequests(requests)
				for ch := range channels {
					_ = ch.Reject(ssh.Prohibited, "only logins here")
				}
			}()
		}
	}()
	return Config{Login: Login{Host: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, User: "me"},
		HostKeys: HostKeys{Pins: []string{ssh.FingerprintSHA256(signer.PublicKey())}}, Timeout: 5 * time.Second, LoginAttempts: 1}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPasswords(t *testing.T) {
	for _, interactive := range []bool{false, true} {
		cfg := passwordServer(t, interactive)
		cfg.Password = "sesame"
		if _, err := Dial(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), "only logins here") {
			t.Errorf("interactive %t: the login did not work: %v", interactive, err)
		}
		cfg.Password = "not-this-one"
		if _, err := Dial(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), "refuses what it was offered") || strings.Contains(err.Error(), cfg.Password) {
			t.Errorf("interactive %t, a wrong password: %v", interactive, err)
		}
	}
}

func TestPassphrase(t *testing.T) {
	s := sshtest.Start(t, sshtest.Config{})
	raw, err := ssh.ParseRawPrivateKey(read(t, s.KeyFile))
	ok(t, err)
	block, err := ssh.MarshalPrivateKeyWithPassphrase(raw, "", []byte("open"))
	ok(t, err)
	locked := filepath.Join(t.TempDir(), "locked")
	ok(t, os.WriteFile(locked, pem.EncodeToMemory(block), 0o600))
	cfg := config(s)
	cfg.KeyFile, cfg.Passphrase = locked, "open"
	if out, code := run(t, dial(t, cfg), component.Command{Shell: "echo in"}); code != 0 || out != "in\n" {
		t.Errorf("%q, %d", out, code)
	}
	for passphrase, want := range map[string]string{"": "is locked with a passphrase", "not-this-one": "cannot be read"} {
		cfg.Passphrase = passphrase
		if _, err := Dial(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "not-this-one") {
			t.Errorf("passphrase %q: %v", passphrase, err)
		}
	}
}

func TestAgent(t *testing.T) {
	s := sshtest.Start(t, sshtest.Config{})
	raw, err := ssh.ParseRawPrivateKey(read(t, s.KeyFile))
	ok(t, err)
	ring := agent.NewKeyring()
	ok(t, ring.Add(agent.AddedKey{PrivateKey: raw}))
	socket := filepath.Join(t.TempDir(), "agent")
	ln, err := net.Listen("unix", socket)
	ok(t, err)
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(ring, c); c.Close() }()
		}
	}()
	cfg := config(s)
	cfg.KeyFile, cfg.Agent = "", true
	t.Setenv("SSH_AUTH_SOCK", socket)
	if out, code := run(t, dial(t, cfg), component.Command{Shell: "echo in"}); code != 0 || out != "in\n" {
		t.Errorf("%q, %d", out, code)
	}
	t.Setenv("SSH_AUTH_SOCK", "")
	if _, err := Dial(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), "ssh-agent") {
		t.Errorf("without an agent: %v", err)
	}
}
