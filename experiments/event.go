package experiments

import (
	"sync"
	"time"

	"bench/reports/page"
	"bench/results"
	"bench/scenarios"
)

// Event is something that happened in a run: one of package scenarios (Doing, Booted, CellStarted,
// CellDone), or one of those below. In a run they come in this order: RunStarted; then boots, cells
// and estimates as the experiment proceeds; Done last, when the report is written. Messages and
// diagnostics may come at any time.
type Event = scenarios.Event

// RunStarted means that a run directory is open and measuring begins.
type RunStarted struct {
	Dir      string        `json:"dir"`
	Run      string        `json:"run"`            // its kind: compare, gate or capacity
	Plan     []string      `json:"plan,omitempty"` // a sentence a line
	Estimate time.Duration `json:"estimate_ns,omitempty"`
}

// EstimateSoFar is what the measurements so far say, in a run that stops once that is enough.
type EstimateSoFar struct {
	Text    string        `json:"text"`
	Step    int           `json:"step"`         // about to be measured, from 1
	Of      int           `json:"of,omitempty"` // 0: as many as it takes
	Elapsed time.Duration `json:"elapsed_ns,omitempty"`
	Budget  time.Duration `json:"budget_ns,omitempty"`
	Verdict string        `json:"verdict,omitempty"`
}

// Diagnostic is something that readers of the result have to know, and what to do about it.
type Diagnostic struct{ results.Diagnostic }

// Message is a sentence that stays on the screen, such as what is being installed.
type Message struct {
	Text string `json:"text"`
}

// Done means that the run has ended and its report is written.
type Done struct {
	Dir     string       `json:"dir"`
	Status  string       `json:"status"` // COMPLETE or PARTIAL
	Verdict page.Verdict `json:"verdict"`
	Reason  string       `json:"reason,omitempty"`
}

// Kind names the event.
func (RunStarted) Kind() string { return "run-started" }

// Kind names the event.
func (EstimateSoFar) Kind() string { return "estimate" }

// Kind names the event.
func (Diagnostic) Kind() string { return "diagnostic" }

// Kind names the event.
func (Message) Kind() string { return "message" }

// Kind names the event.
func (Done) Kind() string { return "done" }

// inTurn passes events to a subscriber one at a time, whichever goroutines emit them.
func inTurn(emit func(Event)) func(Event) {
	if emit == nil {
		return func(Event) {}
	}
	var turn sync.Mutex
	return func(e Event) {
		turn.Lock()
		defer turn.Unlock()
		emit(e)
	}
}
