package terminal

import (
	"fmt"
	"slices"
	"time"

	"bench/experiments"
	"bench/results"
	"bench/scenarios"
	"bench/stats"
)

// State is what the events of a run have said so far.
type State struct {
	started time.Time
	kind    string        // of the run
	plan    string        // its first sentence
	doing   string        // until the next event
	step    string        // how far the experiment is
	share   float64       // of the cells, or of the time, that is over; 0: unknown
	ends    time.Time     // roughly; zero: unknown
	loads   []load        // under way
	rows    []row         // in the order in which they were first heard of
	found   []diagnostics // in the order in which they were first heard of
}

// load is a load under way.
type load struct {
	arm, what string
	began     time.Time
	last      scenarios.Second // Elapsed 0: its first second is not over
}

// row is what is known of an arm, or of one measure of it where it has several.
type row struct {
	arm, measure string
	name         string         // as it is shown
	value        stats.Interval // in unit
	unit         string
	ratio        stats.Interval
	baseline     string
	cells        int
	rate         float64 // of its last load
	p50, p99     time.Duration
}

// diagnostics are those of one kind.
type diagnostics struct {
	results.Diagnostic
	times int
}

// NewState is the state before the first event.
func NewState(now time.Time) State { return State{started: now} }

// Apply adds an event that happened at the given time.
func (s *State) Apply(event experiments.Event, now time.Time) {
	switch e := event.(type) {
	case scenarios.Doing:
		s.doing = e.Text
	case experiments.RunStarted:
		s.kind, s.ends = e.Run, after(now, e.Estimate, s.ends)
		if len(e.Plan) > 0 {
			s.plan = e.Plan[0]
		}
	case scenarios.Scheduled:
		s.ends = after(s.started, e.Estimate, s.ends)
		if len(e.Plan) > 0 {
			s.plan = e.Plan[0]
		}
	case scenarios.Booted:
		s.arm(e.Arm)
		s.doing = e.Arm + " is up and warm"
	case scenarios.CellStarted:
		s.begin(e, now)
	case scenarios.Second:
		s.second(e)
	case scenarios.CellDone:
		s.end(e)
	case scenarios.Estimated:
		s.estimate(e)
	case experiments.EstimateSoFar:
		s.doing, s.step = "", e.Text
		if e.Budget > 0 {
			s.ends, s.share = now.Add(e.Budget-e.Elapsed), float64(e.Elapsed)/float64(e.Budget)
		} else if e.Of > 0 {
			s.share = float64(e.Step-1) / float64(e.Of)
		}
	case experiments.Diagnostic:
		s.diagnose(e.Diagnostic)
	}
}

// after is the time a while after another; what was known before where the while is not known.
func after(t time.Time, while time.Duration, before time.Time) time.Time {
	if while == 0 {
		return before
	}
	return t.Add(while)
}

func (s *State) begin(e scenarios.CellStarted, now time.Time) {
	s.arm(e.Arm)
	s.doing = ""
	s.loads = append(s.ended(e.Arm), load{arm: e.Arm, what: e.Scenario + " " + e.Load, began: now})
	if e.Of > 0 {
		s.share = float64(e.Cell-1) / float64(e.Of)
		s.step = fmt.Sprintf("cell %d of %d, block %d", e.Cell, e.Of, e.Block)
	}
	if e.Of == 0 || e.Cell > e.Of/10 { // the first cells do not say how long the rest will take
		s.ends = after(now, e.Remaining, s.ends)
	}
}

func (s *State) second(e scenarios.Second) {
	s.arm(e.Arm)
	i := slices.IndexFunc(s.loads, func(l load) bool { return l.arm == e.Arm })
	if i < 0 {
		s.loads, i = append(s.loads, load{arm: e.Arm}), len(s.loads)
	}
	s.loads[i].last = e
	if s.step == "" && e.Length > 0 {
		s.share = float64(e.Elapsed) / float64(e.Length)
	}
}

func (s *State) end(e scenarios.CellDone) {
	s.loads = s.ended(e.Arm)
	r := s.arm(e.Arm)
	r.cells++
	r.rate, r.p50, r.p99 = e.Rate, e.P50, e.P99
	if e.Of > 0 {
		s.share = float64(e.Cell) / float64(e.Of)
	}
	for _, d := range e.Diagnostics {
		s.diagnose(d)
	}
}

// ended are the loads on other arms.
func (s *State) ended(arm string) []load {
	return slices.DeleteFunc(s.loads, func(l load) bool { return l.arm == arm })
}

func (s *State) estimate(e scenarios.Estimated) {
	r := s.row(e.Arm, e.Measure)
	if e.Baseline != "" {
		r.ratio, r.baseline = e.Value, e.Baseline
		return
	}
	r.value, r.unit = e.Value, e.Unit
}

// arm is the first row of an arm.
func (s *State) arm(name string) *row {
	for i := range s.rows {
		if s.rows[i].arm == name {
			return &s.rows[i]
		}
	}
	s.rows = append(s.rows, row{arm: name})
	return &s.rows[len(s.rows)-1]
}

// row is the row of a measure: the arm's first one, as long as that has none.
func (s *State) row(arm, measure string) *row {
	for i := range s.rows {
		if r := &s.rows[i]; r.arm == arm && (r.measure == measure || r.measure == "") {
			r.measure = measure
			return r
		}
	}
	s.rows = append(s.rows, row{arm: arm, measure: measure})
	return &s.rows[len(s.rows)-1]
}

func (s *State) diagnose(d results.Diagnostic) {
	for i := range s.found {
		if s.found[i].Code == d.Code {
			s.found[i].times++
			return
		}
	}
	s.found = append(s.found, diagnostics{d, 1})
}
