// Package sshtest starts a real OpenSSH server for tests: its own keys, its own configuration, a free port of
// 127.0.0.1. It is for tests only; nothing that ships imports it.
//
// Start reading at Start.
package sshtest

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// Config says what is special about a server; the zero value is an ordinary one.
type Config struct {
	// UserCA makes the server trust a certificate authority instead of the client's key: Server.CertFile is needed.
	UserCA bool
	// HostCA gives the server's key a certificate; Server.HostCA is the line that trusts it.
	HostCA bool
	// Port is the port to listen on; 0 takes a free one.
	Port int
	// Lines are added to the front of sshd's configuration.
	Lines []string
}

// Server is a running server, and what a client needs to log in.
type Server struct {
	Host        string
	Port        int
	User        string // the user the tests run as
	KeyFile     string // the client's private key, ed25519, without a passphrase
	CertFile    string // the certificate of the client's key; empty without Config.UserCA
	Fingerprint string // of the host key: "SHA256:…"
	KnownHosts  string // the line of a known_hosts file
	HostCA      string // a @cert-authority line of a known_hosts file; empty without Config.HostCA
	Dir         string // holds the keys and the log

	t      testing.TB
	config string
	cmd    *exec.Cmd
}

// Start starts a server and stops it when the test ends. Without sshd the test is skipped, or fails where CI is set.
func Start(t testing.TB, c Config) *Server {
	t.Helper()
	if _, err := os.Stat(sshd); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("this test needs an OpenSSH server: %v", err)
		}
		t.Skipf("this test needs an OpenSSH server: %v", err)
	}
	s := &Server{Host: "127.0.0.1", Dir: t.TempDir(), t: t}
	if err := s.prepare(c); err != nil {
		t.Fatalf("preparing an OpenSSH server: %v", err)
	}
	s.Restart()
	t.Cleanup(s.Stop)
	return s
}

const sshd = "/usr/sbin/sshd"

func (s *Server) prepare(c Config) error {
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil && !errors.Is(err, os.ErrPermission) {
		return err
	}
	me, err := user.Current()
	if err != nil {
		return err
	}
	s.User, s.Port = me.Username, c.Port
	if s.Port == 0 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		s.Port = l.Addr().(*net.TCPAddr).Port
		l.Close()
	}
	s.KeyFile = filepath.Join(s.Dir, "client")
	client, err := NewKey(s.KeyFile)
	if err != nil {
		return err
	}
	host, err := NewKey(filepath.Join(s.Dir, "host"))
	if err != nil {
		return err
	}
	s.Fingerprint = ssh.FingerprintSHA256(host.PublicKey())
	at := fmt.Sprintf("[127.0.0.1]:%d ", s.Port)
	s.KnownHosts = at + line(host.PublicKey())

	lines := append(c.Lines, fmt.Sprint("Port ", s.Port), "ListenAddress 127.0.0.1", "HostKey "+filepath.Join(s.Dir, "host"),
		"PidFile "+filepath.Join(s.Dir, "pid"), "StrictModes no", "UsePAM no", "PermitRootLogin yes",
		"Subsystem sftp /usr/lib/openssh/sftp-server", "MaxStartups 100:30:200", "MaxSessions 100", "PrintMotd no", "LogLevel VERBOSE")
	// bash takes a command that sshd starts for a login, and reads the user's .bashrc, which may print and be slow; not in a shell
	// that says it is inside another.
	lines = append(lines, "SetEnv SHLVL=2")
	authorised := line(client.PublicKey())
	if c.UserCA {
		authorised = ""
		ca, err := NewKey(filepath.Join(s.Dir, "user_ca"))
		if err != nil {
			return err
		}
		if s.CertFile, err = certify(ca, client.PublicKey(), ssh.UserCert, s.User, s.KeyFile+"-cert.pub"); err != nil {
			return err
		}
		lines = append(lines, "TrustedUserCAKeys "+filepath.Join(s.Dir, "user_ca.pub"))
	}
	if c.HostCA {
		ca, err := NewKey(filepath.Join(s.Dir, "host_ca"))
		if err != nil {
			return err
		}
		file, err := certify(ca, host.PublicKey(), ssh.HostCert, s.Host, filepath.Join(s.Dir, "host-cert.pub"))
		if err != nil {
			return err
		}
		s.HostCA = "@cert-authority " + at + line(ca.PublicKey())
		lines = append(lines, "HostCertificate "+file)
	}
	keys := filepath.Join(s.Dir, "authorized_keys")
	if err := os.WriteFile(keys, []byte(authorised), 0o600); err != nil {
		return err
	}
	lines = append(lines, "AuthorizedKeysFile "+keys)
	s.config = filepath.Join(s.Dir, "sshd_config")
	return os.WriteFile(s.config, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

// Restart starts the server again after Stop, with the keys and the port it had.
func (s *Server) Restart() {
	s.t.Helper()
	log := filepath.Join(s.Dir, "log")
	s.cmd = exec.Command(sshd, "-D", "-f", s.config, "-E", log) //nolint:noctx // Stop ends it
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out bytes.Buffer
	s.cmd.Stdout, s.cmd.Stderr = &out, &out
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("starting %s: %v", sshd, err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", s.Addr())
		if err == nil {
			_, err = bufio.NewReader(c).ReadString('\n')
			c.Close()
			if err == nil {
				return
			}
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log)
			s.t.Fatalf("sshd does not answer: %v\n%s%s", err, out.String(), text)
		}
	}
}

// Stop ends the server and the connections it serves, as a restart of the machine does.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	// The processes that serve connections are children of the server, in sessions of their own.
	for _, pid := range children(s.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	_ = s.cmd.Wait() // killed
	s.cmd = nil
}

func children(pid int) []int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	var out []int
	for _, f := range strings.Fields(string(text)) {
		var child int
		if _, err := fmt.Sscan(f, &child); err == nil {
			out = append(out, append(children(child), child)...)
		}
	}
	return out
}

// Addr is host:port.
func (s *Server) Addr() string { return net.JoinHostPort(s.Host, fmt.Sprint(s.Port)) }

// Log is what the server has logged.
func (s *Server) Log() string {
	text, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
	return string(text)
}

// NewKey makes an ed25519 key: the private one at path, the public one at path.pub.
func NewKey(path string) (ssh.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "imgc test")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, err
	}
	return signer, os.WriteFile(path+".pub", []byte(line(signer.PublicKey())), 0o644)
}

func certify(ca ssh.Signer, key ssh.PublicKey, kind uint32, principal, file string) (string, error) {
	cert := &ssh.Certificate{Key: key, CertType: kind, KeyId: "imgc test", ValidPrincipals: []string{principal},
		ValidBefore: ssh.CertTimeInfinity}
	if kind == ssh.UserCert {
		cert.Permissions.Extensions = map[string]string{"permit-pty": "", "permit-port-forwarding": ""}
	}
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		return "", err
	}
	return file, os.WriteFile(file, []byte(line(cert)), 0o644)
}

func line(k ssh.PublicKey) string { return string(ssh.MarshalAuthorizedKey(k)) }
