package ssh

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"imgc/executor/machine/sshtest"
	"imgc/executor/machine/tree"
	"imgc/stdlib/component"
)

func TestHostKeys(t *testing.T) {
	s := sshtest.Start(t, sshtest.Config{HostCA: true})
	dir := t.TempDir()
	file := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	other, err := sshtest.NewKey(filepath.Join(dir, "other"))
	if err != nil {
		t.Fatal(err)
	}
	wrong := string(ssh.MarshalAuthorizedKey(other.PublicKey()))
	at, line, _ := strings.Cut(s.KnownHosts, " ")
	_, authority, _ := strings.Cut(strings.TrimPrefix(s.HostCA, "@cert-authority "), " ")
	recorded := filepath.Join(dir, "state", "known_hosts")
	for _, c := range []struct {
		name  string
		keys  HostKeys
		wrong string // part of the error; empty when it is trusted
	}{
		{"fingerprint", HostKeys{Pins: []string{"SHA256:nope", s.Fingerprint}}, ""},
		{"public key", HostKeys{Pins: []string{line}}, ""},
		{"line of ssh-keyscan", HostKeys{Pins: []string{s.KnownHosts}}, ""},
		{"authority", HostKeys{Pins: []string{"@cert-authority " + authority}}, ""},
		{"another fingerprint", HostKeys{Pins: []string{"SHA256:nope"}, RecordFile: recorded}, "not one of those that are pinned"},
		{"another key", HostKeys{Pins: []string{wrong}}, ""},
		{"another authority", HostKeys{Pins: []string{"@cert-authority " + wrong}}, "not one of those that are pinned"},
		{"no pin", HostKeys{Pins: []string{"what"}}, "neither a fingerprint"},
		{"known", HostKeys{KnownHostsFiles: []string{file("good", s.KnownHosts)}}, ""},
		{"known beside lines that cannot be read", HostKeys{KnownHostsFiles: []string{file("broken", "no key here\n\n# comment\n@odd x y z\n"+s.KnownHosts)}}, ""},
		{"changed beside lines that cannot be read", HostKeys{KnownHostsFiles: []string{file("broken2", "no key here\n"+at+" "+wrong)}}, "broken2 line 2"},
		{"known by its authority", HostKeys{KnownHostsFiles: []string{file("ca", s.HostCA)}}, ""},
		{"changed", HostKeys{KnownHostsFiles: []string{file("changed", at+" "+wrong)}, RecordFile: recorded}, "has changed"},
		{"revoked", HostKeys{KnownHostsFiles: []string{file("revoked", "@revoked * "+line)}, RecordFile: recorded}, "revoked"},
		{"unknown", HostKeys{KnownHostsFiles: []string{filepath.Join(dir, "missing")}}, "trust on first use is off"},
		{"first use", HostKeys{RecordFile: recorded}, ""},
		{"second use", HostKeys{KnownHostsFiles: []string{recorded}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(s)
			cfg.HostKeys = c.keys
			m, err := Dial(context.Background(), cfg)
			if m != nil {
				defer m.Close()
			}
			if c.name == "another key" {
				c.wrong = "not one of those that are pinned"
			}
			var refused *HostKeyError
			if c.wrong == "" && err != nil || c.wrong != "" && (!errors.As(err, &refused) || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("Dial: %v; want %q", err, c.wrong)
			}
		})
	}
	info, err := os.Stat(recorded)
	text, _ := os.ReadFile(recorded)
	if err != nil || info.Mode().Perm() != 0o600 || strings.TrimSpace(string(text)) != strings.TrimSpace(s.KnownHosts) {
		t.Errorf("recorded: %v, %v, %q; want %q", info, err, text, s.KnownHosts)
	}
	// The machine is another one now, at the same address.
	s.Stop()
	impostor := sshtest.Start(t, sshtest.Config{Port: s.Port})
	cfg := config(impostor)
	cfg.HostKeys = HostKeys{RecordFile: recorded}
	_, err = Dial(context.Background(), cfg)
	if err == nil || !strings.Contains(err.Error(), "has changed") || !strings.Contains(err.Error(), recorded+" line 1") {
		t.Errorf("an impostor: %v", err)
	}
}

