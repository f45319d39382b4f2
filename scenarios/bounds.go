package scenarios

import (
	"math"

	"bench/results"
	"bench/stats"
)

// bounds are the relevant bounds of RFC 9971: the lowest load that is an upper bound, and the
// highest load below it that is a lower bound; just outside the grid where there is none.
func (s *Search) bounds(goal int, target SearchTarget) (low, high int) {
	low, high = s.least-1, s.most+1
	for _, o := range s.trials {
		if _, upper := s.classify(goal, o.Step, target); upper {
			high = min(high, o.Step)
		}
	}
	for _, o := range s.trials {
		if lower, _ := s.classify(goal, o.Step, target); lower && o.Step < high {
			low = max(low, o.Step)
		}
	}
	return low, high
}

// classify reports whether a load is a lower or an upper bound; neither, while too little time was
// spent on it. A load whose pooled seconds leave doubt gets twice the time before it is decided; one
// that fails by far needs no more.
func (s *Search) classify(goal, step int, target SearchTarget) (lower, upper bool) {
	over, se, seconds := s.excess(goal, step)
	if seconds == 0 {
		return false, false
	}
	enough := seconds >= target.Sum.Seconds()
	if final := target == s.o.Targets[len(s.o.Targets)-1]; final && math.Abs(over) <= se {
		enough = seconds >= 2*target.Sum.Seconds()
	}
	switch {
	case over >= 0 && (enough || seconds >= target.Trial.Seconds() && over > farOver):
		return false, true
	case over < 0 && enough:
		return true, false
	}
	return false, false
}

// farOver is the excess, as a multiple of what is allowed, that decides at once.
const farOver = 5

// excess pools all trials at a load. It returns the excess of the worst objective, its standard
// error, and the number of seconds.
func (s *Search) excess(goal, step int) (over, se, seconds float64) {
	over = math.Inf(-1)
	var pooled []Batches
	for _, o := range s.trials {
		if o.Step != step || o.Beyond {
			continue
		}
		if pooled == nil {
			pooled = make([]Batches, len(o.Goals[goal]))
		}
		seconds += o.Duration.Seconds()
		for i, b := range o.Goals[goal] {
			pooled[i] = Batches{append(pooled[i].Part, b.Part...), append(pooled[i].All, b.All...), b.Allowed, b.Limit}
		}
	}
	for _, b := range pooled {
		if x, e := b.Excess(); x > over {
			over, se = x, e
		}
	}
	return over, se, seconds
}

// boots is the number of boots in which the load had trials of the final length.
func (s *Search) boots(step int) int {
	boots := map[int]bool{}
	for _, o := range s.trials {
		if o.Step == step && o.Duration >= s.o.Targets[len(s.o.Targets)-1].Trial {
			boots[o.Boot] = true
		}
	}
	return len(boots)
}

// Range is what a search knows about a goal: the interval of the highest rate that meets it. Its N
// is the number of boots in which the lower end was tried. Low 0: not even the lowest rate meets
// it, unless Undecided. High 0: the highest rate at which the generator can be trusted meets it.
type Range struct {
	stats.Interval
	// Fitted means that the ends come from a regression over the trials near the bounds, and are
	// not the bounds themselves.
	Fitted bool
	// Undecided means that the time was up before any load was seen to meet the goal.
	Undecided bool
	// Unbounded means that the time was up before any load was seen to miss it: the rate is at
	// least Low, and the generator was not the limit.
	Unbounded bool
}

// Range is the result for a goal, by its index.
func (s *Search) Range(goal int) Range {
	r := s.ends(goal)
	value := r.Value
	r.Interval = results.SearchedRate(r.Low, r.High, r.N, r.Fitted)
	if r.Fitted {
		r.Value = value
	}
	return r
}

// ends are those of a goal's interval: where trials decided, those of the crossing that they tell of.
func (s *Search) ends(goal int) Range {
	low, high := s.known(goal)
	var r Range
	if low >= s.least {
		r.Low, r.N = s.Rate(low), s.boots(low)
	}
	if high <= s.most {
		r.High = s.Rate(high)
	}
	if r.High == 0 || high <= s.least {
		r.Unbounded = r.High == 0 && low < s.most
		return r
	}
	c, ok := s.crossing(goal)
	switch {
	case !ok && r.Low == 0:
		r.Undecided = true
		return r
	case !ok:
		return s.doubted(goal, low, high, r)
	}
	r.Low, r.Value, r.High = c.interval()
	r.Low, r.Fitted, r.N = max(r.Low, s.o.Least), true, s.decidedIn()
	return r
}

// known are the bounds by the longest trials that have one.
func (s *Search) known(goal int) (low, high int) {
	low, high = s.least-1, s.most+1
	for _, target := range s.o.Targets {
		l, h := s.bounds(goal, target)
		if l >= s.least {
			low = l
		}
		if h <= s.most {
			high = h
		}
	}
	// A search that ran out of time may lack a bound on one side and have only loads that looked
	// like one.
	nearLow, nearHigh := s.least-1, s.most+1
	for _, o := range s.trials {
		if over, _, _ := s.excess(goal, o.Step); over < 0 && o.Step < high {
			nearLow = max(nearLow, o.Step)
		} else if over >= 0 && o.Step > low {
			nearHigh = min(nearHigh, o.Step)
		}
	}
	if low < s.least && high > s.least {
		low = nearLow
	}
	if high > s.most && low < s.most {
		if high = nearHigh; high <= low {
			high = s.most + 1
		}
	}
	return low, high
}

// doubted moves bounds outwards, where no line can be fitted, to the next load that its own
// scatter leaves in no doubt.
func (s *Search) doubted(goal, low, high int, r Range) Range {
	for low > s.least && s.doubtful(goal, low) {
		low--
	}
	for high < s.most && s.doubtful(goal, high) {
		high++
	}
	r.Low, r.High = s.Rate(low), s.Rate(high)
	return r
}

// doubtful reports whether the share at a load lies within its standard error of what is allowed.
// A load that was never tried is not doubtful.
func (s *Search) doubtful(goal, step int) bool {
	over, se, seconds := s.excess(goal, step)
	return seconds > 0 && math.Abs(over) <= se && !math.IsInf(se, 1)
}
