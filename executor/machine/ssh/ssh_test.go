package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"imgc/executor/machine/sshtest"
	"imgc/stdlib/component"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func config(s *sshtest.Server) Config {
	return Config{
		Login:    Login{Host: s.Host, Port: s.Port, User: s.User, KeyFile: s.KeyFile},
		HostKeys: HostKeys{Pins: []string{s.Fingerprint}},
		Timeout:  20 * time.Second, TempDir: NewTempDir(),
	}
}

func dial(t testing.TB, c Config) *Machine {
	t.Helper()
	m, err := Dial(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil && !errors.Is(err, component.ErrDisconnected) {
			t.Error(err)
		}
	})
	return m
}

func run(t testing.TB, m component.Machine, c component.Command) (string, int) {
	t.Helper()
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	code, err := m.Run(ctx, c)
	if err != nil {
		t.Fatalf("running %q: %v (%s)", c.Shell, err, out.String())
	}
	return out.String(), code
}

func TestRun(t *testing.T) {
	m := dial(t, config(sshtest.Start(t, sshtest.Config{})))
	big := strings.Repeat("0123456789abcdef\n", 20000)
	for name, tc := range map[string]struct {
		cmd  component.Command
		want string
		code int
	}{
		"output":            {component.Command{Shell: "echo one; (echo two >&2) 2>&1"}, "one\ntwo\n", 0},
		"exit code":         {component.Command{Shell: "exit 42"}, "", 42},
		"signal":            {component.Command{Shell: "kill -TERM $$"}, "", 143},
		"folder":            {component.Command{Shell: "pwd", Dir: "/usr"}, "/usr\n", 0},
		"environment":       {component.Command{Shell: `printf '%s' "$A$B"`, Env: map[string]string{"A": "it's\n$(x) \\n `y`", "B": " é"}}, "it's\n$(x) \\n `y` é", 0},
		"no input":          {component.Command{Shell: "cat; echo end"}, "end\n", 0},
		"input":             {component.Command{Shell: "cat", Stdin: strings.NewReader("a\x00b")}, "a\x00b", 0},
		"much input":        {component.Command{Shell: "cat", Stdin: strings.NewReader(big)}, big, 0},
		"input not wanted":  {component.Command{Shell: "echo no", Stdin: strings.NewReader(big)}, "no\n", 0},
		"empty input":       {component.Command{Shell: "cat", Stdin: strings.NewReader("")}, "", 0},
		"background":        {component.Command{Shell: "sleep 3 & echo started"}, "started\n", 0},
		"syntax error":      {component.Command{Shell: "exit 3; ("}, "", 2},
		"nothing is leaked": {component.Command{Shell: "set | grep -c __imgc; export -p | grep -c __imgc"}, "0\n0\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			out, code := run(t, m, tc.cmd)
			if name == "syntax error" {
				out = ""
			}
			if diff := cmp.Diff(tc.want, out); diff != "" || code != tc.code {
				t.Errorf("exit code %d, want %d; output (-want +got):\n%s", code, tc.code, diff)
			}
		})
	}
	if out, _ := run(t, m, component.Command{Shell: "ls -A " + m.TempDir()}); out != "" {
		t.Errorf("left in the private folder: %s", out)
	}
}

func TestSecretsAreInNoProcessList(t *testing.T) {
	m := dial(t, config(sshtest.Start(t, sshtest.Config{})))
	found, _ := run(t, m, component.Command{Shell: `for f in /proc/[0-9]*/cmdline; do tr '\0' ' ' <$f; echo; done 2>/dev/null | grep -c 'se[c]ret-xyzzy'; true`,
		Env: map[string]string{"S": "secret-xyzzy"}})
	if found != "0\n" {
		t.Errorf("the value is in %s command lines", found)
	}
}

