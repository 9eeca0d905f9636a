package stdlib_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"imgc/stdlib"
	"imgc/stdlib/artifice"
	"imgc/stdlib/checksum"
	"imgc/stdlib/component"
	"imgc/stdlib/component/componenttest"
	"imgc/stdlib/download"
	"imgc/stdlib/file"
	"imgc/stdlib/manifest"
	"imgc/stdlib/shell"
	"imgc/stdlib/shelllocal"
	"imgc/stdlib/upload"
)

// contains fails the test unless err names all of want.
func contains(t *testing.T, err error, want ...string) {
	t.Helper()
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("the error %v does not say %q", err, w)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func TestRegistry(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range stdlib.Components(nil) {
		key := string(c.Kind) + " " + c.Name
		if seen[key] {
			t.Errorf("%s is there twice", key)
		}
		seen[key] = true
		if !strings.Contains(c.Schema, key+" {") {
			t.Errorf("the schema of %s does not declare it", key)
		}
		fields, err := component.StructFields(c.Options())
		if err != nil {
			t.Errorf("%s: %v", key, err)
		}
		for _, f := range fields {
			if !strings.Contains(c.Schema, f.Name+": ") {
				t.Errorf("the schema of %s has no option %s", key, f.Name)
			}
		}
	}
}

func TestShell(t *testing.T) {
	env, m := componenttest.NewEnv(t), componenttest.NewMachine(t)
	run := func(o *shell.Options) error {
		if o.Interpreter == nil {
			o.Interpreter = []string{"/bin/sh", "-e"}
		}
		if o.ValidExitCodes == nil {
			o.ValidExitCodes = []int{0}
		}
		return shell.Component().Provisioner(o).Provision(t.Context(), env.Env, m)
	}
	if err := run(&shell.Options{Inline: []string{`echo "$IMGC_BUILD_NAME $PACKER_BUILD_NAME $T $1"`}, Env: map[string]string{"T": "s3cret"}, Args: []string{"an arg"}}); err != nil {
		t.Fatal(err)
	}
	if got := env.Out.String(); got != "web vm s3cret an arg\n" {
		t.Errorf("got %q", got)
	}
	if strings.Contains(m.Commands[0].Shell, "s3cret") {
		t.Error("the secret is on the command line")
	}
	contains(t, run(&shell.Options{Inline: []string{"echo why >&2", "exit 3"}}), "exit code 3", "why", "valid_exit_codes")
	if err := run(&shell.Options{Inline: []string{"exit 3"}, ValidExitCodes: []int{0, 3}}); err != nil {
		t.Error(err)
	}
	env.Write(t, "dos.sh", "#!/bin/sh -e\r\nfalse\r\necho not here\r\n")
	contains(t, run(&shell.Options{Script: ptr("dos.sh")}), "dos.sh", "exit code 1")
	contains(t, run(&shell.Options{Script: ptr("none.sh")}), "none.sh", "does not exist")

	m.AfterRun = func(_, _ int, _ error) (int, error) { return 0, component.ErrDisconnected }
	contains(t, run(&shell.Options{Inline: []string{"true"}}), "expect_disconnect")
	if err := run(&shell.Options{Inline: []string{"true"}, ExpectDisconnect: true, StartRetry: time.Minute}); err != nil || m.Reconnects != 1 {
		t.Errorf("reconnects %d, %v", m.Reconnects, err)
	}
	m.AfterRun = nil
	m.BeforeRun = func(int, component.Command) error { return errors.New("still restarting") }
	contains(t, run(&shell.Options{Inline: []string{"true"}}), "still restarting", "start_retry")
}

func TestShellLocal(t *testing.T) {
	env := componenttest.NewEnv(t)
	env.Write(t, "a", "1", "b c", "2")
	in := env.Artifact(t, "a", "b c")
	o := &shelllocal.Options{Interpreter: []string{"/bin/sh", "-e"}, ValidExitCodes: []int{0}}
	o.Inline = []string{`echo "$IMGC_ARTIFACT_FILES" > env.txt`, "cat > stdin.txt", "pwd"}
	out, err := shelllocal.Post().Post(o).Process(t.Context(), env.Env, in)
	if err != nil || len(out.Files) != 2 {
		t.Fatal(out, err)
	}
	if want := env.Path("a") + "\n" + env.Path("b c") + "\n"; env.Read(t, "env.txt") != want || env.Read(t, "stdin.txt") != want {
		t.Errorf("files: %q, %q", env.Read(t, "env.txt"), env.Read(t, "stdin.txt"))
	}

	// A cancel ends what runs in the background too.
	ctx, cancel := context.WithCancel(t.Context())
	env.Env.Stdout = writer(func(p []byte) { cancel() })
	o.Inline = []string{"sleep 300 & echo $! > pid", "echo started", "wait"}
	err = shelllocal.Provisioner().Provisioner(o).Provision(ctx, env.Env, nil)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	pid := strings.TrimSpace(env.Read(t, "pid"))
	if state, err := os.ReadFile("/proc/" + pid + "/stat"); err == nil && !strings.Contains(string(state), ") Z ") {
		t.Errorf("process %s is alive: %s", pid, state)
	}
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

func TestUploadAndDownload(t *testing.T) {
	env, m := componenttest.NewEnv(t), componenttest.NewMachine(t)
	env.Write(t, "d/a", "1", "f", "2")
	up := func(o *upload.Options) error {
		return upload.Component().Provisioner(o).Provision(t.Context(), env.Env, m)
	}
	for _, o := range []*upload.Options{
		{Source: ptr("f"), Destination: m.Temp + "/g", Mode: ptr(0o755)},
		{Sources: []string{"d", "f"}, Destination: m.Temp + "/many"},
		{Content: ptr("3"), Destination: m.Temp + "/c"},
	} {
		if err := up(o); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(m.Temp + "/g"); err != nil || info.Mode().Perm() != 0o755 {
		t.Error(info, err)
	}
	contains(t, up(&upload.Options{Source: ptr("gone"), Destination: "/x"}), "gone", "does not exist")
	err := download.Component().Provisioner(&download.Options{Sources: []string{m.Temp + "/many/d", m.Temp + "/many", m.Temp + "/c"}, Destination: "got"}).Provision(t.Context(), env.Env, m)
	if err != nil || env.Read(t, "got/d/a") != "1" || env.Read(t, "got/many/f") != "2" || env.Read(t, "got/c") != "3" {
		t.Error(err)
	}
}

func TestFileArtificeChecksum(t *testing.T) {
	componenttest.NeedTool(t, "sha256sum")
	env := componenttest.NewEnv(t)
	b := file.Component().Builder(&file.Options{Content: ptr("hello"), Target: "dist/a b", Mode: 0o600})
	a, err := b.Finish(t.Context(), env.Env, nil)
	if err != nil || a.Files[0].Size != 5 {
		t.Fatal(a, err)
	}
	env.Write(t, "dist/x\\y", "", "dist/sub/ü", "z")
	_, err = artifice.Component().Post(&artifice.Options{Files: []string{"dist/*", "none", "no*"}}).Process(t.Context(), env.Env, a)
	contains(t, err, "none, no*")
	a, err = artifice.Component().Post(&artifice.Options{Files: []string{"dist/*"}}).Process(t.Context(), env.Env, a)
	if err != nil || len(a.Files) != 3 {
		t.Fatal(a, err)
	}
	for range 2 { // replaced, not appended
		sum, err := checksum.Component().Post(&checksum.Options{Types: []string{"sha256", "md5"}}).Process(t.Context(), env.Env, a)
		if err != nil || len(sum.Files) != 5 {
			t.Fatal(sum, err)
		}
	}
	check := exec.Command("sh", "-ec", "sha256sum -c --strict SHA256SUMS && md5sum -c --strict MD5SUMS && test $(wc -l < MD5SUMS) = 3")
	check.Dir = env.Path("dist")
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if s, err := component.ProbeFiles(t.Context(), env.Env, a); s != component.Present {
		t.Error(s, err)
	}
	env.Write(t, "dist/sub/ü", "Z")
	if s, _ := component.ProbeFiles(t.Context(), env.Env, a); s != component.Changed {
		t.Error(s)
	}
	if err := component.DeleteFiles(t.Context(), env.Env, a); err != nil {
		t.Error(err)
	}
	if s, _ := component.ProbeFiles(t.Context(), env.Env, a); s != component.Gone {
		t.Error(s)
	}
}

func TestManifest(t *testing.T) {
	env := componenttest.NewEnv(t)
	env.Write(t, "out/two.txt", "0123456789", "bad.json", "not json")
	in := env.Artifact(t, "out/two.txt")
	var wg sync.WaitGroup
	for range 2 {
		for _, unit := range []string{"a.x", "a.y", "b.x", "b.y"} {
			wg.Go(func() {
				e := *env.Env
				e.Unit, e.RunID = unit, env.RunID+unit
				p := manifest.Component().Post(&manifest.Options{Output: "m.json", StripTime: true, CustomData: map[string]string{"k": "<v>"}})
				a, err := p.Process(t.Context(), &e, in)
				if err != nil {
					t.Error(err)
					return
				}
				if s, err := p.(component.ArtifactKeeper).Probe(t.Context(), &e, a); s != component.Present {
					t.Error(s, err)
				}
			})
		}
		wg.Wait()
	}
	got := env.Read(t, "m.json")
	if n := strings.Count(got, `"artifact_id"`); n != 4 || !strings.Contains(got, `"k": "<v>"`) {
		t.Errorf("%d entries in %s", n, got)
	}
	_, err := manifest.Component().Post(&manifest.Options{Output: "bad.json"}).Process(t.Context(), env.Env, in)
	contains(t, err, "bad.json", "not a manifest")
	if env.Read(t, "bad.json") != "not json" {
		t.Error("overwritten")
	}
}
