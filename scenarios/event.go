package scenarios

import (
	"time"

	"bench/results"
)

// Event is something that happened in a run, for whoever shows how it goes: a line on a
// terminal, a page, a log. Events are plain data; Kind names their kind, as JSON does.
type Event interface{ Kind() string }

// Doing says what is being done until the next event.
type Doing struct {
	Text string `json:"text"`
}

// Booted tells that a topology, or a version of an app, is up and warm.
type Booted struct {
	Arm   string       `json:"arm"`
	Block int          `json:"block,omitempty"` // 0: to be checked, before anything counts
	Boot  results.Boot `json:"boot"`
}

// CellStarted tells that a load begins.
type CellStarted struct {
	Arm      string `json:"arm"`
	Scenario string `json:"scenario"`
	Load     string `json:"load"`
	Block    int    `json:"block"`
	Cell     int    `json:"cell"`         // from 1
	Of       int    `json:"of,omitempty"` // 0: nobody knows yet how many there will be
	// Remaining is about how long the rest takes; 0 while that is unknown.
	Remaining time.Duration `json:"remaining_ns,omitempty"`
}

// CellDone tells that a load has ended, and in short how.
type CellDone struct {
	Cell   int            `json:"cell"`
	Of     int            `json:"of,omitempty"`
	Counts results.Counts `json:"counts"`
	Rate   float64        `json:"rate"` // of successful responses, per second
	Grade  results.Grade  `json:"grade"`
}

func (Doing) Kind() string       { return "doing" }
func (Booted) Kind() string      { return "booted" }
func (CellStarted) Kind() string { return "cell-started" }
func (CellDone) Kind() string    { return "cell-done" }

func (r *Runner) emit(e Event) {
	if r.Emit != nil {
		r.Emit(e)
	}
}

func (r *Runner) say(text string) { r.emit(Doing{text}) }

// progress numbers the cells of a plan and estimates from those that are done how long the
// rest takes.
type progress struct {
	measuring time.Time // when the first cell's boot began
	of        int
	at        int // the cell under way
}

func (p *progress) next(cell Cell, arm Arm) CellStarted {
	p.at++
	e := CellStarted{
		Arm: arm.Name, Scenario: cell.Load.Scenario.Name, Load: cell.Load.Name, Block: cell.Block,
		Cell: p.at, Of: p.of,
	}
	if done := p.at - 1; done > 0 {
		e.Remaining = time.Since(p.measuring) / time.Duration(done) * time.Duration(p.of-done)
	}
	return e
}

func cellDone(cell, of int, c *results.Cell) CellDone {
	return CellDone{Cell: cell, Of: of, Counts: c.Counts, Rate: float64(c.Successful) / c.Duration, Grade: c.Grade}
}
