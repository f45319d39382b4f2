package scenarios

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Search finds the maximum throughput that meets each of several goals, by trials at rates of its
// own choice: a pure state machine that names the next trial and is given its outcome.
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
// certain that is. And the bounds of the final target rest on several boots: how a boot turns out
// is part of what has to be repeated.
//
// The rates lie on a grid of equal ratios, so that the search returns to the same loads, whatever
// path it takes.
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
	Goals int // their number; the first decides, the others are looser
	// Guess is where the search begins, in requests per second.
	Guess float64
	// Least and Most bound the rates: below, nothing is of use; above, the generator itself
	// would be the limit.
	Least, Most float64
	// Width is the target width of the interval, relative.
	Width float64
	// Boots is the number of boots in which a lower bound has to hold.
	Boots int
	// Targets are the trials of each phase, the shortest first.
	Targets []SearchTarget
	// Bound is the rate that keeps all workers busy, as far as it is known before the search, and Doubt the
	// standard error of its logarithm; 0: unknown. Nothing is served beyond it.
	Bound, Doubt float64
	// Variability is the coefficient of variation of service times; 0: unknown, or they do not vary.
	Variability float64
	// Budget bounds the time of all trials with their lead-ins. Where latency varies so much that the interval is
	// then still wider than Enough, the search goes on until it is not, for Longest at most; Longest 0: it does not.
	Budget, Longest time.Duration
	Enough          float64
}

// SearchTarget is what makes a load a bound in one phase (RFC 9971: trial duration, duration
// sum), and how far apart, in steps of the grid, its bounds may lie.
type SearchTarget struct {
	Trial  time.Duration
	Sum    time.Duration
	Stride int
}

// DefaultTargets find the region within seconds and decide by trials of seven.
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
	return max(2*time.Second, trial/8)
}

// Trial is a trial that the search requests.
type Trial struct {
	Number   int // from 1
	Step     int // on the grid, the nearest
	Rate     float64
	LeadIn   time.Duration // of load that does not count
	Duration time.Duration // that does
	Boot     int           // another number than before asks for a fresh boot
}

// Outcome is how a trial went.
type Outcome struct {
	Trial
	Goals [][]Batches // of each goal, its objectives: the goal is met if all of them are
	// Beyond means that the generator, not the server, was the limit.
	Beyond bool
	// Settled is how long a fresh boot was under load before the trial.
	Settled time.Duration
}

// ErrSearch means that NewSearch refuses its options.
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
		return nil, fmt.Errorf("%w: rates from %g to %g are closer together than the width", ErrSearch, o.Least, o.Most)
	}
	guess := o.Guess
	if !(guess > 0) {
		guess = o.Least
	}
	s.start = min(max(s.step(guess, math.Round), s.least), s.most)
	return s, nil
}

// ratio is that of neighbours on the grid: half the width, so that trials that disagree on one of
// the two bounds still leave an interval of the width.
func (s *Search) ratio() float64 { return 1 + s.o.Width/2 }

func (s *Search) step(rate float64, round func(float64) float64) int {
	return int(round(math.Log(rate)/math.Log(s.ratio()) + 1e-9))
}

// Rate is the rate at a step of the grid.
func (s *Search) Rate(step int) float64 { return math.Pow(s.ratio(), float64(step)) }

// Trials are the outcomes so far.
func (s *Search) Trials() []Outcome { return s.trials }

// Add adds the outcome of a trial.
func (s *Search) Add(o Outcome) {
	s.boot = max(s.boot, o.Boot)
	s.spent += o.Settled + o.LeadIn + o.Duration
	if o.Beyond {
		s.most = min(s.most, o.Step-1)
	}
	s.trials = append(s.trials, o)
}

// Next is the next trial; false when the search is done.
func (s *Search) Next() (Trial, bool) {
	if s.most < s.least {
		return Trial{}, false
	}
	// Looser goals are looked for as far as the region; only the first is decided.
	for goal := range s.o.Goals {
		if step, open := s.wanted(goal, 0); open && s.spent < s.o.Budget {
			return s.trial(step, s.o.Targets[0]), true
		}
	}
	if low, high := s.bounds(0, s.o.Targets[0]); high > s.least && low < s.most {
		return s.decide()
	}
	for phase := 1; phase < len(s.o.Targets) && s.spent < s.o.Budget; phase++ {
		if step, open := s.wanted(0, phase); open {
			return s.trial(step, s.o.Targets[phase]), true
		}
	}
	return Trial{}, false
}

// wanted is the load that the goal's bounds need in a phase, if any.
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
		return candidateHigh, true // one of each per boot
	case lowOpen:
		return candidateLow, true
	}
	return candidateHigh, true
}

// candidates are the loads that are likely to become bounds: those of the previous phase or, if
// there are none, loads ever further from what is known.
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
		// Nothing is known: use the guess until it is one or the other.
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

// trial requests a trial at a load. A boot has two trials of the final target, at two loads.
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
	t.LeadIn = LeadIn(t.Duration)
	return t
}

// trialsOfBoot is how many trials that decide a boot sees.
const trialsOfBoot = 3
