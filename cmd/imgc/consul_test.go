package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"imgc/executor/machine/sshtest"
)

// consul is one copy of testdata/consul and a real OpenSSH server that it builds on.
type consul struct {
	t       *testing.T
	dir     string
	version string // unique for each copy, since the remote work folder is named after it
	args    []string
	env     []string
}

const releaseToken = `s3cret/to+ken "with" all?&`

func newConsul(t *testing.T, srv *sshtest.Server) *consul {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../testdata/consul")); err != nil {
		t.Fatal(err)
	}
	for _, exe := range []string{"build.sh", "src/configure"} {
		if err := os.Chmod(filepath.Join(dir, exe), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	version := "1.22." + strconv.FormatInt(time.Now().UnixNano()%1e9, 10)
	c := &consul{t: t, dir: dir, version: version}
	c.args = []string{
		"-p", "version=" + version, "-p", "host=" + srv.Host, "-p", "port=" + strconv.Itoa(srv.Port),
		"-p", "user=" + srv.User, "-p", "key=" + srv.KeyFile, "-p", fmt.Sprintf("pins=[%q]", srv.Fingerprint),
	}
	c.env = append(os.Environ(), "RELEASE_TOKEN="+releaseToken)
	return c
}

// run runs imgc and returns its exit code and what it printed.
func (c *consul) run(env []string, args ...string) (int, string) {
	c.t.Helper()
	name, err := exec.LookPath("imgc") // the test binary under that name: see TestMain
	if err != nil {
		c.t.Fatal(err)
	}
	if args[0] != "show" || len(args) > 1 {
		args = append(args, c.args...)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = c.dir
	cmd.Env = append(c.env[:len(c.env):len(c.env)], env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// check looks at every output of a finished apply, byte for byte where it can be.
func (c *consul) check() error {
	binary := "#!/bin/sh\necho consul " + c.version + " with $(cat <<'FEATURES'\nraft\ngossip\nFEATURES\n)\n"
	release := filepath.Join(c.dir, "releases", "consul-"+c.version+".tar.gz")
	got, mode, err := onlyFileOfTarGz(release)
	if err != nil {
		return err
	}
	if d := cmp.Diff(binary, got); d != "" {
		return fmt.Errorf("the released binary differs: %s", d)
	}
	if mode.Perm() != 0o755 {
		return fmt.Errorf("the released binary has mode %v, not 0755", mode)
	}
	if b, err := os.ReadFile(filepath.Join(c.dir, "releases", "LATEST")); err != nil || string(b) != c.version+"\n" {
		return fmt.Errorf("releases/LATEST: %q %v", b, err)
	}
	if b, err := os.ReadFile(filepath.Join(c.dir, "dist", "consul")); err != nil || string(b) != binary {
		return fmt.Errorf("dist/consul, which artifice keeps: %q %v", b, err)
	}
	var manifest struct {
		Builds []struct {
			Name, BuilderType string `json:"-"`
			N                 string `json:"name"`
			B                 string `json:"builder_type"`
			Digest            string `json:"input_digest"`
		} `json:"builds"`
	}
	b, err := os.ReadFile(filepath.Join(c.dir, "dist", "manifest.json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &manifest); err != nil {
		return fmt.Errorf("dist/manifest.json: %w", err)
	}
	if len(manifest.Builds) != 2 {
		return fmt.Errorf("the manifest has %d entries, not one for each source:\n%s", len(manifest.Builds), b)
	}
	for _, e := range manifest.Builds {
		if e.B != "null" || len(e.Digest) != 64 {
			return fmt.Errorf("manifest entry %+v", e)
		}
	}
	for _, source := range []string{"stable", "edge"} {
		if _, err := os.Stat("/tmp/consul-" + c.version + "-" + source); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the remote work folder of %s is still there (%v)", source, err)
		}
	}
	return nil
}

func onlyFileOfTarGz(path string) (string, fs.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return "", 0, err
	}
	var content string
	var mode fs.FileMode
	files := 0
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", 0, err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return "", 0, err
		}
		content, mode = string(b), h.FileInfo().Mode()
		files++
	}
	if files != 1 {
		return "", 0, fmt.Errorf("%s holds %d files, not 1", path, files)
	}
	return content, mode, nil
}

// TestConsul builds the consul program on a real OpenSSH server and looks at everything it makes.
func TestConsul(t *testing.T) {
	srv := sshtest.Start(t, sshtest.Config{})
	c := newConsul(t, srv)

	code, out := c.run(nil, "plan", "--detailed-exitcode")
	if code != 2 || !strings.Contains(out, "consul.stable") || !strings.Contains(out, "consul.edge") {
		t.Fatalf("the first plan: exit code %d\n%s", code, out)
	}
	if code, out = c.run(nil, "apply"); code != 0 {
		t.Fatalf("apply: exit code %d\n%s", code, out)
	}
	for _, want := range []string{"consul.stable", "edge is fine", "built consul " + c.version} {
		if !strings.Contains(out, want) {
			t.Errorf("apply does not say %q:\n%s", want, out)
		}
	}
	if strings.Count(out, "edge is fine") != 1 {
		t.Errorf("the step for edge alone did not run once:\n%s", out)
	}
	if err := c.check(); err != nil {
		t.Error(err)
	}
	if code, out = c.run(nil, "plan", "--detailed-exitcode"); code != 0 {
		t.Errorf("a plan after apply wants changes (exit code %d):\n%s", code, out)
	}

	// A touched source file of one unit leaves the other alone, and is named.
	f := filepath.Join(c.dir, "build.sh")
	b, err := os.ReadFile(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f, append(b, "# touched\n"...), 0o755); err != nil {
		t.Fatal(err)
	}
	code, out = c.run(nil, "plan", "--detailed-exitcode")
	if code != 2 || !strings.Contains(out, "build.sh") || !strings.Contains(out, "consul.stable") {
		t.Errorf("the plan does not name the touched script: exit code %d\n%s", code, out)
	}
	if code, out = c.run(nil, "apply"); code != 0 {
		t.Fatalf("the second apply: exit code %d\n%s", code, out)
	}
	if strings.Contains(out, "edge is fine") {
		t.Errorf("edge was built again:\n%s", out)
	}
	if err := c.check(); err != nil {
		t.Error(err)
	}
}

// TestKilledAtEveryJournalEntry kills imgc apply right after each entry of its journal has reached the disk, and
// applies again: the artifact is right, nothing is left that the program started, the state is readable.
func TestKilledAtEveryJournalEntry(t *testing.T) {
	srv := sshtest.Start(t, sshtest.Config{})
	whole := newConsul(t, srv)
	journal := filepath.Join(t.TempDir(), "journal")
	if code, out := whole.run([]string{"IMGC_TEST_JOURNAL=" + journal}, "apply", "--parallel", "1"); code != 0 {
		t.Fatalf("apply: %d\n%s", code, out)
	}
	b, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	entries := bytes.Count(b, []byte("\n"))
	if entries < 20 {
		t.Fatalf("the journal has only %d entries", entries)
	}
	t.Logf("killing at each of %d entries", entries)
	for k := 1; k <= entries; k++ {
		t.Run(strconv.Itoa(k), func(t *testing.T) {
			t.Parallel()
			killedAt(t, srv, k)
		})
	}
}

func killedAt(t *testing.T, srv *sshtest.Server, k int) {
	c := newConsul(t, srv)
	first, second := filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "second")
	code, out := c.run([]string{"IMGC_TEST_KILL_AT=" + strconv.Itoa(k), "IMGC_TEST_JOURNAL=" + first}, "apply", "--parallel", "1")
	if code != -1 {
		t.Fatalf("imgc was to be killed, but ended with %d\n%s", code, out)
	}
	if code, out := c.run(nil, "show"); code != 0 {
		t.Fatalf("the state cannot be read after the kill\n%s", out)
	}
	if code, out := c.run([]string{"IMGC_TEST_JOURNAL=" + second}, "apply"); code != 0 {
		t.Fatalf("apply after the kill: exit code %d\n%s", code, out)
	}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	if code, out := c.run(nil, "plan", "--detailed-exitcode"); code != 0 {
		t.Fatalf("plan after the second apply: exit code %d\n%s", code, out)
	}
	if left := leftovers(t, c, first, second); len(left) > 0 {
		t.Fatalf("left behind: %s", left)
	}
}

