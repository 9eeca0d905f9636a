package ebs

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	cryptossh "golang.org/x/crypto/ssh"

	"imgc/stdlib/aws"
	"imgc/stdlib/component"
	"imgc/stdlib/ssh"
)

// userData is what the instance is given: the program's own, and the host key that it is to have, so that it can be told from any other.
func (l *launch) userData() ([]byte, error) {
	var own []byte
	switch {
	case l.UserData != nil:
		own = []byte(*l.UserData)
	case l.UserDataFile != nil:
		b, err := os.ReadFile(l.env.Path(*l.UserDataFile))
		if err != nil {
			return nil, fmt.Errorf("reading user_data_file: %w", err)
		}
		own = b
	}
	if l.SSH.HostKey != "user_data" {
		return own, nil
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := cryptossh.MarshalPrivateKey(private, "imgc")
	if err != nil {
		return nil, err
	}
	public, err := cryptossh.NewPublicKey(private.Public())
	if err != nil {
		return nil, err
	}
	line := strings.TrimSpace(string(cryptossh.MarshalAuthorizedKey(public)))
	l.pins = []string{line}
	config := "#cloud-config\nssh_deletekeys: true\nssh_keys:\n  ed25519_private: |\n    " +
		strings.ReplaceAll(strings.TrimSpace(string(pem.EncodeToMemory(block))), "\n", "\n    ") + "\n  ed25519_public: " + line + "\n"
	if len(own) == 0 {
		return []byte(config), nil
	}
	return both(config, own)
}

// both is a MIME message of two parts, as cloud-init takes it.
func both(config string, own []byte) ([]byte, error) {
	kind := "text/x-shellscript"
	switch {
	case bytes.HasPrefix(own, []byte("#cloud-config")):
		kind = "text/cloud-config"
	case bytes.HasPrefix(own, []byte("#!")):
	default:
		return nil, errors.New("user_data is neither #cloud-config nor a script (#!), so the host key cannot be added to it; say how it becomes known with ssh = { host_key = \"console\" } or \"first_use\"")
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	fmt.Fprintf(&b, "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=%q\n\n", w.Boundary())
	for _, p := range []struct {
		kind string
		text []byte
	}{{"text/cloud-config", []byte(config)}, {kind, own}} {
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {p.kind}, "MIME-Version": {"1.0"}})
		if err != nil {
			return nil, err
		}
		if _, err := part.Write(p.text); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if b.Len() > 16<<10 {
		return nil, fmt.Errorf("user_data has %d bytes with the host key, and EC2 takes 16384", b.Len())
	}
	return b.Bytes(), nil
}

// connect logs in, once the machine answers.
func (l *launch) connect(ctx context.Context, inst types.Instance) (component.Machine, error) {
	host := l.address(inst)
	if l.SSH.Host != nil {
		host = *l.SSH.Host
	}
	if host == "" {
		return nil, fmt.Errorf("the instance %s has no %s; choose another with ssh = { address = … }, or a subnet that gives one", l.instance, l.SSH.Address)
	}
	o := ssh.Options{Host: host, Port: l.cloud.SSHPort(l.SSH.Port), Username: l.SSH.Username, KeyFile: l.SSH.KeyFile, PTY: l.SSH.PTY, HostKey: l.pins,
		Timeout: l.SSH.Timeout, AttemptTimeout: l.SSH.AttemptTimeout, KeepAlive: l.SSH.KeepAlive, LoginAttempts: 10}
	if l.key != "" {
		o.Key = &l.key
	}
	switch l.SSH.HostKey {
	case "console":
		pins, err := l.console(ctx)
		if err != nil {
			return nil, err
		}
		o.HostKey = pins
	case "first_use":
		o.TrustFirst = true
	}
	if bn := l.SSH.Bastion; bn != nil {
		o.Bastion = &ssh.Bastion{Host: bn.Host, Port: bn.Port, Username: bn.Username, KeyFile: bn.KeyFile, Agent: bn.Agent}
		o.TrustFirst = true
	}
	l.env.Say("logging in to %s as %s", host, o.Username)
	return ssh.Open(ctx, quiet(l.env), o)
}

func (l *launch) address(i types.Instance) string {
	switch l.SSH.Address {
	case "private_ip":
		return str(i.PrivateIpAddress)
	case "public_dns":
		return str(i.PublicDnsName)
	case "private_dns":
		return str(i.PrivateDnsName)
	case "ipv6":
		return str(i.Ipv6Address)
	}
	return str(i.PublicIpAddress)
}

var consoleKeys = regexp.MustCompile(`(?s)-----BEGIN SSH HOST KEY KEYS-----\r?\n(.*?)-----END SSH HOST KEY KEYS-----`)

// console reads the host keys that cloud-init prints on the console.
func (l *launch) console(ctx context.Context) ([]string, error) {
	l.env.Say("waiting for the host key on the console")
	var pins []string
	err := aws.Within(ctx, l.SSH.Timeout, "the host key on the console of "+l.instance, func(ctx context.Context) error {
		for delay := time.Second; ; delay = min(2*delay, 15*time.Second) {
			out, err := l.r.GetConsoleOutput(ctx, &ec2.GetConsoleOutputInput{InstanceId: &l.instance, Latest: sdk.Bool(true)})
			if err != nil {
				return aws.Explain("reading the console of "+l.instance, err)
			}
			text, err := base64.StdEncoding.DecodeString(str(out.Output))
			if err != nil {
				return fmt.Errorf("reading the console of %s: %w", l.instance, err)
			}
			if m := consoleKeys.FindStringSubmatch(string(text)); m != nil {
				for line := range strings.Lines(m[1]) {
					if line = strings.TrimSpace(line); line != "" {
						pins = append(pins, line)
					}
				}
				return nil
			}
			if err := aws.Sleep(ctx, delay); err != nil {
				return err
			}
		}
	})
	return slices.Clip(pins), err
}
