package scenarios

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Search finds the greatest rate that meets each of several goals, by trials at rates of its
// own choice: a pure state machine, which is asked for the next trial and told how it went.
//
// It is a search in the manner of MLRsearch (RFC 9971). Short trials find where to look, long
// ones decide; a load becomes a bound only after enough trial time on it; a load is judged
// more than once, and trials that contradict each other are weighed rather than believed in
// the order in which they came: plain bisection never meets a contradiction, because it
// never looks twice. All trials serve all goals.
//
// Two things differ from the RFC. Its trials are judged one by one, and half of the time of a
// load may miss the goal. The slow requests of a queue come in bursts, so most short trials
// look better than the mean: on a simulated M/M/1 queue, that rule ended 5 to 10 % above the
// true limit. Here the seconds of all trials at a load are pooled, and their scatter says how
// sure that is. And the bounds of the final target rest on several boots: what one boot
// happens to be like is a part of what has to be repeated.
//
// The rates lie on a grid of equal ratios, so that trials at one load meet again, however the
// search came there.
type Search struct {
	o      SearchOptions
	start  int // the grid's index of the guess
	least  int
	most   int
	boot   int // the current one, from 1
	trials []Outcome
	spent  time.Duration
}

// SearchOptions say what a search looks for and how long.
type SearchOptions struct {
	Goals int // their number; the first is the one that decides, the others are looser
	// Guess is where the search begins, in requests per second.
	Guess float64
	// Least and Most bound the rates: below, nothing is of use; above, the generator itself
	// would be the limit.
	Least, Most float64
	// Width is the greatest relative width of the interval that is aimed at.
	Width float64
	// Boots is how many boots a lower bound has to hold in.
	Boots int
	// Targets are the trials of each phase, from the shortest.
	Targets []SearchTarget
	// Budget bounds the time of all trials with their lead-ins; what is known when it is spent
	// is the result.
	Budget time.Duration
}

// SearchTarget is what makes a load a bound in one phase (RFC 9971: trial duration, duration
// sum), and how far apart, in steps of the grid, its bounds may lie.
type SearchTarget struct {
	Trial  time.Duration
	Sum    time.Duration
	Stride int
}

// DefaultTargets find the region in seconds and decide on trials of seven.
func DefaultTargets() []SearchTarget {
	return []SearchTarget{
		{time.Second, time.Second, 8},
		{3 * time.Second, 3 * time.Second, 3},
		{7 * time.Second, 14 * time.Second, 2},
	}
}

// LeadIn is how long the load of a trial runs before it counts. A queue near its limit takes
// a while to fill: on a simulated M/D/2 queue at 95 % of its capacity, trials of 5 s that count
// from their first second find a limit that is 1.3 % too high.
func LeadIn(trial time.Duration) time.Duration {
	if trial < 5*time.Second {
		return time.Second
	}
	return 2 * time.Second
}

// Trial is one that the search wants to see.
type Trial struct {
	Number   int // from 1
	Step     int // on the grid
	Rate     float64
	Duration time.Duration
	Boot     int // another number than before asks for a fresh boot
}

// Outcome is how a trial went.
type Outcome struct {
	Trial
	Goals [][]Batches // of each goal, its objectives: the goal is met if all of them are
	// Beyond tells that the generator, not the server, was the limit.
	Beyond bool
}

// ErrSearch is what NewSearch refuses.
var ErrSearch = errors.New("search")

// NewSearch returns a search that has not begun.
func NewSearch(o SearchOptions) (*Search, error) {
	switch {
	case o.Goals < 1 || len(o.Targets) == 0:
		return nil, fmt.Errorf("%w: no goals, or no targets", ErrSearch)
	case !(o.Least > 0) || !(o.Most > o.Least) || math.IsInf(o.Most, 0):
		return nil, fmt.Errorf("%w: rates from %g to %g", ErrSearch, o.Least, o.Most)
	case !(o.Width > 0 && o.Width < 1):
		return nil, fmt.Errorf("%w: a width of %g", ErrSearch, o.Width)
	}
	s := &Search{o: o, boot: 1}
	s.least, s.most = s.step(o.Least, math.Ceil), s.step(o.Most, math.Floor)
	if s.most <= s.least {
		return nil, fmt.Errorf("%w: rates from %g to %g are closer than the width asked for", ErrSearch, o.Least, o.Most)
	}
	guess := o.Guess
	if !(guess > 0) {
		guess = o.Least
	}
	s.start = min(max(s.step(guess, math.Round), s.least), s.most)
	return s, nil
}

// ratio of neighbours on the grid. Half the width: trials that disagree on one of the two
// bounds then still leave an interval of the width.
func (s *Search) ratio() float64 { return 1 + s.o.Width/2 }

func (s *Search) step(rate float64, round func(float64) float64) int {
	return int(round(math.Log(rate)/math.Log(s.ratio()) + 1e-9))
}

