package executor_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"imgc/executor"
)

// TestSecretsInErrorsAreNotTold: a component may put what it was given into its error, on one line or another.
func TestSecretsInErrorsAreNotTold(t *testing.T) {
	b := newBench(t, `
secret param token: string = env("TOKEN")
source s = fake {}
build b {
  from s
  provision step { name = "it says ${token} and czNjcjN0LXZhbHVl"  echo = true }
}
`)
	b.w.fail["it says s3cr3t-value and czNjcjN0LXZhbHVl"] = 1
	res, err := b.apply(t.Context())
	if !errors.Is(err, executor.ErrFailed) {
		t.Fatal(err)
	}
	all := err.Error() + b.texts()
	for _, d := range res.Diagnostics {
		all += d.Message + d.Help + strings.Join(d.Notes, "")
	}
	if strings.Contains(all, "s3cr3t") || strings.Contains(all, "czNjcjN0") || !strings.Contains(all, "it says (secret) and (secret) failed") {
		t.Errorf("the secret was told, or the error was not:\n%s", all)
	}
}

// TestNothingAfterTheEnd: a component that leaves something running cannot write after the run has ended.
func TestNothingAfterTheEnd(t *testing.T) {
	b := newBench(t, oneUnit)
	b.w.late = make(chan struct{})
	if _, err := b.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := len(b.events)
	b.w.late <- struct{}{} // let it speak
	<-b.w.late             // it has spoken
	if len(b.events) != n || b.events[n-1].Type != executor.RunEnded {
		t.Errorf("after the end: %+v", b.events[n-1:])
	}
}

// TestStateThatCannotBeSaved: what is built is not built again though the state could not be written.
func TestStateThatCannotBeSaved(t *testing.T) {
	b := newBench(t, strings.Replace(oneUnit, "keep ", "", 1))
	state := filepath.Join(b.dir, ".imgc", "state.json")
	n := 0
	b.hook = func(int) {
		if n++; n == 2 {
			if err := os.Mkdir(state, 0o700); err != nil { // no file can take its place
				t.Error(err)
			}
		}
	}
	if _, err := b.apply(t.Context()); err == nil {
		t.Fatal("the state could not be written, and nothing was said")
	}
	if err := os.Remove(state); err != nil {
		t.Fatal(err)
	}
	b.hook, b.w.log = nil, nil
	if _, err := b.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"copy b.s"}, b.w.log); d != "" {
		t.Error(d)
	}
	if p := b.again(); p.HasChanges() {
		t.Errorf("a plan after apply has changes: %s", p.Summary())
	}
}

// TestAsk: retry repeats the step alone, on_error waits until the user gives up, and keep keeps.
func TestAsk(t *testing.T) {
	b := newBench(t, strings.Replace(usedUp, "  post", "  on_error step { name = \"rescue\" }\n  post", 1))
	b.w.fail["two"] = 2
	answers := []executor.Answer{executor.AnswerRetry, executor.AnswerKeep}
	b.set = func(in *executor.Input) {
		in.OnError = executor.Ask
		in.Ask = func(_ context.Context, unit, step string, err error) executor.Answer {
			a := answers[0]
			answers = answers[1:]
			return a
		}
	}
	if _, err := b.apply(t.Context()); !errors.Is(err, executor.ErrFailed) {
		t.Fatal(err)
	}
	want := []string{"start b.s", "one b.s", "two b.s", "two b.s", "rescue b.s"}
	if d := cmp.Diff(want, b.w.log); d != "" {
		t.Error(d)
	}
	if !b.w.made["machine of b.s"] {
		t.Error("the machine was not kept")
	}
	if left, _ := filepath.Glob(filepath.Join(b.dir, ".imgc", "tmp", "*")); len(left) != 1 {
		t.Errorf("the kept machine's folder: %v", left)
	}
	b.set = nil
	b.again2(t, 0)
}

// TestStopIsBounded: a machine that cannot be given back does not hold up the end, and the next run is told of it.
func TestStopIsBounded(t *testing.T) {
	b := newBench(t, usedUp)
	b.w.stuck = true
	b.set = func(in *executor.Input) { in.StopTimeout = 20 * time.Millisecond }
	if _, err := b.apply(t.Context()); !errors.Is(err, executor.ErrFailed) {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(b.events, func(e executor.Event) bool { return e.Type == executor.LeftBehind }) {
		t.Errorf("nothing tells of the machine:\n%s", b.texts())
	}
	b.w.stuck = false
	b.again2(t, 0)
}
