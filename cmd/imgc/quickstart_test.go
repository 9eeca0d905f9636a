package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"imgc/testdata/quickstart/shell"
)

// TestQuickstartShell runs the image's shell in a folder of its own: what it knows of files, and its exit codes.
func TestQuickstartShell(t *testing.T) {
	t.Chdir(t.TempDir())
	sh := func(args ...string) (out, errs string, code int) {
		var o, e bytes.Buffer
		code = shell.Main(context.Background(), args, &bytes.Buffer{}, &o, &e)
		return o.String(), e.String(), code
	}
	for _, c := range []struct {
		name   string
		script string
		out    string
		code   int
	}{
		{"files", "mkdir -p a/b; echo hi > a/b/f; cat a/b/f; cp -r a c; ls c; cat c/b/f; mv c d; ls; rm -r d; ls", "hi\nb\nhi\na\nd\na\n", 0},
		{"links", "echo x > f; ln -s f l; cat l; ln -sf gone l; ! cat l 2> /dev/null; rm f l", "x\n", 0},
		{"errexit", "false; echo not reached", "", 1},
		{"exit code", "exit 7", "", 7},
		{"not there", "no-such-command", "", 127},
		{"unknown option", "mkdir -Z x", "", 1},
		{"rm needs -f", "rm nothing", "", 1},
		{"rm -f", "rm -f nothing; echo ok", "ok\n", 0},
		{"syntax", "if", "", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, errs, code := sh("-ec", c.script)
			if out != c.out || code != c.code {
				t.Errorf("%s\ngave %q, code %d, want %q, code %d\n%s", c.script, out, code, c.out, c.code, errs)
			}
			if code != 0 && errs == "" && c.name != "errexit" && c.name != "exit code" {
				t.Error("it failed and said nothing")
			}
		})
	}
	if err := os.WriteFile("script.sh", []byte("#!/bin/sh\nmkdir -m 1777 t\necho \"$0 $1 $#\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, code := sh("-e", "script.sh", "one", "two")
	if diff := cmp.Diff("script.sh one 2\n", out); diff != "" || code != 0 {
		t.Errorf("code %d, %s\n%s", code, errs, diff)
	}
	info, err := os.Stat("t")
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode(); got.Perm() != 0o777 || got&os.ModeSticky == 0 {
		t.Errorf("mkdir -m 1777 gave %v", got)
	}
}

// TestQuickstartSetupRefusesAHost: the script writes /etc/passwd, so run by hand it must end before it does.
// What it asks is asked of this machine here, which has an /etc/passwd; nothing of the script is run.
func TestQuickstartSetupRefusesAHost(t *testing.T) {
	script, err := os.ReadFile(filepath.Join("..", "..", "testdata", "quickstart", "setup.sh"))
	if err != nil {
		t.Fatal(err)
	}
	guard := bytes.Index(script, []byte("if [ -e /etc/passwd ]"))
	write := bytes.Index(script, []byte("> /etc/passwd"))
	if guard < 0 || write < 0 || guard > write {
		t.Error("setup.sh writes /etc/passwd before it has looked whether it is in an empty image")
	}
}
