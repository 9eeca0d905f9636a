package executor_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"imgc/executor"
	"imgc/planner"
)

const oneUnit = `
source s = fake { text = "content" }
build b {
  from s
  provision step { name = "one" }
  provision step { name = "two" }
  post copy { keep to = "out/copy" }
}
`

// usedUp is oneUnit with artifacts that its chain uses up.
var usedUp = strings.Replace(oneUnit, `post copy { keep to = "out/copy" }`, `post copy { to = "out/half" } |> copy { to = "out/copy" }`, 1)

func TestApplyThenNothing(t *testing.T) {
	b := newBench(t, oneUnit)
	if _, err := b.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"start b.s", "one b.s", "two b.s", "finish b.s", "stop b.s", "copy b.s"}
	if d := cmp.Diff(want, b.w.log); d != "" {
		t.Error(d)
	}
	if got, err := os.ReadFile(filepath.Join(b.dir, "out/copy")); err != nil || string(got) != "content" {
		t.Errorf("out/copy: %q %v", got, err)
	}
	if p := b.again(); p.HasChanges() {
		t.Errorf("a plan after apply has changes: %s", p.Summary())
	}
	if len(b.w.made) > 0 {
		t.Errorf("left: %v", b.w.made)
	}
}

// Packer ignores the timeout of a step that has a pause.
func TestPauseAndTimeoutBothHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, strings.Replace(oneUnit, `name = "one"`, `pause 5s  timeout 2s  name = "one"`, 1))
		b.w.slow["one"] = time.Minute
		start := time.Now()
		res, err := b.apply(t.Context())
		if !errors.Is(err, executor.ErrFailed) {
			t.Fatalf("a step that is too slow did not fail: %v", err)
		}
		if took := time.Since(start); took < 7*time.Second || took > 8*time.Second {
			t.Errorf("pause and timeout took %v, not 7s", took)
		}
		if !strings.Contains(res.Diagnostics[0].Message, "timeout of 2s") {
			t.Errorf("the error does not name the timeout: %v", res.Diagnostics)
		}
	})
}

// Packer cancels every retry after the first timeout at once.
func TestEveryTryHasTheWholeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, strings.Replace(oneUnit, `name = "one"`, `retry 2  timeout 2s  name = "one"`, 1))
		b.set = func(in *executor.Input) { in.Backoff = time.Second }
		b.w.slow["one"] = time.Minute
		start := time.Now()
		_, err := b.apply(t.Context())
		if !errors.Is(err, executor.ErrFailed) {
			t.Fatal(err)
		}
		if b.w.tries["one"] != 3 {
			t.Errorf("%d tries, not 3", b.w.tries["one"])
		}
		// Three tries of 2 s, and delays of 1 s and 2 s between them.
		if took := time.Since(start); took < 9*time.Second || took > 10*time.Second {
			t.Errorf("it took %v, not 9s", took)
		}
	})
}

// Packer reports the error of the first try, and does not wait between tries.
func TestRetryReportsTheLastError(t *testing.T) {
	b := newBench(t, strings.Replace(oneUnit, `name = "one"`, `retry 2  name = "one"`, 1))
	b.w.fail["one"] = 9
	res, err := b.apply(t.Context())
	if !errors.Is(err, executor.ErrFailed) || !strings.Contains(res.Diagnostics[0].Message, "failed 3 times, the last time so: try 3") {
		t.Errorf("%v %v", err, res.Diagnostics)
	}
	b.w.tries["one"], b.w.fail["one"] = 0, 2
	if _, err := b.apply(t.Context()); err != nil {
		t.Errorf("the third try is fine, but: %v", err)
	}
}

// Packer deletes the finished image when a post-processor fails.
func TestFailingPostKeepsTheArtifact(t *testing.T) {
	b := newBench(t, strings.Replace(oneUnit, "keep ", "", 1))
	b.w.fail["copy"] = 1
	if _, err := b.apply(t.Context()); !errors.Is(err, executor.ErrFailed) {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "out/b.s")); err != nil {
		t.Fatalf("the artifact is gone: %v", err)
	}
	p := b.again()
	if got := p.Changes[0].Action; got != planner.Post {
		t.Errorf("the next plan would %s, not only run the chain again", got)
	}
	b.w.fail["copy"], b.w.log = 0, nil
	if _, err := b.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"copy b.s"}, b.w.log); d != "" {
		t.Error(d)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "out/b.s")); !os.IsNotExist(err) {
		t.Errorf("the artifact was used up by the chain, but is still there (%v)", err)
	}
	if p := b.again(); p.HasChanges() {
		t.Errorf("a plan after apply has changes: %s", p.Summary())
	}
}

func TestOnErrorRunsBeforeCleanUp(t *testing.T) {
	src := strings.Replace(oneUnit, "  post", "  on_error step { name = \"rescue\" }\n  post", 1)
	b := newBench(t, src)
	b.w.fail["two"] = 1
	if _, err := b.apply(t.Context()); !errors.Is(err, executor.ErrFailed) {
		t.Fatal(err)
	}
	want := []string{"start b.s", "one b.s", "two b.s", "rescue b.s", "stop b.s"}
	if d := cmp.Diff(want, b.w.log); d != "" {
		t.Error(d)
	}
}

