package scenarios

import (
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/stats"
)

// Event is something that happened in a run, for anything that shows progress: a line on a
// terminal, a page, a log. Events are plain data; Kind names their kind, as JSON does.
type Event interface{ Kind() string }

// Doing describes what is being done until the next event.
type Doing struct {
	Text string `json:"text"`
}

// Scheduled means that the speed of all topologies is known, and with it what will be measured.
type Scheduled struct {
	Plan     []string      `json:"plan"`
	Estimate time.Duration `json:"estimate_ns"`   // of the whole, from its start
	Why      string        `json:"why,omitempty"` // it takes longer than planned
}

// Booted means that a topology, or a version of an app, is up and warm.
type Booted struct {
	Arm   string       `json:"arm"`
	Block int          `json:"block,omitempty"` // 0: for the preflight
	Boot  results.Boot `json:"boot"`
}

// CellStarted means that a cell's load begins.
type CellStarted struct {
	Arm      string `json:"arm"`
	Scenario string `json:"scenario"`
	Load     string `json:"load"`
	Block    int    `json:"block"`
	Cell     int    `json:"cell"`         // from 1
	Of       int    `json:"of,omitempty"` // 0: not known yet
	// Remaining is roughly how long the rest will take; 0: not known yet.
	Remaining time.Duration `json:"remaining_ns,omitempty"`
}

// Second means that a load has gone on for another second, with figures of that second alone.
type Second struct {
	Arm     string         `json:"arm"`
	Elapsed time.Duration  `json:"elapsed_ns"`
	Length  time.Duration  `json:"length_ns"` // of the load; 0: until it has sent what it is to send
	Rate    float64        `json:"rate"`      // of successful responses, per second
	P50     time.Duration  `json:"p50_ns"`    // of the response times
	P99     time.Duration  `json:"p99_ns"`
	Counts  results.Counts `json:"counts"` // since the load's start
}

// CellDone means that a cell's load has ended, with a summary.
type CellDone struct {
	Arm         string               `json:"arm"`
	Cell        int                  `json:"cell"`
	Of          int                  `json:"of,omitempty"`
	Counts      results.Counts       `json:"counts"`
	Rate        float64              `json:"rate"`   // of successful responses, per second
	P50         time.Duration        `json:"p50_ns"` // of the response times
	P99         time.Duration        `json:"p99_ns"`
	Grade       results.Grade        `json:"grade"`
	Diagnostics []results.Diagnostic `json:"diagnostics,omitempty"`
}

// Estimated means that what is known so far of an arm has changed.
type Estimated struct {
	Arm      string         `json:"arm"`
	Measure  string         `json:"measure"`            // in words
	Unit     string         `json:"unit,omitempty"`     // none: a ratio to the baseline
	Baseline string         `json:"baseline,omitempty"` // the arm that a ratio refers to
	Value    stats.Interval `json:"value"`
}

func (Scheduled) Kind() string   { return "scheduled" }
func (Doing) Kind() string       { return "doing" }
func (Booted) Kind() string      { return "booted" }
func (CellStarted) Kind() string { return "cell-started" }
func (Second) Kind() string      { return "second" }
func (CellDone) Kind() string    { return "cell-done" }
func (Estimated) Kind() string   { return "estimated" }

func (r *Runner) emit(e Event) {
	if r.Emit != nil {
		r.Emit(e)
	}
}

func (r *Runner) say(text string) { r.emit(Doing{text}) }

// Say emits what is being done.
func (r *Runner) Say(text string) { r.say(text) }

// progress numbers the cells of a plan and estimates the remaining time from the cells done.
type progress struct {
	measuring time.Time // when the first cell's boot began
	of        int
	spare     int // cells that may still be measured again
	repeated  int // that were
	at        int // the cell under way, repetitions not counted
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

// numbered gives the cells of a block that was not planned numbers of their own.
func (p *progress) numbered(cells []Cell) []Cell {
	if p.at < p.of {
		return cells
	}
	for i := range cells {
		cells[i].Index = p.of + p.repeated + i + 1
	}
	p.of += len(cells)
	return cells
}

// How many cells of a comparison may be measured again in all, as a share of those planned; each at
// most tries-1 times. Beyond that the machine is too busy for a comparison, and the report says so.
const (
	spareShare = 4
	leastSpare = 3
)

// repeats reports whether a disturbed cell is measured again. The repetition gets a number of its own.
func (p *progress) repeats(cell *Cell, again int) bool {
	if p.spare == 0 || again+1 >= tries {
		return false
	}
	p.spare--
	p.repeated++
	cell.Index = p.of + p.repeated
	return true
}

func cellDone(cell, of int, c *results.Cell) CellDone {
	p := results.Percentiles(results.Total(c.Intervals, results.Response), 50, 99)
	return CellDone{
		Arm: c.Topology, Cell: cell, Of: of, Counts: c.Counts, Rate: c.Throughput(), Grade: c.Grade,
		P50: time.Duration(p[0]) * time.Microsecond, P99: time.Duration(p[1]) * time.Microsecond,
		Diagnostics: c.Diagnostics,
	}
}

// Seconds returns what to do every second of a load on an arm: to emit an event.
func Seconds(arm string, p loadgen.Plan, emit func(Event)) func(loadgen.Live) {
	if emit == nil {
		return nil
	}
	length := p.Duration
	if p.Requests > 0 && p.Mode == loadgen.Closed {
		length = 0
	}
	return func(l loadgen.Live) {
		if l.Counts == (results.Counts{}) && l.Elapsed < 2*loadgen.IntervalLength {
			return // the first second has just ended, and its record is not complete yet
		}
		emit(Second{Arm: arm, Elapsed: l.Elapsed, Length: length, Rate: l.Rate, P50: l.P50, P99: l.P99, Counts: l.Counts})
	}
}
