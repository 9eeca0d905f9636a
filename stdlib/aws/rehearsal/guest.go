package rehearsal

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	yaml "github.com/zclconf/go-cty-yaml"
	"golang.org/x/crypto/ssh"
)

// shell is what runs behind an instance's SSH server.
type shell interface {
	// exec runs a command line.
	exec(ctx context.Context, line string, in io.Reader, out, errs io.Writer) (int, error)
	// sftp serves the SFTP subsystem.
	sftp(ctx context.Context, in io.Reader, out io.Writer) error
	Close() error
}

// guest is the machine of an instance, from its start to its stop.
type guest struct {
	c      *Cloud
	id     string
	config *ssh.ServerConfig
	cancel context.CancelFunc

	mu       sync.Mutex
	stopped  bool
	listener net.Listener
	shell    shell
	conns    map[net.Conn]bool
}

// boot starts the machine of an instance, which takes its time; the lock is held.
func (c *Cloud) boot(i *instance) {
	if !c.opts.Machines {
		return
	}
	ctx, cancel := context.WithCancel(c.ctx)
	g := &guest{c: c, id: i.ID, cancel: cancel, conns: map[net.Conn]bool{}}
	c.guests[i.ID] = g
	host, err := hostKey(i.UserData)
	if err != nil {
		i.Console = err.Error()
	}
	authorized, _, _, _, _ := ssh.ParseAuthorizedKey([]byte(i.Authorized)) // without one nobody gets in
	g.config = &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
		if authorized == nil || string(k.Marshal()) != string(authorized.Marshal()) {
			return nil, errors.New("this key is not the instance's")
		}
		return nil, nil //nolint:nilnil // that is how the library wants a yes
	}}
	g.config.AddHostKey(host)
	i.Console = "-----BEGIN SSH HOST KEY KEYS-----\n" + string(ssh.MarshalAuthorizedKey(host.PublicKey())) + "-----END SSH HOST KEY KEYS-----\n"
	var disk string
	var layers []string
	for _, v := range c.attached(i.ID) {
		if v.Device == i.RootDevice {
			disk, layers = filepath.Join(c.opts.Dir, "disks", v.ID), v.Layers
		}
	}
	addr := fmt.Sprintf("%s:%d", i.IP, c.port)
	c.serving.Go(func() {
		select {
		case <-time.After(c.opts.Pace):
			g.start(ctx, disk, layers, addr)
		case <-ctx.Done():
		}
	})
}

func (g *guest) start(ctx context.Context, disk string, layers []string, addr string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return
	}
	root, err := g.c.rootLayer()
	var lower []string
	for _, l := range layers {
		if l == "root" {
			lower = append(lower, root)
		} else {
			lower = append(lower, filepath.Join(g.c.opts.Dir, "layers", l))
		}
	}
	if err == nil {
		g.shell, err = startShell(ctx, disk, lower)
	}
	if err == nil {
		g.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the rehearsal cannot start a machine:", err)
		return
	}
	l := g.listener
	g.c.serving.Go(func() { g.accept(ctx, l) })
}

// stop ends the machine at once, as pulling the plug does.
func (g *guest) stop() error {
	g.cancel()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = true
	var err error
	if g.listener != nil {
		err = g.listener.Close()
	}
	for c := range g.conns {
		c.Close()
	}
	if g.shell != nil {
		err = errors.Join(err, g.shell.Close())
	}
	return err
}

// halt stops the machine of an instance; the lock is held.
func (c *Cloud) halt(i *instance) error {
	g := c.guests[i.ID]
	delete(c.guests, i.ID)
	if g == nil {
		return nil
	}
	return g.stop()
}

func (c *Cloud) reboot(i *instance) error {
	err := c.halt(i)
	c.boot(i)
	return err
}

// freeze makes what the root volume of an instance holds a layer that snapshots share; the volume goes on above it. A machine that runs is
// restarted. It gives the layers of the snapshot.
func (c *Cloud) freeze(i *instance) ([]string, error) {
	if !c.opts.Machines {
		return nil, nil
	}
	if i.State == running {
		if err := c.halt(i); err != nil {
			return nil, err
		}
		defer c.boot(i)
	}
	for _, v := range c.attached(i.ID) {
		if v.Device != i.RootDevice {
			continue
		}
		upper := filepath.Join(c.opts.Dir, "disks", v.ID, "upper")
		if _, err := os.Stat(upper); errors.Is(err, fs.ErrNotExist) {
			return v.Layers, nil // it never ran
		}
		name := hexID(8)
		if err := os.MkdirAll(filepath.Join(c.opts.Dir, "layers"), 0o700); err != nil {
			return nil, err
		}
		if err := os.Rename(upper, filepath.Join(c.opts.Dir, "layers", name)); err != nil {
			return nil, fmt.Errorf("keeping what the volume holds: %w", err)
		}
		v.Layers = append([]string{name}, v.Layers...)
		return v.Layers, nil
	}
	return nil, nil
}

