// Package ssh is what components that reach machines over SSH share: the type ssh of their options, and Open. How it is done is
// package executor/machine/ssh.
//
// Start reading at Open.
package ssh

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	machine "imgc/executor/machine/ssh"
	"imgc/stdlib/component"
)

// Schema declares the type ssh.
//
//go:embed schema.imgc
var Schema string

// Options are the fields of the type ssh; the schema says what they mean.
type Options struct {
	Host           string        `imgc:"host"`
	Port           int           `imgc:"port"`
	Username       string        `imgc:"username"`
	KeyFile        *string       `imgc:"private_key_file"`
	Key            *string       `imgc:"private_key"`
	Passphrase     *string       `imgc:"private_key_passphrase"`
	Certificate    *string       `imgc:"certificate_file"`
	Password       *string       `imgc:"password"`
	Agent          bool          `imgc:"agent"`
	HostKey        []string      `imgc:"host_key"`
	KnownHosts     *string       `imgc:"known_hosts_file"`
	TrustFirst     bool          `imgc:"trust_on_first_use"`
	Bastion        *Bastion      `imgc:"bastion"`
	Timeout        time.Duration `imgc:"timeout"`
	AttemptTimeout time.Duration `imgc:"attempt_timeout"`
	LoginAttempts  int           `imgc:"login_attempts"`
	KeepAlive      time.Duration `imgc:"keep_alive"`
	PTY            bool          `imgc:"pty"`
	Proxy          *Proxy        `imgc:"proxy"`
	LocalTunnels   []string      `imgc:"local_tunnels"`
	RemoteTunnels  []string      `imgc:"remote_tunnels"`
}

// Proxy is a SOCKS5 proxy to go through.
type Proxy struct {
	Host     string  `imgc:"host"`
	Port     int     `imgc:"port"`
	Username *string `imgc:"username"`
	Password *string `imgc:"password"`
}

// Bastion is the host to go through.
type Bastion struct {
	Host        string  `imgc:"host"`
	Port        int     `imgc:"port"`
	Username    string  `imgc:"username"`
	KeyFile     *string `imgc:"private_key_file"`
	Key         *string `imgc:"private_key"`
	Passphrase  *string `imgc:"private_key_passphrase"`
	Certificate *string `imgc:"certificate_file"`
	Password    *string `imgc:"password"`
	Agent       bool    `imgc:"agent"`
}

// Effect is the kind of the effect that Open records: the private folder on the machine.
const Effect = "ssh.temp_dir"

// Open connects to the machine. The private folder is recorded with env.Effects before it is made; Close removes it and settles that.
func Open(ctx context.Context, env *component.Env, o Options) (component.Machine, error) {
	c, err := o.config(env)
	if err != nil {
		return nil, err
	}
	c.TempDir = machine.NewTempDir()
	if err := env.Effects.Intend(Effect, c.TempDir, o.data(env)); err != nil {
		return nil, err
	}
	m, err := machine.Dial(ctx, c)
	if err != nil {
		// A connection that broke while the folder was made may have made it: then the record stays, and the next run looks.
		if errors.Is(err, machine.ErrNotConnected) {
			err = errors.Join(err, env.Effects.Settled(Effect, c.TempDir))
		}
		return nil, err
	}
	return m, nil
}

// Close removes the private folder of a machine that Open gave, and ends the connection.
func Close(env *component.Env, m component.Machine) error {
	s, ok := m.(*machine.Machine)
	if !ok {
		return nil
	}
	if err := s.Close(); err != nil {
		return err
	}
	return env.Effects.Settled(Effect, s.TempDir())
}

// data is what finds the folder again; it holds no secrets.
func (o Options) data(env *component.Env) map[string]string {
	d := map[string]string{"host": o.Host, "port": fmt.Sprint(o.Port), "username": o.Username, "host_key": strings.Join(o.HostKey, "\n")}
	for name, file := range map[string]*string{"private_key_file": o.KeyFile, "certificate_file": o.Certificate, "known_hosts_file": o.KnownHosts} {
		if file != nil {
			d[name] = resolve(env, *file)
		}
	}
	if o.TrustFirst {
		d["trust_on_first_use"] = "true"
	}
	return d
}

