package view

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"

	"imgc/executor"
)

// liveEvery is how often the block is drawn anew when nothing happens, so that the clocks go on.
const liveEvery = 200 * time.Millisecond

// Live keeps a block at the foot of a terminal with one line for each unit at work: its clock, the step it
// is at, and a bar while something long is transferred. Log lines scroll by above the block.
//
// It is written here rather than on a library for bars because a block of lines that are cut to the width
// and a golden test with a fixed clock need less than the library's set-up would.
type Live struct {
	mu    sync.Mutex
	w     io.Writer
	plain *Plain
	style Style
	size  func() (columns, rows int)
	now   func() time.Time
	units []*liveUnit // at work, in the order they began
	drawn int         // lines of the block on the screen
	still bool        // paused
	stop  chan struct{}
	done  chan struct{}
}

type liveUnit struct {
	addr    string
	since   time.Time
	phase   string
	what    string
	bytes   int64
	total   int64
	current bool // a transfer is under way
}

// NewLive makes a live view on the terminal w. size tells how wide and high it is; it is asked at each drawing.
func NewLive(w io.Writer, units []string, style Style, size func() (columns, rows int)) *Live {
	l := newLive(w, units, style, size, time.Now)
	l.stop, l.done = make(chan struct{}), make(chan struct{})
	go l.tick()
	return l
}

func newLive(w io.Writer, units []string, style Style, size func() (int, int), now func() time.Time) *Live {
	return &Live{w: w, plain: NewPlain(w, units, style), style: style, size: size, now: now}
}

func (l *Live) tick() {
	defer close(l.done)
	t := time.NewTicker(liveEvery)
	defer t.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-t.C:
			l.mu.Lock()
			if !l.still {
				l.draw("")
			}
			l.mu.Unlock()
		}
	}
}

// Event takes the event into the block, or writes it above.
func (l *Live) Event(e executor.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.track(e)
	var above strings.Builder
	if e.Type != executor.Progress {
		for _, line := range lines(e, l.style) {
			above.WriteString(l.plain.prefix(e.Unit) + line + "\n")
		}
		l.draw(above.String())
	}
}

// Pause takes the block away, or brings it back.
func (l *Live) Pause(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if on {
		units := l.units
		l.units = nil
		l.draw("")
		l.units = units
	}
	l.still = on
	if !on {
		l.draw("")
	}
}

// Close removes the block.
func (l *Live) Close() {
	if l.stop != nil {
		close(l.stop)
		<-l.done
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.units = nil
	l.draw("")
}

func (l *Live) track(e executor.Event) {
	var u *liveUnit
	at := -1
	for i, x := range l.units {
		if x.addr == e.Unit {
			u, at = x, i
		}
	}
	switch e.Type {
	case executor.UnitStarted:
		if u == nil {
			l.units = append(l.units, &liveUnit{addr: e.Unit, since: e.Time})
		}
		return
	case executor.UnitEnded, executor.UnitSkipped:
		if u != nil {
			l.units = append(l.units[:at], l.units[at+1:]...)
		}
		return
	}
	if u == nil {
		return
	}
	switch e.Type {
	case executor.PhaseStarted:
		u.phase, u.current = phase(e), false
	case executor.PhaseEnded:
		u.current = false
	case executor.Progress:
		u.what, u.bytes, u.total = oneLine(e.Text), e.Done, e.Total
		u.current = e.Total <= 0 || e.Done < e.Total
	}
}

// draw takes the old block away, writes text, and draws the block again: in one write, so that it does not flicker.
func (l *Live) draw(above string) {
	var b strings.Builder
	if l.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r\x1b[J", l.drawn)
	}
	b.WriteString(above)
	columns, rows := l.size()
	l.drawn = 0
	room := max(1, rows-2)
	for i, u := range l.units {
		if i == room-1 && len(l.units) > room {
			fmt.Fprintf(&b, "and %d more\n", len(l.units)-i)
			l.drawn++
			break
		}
		b.WriteString(l.style.bold(runewidth.Truncate(l.line(u, columns), max(20, columns-1), "…")) + "\n")
		l.drawn++
	}
	if b.Len() > 0 {
		io.WriteString(l.w, b.String())
	}
}

func (l *Live) line(u *liveUnit, columns int) string {
	s := fmt.Sprintf("%-*s %6s  %s", max(l.plain.width, len(u.addr)), u.addr, Elapsed(l.now().Sub(u.since)), u.phase)
	if !u.current {
		return s
	}
	if u.total <= 0 {
		return s + "  " + u.what + " " + Bytes(u.bytes)
	}
	const cells = 20
	full := percent(u.bytes, u.total) * cells / 100
	bar := "[" + strings.Repeat("=", full) + strings.Repeat(" ", cells-full) + "]"
	return s + "  " + bar + " " + transfer(u.bytes, u.total) + " " + u.what
}
