package executor

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"imgc/executor/redact"
)

// maxLine is the length in bytes at which a line without an end is passed on.
const maxLine = 64 << 10

// lines cuts the streams of commands into lines.
type lines struct {
	redactor *redact.Redactor
	emit     func(stream, text string)
	streams  []*lineWriter
}

func newLines(r *redact.Redactor, emit func(stream, text string)) *lines {
	return &lines{redactor: r, emit: emit}
}

func (l *lines) writer(stream string) io.Writer {
	w := &lineWriter{redactor: l.redactor, stream: stream, emit: l.emit}
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
	redactor *redact.Redactor
	mu       sync.Mutex
	stream   string
	emit     func(stream, text string)
	buf      []byte // has no line that has ended
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		w.buf = append(w.buf, p[:i]...)
		w.split()
		w.line(w.buf)
		w.buf = w.buf[:0]
		p = p[i+1:]
	}
	w.buf = append(w.buf, p...)
	w.split()
	return n, nil
}

// split passes on parts of a line that is too long, cut where neither a secret nor a character is cut. It keeps back as
// much as a secret can be long, since one may have begun there.
func (w *lineWriter) split() {
	for len(w.buf) > maxLine+w.redactor.Longest() {
		cut := maxLine
		for cut > maxLine-utf8.UTFMax && !utf8.RuneStart(w.buf[cut]) {
			cut--
		}
		if cut = w.redactor.Cut(w.buf, cut); cut == 0 {
			if len(w.buf) < 16*maxLine {
				return
			}
			cut = maxLine
		}
		w.line(w.buf[:cut])
		w.buf = append(w.buf[:0], w.buf[cut:]...)
	}
}

func (w *lineWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.buf) > 0 {
		w.line(w.buf)
		w.buf = w.buf[:0]
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
