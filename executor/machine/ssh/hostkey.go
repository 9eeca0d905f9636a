package ssh

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// HostKeys says which host keys are trusted. With pins, only those are. Otherwise the files say it, and a host that
// none of them knows is trusted on first use, if that is allowed: its key is recorded, and checked from then on.
type HostKeys struct {
	Pins            []string // "SHA256:…", or the line of a public key; "@cert-authority" and a key trusts certificates
	KnownHostsFiles []string // read when they exist; must exist when Strict
	RecordFile      string   // where keys trusted on first use are kept (mode 0600); empty refuses unknown hosts
	Say             func(format string, args ...any)
}

// HostKeyError is why a host's key is refused. Trying again does not help.
type HostKeyError struct{ text string }

func (e *HostKeyError) Error() string { return e.text }

func refuse(format string, args ...any) error { return &HostKeyError{fmt.Sprintf(format, args...)} }

// check refuses the key of a host that is not the one that is expected.
func (h *HostKeys) check(addr string, remote net.Addr, key ssh.PublicKey) error {
	if len(h.Pins) > 0 {
		return h.checkPins(addr, remote, key)
	}
	files, err := h.files()
	if err != nil {
		return err
	}
	known, err := h.known(files)
	if err != nil {
		return refuse("reading the known hosts: %v", err)
	}
	if remote == nil {
		remote = &net.TCPAddr{}
	}
	err = known(addr, remote, key)
	if cert, ok := key.(*ssh.Certificate); ok && err != nil {
		key = cert.Key // a certificate of an authority that nobody trusts is worth what its key is
		err = known(addr, remote, key)
	}
	var bad *knownhosts.KeyError
	var revoked *knownhosts.RevokedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &revoked):
		return refuse("the host key of %s (%s) is marked as revoked in %s, line %d", addr, ssh.FingerprintSHA256(key), revoked.Revoked.Filename, revoked.Revoked.Line)
	case errors.As(err, &bad) && len(bad.Want) > 0:
		want := bad.Want[0]
		return refuse("the host key of %s has changed: it offers %s %s, but %s line %d expects %s. Either the machine was made anew, or somebody stands in between. If the new key is right, remove that line",
			addr, key.Type(), ssh.FingerprintSHA256(key), want.Filename, want.Line, ssh.FingerprintSHA256(want.Key))
	case errors.As(err, &bad):
		return h.firstUse(addr, key)
	}
	return refuse("the host key of %s is not trusted: %v", addr, err)
}

func (h *HostKeys) checkPins(addr string, remote net.Addr, key ssh.PublicKey) error {
	plain := key
	cert, isCert := key.(*ssh.Certificate)
	if isCert {
		plain = cert.Key
	}
	for _, pin := range h.Pins {
		pin = strings.TrimSpace(pin)
		if strings.HasPrefix(pin, "SHA256:") {
			if strings.TrimRight(pin, "=") == ssh.FingerprintSHA256(plain) {
				return nil
			}
			continue
		}
		text, authority := strings.CutPrefix(pin, "@cert-authority ")
		want, err := parsePublic(text)
		if err != nil {
			return refuse("the pinned host key %q is neither a fingerprint (SHA256:…) nor a public key", pin)
		}
		if !authority {
			if string(want.Marshal()) == string(plain.Marshal()) {
				return nil
			}
			continue
		}
		if isCert {
			checker := ssh.CertChecker{IsHostAuthority: func(by ssh.PublicKey, _ string) bool { return string(by.Marshal()) == string(want.Marshal()) }}
			if checker.CheckHostKey(addr, remote, key) == nil {
				return nil
			}
		}
	}
	return refuse("the host key of %s is not one of those that are pinned: it offers %s %s, and host_key says %s",
		addr, plain.Type(), ssh.FingerprintSHA256(plain), strings.Join(h.Pins, ", "))
}