var remoteFolder = regexp.MustCompile(`/tmp/imgc-[A-Za-z0-9]+`)

// leftovers finds the remote temporary folders that the journals name, local ones, and processes that work for c.
func leftovers(t *testing.T, c *consul, journals ...string) []string {
	t.Helper()
	var left []string
	for _, file := range journals {
		b, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) && file == journals[len(journals)-1] {
			continue // the kill came after everything was done, and there was nothing left to do
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range remoteFolder.FindAllString(string(b), -1) {
			if _, err := os.Stat(dir); err == nil {
				left = append(left, dir)
			}
		}
	}
	inner, err := filepath.Glob(filepath.Join(c.dir, ".imgc", "tmp", "*"))
	if err != nil {
		t.Fatal(err)
	}
	left = append(left, inner...)
	// What was killed with its connection may take a moment to end.
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		running := processesWith(c.version)
		if len(running) == 0 || time.Now().After(end) {
			return append(left, running...)
		}
	}
}

// processesWith lists the command lines that hold a text, this test's own excepted.
func processesWith(text string) []string {
	var found []string
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range lines {
		b, err := os.ReadFile(f)
		if err == nil && bytes.Contains(b, []byte(text)) {
			found = append(found, strings.ReplaceAll(string(b), "\x00", " "))
		}
	}
	return found
}