func (g *guest) accept(ctx context.Context, l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		g.mu.Lock()
		g.conns[conn] = true
		g.mu.Unlock()
		g.c.serving.Go(func() {
			defer func() {
				conn.Close()
				g.mu.Lock()
				delete(g.conns, conn)
				g.mu.Unlock()
			}()
			caller, err := netip.ParseAddrPort(conn.RemoteAddr().String())
			if err != nil || !g.c.reaches(g.id, caller.Addr()) {
				return // a firewall says nothing
			}
			g.session(ctx, conn)
		})
	}
}

func (c *Cloud) reaches(id string, caller netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.data.Instances[id]
	return i != nil && (c.lets(i.Groups, caller, 22) || c.lets(i.Groups, caller, c.port))
}

func (g *guest) session(ctx context.Context, conn net.Conn) {
	_, channels, requests, err := ssh.NewServerConn(conn, g.config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	var running sync.WaitGroup
	defer running.Wait()
	for nc := range channels {
		if nc.ChannelType() != "session" {
			_ = nc.Reject(ssh.UnknownChannelType, "the rehearsal forwards nothing") // the connection is gone
			continue
		}
		ch, reqs, err := nc.Accept()
		if err != nil {
			return
		}
		running.Go(func() { g.serve(ctx, ch, reqs) })
	}
}

func (g *guest) serve(ctx context.Context, ch ssh.Channel, reqs <-chan *ssh.Request) {
	defer ch.Close()
	for r := range reqs {
		var payload struct{ Text string }
		_ = ssh.Unmarshal(r.Payload, &payload) // requests without a text are refused
		switch {
		case r.Type == "exec":
			_ = r.Reply(true, nil)
			go ssh.DiscardRequests(reqs)
			code, err := g.shell.exec(ctx, payload.Text, ch, ch, ch.Stderr())
			if err != nil {
				fmt.Fprintln(ch.Stderr(), err)
				code = 255
			}
			_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{uint32(code)})) //nolint:gosec // an exit code
			return
		case r.Type == "subsystem" && payload.Text == "sftp":
			_ = r.Reply(true, nil)
			go ssh.DiscardRequests(reqs)
			_ = g.shell.sftp(ctx, ch, ch) // it ends with the channel
			return
		default:
			_ = r.Reply(false, nil)
		}
	}
}

// hostKey is the host key that user data brings, as cloud-init reads it, or a new one.
func hostKey(userData string) (ssh.Signer, error) {
	for _, part := range parts(userData) {
		if !strings.HasPrefix(part, "#cloud-config") {
			continue
		}
		t, err := yaml.ImpliedType([]byte(part))
		if err != nil {
			return generated(), fmt.Errorf("cloud-init: the user data is no YAML: %w", err)
		}
		v, err := yaml.Unmarshal([]byte(part), t)
		if err != nil || !t.IsObjectType() || !t.HasAttribute("ssh_keys") {
			continue
		}
		keys := v.GetAttr("ssh_keys").AsValueMap()
		if k, ok := keys["ed25519_private"]; ok {
			s, err := ssh.ParsePrivateKey([]byte(k.AsString()))
			if err != nil {
				return generated(), fmt.Errorf("cloud-init: the host key cannot be read: %w", err)
			}
			return s, nil
		}
	}
	return generated(), nil
}

func generated() ssh.Signer {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err) // there is no randomness
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		panic(err)
	}
	s, err := ssh.ParsePrivateKey(pem.EncodeToMemory(block))
	if err != nil {
		panic(err)
	}
	return s
}

// parts are the parts of user data that is a MIME message, or all of it.
func parts(userData string) []string {
	m, err := mail.ReadMessage(strings.NewReader(userData))
	if err != nil {
		return []string{userData}
	}
	kind, p, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return []string{userData}
	}
	var out []string
	r := multipart.NewReader(m.Body, p["boundary"])
	for {
		part, err := r.NextPart()
		if err != nil {
			return out
		}
		text, _ := io.ReadAll(part)
		out = append(out, string(text))
	}
}
