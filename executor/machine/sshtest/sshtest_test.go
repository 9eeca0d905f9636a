package sshtest

import (
	"os/exec"
	"strconv"
	"testing"
)

func TestStart(t *testing.T) {
	s := Start(t, Config{})
	out, err := exec.Command("ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"-i", s.KeyFile, "-p", strconv.Itoa(s.Port), s.User+"@"+s.Host, "echo", "hello").Output()
	if err != nil || string(out) != "hello\n" {
		t.Fatalf("ssh: %q, %v\n%s", out, err, s.Log())
	}
}
