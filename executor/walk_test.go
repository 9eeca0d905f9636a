package executor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"imgc/executor"
)

// TestWalkProperties builds random graphs in which random units fail: each unit is done or skipped once, none before
// what it needs, a failure skips exactly what is downstream of it, and never are more at work than allowed.
func TestWalkProperties(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(rt, "units")
		parallel := rapid.IntRange(1, 4).Draw(rt, "parallel")
		needs := make([][]int, n)
		bad := make([]bool, n)
		src := "source s = fake {}\n"
		for i := range n {
			text := "x"
			for j := range i {
				if rapid.IntRange(0, 3).Draw(rt, "edge") == 0 {
					needs[i] = append(needs[i], j)
					text += fmt.Sprintf(" ${b%d.s.path}", j)
				}
			}
			bad[i] = rapid.IntRange(0, 4).Draw(rt, "bad") == 0
			src += fmt.Sprintf("build b%d {\n  from s { text = \"%s\" }\n  provision step { name = \"b%d\" }\n}\n", i, text, i)
		}
		b := newBench(t, src)
		for i := range n {
			if bad[i] {
				b.w.fail[fmt.Sprintf("b%d", i)] = 1
			}
		}
		var mu sync.Mutex
		ended := map[string]bool{}
		began := map[string]int{}
		b.set = func(in *executor.Input) {
			in.Parallel = parallel
			in.Events = func(e executor.Event) {
				mu.Lock()
				defer mu.Unlock()
				switch e.Type {
				case executor.UnitStarted:
					began[e.Unit]++
					for i := range n {
						if e.Unit != fmt.Sprintf("b%d.s", i) {
							continue
						}
						for _, j := range needs[i] {
							if !ended[fmt.Sprintf("b%d.s", j)] {
								rt.Errorf("b%d began before b%d had ended", i, j)
							}
						}
					}
				case executor.UnitEnded:
					ended[e.Unit] = true
				}
			}
		}
		res, err := b.apply(t.Context())
		var built, broken, skipped []string
		down := make([]bool, n)
		for i := range n {
			addr := fmt.Sprintf("b%d.s", i)
			for _, j := range needs[i] {
				down[i] = down[i] || down[j] || bad[j]
			}
			switch {
			case down[i]:
				skipped = append(skipped, addr)
			case bad[i]:
				broken = append(broken, addr)
			default:
				built = append(built, addr)
			}
			if want := 1; !down[i] && began[addr] != want || down[i] && began[addr] != 0 {
				rt.Errorf("%s began %d times", addr, began[addr])
			}
		}
		for name, pair := range map[string][2][]string{"built": {built, res.Built}, "failed": {broken, res.Failed}, "skipped": {skipped, res.Skipped}} {
			got := slices.Sorted(slices.Values(pair[1]))
			if !slices.Equal(pair[0], got) {
				rt.Errorf("%s: %v, want %v", name, got, pair[0])
			}
		}
		if len(res.Diagnostics) != len(broken) {
			rt.Errorf("%d failures are told of %d", len(res.Diagnostics), len(broken))
		}
		if (err != nil) != (len(broken) > 0) {
			rt.Errorf("%v with %v failed", err, broken)
		}
		if b.w.most > parallel {
			rt.Errorf("%d units at work at once, over %d", b.w.most, parallel)
		}
		if len(b.w.made) > 0 {
			rt.Errorf("left: %v", b.w.made)
		}
	})
}

// TestCancelSkipsTheRest: a cancelled run begins nothing more, and says what it left out.
func TestCancelSkipsTheRest(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	b := newBench(t, "source s = fake {}\nbuild a {\n  from s\n  provision step { name = \"slow\" }\n}\nbuild c { from s }\nbuild d { from s { text = a.s.path } }\n")
	b.w.slow["slow"] = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b.set = func(in *executor.Input) {
		in.Parallel = 1
		tell := in.Events
		in.Events = func(e executor.Event) {
			tell(e)
			if e.Type == executor.PhaseStarted && e.Phase == "step" {
				cancel()
			}
		}
	}
	res, err := b.apply(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if len(res.Built) != 0 || len(res.Failed) != 1 || len(res.Skipped) != 2 {
		t.Errorf("%+v", res)
	}
	if !strings.Contains(b.texts(), "unit-skipped c.s  cancelled") {
		t.Errorf("nothing tells what was left out:\n%s", b.texts())
	}
}
