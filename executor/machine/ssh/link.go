package ssh

import (
	"sync"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// link is one connection, with what is opened on it when it is first needed.
type link struct {
	client, jump *ssh.Client
	quit         chan struct{}
	end          sync.Once
	all          sync.WaitGroup

	mu    sync.Mutex
	files *sftp.Client
	tools *tools
}

func newLink(client, jump *ssh.Client, keepAlive time.Duration) *link {
	l := &link{client: client, jump: jump, quit: make(chan struct{})}
	l.all.Go(func() { l.keepAlive(keepAlive) })
	return l
}

// keepAlive asks the machine now and then whether it is there, and ends the connection when it does not answer: a machine
// that lost its power sends nothing, and a read would wait for ever.
func (l *link) keepAlive(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	answered := make(chan error, 1)
	for {
		select {
		case <-l.quit:
			return
		case <-tick.C:
		}
		l.all.Go(func() {
			_, _, err := l.client.SendRequest("keepalive@openssh.com", true, nil)
			answered <- err
		})
		limit := time.NewTimer(3 * every)
		select {
		case err := <-answered:
			limit.Stop()
			if err == nil {
				continue
			}
		case <-limit.C:
		case <-l.quit:
			limit.Stop()
			return
		}
		l.shut()
		return
	}
}

// shut breaks the connection.
func (l *link) shut() {
	l.end.Do(func() {
		close(l.quit)
		_ = l.client.Close() // it may have broken before
		if l.jump != nil {
			_ = l.jump.Close()
		}
	})
}

func (l *link) close() {
	l.shut()
	l.mu.Lock()
	if l.files != nil {
		_ = l.files.Close() // its connection is gone
	}
	l.mu.Unlock()
	_ = l.client.Wait() // the reason is known: it was closed
	if l.jump != nil {
		_ = l.jump.Wait()
	}
	l.all.Wait()
}

func (l *link) alive() bool {
	select {
	case <-l.quit:
		return false
	default:
		return true
	}
}

// sftp opens the file transfer once for each connection.
func (l *link) sftp() (*sftp.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.files == nil {
		c, err := sftp.NewClient(l.client, sftp.UseConcurrentWrites(true), sftp.UseConcurrentReads(true),
			sftp.MaxPacketUnchecked(255<<10), sftp.MaxConcurrentRequestsPerFile(64))
		if err != nil {
			return nil, err
		}
		l.files = c
	}
	return l.files, nil
}