// Undo removes the private folder that an effect of Open tells of. now are the options as the program has them today, nil when it
// has none: they are used when they still lead to that machine, as they may hold what the journal must not.
func Undo(ctx context.Context, env *component.Env, e component.Effect, now *Options) error {
	if e.Kind != Effect {
		return nil
	}
	if !strings.HasPrefix(e.ID, "/tmp/imgc-") || strings.Contains(e.ID, "..") {
		return fmt.Errorf("%q is not the name of a private folder", e.ID)
	}
	var o Options
	if now != nil && now.Host == e.Data["host"] && fmt.Sprint(now.Port) == e.Data["port"] && now.Username == e.Data["username"] {
		o = *now
	} else {
		o = Options{Host: e.Data["host"], Username: e.Data["username"], TrustFirst: e.Data["trust_on_first_use"] == "true"}
		if _, err := fmt.Sscan(e.Data["port"], &o.Port); err != nil {
			return fmt.Errorf("the port %q of the machine is not a number", e.Data["port"])
		}
		if pins := e.Data["host_key"]; pins != "" {
			o.HostKey = strings.Split(pins, "\n")
		}
		for name, field := range map[string]**string{"private_key_file": &o.KeyFile, "certificate_file": &o.Certificate, "known_hosts_file": &o.KnownHosts} {
			if file, ok := e.Data[name]; ok {
				*field = &file
			}
		}
	}
	o.Timeout = 30 * time.Second // it is an errand before the run
	o.LocalTunnels, o.RemoteTunnels = nil, nil
	c, err := o.config(env)
	if err != nil {
		return err
	}
	m, err := machine.Dial(ctx, c)
	if err != nil {
		return fmt.Errorf("removing %s on %s, which an earlier run left: %w; each run tries again: once the machine is gone for good, remove its lines from .imgc/journal.jsonl", e.ID, o.Host, err)
	}
	err = m.RemoveStale(ctx, e.ID)
	if c := m.Close(); err == nil {
		err = c
	}
	return err
}

func (o Options) config(env *component.Env) (machine.Config, error) {
	if o.Port < 0 || o.Port > 65535 {
		return machine.Config{}, fmt.Errorf("%d is not a port; give one from 1 to 65535", o.Port)
	}
	c := machine.Config{
		Login:    login(env, Bastion{o.Host, o.Port, o.Username, o.KeyFile, o.Key, o.Passphrase, o.Certificate, o.Password, o.Agent}),
		HostKeys: machine.HostKeys{Pins: o.HostKey, Say: env.Say},
		Timeout:  o.Timeout, AttemptTimeout: o.AttemptTimeout, LoginAttempts: o.LoginAttempts, KeepAlive: o.KeepAlive,
	}
	c.PTY = o.PTY
	if o.Proxy != nil {
		c.Proxy = &machine.Proxy{Host: o.Proxy.Host, Port: o.Proxy.Port, User: text(o.Proxy.Username), Password: text(o.Proxy.Password)}
	}
	for _, side := range []struct {
		texts []string
		out   *[]machine.Tunnel
	}{{o.LocalTunnels, &c.LocalTunnels}, {o.RemoteTunnels, &c.RemoteTunnels}} {
		for _, t := range side.texts {
			tunnel, err := machine.ParseTunnel(t)
			if err != nil {
				return c, err
			}
			*side.out = append(*side.out, tunnel)
		}
	}
	if o.Bastion != nil {
		l := login(env, *o.Bastion)
		c.Bastion = &l
	}
	switch home, err := os.UserHomeDir(); {
	case o.KnownHosts != nil:
		file := resolve(env, *o.KnownHosts)
		if _, err := os.Stat(file); err != nil {
			return c, fmt.Errorf("reading the known hosts: %w", err)
		}
		c.HostKeys.KnownHostsFiles = []string{file}
	case err == nil:
		c.HostKeys.KnownHostsFiles = []string{filepath.Join(home, ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"}
	}
	if o.TrustFirst {
		c.HostKeys.RecordFile = filepath.Join(env.StateDir, "known_hosts")
	}
	return c, nil
}

func login(env *component.Env, b Bastion) machine.Login {
	l := machine.Login{Host: b.Host, Port: b.Port, User: b.Username, Key: text(b.Key), Passphrase: text(b.Passphrase), Password: text(b.Password), Agent: b.Agent}
	if b.KeyFile != nil {
		l.KeyFile = resolve(env, *b.KeyFile)
	}
	if b.Certificate != nil {
		l.Certificate = resolve(env, *b.Certificate)
	}
	if b.KeyFile == nil && b.Key == nil && b.Password == nil {
		l.Agent = true
	}
	return l
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// resolve also understands ~/, which is where keys are.
func resolve(env *component.Env, path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return env.Path(path)
}
