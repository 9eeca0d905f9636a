// Package view draws a run of imgc apply: three views of the executor's one stream of events, as plain
// lines, as a live block at the foot of a terminal, and as JSON.
//
// It is not for results (the command prints those on standard output when the run is over) and it does
// not redact: all text of an event has been redacted when it gets here. Start reading at View and plain.go.
package view

import (
	"fmt"
	"math"
	"strings"
	"time"

	"imgc/executor"
)

// View shows events as they come. The calls of one run come one at a time.
type View interface {
	// Event shows one event.
	Event(executor.Event)
	// Pause keeps the view from drawing by itself, while something else is on the terminal. Events do not come then.
	Pause(on bool)
	// Close takes away what is only of use while the run lasts. The view is not used afterwards.
	Close()
}

// Style says whether to use colour.
type Style struct{ Color bool }

func (s Style) paint(code, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s Style) bold(t string) string   { return s.paint("1", t) }
func (s Style) dim(t string) string    { return s.paint("2", t) }
func (s Style) red(t string) string    { return s.paint("31", t) }
func (s Style) green(t string) string  { return s.paint("32", t) }
func (s Style) yellow(t string) string { return s.paint("33", t) }

// Elapsed writes a duration as people say it: "0.4s", "12s", "3m20s", "1h05m".
func Elapsed(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", math.Floor(d.Seconds()*10)/10)
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// Bytes writes a number of bytes with a unit of 1024: "512 B", "1.5 MiB".
func Bytes(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, unit := float64(n), 0
	for f >= 1024 && unit < 5 {
		f /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", f, "KMGTP"[unit-1])
}

// transfer writes how far a transfer is.
func transfer(done, total int64) string {
	if total <= 0 {
		return Bytes(done)
	}
	return fmt.Sprintf("%s of %s (%d%%)", Bytes(done), Bytes(total), percent(done, total))
}

func percent(done, total int64) int {
	switch {
	case total <= 0 || done <= 0:
		return 0
	case done >= total:
		return 100
	}
	return int(float64(done) / float64(total) * 100)
}

// oneLine keeps what a command printed from moving the cursor: control characters become spaces, and of
// a line that was overwritten with carriage returns only the last state is left.
func oneLine(s string) string {
	s = strings.TrimRight(s, "\r\n")
	if i := strings.LastIndexByte(s, '\r'); i >= 0 {
		s = s[i+1:]
	}
	return strings.Map(func(r rune) rune {
		if r == '\t' || r >= ' ' && r != 0x7f && (r < 0x80 || r > 0x9f) {
			return r
		}
		return ' '
	}, s)
}

// phase names the phase of an event: `step 2 of 5: shell "install nginx"`.
func phase(e executor.Event) string {
	what := e.Phase
	switch e.Phase {
	case "step", "post":
		if e.Total > 0 {
			what = fmt.Sprintf("%s %d of %d", e.Phase, e.Index, e.Total)
		}
	case "on_error":
		what = "on_error"
	}
	if e.Name == "" {
		return what
	}
	return what + ": " + e.Name
}
