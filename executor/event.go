package executor

import "time"

// EventType says what an Event tells.
type EventType string

// The events of a run. Progress, JSON lines, and the plain log are all views of this one stream.
const (
	RunStarted   EventType = "run-started"   // Total: units that will change
	RunEnded     EventType = "run-ended"     // Error when it failed
	UnitStarted  EventType = "unit-started"  // Total: phases in all (start, steps, finish, post links)
	UnitEnded    EventType = "unit-ended"    // Error, or Text: the artifact's id
	UnitSkipped  EventType = "unit-skipped"  // Text: why (a dependency failed, cancelled)
	PhaseStarted EventType = "phase-started" // Phase, Index of Total
	PhaseEnded   EventType = "phase-ended"   // Elapsed, Error
	Retrying     EventType = "retrying"      // Try of Tries, Error: why the last one failed
	Output       EventType = "output"        // Stream, Text: one line of a command
	Message      EventType = "message"       // Text: a line of imgc's own
	Progress     EventType = "progress"      // Text: what; Done, Total in bytes
	WarningEvent EventType = "warning"       // Text
	LeftBehind   EventType = "left-behind"   // Text: what exists that the user must know of
)

// Event is one thing that happened. All text in it has been redacted.
type Event struct {
	Time    time.Time     `json:"time"`
	Type    EventType     `json:"type"`
	Unit    string        `json:"unit,omitempty"`
	Phase   string        `json:"phase,omitempty"` // "start", "step", "finish", "stop", "post", "on_error"
	Name    string        `json:"name,omitempty"`  // of the component and its label: `shell "install nginx"`
	Index   int           `json:"index,omitempty"` // from 1
	Total   int64         `json:"total,omitempty"`
	Done    int64         `json:"done,omitempty"`
	Stream  string        `json:"stream,omitempty"` // "stdout", "stderr"
	Text    string        `json:"text,omitempty"`
	Error   string        `json:"error,omitempty"`
	Try     int           `json:"try,omitempty"`
	Tries   int           `json:"tries,omitempty"`
	Elapsed time.Duration `json:"elapsed_ns,omitempty"`
}
