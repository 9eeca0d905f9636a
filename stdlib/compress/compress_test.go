package compress

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"imgc/stdlib/component"
	"imgc/stdlib/component/componenttest"
)

func compressTo(t *testing.T, env *componenttest.Env, output string, in component.Artifact) (component.Artifact, error) {
	t.Helper()
	p := Component().Post(&Options{Output: output, MTime: 315532800})
	return p.Process(t.Context(), env.Env, in)
}

func TestRealToolsReadWhatIsWritten(t *testing.T) {
	for _, c := range []struct{ output, tool, list string }{
		{"out/a.tar", "tar", "tar -xf $OUT -C $TO"},
		{"out/a.tar.gz", "gzip", "gzip -t $OUT && tar -xzf $OUT -C $TO"},
		{"out/a.tgz", "gzip", "tar -xzf $OUT -C $TO"},
		{"out/a.tar.zst", "zstd", "zstd -qt $OUT && zstd -qdc $OUT | tar -x -C $TO"},
		{"out/a.tar.xz", "xz", "xz -t $OUT && tar -xJf $OUT -C $TO"},
		{"out/a.zip", "unzip", "unzip -q $OUT -d $TO"},
	} {
		t.Run(c.output, func(t *testing.T) {
			componenttest.NeedTool(t, c.tool)
			env := componenttest.NewEnv(t)
			big := strings.Repeat("semi-compressible ", 2<<20)
			env.Write(t, "d/x/same", "one", "d/y/same", "two", "d/ünï/ø", "three", "d/empty", "", "d/big", big)
			if err := os.Chmod(env.Path("d/x/same"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("same", env.Path("d/x/link")); err != nil {
				t.Fatal(err)
			}
			in := env.Artifact(t, "d")
			if _, err := compressTo(t, env, c.output, in); err != nil {
				t.Fatal(err)
			}
			first := env.Read(t, c.output)
			if _, err := compressTo(t, env, c.output, in); err != nil {
				t.Fatal(err)
			}
			if env.Read(t, c.output) != first {
				t.Error("the same files gave another archive")
			}
			to := t.TempDir()
			sh := exec.Command("sh", "-ec", c.list)
			sh.Env = append(os.Environ(), "OUT="+env.Path(c.output), "TO="+to, "LC_ALL=C.UTF-8")
			if out, err := sh.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if out, err := exec.Command("diff", "-r", "--no-dereference", env.Path("d"), to).CombinedOutput(); err != nil {
				t.Errorf("not the same tree: %s", out)
			}
			info, err := os.Stat(filepath.Join(to, "x/same"))
			if err != nil || info.Mode().Perm() != 0o755 {
				t.Errorf("mode not kept: %v %v", info, err)
			}
		})
	}
}

func TestSingleFile(t *testing.T) {
	for ending, tool := range map[string]string{"gz": "gzip", "zst": "zstd", "xz": "xz"} {
		for name, content := range map[string]string{"some": strings.Repeat("abc", 12<<20), "empty": ""} {
			t.Run(ending+"/"+name, func(t *testing.T) {
				componenttest.NeedTool(t, tool)
				env := componenttest.NewEnv(t)
				env.Write(t, "disk.img", content)
				if _, err := compressTo(t, env, "disk.img."+ending, env.Artifact(t, "disk.img")); err != nil {
					t.Fatal(err)
				}
				got, err := exec.Command(tool, "-dc", env.Path("disk.img."+ending)).Output()
				if err != nil || string(got) != content {
					t.Errorf("%s gives %d bytes of %d: %v", tool, len(got), len(content), err)
				}
			})
		}
	}
}

func TestCancelLeavesNothing(t *testing.T) {
	for _, output := range []string{"o/a.tar.gz", "o/a.tar.zst", "o/a.tar.xz", "o/a.zip"} {
		env := componenttest.NewEnv(t)
		env.Write(t, "big", strings.Repeat("x", 40<<20))
		in := env.Artifact(t, "big")
		ctx, cancel := context.WithCancel(t.Context())
		env.Progress = func(_ string, done, _ int64) {
			if done > 20<<20 {
				cancel()
			}
		}
		_, err := Component().Post(&Options{Output: output}).Process(ctx, env.Env, in)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error is %v", output, err)
		}
		left, _ := os.ReadDir(env.Path("o"))
		if len(left) > 0 || len(env.Journal.Open) > 0 {
			t.Errorf("%s: left behind: %v, open: %v", output, left, env.Journal.Open)
		}
	}
}

func TestRefused(t *testing.T) {
	env := componenttest.NewEnv(t)
	env.Write(t, "a", "1", "b", "2")
	for output, want := range map[string]string{
		"x.gz": ".tar.gz", "x.rar": "set format", "a": "set format",
	} {
		if _, err := compressTo(t, env, output, env.Artifact(t, "a", "b")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v does not say %q", output, err, want)
		}
	}
	if diff := cmp.Diff("1", env.Read(t, "a")); diff != "" {
		t.Error(diff)
	}
}