// Rate is that of a step of the grid.
func (s *Search) Rate(step int) float64 { return math.Pow(s.ratio(), float64(step)) }

// Trials are those seen so far.
func (s *Search) Trials() []Outcome { return s.trials }

// Add tells how a trial went.
func (s *Search) Add(o Outcome) {
	s.boot = max(s.boot, o.Boot)
	s.spent += LeadIn(o.Duration) + o.Duration
	if o.Beyond {
		s.most = min(s.most, o.Step-1)
	}
	s.trials = append(s.trials, o)
}

// Next is the trial that the search wants to see now; false when it is done.
func (s *Search) Next() (Trial, bool) {
	if s.spent >= s.o.Budget || s.most < s.least {
		return Trial{}, false
	}
	for phase, target := range s.o.Targets {
		// Looser goals are looked for as far as the region; only the first is decided.
		for goal := range s.o.Goals {
			if phase > 0 && goal > 0 {
				break
			}
			if step, open := s.wanted(goal, phase); open {
				return s.trial(step, target), true
			}
		}
	}
	return s.refine()
}

// refine asks for more where everything is decided, but the interval is wider than was asked
// for: in fresh boots, in turn a little below and a little above, where a line is held best.
func (s *Search) refine() (Trial, bool) {
	r := s.Range(0)
	if r.Low == 0 || r.High == 0 || r.High/r.Low-1 <= s.o.Width {
		return Trial{}, false
	}
	final := s.o.Targets[len(s.o.Targets)-1]
	middle := s.step(math.Sqrt(r.Low*r.High), math.Round)
	for _, step := range []int{middle - 1, middle + 1} {
		if step >= s.least && step <= s.most && !s.seen(step, final) {
			return s.trial(step, final), true
		}
	}
	t := s.trial(min(max(middle-1, s.least), s.most), final)
	t.Boot = s.boot + 1
	return t, true
}

// wanted is the load that the goal's bounds need in a phase, and whether they need one.
func (s *Search) wanted(goal, phase int) (step int, open bool) {
	target := s.o.Targets[phase]
	final := phase == len(s.o.Targets)-1
	low, high := s.bounds(goal, target)
	lowOpen, highOpen := low < s.least && high > s.least, high > s.most && low < s.most
	if !lowOpen && !highOpen && (high-low <= target.Stride || high <= s.least || low >= s.most) {
		return low, final && low >= s.least && s.boots(low) < s.o.Boots
	}
	if !lowOpen && !highOpen {
		return (low + high) / 2, true
	}
	candidateLow, candidateHigh := s.candidates(goal, phase, low, high)
	switch {
	case lowOpen && highOpen && final && s.seen(candidateLow, target) && !s.seen(candidateHigh, target):
		return candidateHigh, true // one of each for every boot
	case lowOpen:
		return candidateLow, true
	}
	return candidateHigh, true
}

// candidates are the loads that are likely to become bounds: those of the phase before, and
// where there are none, ever further away from what is known.
func (s *Search) candidates(goal, phase, low, high int) (int, int) {
	stride := s.o.Targets[phase].Stride
	l, h := s.least-1, s.most+1
	if phase > 0 {
		l, h = s.bounds(goal, s.o.Targets[phase-1])
	}
	further := func(from int) int {
		if phase > 0 {
			return stride
		}
		return max(stride, from-s.start, s.start-from) // twice as far each time
	}
	if low >= s.least && (h <= low || h > s.most) {
		h = low + further(low)
	}
	if high <= s.most && (l >= high || l < s.least) {
		l = high - further(high)
	}
	if low < s.least && high > s.most && (l < s.least || h > s.most) {
		// Nothing is known: the guess, until it is one or the other.
		l, h = s.start, s.start
	}
	if phase > 0 && low < s.least && high > s.most && h-l > stride {
		l, h = (l+h)/2, (l+h)/2
	}
	return min(max(l, s.least), s.most), min(max(h, s.least), s.most)
}

// seen reports whether the load had a trial of the target's length in this boot.
func (s *Search) seen(step int, target SearchTarget) bool {
	return slices.ContainsFunc(s.trials, func(o Outcome) bool {
		return o.Step == step && o.Boot == s.boot && o.Duration >= target.Trial
	})
}

// trial asks for one at a load. A boot sees two trials of the final target, at two loads.
func (s *Search) trial(step int, target SearchTarget) Trial {
	t := Trial{Number: len(s.trials) + 1, Step: step, Rate: s.Rate(step), Duration: target.Trial, Boot: s.boot}
	if target == s.o.Targets[len(s.o.Targets)-1] {
		in := 0
		for _, o := range s.trials {
			if o.Boot == s.boot && o.Duration >= target.Trial {
				in++
			}
		}
		if in >= trialsOfBoot || s.seen(step, target) {
			t.Boot++
		}
	}
	return t
}

// trialsOfBoot is how many trials of the final target a boot sees.
const trialsOfBoot = 2
