package ssh

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	machine "imgc/executor/machine/ssh"
	"imgc/stdlib/component/componenttest"
)

// TestOpenThatNeverConnects leaves no effect behind: nothing can have been made on a machine that was never reached.
func TestOpenThatNeverConnects(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	env := componenttest.NewEnv(t)
	password := "x"
	_, err = Open(context.Background(), env.Env, Options{Host: "127.0.0.1", Port: port, Username: "me", Password: &password, Timeout: 300 * time.Millisecond})
	if !errors.Is(err, machine.ErrNotConnected) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("Open: %v", err)
	}
	if open := env.Journal.Open; len(open) > 0 {
		t.Errorf("it is still recorded: %v", open)
	}
}

func TestOptionsThatAreWrong(t *testing.T) {
	for want, o := range map[string]Options{
		"is not a port":  {Host: "h", Port: 70000, Username: "me"},
		"PORT:HOST:PORT": {Host: "h", Port: 22, Username: "me", LocalTunnels: []string{"80"}},
		"known hosts":    {Host: "h", Port: 22, Username: "me", KnownHosts: &[]string{"missing"}[0]},
	} {
		env := componenttest.NewEnv(t)
		if _, err := Open(context.Background(), env.Env, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("wanted %q: %v", want, err)
		}
	}
}
