package executor

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"time"
)

// maxLine is the length in bytes at which a line without an end is passed on.
const maxLine = 64 << 10

// lines cuts the streams of commands into lines.
type lines struct {
	emit    func(stream, text string)
	streams []*lineWriter
}

func newLines(emit func(stream, text string)) *lines { return &lines{emit: emit} }

func (l *lines) writer(stream string) io.Writer {
	w := &lineWriter{stream: stream, emit: l.emit}
	l.streams = append(l.streams, w)
	return w
}

// flush passes on what stands in a line that has not ended.
func (l *lines) flush() {
	for _, w := range l.streams {
		w.flush()
	}
}

type lineWriter struct {
	mu     sync.Mutex
	stream string
	emit   func(stream, text string)
	buf    []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = append(w.buf, p...)
	for {
		i := bytes.IndexByte(w.buf, '\n')
		if i < 0 {
			break
		}
		w.line(w.buf[:i])
		w.buf = w.buf[i+1:]
	}
	for len(w.buf) > maxLine {
		// A part of a line may end in the first half of a secret: it is passed on only up to the last space.
		cut := bytes.LastIndexAny(w.buf[:maxLine], " \t\r")
		if cut <= 0 {
			if len(w.buf) < 16*maxLine {
				break
			}
			cut = maxLine
		}
		w.line(w.buf[:cut])
		w.buf = w.buf[cut:]
	}
	return len(p), nil
}

func (w *lineWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.buf) > 0 {
		w.line(w.buf)
		w.buf = nil
	}
}

// line passes on one line. Of a line that a progress bar has written over, the last version counts.
func (w *lineWriter) line(b []byte) {
	text := strings.TrimRight(strings.ToValidUTF8(string(b), "\uFFFD"), "\r")
	if i := strings.LastIndexByte(text, '\r'); i >= 0 {
		text = text[i+1:]
	}
	w.emit(w.stream, text)
}

// throttle lets ten reports of each transfer a second pass, and its last one.
type throttle struct {
	mu   sync.Mutex
	last map[string]time.Time
}

func (t *throttle) pass(what string, final bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if !final && now.Sub(t.last[what]) < 100*time.Millisecond {
		return false
	}
	if t.last == nil {
		t.last = map[string]time.Time{}
	}
	t.last[what] = now
	return true
}