func modeTree(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		text := info.Mode().String()
		switch info.Mode().Type() {
		case fs.ModeSymlink:
			to, err := os.Readlink(p)
			if err != nil {
				return err
			}
			text = "-> " + to
		case 0:
			content, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			text += fmt.Sprintf(" %d %.20q", len(content), content)
		}
		out[rel] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func makeTree(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	for _, d := range []string{"", "empty", "a/b c/d", "shut"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]fs.FileMode{"zero": 0o644, "a/run": 0o755, "a/b c/secret": 0o600, "-dash": 0o640, "a/b c/d/it's \"quoted\"": 0o444, "suid": 0o755 | fs.ModeSetuid} {
		content := name
		if name == "zero" {
			content = ""
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"a/link": "run", "dangling": "/no/such/file", "up": ".."} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "shut"), 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFolders(t *testing.T) {
	m := dial(t, config(sshtest.Start(t, sshtest.Config{})))
	src := makeTree(t)
	ctx := context.Background()
	want := modeTree(t, src)
	for name, has := range map[string]tools{"zstd": {true, true, true}, "gzip": {true, true, false}, "plain tar": {true, false, false}, "no tar": {}} {
		t.Run(name, func(t *testing.T) {
			m.link.tools = &has
			remote := t.TempDir()
			for _, c := range []struct{ src, dst, at string }{
				{src, remote + "/new", "new"},
				{src, remote, "tree"},
				{src, remote + "/below/", "below/tree"},
				{src + "/", remote + "/content", "content"},
			} {
				if err := m.Upload(ctx, c.src, c.dst, component.Transfer{}); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, modeTree(t, filepath.Join(remote, c.at))); diff != "" {
					t.Errorf("uploading %s to %s (-want +got):\n%s", c.src, c.dst, diff)
				}
			}
			// Again, onto what is there.
			if err := m.Upload(ctx, src+"/", remote+"/content", component.Transfer{}); err != nil {
				t.Error(err)
			}
			local := t.TempDir()
			for _, c := range []struct{ src, dst, at string }{
				{remote + "/new", local + "/fresh", "fresh"},
				{remote + "/new", local, "new"},
				{remote + "/new/", local + "/content", "content"},
				{remote + "/new", local + "/below/", "below/new"},
			} {
				if err := m.Download(ctx, c.src, c.dst, component.Transfer{}); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, modeTree(t, filepath.Join(local, c.at))); diff != "" {
					t.Errorf("downloading %s to %s (-want +got):\n%s", c.src, c.dst, diff)
				}
			}
		})
	}
}

func TestFiles(t *testing.T) {
	m := dial(t, config(sshtest.Start(t, sshtest.Config{})))
	ctx := context.Background()
	dir := t.TempDir()
	for _, size := range []int{0, 1, 32 << 10, 3<<20 + 17} {
		content := bytes.Repeat([]byte("0123456"), size/7+1)[:size]
		src, dst, back := filepath.Join(dir, "src"), filepath.Join(dir, "deep", fmt.Sprint(size), "dst"), filepath.Join(dir, "back", "file")
		if err := os.WriteFile(src, content, 0o751); err != nil {
			t.Fatal(err)
		}
		var last int64
		if err := m.Upload(ctx, src, dst, component.Transfer{Progress: func(done, _ int64) { last = done }}); err != nil {
			t.Fatal(err)
		}
		if err := m.Download(ctx, dst, back, component.Transfer{}); err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{dst, back} {
			got, err := os.ReadFile(p)
			info, err2 := os.Stat(p)
			if err != nil || err2 != nil || !bytes.Equal(got, content) || info.Mode() != 0o751 {
				t.Errorf("%s: %d bytes, %v, %v, %v", p, len(got), info.Mode(), err, err2)
			}
		}
		if last != int64(size) {
			t.Errorf("progress ended at %d of %d", last, size)
		}
	}
	secret := filepath.Join(dir, "secret")
	if err := m.WriteFile(ctx, secret, strings.NewReader("x"), 0o400); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(secret); err != nil || info.Mode() != 0o400 {
		t.Errorf("%v, %v", info, err)
	}
	for range 2 {
		if err := m.Remove(ctx, filepath.Join(dir, "deep")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "deep")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the folder is still there")
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".imgc") {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}