// TestSecretStaysSecret builds with a release token that scripts print in every form, and looks for it in what imgc
// prints, in every file that it writes, and all the while in the list of processes.
func TestSecretStaysSecret(t *testing.T) {
	srv := sshtest.Start(t, sshtest.Config{})
	c := newConsul(t, srv)
	script := filepath.Join(c.dir, "build.sh")
	b, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	// A careless script: it prints the token as it is and encoded, and takes its time.
	b = append(b, "\necho token=$TOKEN; printf %s \"$TOKEN\" | base64; printf %s \"$TOKEN\" | od -An -tx1 | tr -d ' \\n'; echo; echo \"$TOKEN\" >&2; sleep 1\n"...)
	if err := os.WriteFile(script, b, 0o755); err != nil {
		t.Fatal(err)
	}

	stop, sampled := make(chan struct{}), make(chan []string)
	go func() {
		var found []string
		for {
			select {
			case <-stop:
				sampled <- found
				return
			case <-time.After(2 * time.Millisecond):
				for _, f := range forms(releaseToken) {
					found = append(found, processesWith(f)...)
				}
			}
		}
	}()
	code, planned := c.run(nil, "plan", "-out", "release.plan")
	if code != 0 {
		t.Fatalf("plan: %d\n%s", code, planned)
	}
	code, applied := c.run(nil, "apply")
	close(stop)
	if found := <-sampled; len(found) > 0 {
		t.Errorf("the secret stood in a process list: %q", found)
	}
	if code != 0 {
		t.Fatalf("apply: %d\n%s", code, applied)
	}
	if !strings.Contains(applied, "token=(secret)") {
		t.Errorf("the script's output is not there, or its secret is not masked:\n%s", applied)
	}
	_, shown := c.run(nil, "show", "consul.stable")
	for form, f := range forms(releaseToken) {
		for what, text := range map[string]string{"plan": planned, "apply": applied, "show": shown} {
			if strings.Contains(text, f) {
				t.Errorf("%s prints the secret (%s)", what, form)
			}
		}
	}
	err = filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		for form, f := range forms(releaseToken) {
			if bytes.Contains(text, []byte(f)) {
				t.Errorf("%s holds the secret (%s)", path, form)
			}
		}
		if info, e := d.Info(); e == nil && strings.Contains(path, "/.imgc/") && info.Mode().Perm()&0o077 != 0 && strings.HasSuffix(path, ".json") {
			t.Errorf("%s can be read by others: %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
