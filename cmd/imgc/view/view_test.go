package view

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"imgc/executor"
)

var update = flag.Bool("update", false, "write the golden files")

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// run is one run with a bit of everything: two units, a retry, a transfer, a warning, a failure.
func run() []executor.Event {
	at := func(s float64, e executor.Event) executor.Event {
		e.Time = start.Add(time.Duration(s * float64(time.Second)))
		return e
	}
	const mib = 1 << 20
	return []executor.Event{
		at(0, executor.Event{Type: executor.RunStarted, Total: 2}),
		at(0, executor.Event{Type: executor.UnitStarted, Unit: "web.vm", Total: 4}),
		at(0, executor.Event{Type: executor.PhaseStarted, Unit: "web.vm", Phase: "start", Name: "rootfs"}),
		at(0.1, executor.Event{Type: executor.UnitStarted, Unit: "web.edge", Total: 3}),
		at(0.2, executor.Event{Type: executor.PhaseEnded, Unit: "web.vm", Phase: "start", Name: "rootfs", Elapsed: 200 * time.Millisecond}),
		at(0.2, executor.Event{Type: executor.PhaseStarted, Unit: "web.vm", Phase: "step", Index: 1, Total: 2, Name: `shell "install"`}),
		at(0.5, executor.Event{Type: executor.Output, Unit: "web.vm", Stream: "stdout", Text: "10%\r100% fetched\x1b[2J\n"}),
		at(0.6, executor.Event{Type: executor.Retrying, Unit: "web.vm", Try: 2, Tries: 3, Error: "the script ended with exit code 1"}),
		at(12.5, executor.Event{Type: executor.PhaseEnded, Unit: "web.vm", Phase: "step", Index: 1, Total: 2, Name: `shell "install"`, Elapsed: 12300 * time.Millisecond}),
		at(12.5, executor.Event{Type: executor.PhaseStarted, Unit: "web.edge", Phase: "step", Index: 1, Total: 1, Name: "upload"}),
		at(12.6, executor.Event{Type: executor.Progress, Unit: "web.edge", Text: "app.tar", Done: 1 * mib, Total: 40 * mib}),
		at(15, executor.Event{Type: executor.Progress, Unit: "web.edge", Text: "app.tar", Done: 12 * mib, Total: 40 * mib}),
		at(23, executor.Event{Type: executor.Progress, Unit: "web.edge", Text: "app.tar", Done: 20 * mib, Total: 40 * mib}),
		at(24, executor.Event{Type: executor.WarningEvent, Unit: "web.edge", Text: "the connection is slow"}),
		at(25, executor.Event{Type: executor.PhaseEnded, Unit: "web.edge", Phase: "step", Index: 1, Total: 1, Name: "upload", Elapsed: 12500 * time.Millisecond, Error: "upload app.tar: the disk is full\nfree some space on 127.0.0.1"}),
		at(25, executor.Event{Type: executor.UnitEnded, Unit: "web.edge", Elapsed: 25 * time.Second, Error: "upload app.tar: the disk is full"}),
		at(25, executor.Event{Type: executor.UnitSkipped, Unit: "top.vm", Text: "web.edge failed"}),
		at(25, executor.Event{Type: executor.LeftBehind, Unit: "web.edge", Text: "folder /tmp/imgc-1 on 127.0.0.1"}),
		at(26, executor.Event{Type: executor.UnitEnded, Unit: "web.vm", Text: "build/image.tar", Elapsed: 26 * time.Second}),
		at(26, executor.Event{Type: executor.RunEnded, Error: "1 unit failed"}),
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestPlainAndJSON(t *testing.T) {
	units := []string{"web.vm", "web.edge", "top.vm"}
	var plain, color, js bytes.Buffer
	views := []View{NewPlain(&plain, units, Style{}), NewPlain(&color, units, Style{Color: true}), NewJSON(&js)}
	for _, e := range run() {
		for _, v := range views {
			v.Event(e)
		}
	}
	golden(t, "plain.txt", plain.Bytes())
	golden(t, "color.txt", color.Bytes())
	golden(t, "events.json", js.Bytes())
	if strings.ContainsRune(plain.String(), '\x1b') {
		t.Error("a command's output moved the cursor, or there was colour that was not asked for")
	}
}

// TestLive records each drawing; what is left on the screen in the end holds no part of the block.
func TestLive(t *testing.T) {
	var out bytes.Buffer
	now := start
	l := newLive(&out, []string{"web.vm", "web.edge"}, Style{}, func() (int, int) { return 100, 24 }, func() time.Time { return now })
	for _, e := range run() {
		now = e.Time
		l.Event(e)
		if e.Type == executor.Progress {
			l.draw("") // as the clock does
		}
	}
	l.Close()
	golden(t, "live.txt", bytes.ReplaceAll(out.Bytes(), []byte("\x1b"), []byte("^[")))
	screen := play(out.String())
	var want bytes.Buffer
	p := NewPlain(&want, []string{"web.vm", "web.edge"}, Style{})
	for _, e := range run() {
		if e.Type != executor.Progress {
			p.Event(e)
		}
	}
	if diff := cmp.Diff(want.String(), screen); diff != "" {
		t.Errorf("what is left on the screen (-want +got):\n%s", diff)
	}
}

// play does what a terminal does with the few control sequences that the live view uses.
func play(s string) string {
	var screen []string
	for {
		line, rest, found := strings.Cut(s, "\n")
		for strings.HasPrefix(line, "\x1b[") && strings.Contains(line, "A\r\x1b[J") {
			n := 0
			for _, r := range line[2:strings.IndexByte(line, 'A')] {
				n = n*10 + int(r-'0')
			}
			screen = screen[:len(screen)-n]
			line = line[strings.Index(line, "\x1b[J")+3:]
		}
		if !found {
			return strings.Join(append(screen, line), "\n")
		}
		screen, s = append(screen, line), rest
	}
}

func TestLiveNarrowAndLow(t *testing.T) {
	var out bytes.Buffer
	l := newLive(&out, nil, Style{}, func() (int, int) { return 30, 4 }, func() time.Time { return start })
	for _, u := range []string{"a.x", "b.x", "c.x", "d.x"} {
		l.Event(executor.Event{Type: executor.UnitStarted, Unit: u, Time: start})
		l.Event(executor.Event{Type: executor.PhaseStarted, Unit: u, Phase: "step", Index: 1, Total: 1, Name: `shell "` + strings.Repeat("長", 40) + `"`})
	}
	if l.drawn > 3 {
		t.Errorf("the block has %d lines on a terminal of 4 rows", l.drawn)
	}
	if !strings.Contains(out.String(), "and 3 more") {
		t.Errorf("the block does not say that there are more units:\n%s", out.String())
	}
	l.Close()
}

func TestLiveStops(t *testing.T) {
	defer goleak.VerifyNone(t)
	l := NewLive(&bytes.Buffer{}, nil, Style{}, func() (int, int) { return 80, 24 })
	l.Event(executor.Event{Type: executor.UnitStarted, Unit: "web.vm", Time: start})
	l.Close()
}

func TestElapsedAndBytes(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0.0s", 9990 * time.Millisecond: "9.9s", 59 * time.Second: "59s",
		200 * time.Second: "3m20s", 65 * time.Minute: "1h05m",
	} {
		if got := Elapsed(d); got != want {
			t.Errorf("Elapsed(%v) = %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 1 << 30: "1.0 GiB", 1 << 62: "4096.0 PiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

// TestPause holds that a paused view takes its block away and draws nothing, so that a question stays readable.
func TestPause(t *testing.T) {
	var b bytes.Buffer
	l := newLive(&b, []string{"web.vm"}, Style{}, func() (int, int) { return 80, 24 }, func() time.Time { return start })
	l.stop, l.done = make(chan struct{}), make(chan struct{})
	go l.tick()
	l.Event(executor.Event{Type: executor.UnitStarted, Unit: "web.vm", Time: start})
	l.Event(executor.Event{Type: executor.PhaseStarted, Unit: "web.vm", Phase: "step", Index: 1, Total: 2, Name: "shell", Time: start})
	l.Pause(true)
	l.mu.Lock()
	if l.drawn != 0 || !strings.HasSuffix(b.String(), "\x1b[J") {
		t.Errorf("the block is still there: %q", b.String())
	}
	before := b.Len()
	l.mu.Unlock()
	time.Sleep(3 * liveEvery)
	l.mu.Lock()
	if b.Len() != before {
		t.Errorf("it drew while it was paused: %q", b.String()[before:])
	}
	l.mu.Unlock()
	l.Pause(false)
	l.mu.Lock()
	if l.drawn != 1 || !strings.Contains(b.String()[before:], "web.vm") {
		t.Errorf("the block did not come back: %q", b.String()[before:])
	}
	l.mu.Unlock()
	l.Close()
}
