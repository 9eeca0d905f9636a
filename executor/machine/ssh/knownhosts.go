package ssh

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// known reads known_hosts files. As with OpenSSH, a line that cannot be read is left out and told of, and the others count; what
// errors say of lines is true of the file.
func (h *HostKeys) known(files []string) (ssh.HostKeyCallback, error) {
	check, err := knownhosts.New(files...)
	if err == nil {
		return check, nil
	}
	dir, err := os.MkdirTemp("", "imgc-known-hosts-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	files = slices.Clone(files)
	names := map[string]string{}
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		copied := filepath.Join(dir, fmt.Sprint(i))
		lines, broken, err := readable(text, copied)
		if err != nil {
			return nil, err
		}
		if len(broken) > 0 && h.Say != nil {
			h.Say("%s: %s cannot be read and do not count", file, strings.Join(broken, ", "))
		}
		if err := os.WriteFile(copied, lines, 0o600); err != nil {
			return nil, err
		}
		names[copied] = file
		files[i] = copied
	}
	if check, err = knownhosts.New(files...); err != nil {
		return nil, err
	}
	return func(addr string, remote net.Addr, key ssh.PublicKey) error {
		err := check(addr, remote, key)
		var bad *knownhosts.KeyError
		if errors.As(err, &bad) {
			for i := range bad.Want {
				bad.Want[i].Filename = names[bad.Want[i].Filename]
			}
		}
		var revoked *knownhosts.RevokedError
		if errors.As(err, &revoked) {
			revoked.Revoked.Filename = names[revoked.Revoked.Filename]
		}
		return err
	}, nil
}

// readable makes comments of the lines that cannot be read, and names them. Only the library can tell, and it reads files: each
// line is tried in one.
func readable(text []byte, try string) (whole []byte, broken []string, err error) {
	lines := bytes.SplitAfter(text, []byte("\n"))
	for i, line := range lines {
		if t := bytes.TrimSpace(line); len(t) == 0 || t[0] == '#' {
			continue
		}
		if err := os.WriteFile(try, line, 0o600); err != nil {
			return nil, nil, err
		}
		if _, err := knownhosts.New(try); err != nil {
			broken = append(broken, fmt.Sprintf("line %d", i+1))
			lines[i] = []byte("#\n")
		}
	}
	return bytes.Join(lines, nil), broken, nil
}
