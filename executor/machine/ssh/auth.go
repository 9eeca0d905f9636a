package ssh

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// Login is how to log in to one host. Every way that is given is tried: the agent, the key, the password.
type Login struct {
	Host        string
	Port        int // 22 when 0
	User        string
	KeyFile     string // a private key
	Key         string // the text of a private key
	Passphrase  string // of the key
	Certificate string // a file with the certificate of the key; KEYFILE-cert.pub is found by itself
	Password    string // also the answer to questions of a keyboard-interactive login that are not shown as they are typed
	Agent       bool   // use the keys of the agent at SSH_AUTH_SOCK
}

func (l *Login) addr() string {
	port := l.Port
	if port == 0 {
		port = 22
	}
	return net.JoinHostPort(l.Host, fmt.Sprint(port))
}

// methods reads the keys. done closes the connection to the agent.
func (l *Login) methods() (methods []ssh.AuthMethod, done func(), err error) {
	done = func() {}
	var signers []ssh.Signer
	if l.KeyFile != "" || l.Key != "" {
		s, err := l.signers()
		if err != nil {
			return nil, done, err
		}
		signers = s
	}
	if l.Agent {
		socket := os.Getenv("SSH_AUTH_SOCK")
		if socket == "" {
			return nil, done, errors.New("the SSH agent is to be used, but SSH_AUTH_SOCK names none: start one with `eval $(ssh-agent)` and add the key with ssh-add")
		}
		conn, err := net.Dial("unix", socket)
		if err != nil {
			return nil, done, fmt.Errorf("asking the SSH agent of SSH_AUTH_SOCK for its keys: %w", err)
		}
		done = func() { conn.Close() }
		keys, err := agent.NewClient(conn).Signers()
		if err != nil {
			conn.Close()
			return nil, func() {}, fmt.Errorf("asking the SSH agent of SSH_AUTH_SOCK for its keys: %w", err)
		}
		signers = append(signers, keys...)
	}
	if len(signers) > 0 {
		methods = append(methods, ssh.PublicKeys(signers...))
	}
	if l.Password != "" {
		methods = append(methods, ssh.Password(l.Password), ssh.KeyboardInteractive(l.answer))
	}
	if len(methods) == 0 {
		return nil, done, fmt.Errorf("there is nothing to log in to %s with: give a private key, a password or the SSH agent", l.Host)
	}
	return methods, done, nil
}

// answer gives the password wherever the server asks for something that must not be shown.
func (l *Login) answer(_, _ string, questions []string, echo []bool) ([]string, error) {
	answers := make([]string, len(questions))
	for i := range questions {
		if echo[i] {
			return nil, fmt.Errorf("the server asks %q, and only the password is known", questions[i])
		}
		answers[i] = l.Password
	}
	return answers, nil
}

func (l *Login) signers() ([]ssh.Signer, error) {
	text, name := []byte(l.Key), "the private key"
	if l.Key == "" {
		name = "the private key " + l.KeyFile
		var err error
		if text, err = os.ReadFile(l.KeyFile); err != nil {
			return nil, fmt.Errorf("reading the private key: %w", err)
		}
	}
	key, err := ssh.ParsePrivateKey(text)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		if l.Passphrase == "" {
			return nil, fmt.Errorf("%s is locked with a passphrase: give it, or add the key to the SSH agent and use that", name)
		}
		key, err = ssh.ParsePrivateKeyWithPassphrase(text, []byte(l.Passphrase))
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", name, err)
	}
	file := l.Certificate
	if file == "" && l.KeyFile != "" {
		if _, err := os.Stat(l.KeyFile + "-cert.pub"); err == nil {
			file = l.KeyFile + "-cert.pub"
		}
	}
	if file == "" {
		return []ssh.Signer{key}, nil
	}
	if text, err = os.ReadFile(file); err != nil {
		return nil, fmt.Errorf("reading the certificate of %s: %w", name, err)
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil, fmt.Errorf("the certificate %s cannot be read: %w", file, err)
	}
	cert, ok := public.(*ssh.Certificate)
	if !ok {
		return nil, fmt.Errorf("%s is a public key and not a certificate", file)
	}
	signer, err := ssh.NewCertSigner(cert, key)
	if err != nil {
		return nil, fmt.Errorf("the certificate %s does not belong to %s: %w", file, name, err)
	}
	return []ssh.Signer{signer, key}, nil
}
