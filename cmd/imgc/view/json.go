package view

import (
	"encoding/json"
	"io"

	"imgc/executor"
)

// JSON writes each event as one line of JSON, as the type Event has it.
type JSON struct{ enc *json.Encoder }

// NewJSON makes a JSON view on w.
func NewJSON(w io.Writer) *JSON {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &JSON{enc}
}

// Event writes the event. A reader that went away is no reason to end a build, so errors of w are left.
func (j *JSON) Event(e executor.Event) { _ = j.enc.Encode(e) }

// Close does nothing.
func (j *JSON) Close() {}

// Pause does nothing: lines come with events only.
func (j *JSON) Pause(bool) {}