// Packer runs no error step on a cancel, and leaves children.
func TestCancelStopsAndCleansUp(t *testing.T) {
	b := newBench(t, strings.Replace(oneUnit, "  post", "  on_error step { name = \"rescue\" }\n  post", 1))
	b.w.slow["one"] = time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	b.set = func(in *executor.Input) {
		tell := in.Events
		in.Events = func(e executor.Event) {
			tell(e)
			if e.Type == executor.PhaseStarted && e.Phase == "step" {
				time.AfterFunc(20*time.Millisecond, cancel)
			}
		}
	}
	if _, err := b.apply(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("not cancelled: %v", err)
	}
	if len(b.w.made) > 0 || !slices.Contains(b.w.log, "stop b.s") || !slices.Contains(b.w.log, "rescue b.s") {
		t.Errorf("left %v after %v", b.w.made, b.w.log)
	}
}

func TestKeptMachineIsRemovedByTheNextRun(t *testing.T) {
	b := newBench(t, oneUnit)
	b.w.fail["one"] = 1
	b.set = func(in *executor.Input) { in.OnError = executor.Keep }
	if _, err := b.apply(t.Context()); !errors.Is(err, executor.ErrFailed) {
		t.Fatal(err)
	}
	if !b.w.made["machine of b.s"] {
		t.Error("the machine was not kept")
	}
	if !strings.Contains(b.texts(), "left-behind") {
		t.Errorf("nothing tells of the kept machine:\n%s", b.texts())
	}
	b.set = nil
	b.w.tries["one"] = 5
	if _, err := b.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(b.w.made) > 0 {
		t.Errorf("left: %v", b.w.made)
	}
}

func TestFailureStopsOnlyWhatDependsOnIt(t *testing.T) {
	b := newBench(t, `
source a = fake { text = "a" }
source c = fake { text = "c" }
build base { from a  provision step { name = "base" } }
build web {
  from c { text = base.a.path }
  provision step { name = "web" }
}
build other { from c }
`)
	b.w.fail["base"] = 1
	res, err := b.apply(t.Context())
	if !errors.Is(err, executor.ErrFailed) {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"base.a"}, res.Failed); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"web.c"}, res.Skipped); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"other.c"}, res.Built); d != "" {
		t.Error(d)
	}
	if _, err := b.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(b.dir, "out/web.c")); string(got) != "out/base.a" {
		t.Errorf("web was not built from base's artifact: %q", got)
	}
	if p := b.again(); p.HasChanges() {
		t.Errorf("a plan after apply has changes: %s", p.Summary())
	}
}

func TestParallelIsBounded(t *testing.T) {
	src := "source s = fake {}\n"
	for _, n := range []string{"a", "b", "c", "d", "e", "f"} {
		src += "build " + n + " {\n from s\n provision step { name = \"" + n + "\" }\n}\n"
	}
	b := newBench(t, src)
	for _, n := range []string{"a", "b", "c", "d", "e", "f"} {
		b.w.slow[n] = 20 * time.Millisecond
	}
	if _, err := b.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.w.most != 2 {
		t.Errorf("%d units were at work at once, not 2", b.w.most)
	}
}

func TestSecretsAreNotTold(t *testing.T) {
	b := newBench(t, `
secret param token: string = env("TOKEN")
source s = fake {}
build b {
  from s
  provision step { name = "x"  say = "the token is ${token}, in base64 czNjcjN0LXZhbHVl" }
}
`)
	if _, err := b.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := b.texts(); strings.Contains(s, "s3cr3t") || strings.Contains(s, "czNjcjN0") || !strings.Contains(s, "the token is (secret)") {
		t.Errorf("the secret was told:\n%s", s)
	}
	err := filepath.WalkDir(b.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "s3cr3t") {
			t.Errorf("%s holds the secret", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCrashAtEveryEntry stops a run after each entry of its journal, then applies again: the right files, nothing left.
func TestCrashAtEveryEntry(t *testing.T) {
	points := 0
	for k := 1; ; k++ {
		b := newBench(t, usedUp)
		n := 0
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan struct{})
		b.hook = func(int) {
			if n++; n == k {
				close(stopped)
				select {} // this process never goes on: nothing after the entry happens
			}
		}
		done := make(chan error, 1)
		go func() {
			_, err := b.apply(ctx)
			done <- err
		}()
		select {
		case <-stopped:
			points++
		case err := <-done:
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			if points < 10 {
				t.Fatalf("only %d entries", points)
			}
			t.Logf("stopped at %d entries", points)
			return
		}
		cancel()
		b.again2(t, k)
	}
}

// again2 applies in a copy of the folder, since the stopped run still holds the lock of the first.
func (b *bench) again2(t *testing.T, k int) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(b.dir)); err != nil {
		t.Fatal(err)
	}
	next := &bench{t: t, w: b.w, dir: dir, src: b.src}
	next.w.mu.Lock()
	next.w.active = 0
	next.w.mu.Unlock()
	if _, err := next.apply(t.Context()); err != nil {
		t.Fatalf("entry %d: %v", k, err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "out/copy")); err != nil || string(got) != "content" {
		t.Errorf("entry %d: out/copy: %q %v", k, got, err)
	}
	for _, used := range []string{"out/b.s", "out/half"} {
		if _, err := os.Lstat(filepath.Join(dir, used)); !os.IsNotExist(err) {
			t.Errorf("entry %d: %s is used up, but was left (%v)", k, used, err)
		}
	}
	if p := next.again(); p.HasChanges() {
		t.Errorf("entry %d: a plan after apply has changes: %s", k, p.Summary())
	}
	if len(next.w.made) > 0 {
		t.Errorf("entry %d: left: %v", k, next.w.made)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".imgc", "tmp", "*")); len(left) > 0 {
		t.Errorf("entry %d: left: %v", k, left)
	}
}