func TestLogins(t *testing.T) {
	plain := sshtest.Start(t, sshtest.Config{})
	signed := sshtest.Start(t, sshtest.Config{UserCA: true})
	text, err := os.ReadFile(plain.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	stranger := filepath.Join(t.TempDir(), "stranger")
	if _, err := sshtest.NewKey(stranger); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		server *sshtest.Server
		change func(*Config)
		wrong  string
	}{
		{"key in the program", plain, func(c *Config) { c.KeyFile, c.Key = "", string(text) }, ""},
		{"certificate beside the key", signed, func(*Config) {}, ""},
		{"certificate", signed, func(c *Config) { c.Certificate = signed.CertFile }, ""},
		{"stranger", plain, func(c *Config) { c.KeyFile, c.LoginAttempts = stranger, 1 }, "refuses what it was offered"},
		{"nothing", plain, func(c *Config) { c.KeyFile = "" }, "nothing to log in"},
		{"no such key", plain, func(c *Config) { c.KeyFile = "/no/such/key" }, "reading the private key"},
		{"bastion", plain, func(c *Config) {
			c.Bastion = &Login{Host: signed.Host, Port: signed.Port, User: signed.User, KeyFile: signed.KeyFile}
			c.HostKeys.Pins = append(c.HostKeys.Pins, signed.Fingerprint)
		}, ""},
		{"bastion that is not trusted", plain, func(c *Config) {
			c.Bastion = &Login{Host: signed.Host, Port: signed.Port, User: signed.User, KeyFile: signed.KeyFile}
		}, "connecting to the bastion: the host key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(c.server)
			c.change(&cfg)
			m, err := Dial(context.Background(), cfg)
			if err == nil {
				run(t, m, component.Command{Shell: "true"})
				if err := m.Close(); err != nil {
					t.Error(err)
				}
			}
			if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("Dial: %v; want %q", err, c.wrong)
			}
		})
	}
}

// TestHostileFolder has a machine whose tar tells what a folder never holds.
func TestHostileFolder(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	if err := os.Mkdir(outside, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, entries := range map[string][]tar.Header{
		"parent":        {{Name: "../outside/x", Typeflag: tar.TypeReg}},
		"absolute":      {{Name: outside + "/x", Typeflag: tar.TypeReg}},
		"through link":  {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: outside}, {Name: "l/x", Typeflag: tar.TypeReg}},
		"relative link": {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "../outside"}, {Name: "l/x", Typeflag: tar.TypeReg}},
		"hard link":     {{Name: "h", Typeflag: tar.TypeLink, Linkname: "../outside/x"}},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			tw := tar.NewWriter(&b)
			for _, h := range entries {
				h.Mode, h.ModTime = 0o644, time.Unix(0, 0)
				if err := tw.WriteHeader(&h); err != nil {
					t.Fatal(err)
				}
			}
			if err := tw.Close(); err != nil {
				t.Fatal(err)
			}
			bin := t.TempDir()
			fake := "#!/bin/sh\ncat <" + bin + "/evil\n"
			if err := errors.Join(os.WriteFile(bin+"/evil", b.Bytes(), 0o600), os.WriteFile(bin+"/tar", []byte(fake), 0o755)); err != nil {
				t.Fatal(err)
			}
			s := sshtest.Start(t, sshtest.Config{Lines: []string{"SetEnv PATH=" + bin + ":/usr/bin:/bin"}})
			m := dial(t, config(s))
			if err := m.Download(context.Background(), "/etc/ssh", filepath.Join(dir, "in"), component.Transfer{}); err == nil {
				t.Error("the folder was taken")
			}
			if left, _ := os.ReadDir(outside); len(left) > 0 {
				t.Errorf("outside of the folder there is %v", left)
			}
			if err := tree.Unpack(bytes.NewReader(b.Bytes()), filepath.Join(dir, "in")); err == nil {
				t.Error("the tar was taken")
			}
		})
	}
}