// parsePublic reads a public key, with or without the host names in front that known_hosts and ssh-keyscan have.
func parsePublic(text string) (ssh.PublicKey, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
	if err == nil {
		return key, nil
	}
	_, _, key, _, _, err = ssh.ParseKnownHosts([]byte(text))
	return key, err
}

func (h *HostKeys) files() ([]string, error) {
	var files []string
	for _, f := range append(h.KnownHostsFiles[:len(h.KnownHostsFiles):len(h.KnownHostsFiles)], h.RecordFile) {
		if f == "" {
			continue
		}
		if _, err := os.Stat(f); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, refuse("reading the known hosts: %v", err)
		}
		files = append(files, f)
	}
	return files, nil
}

// recording keeps two connections of this process from recording the same host twice.
var recording sync.Mutex

func (h *HostKeys) firstUse(addr string, key ssh.PublicKey) error {
	if h.RecordFile == "" {
		return refuse("the host key of %s (%s %s) is not known, and trust on first use is off: check it and pin it with host_key, or add it to the known hosts",
			addr, key.Type(), ssh.FingerprintSHA256(key))
	}
	recording.Lock()
	defer recording.Unlock()
	if known, err := knownhosts.New(existing(h.RecordFile)...); err == nil && known(addr, &net.TCPAddr{}, key) == nil {
		return nil
	}
	if err := h.record(knownhosts.Line([]string{knownhosts.Normalize(addr)}, key)); err != nil {
		return refuse("recording the host key of %s: %v", addr, err)
	}
	if h.Say != nil {
		h.Say("trusting %s on first use: its host key %s is kept in %s", addr, ssh.FingerprintSHA256(key), h.RecordFile)
	}
	return nil
}

func existing(file string) []string {
	if _, err := os.Stat(file); err != nil {
		return nil
	}
	return []string{file}
}

func (h *HostKeys) record(line string) error {
	if err := os.MkdirAll(filepath.Dir(h.RecordFile), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(h.RecordFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, line+"\n")
	return errors.Join(err, f.Sync(), f.Close())
}

// algorithms are the kinds of host key to ask for, one list for each try: a host has several keys, and only the kinds that
// are known can be compared. A fingerprint does not tell its kind, so every kind is asked for in turn.
func (h *HostKeys) algorithms(addr string) [][]string {
	kinds := [][]string{nil}
	var known []string
	for _, pin := range h.Pins {
		text, authority := strings.CutPrefix(strings.TrimSpace(pin), "@cert-authority ")
		if authority {
			return kinds
		}
		if strings.HasPrefix(text, "SHA256:") {
			return append(kinds, algorithmsOf(ssh.KeyAlgoED25519), algorithmsOf(ssh.KeyAlgoECDSA256), algorithmsOf(ssh.KeyAlgoECDSA384),
				algorithmsOf(ssh.KeyAlgoECDSA521), algorithmsOf(ssh.KeyAlgoRSA))
		}
		if key, err := parsePublic(text); err == nil {
			known = append(known, algorithmsOf(key.Type())...)
		}
	}
	if len(h.Pins) == 0 {
		files, err := h.files()
		if err != nil {
			return kinds
		}
		quiet := HostKeys{} // check tells of what is wrong with the files
		check, err := quiet.known(files)
		if err != nil {
			return kinds
		}
		// A key that nobody has tells which ones are known.
		var bad *knownhosts.KeyError
		if errors.As(check(addr, &net.TCPAddr{}, noKey{}), &bad) {
			for _, k := range bad.Want {
				known = append(known, algorithmsOf(k.Key.Type())...)
			}
		}
		if authorities(files) {
			return kinds
		}
	}
	if len(known) > 0 {
		return [][]string{known}
	}
	return kinds
}

func algorithmsOf(kind string) []string {
	if kind == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{kind}
}

// authorities says whether a file trusts certificates, which are then to be asked for.
func authorities(files []string) bool {
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && strings.Contains(string(text), "@cert-authority") {
			return true
		}
	}
	return false
}

type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return []byte("none") }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("this is no key") }
