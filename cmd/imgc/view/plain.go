package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"imgc/executor"
)

// progressEvery is how often plain lines tell of a transfer that is under way.
const progressEvery = 10 * time.Second

// Plain writes a line for each thing that happens, with the unit in front: for logs, pipes and CI.
type Plain struct {
	w     io.Writer
	style Style
	width int
	said  map[string]time.Time // when a unit's transfer was last told of
}

// NewPlain makes a plain view on w. units are the addresses that will appear, so that lines align.
func NewPlain(w io.Writer, units []string, style Style) *Plain {
	p := &Plain{w: w, style: style, said: map[string]time.Time{}}
	for _, u := range units {
		p.width = max(p.width, len(u))
	}
	return p
}

// Event writes the event as lines.
func (p *Plain) Event(e executor.Event) {
	if e.Type == executor.Progress {
		last, ok := p.said[e.Unit]
		if !ok {
			p.said[e.Unit] = e.Time
		}
		if !ok || e.Time.Sub(last) < progressEvery {
			return
		}
		p.said[e.Unit] = e.Time
	}
	for _, line := range lines(e, p.style) {
		io.WriteString(p.w, p.prefix(e.Unit)+line+"\n")
	}
}

// Close does nothing: there is nothing to take away.
func (p *Plain) Close() {}

// Pause does nothing: lines come with events only.
func (p *Plain) Pause(bool) {}

func (p *Plain) prefix(unit string) string {
	if unit == "" {
		return ""
	}
	return p.style.bold(unit+":") + strings.Repeat(" ", max(0, p.width-len(unit))+1)
}

// lines gives what there is to say of an event, without the unit. Many events need no line.
func lines(e executor.Event, s Style) []string {
	one := func(format string, args ...any) []string { return []string{fmt.Sprintf(format, args...)} }
	switch e.Type {
	case executor.UnitEnded:
		if e.Error != "" {
			return one("%s", s.red("failed")+after(e))
		}
		done := "done"
		if e.Text != "" {
			done = "made " + oneLine(e.Text)
		}
		return one("%s", s.green(done)+in(e))
	case executor.UnitSkipped:
		return one("%s: %s", s.yellow("skipped"), oneLine(e.Text))
	case executor.PhaseStarted:
		return one("%s", phase(e))
	case executor.PhaseEnded:
		if e.Error != "" {
			out := one("%s %s%s", phase(e), s.red("failed"), after(e))
			for _, l := range strings.Split(strings.TrimRight(e.Error, "\n"), "\n") {
				out = append(out, "  "+oneLine(l))
			}
			return out
		}
		if e.Elapsed < time.Second {
			return nil
		}
		return one("%s", s.dim(phase(e)+" took "+Elapsed(e.Elapsed)))
	case executor.Retrying:
		return one("%s: %s", s.yellow(fmt.Sprintf("try %d of %d", e.Try, e.Tries)), oneLine(e.Error))
	case executor.Output:
		return one("%s %s", s.dim("|"), oneLine(e.Text))
	case executor.Message:
		return one("%s", oneLine(e.Text))
	case executor.Progress:
		return one("%s: %s", oneLine(e.Text), transfer(e.Done, e.Total))
	case executor.WarningEvent:
		return one("%s: %s", s.yellow("warning"), oneLine(e.Text))
	case executor.LeftBehind:
		return one("%s: %s", s.yellow("left behind"), oneLine(e.Text))
	}
	return nil
}

func in(e executor.Event) string {
	if e.Elapsed <= 0 {
		return ""
	}
	return " in " + Elapsed(e.Elapsed)
}

func after(e executor.Event) string {
	if e.Elapsed <= 0 {
		return ""
	}
	return " after " + Elapsed(e.Elapsed)
}
