package terminal

import (
	"fmt"
	"io"
	"time"

	"bench/experiments"
	"bench/reports/page"
	"bench/scenarios"
)

// View shows the events of a run, which come one at a time. Close leaves the terminal as it was; what
// comes after it begins a new view.
type View interface {
	Show(experiments.Event)
	Close()
}

// every is how often a view that cannot be redrawn says what is being done, at most.
const every = 5 * time.Second

// Lines is a view that writes lines: what has to stay at once, and how the run proceeds every few
// seconds. The writer makes inert what comes from elsewhere.
type Lines struct {
	To   io.Writer
	last time.Time
}

// Show is part of View.
func (l *Lines) Show(event experiments.Event) {
	if text := staying(event); text != "" {
		l.write(text)
		return
	}
	text := passing(event)
	if text == "" || time.Since(l.last) < every {
		return
	}
	l.last = time.Now()
	l.write(text)
}

// Close is part of View.
func (l *Lines) Close() {}

func (l *Lines) write(text string) { fmt.Fprintf(l.To, "bench: %s\n", text) }

// staying is what an event says that a reader should find again later; "" if it says nothing like that.
func staying(event experiments.Event) string {
	switch e := event.(type) {
	case experiments.RunStarted:
		if e.Estimate > 0 {
			return fmt.Sprintf("about %v in all", e.Estimate.Round(time.Second))
		}
	case scenarios.Scheduled:
		return e.Why
	case experiments.Message:
		return e.Text
	case experiments.Diagnostic:
		return e.Sentences()
	}
	return ""
}

// passing is what an event says of what is being done; "" if it says nothing of it.
func passing(event experiments.Event) string {
	switch e := event.(type) {
	case scenarios.Doing:
		return e.Text
	case experiments.EstimateSoFar:
		return e.Text
	case scenarios.Second:
		text := fmt.Sprintf("%s: %v", e.Arm, e.Elapsed.Round(time.Second))
		if e.Length > 0 {
			text += fmt.Sprintf(" of %v", e.Length)
		}
		return text + fmt.Sprintf(": %d ok, %d failed, last second %s req/s, p50 %s, p99 %s", e.Counts.OK,
			e.Counts.Failed(), page.Number(e.Rate), micros(e.P50), micros(e.P99))
	case scenarios.CellStarted:
		if e.Of == 0 {
			return "" // its step has been shown
		}
		text := fmt.Sprintf("cell %d of %d: block %d, %s, %s %s", e.Cell, e.Of, e.Block, e.Arm, e.Scenario, e.Load)
		if e.Remaining > 0 {
			text += fmt.Sprintf(", about %v left", e.Remaining.Round(time.Second))
		}
		return text
	}
	return ""
}
