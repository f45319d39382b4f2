package experiments

import (
	"sync"
	"time"

	"bench/reports/page"
	"bench/results"
	"bench/scenarios"
)

// Event is something that happened in a run. Beside those of package scenarios (Doing, Booted,
// CellStarted, CellDone) there are the ones below. In a run they come in this order: RunStarted;
// then boots, cells and estimates as the experiment goes; Done last, when the report is written.
// Messages and diagnostics come at any time.
type Event = scenarios.Event

// RunStarted tells that a run directory is open and measuring begins.
type RunStarted struct {
	Dir      string        `json:"dir"`
	Run      string        `json:"run"`            // its kind: compare, gate, capacity
	Plan     []string      `json:"plan,omitempty"` // in words, a line each
	Estimate time.Duration `json:"estimate_ns,omitempty"`
}

// EstimateSoFar is what the measurements so far say, in a run that stops when they say enough.
type EstimateSoFar struct {
	Text    string        `json:"text"`
	Step    int           `json:"step"`         // that is about to be measured, from 1
	Of      int           `json:"of,omitempty"` // 0: until enough is known
	Elapsed time.Duration `json:"elapsed_ns,omitempty"`
	Budget  time.Duration `json:"budget_ns,omitempty"`
	Verdict string        `json:"verdict,omitempty"`
}

// Diagnostic is something that the reader of the result has to know, and what to do about it.
type Diagnostic struct{ results.Diagnostic }

// Message is a sentence that stays to be read, as what set-up installs.
type Message struct {
	Text string `json:"text"`
}

// Done tells that the run has ended and its report is written.
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

// inTurn lets a subscriber see one event at a time, whoever tells them.
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
