package scenarios

import (
	"math"
	"time"
)

// How a search decides, once it knows the region.
const (
	decisive   = 8 * time.Second  // trials, at first
	longer     = 30 * time.Second // where latency varies so much that the budget does not suffice
	longest    = 60 * time.Second
	trialsLong = 3 // of these that a boot sees
	// regionDoubt is how far off the region may be that short trials found, as a standard deviation of the
	// logarithm: they end before a long queue has built up.
	regionDoubt  = 0.3
	usuallyBelow = 0.08 // the bound, as a logarithm
	overloaded   = 0.5  // share of slow requests from which on a server may be spoilt
)

// offsets are where trials decide: at rates at which the share is expected to be this multiple of the allowed one, as
// a logarithm.
var offsets = []float64{0.7, -0.7, 0}

// decide asks for trials around the limit until the interval is narrow, or the time is up.
func (s *Search) decide() (Trial, bool) {
	c, ok := s.crossing(0)
	n := 0
	for _, o := range s.trials {
		if o.Duration >= leastFitted {
			n++
		}
	}
	t := Trial{Number: len(s.trials) + 1, Duration: decisive, Boot: s.boot}
	at := s.prior(0).near
	if c.x != nil {
		low, value, high := c.interval()
		width := high/low - 1
		certain := ok
		switch {
		case width <= s.o.Width && certain && s.decidedIn() >= s.o.Boots:
			return Trial{}, false
		case s.spent < s.o.Budget:
		case s.spent >= s.longest(certain) || width <= s.o.Enough && certain:
			return Trial{}, false
		case s.spent < 2*s.o.Budget:
			t.Duration = 2 * decisive
		case s.spent < 4*s.o.Budget:
			t.Duration = longer
		default:
			t.Duration = longest
		}
		at = math.Log(value) + min(0.2, max(-0.2, offsets[n%len(offsets)]/c.slope))
	}
	t.Rate = min(max(math.Exp(at), s.Rate(s.least)), s.Rate(s.most))
	t.Step = s.step(t.Rate, math.Round)
	if s.fresh(t.Duration) {
		t.Boot++
	}
	t.LeadIn = LeadIn(t.Duration)
	return t, true
}

// fresh reports whether a trial that decides asks for a fresh boot: after an overload, which the server may
// remember, and after a few trials, since what one boot happens to be like is a part of what has to be repeated.
func (s *Search) fresh(d time.Duration) bool {
	in := 0
	for _, o := range s.trials {
		if o.Boot != s.boot {
			continue
		}
		if o.Duration >= leastFitted {
			in++
		}
		for _, b := range o.Goals[0] {
			if share, _ := BatchMeans(b.Part, b.All); share > overloaded && b.Allowed < overloaded {
				return true
			}
		}
	}
	if d > decisive {
		return in >= trialsLong
	}
	return in >= trialsOfBoot
}

// decidedIn is in how many boots there were trials that decide.
func (s *Search) decidedIn() int {
	boots := map[int]bool{}
	for _, o := range s.trials {
		if o.Duration >= leastFitted {
			boots[o.Boot] = true
		}
	}
	return len(boots)
}

// region is about where a goal ends, by the bounds.
func (s *Search) region(goal int) float64 {
	low, high := s.bounds(goal, s.o.Targets[0])
	switch {
	case low < s.least:
		return s.Rate(high) / math.Sqrt(s.ratio())
	case high > s.most:
		return s.Rate(low) * math.Sqrt(s.ratio())
	}
	return math.Sqrt(s.Rate(low) * s.Rate(high))
}

// crossing is the lowest among the goal's objectives: the one that ends it.
func (s *Search) crossing(goal int) (least crossing, found bool) {
	pr := s.prior(goal)
	for objective := range s.trials[0].Goals[goal] {
		var near []observed
		slow, allowed := 0.0, 0.0
		for _, o := range s.trials {
			b := o.Goals[goal][objective]
			allowed = b.Allowed
			if o.Duration < leastFitted || o.Beyond {
				continue
			}
			e := newObserved(o.Rate, b)
			near, slow = append(near, e), slow+e.slow
		}
		if len(near) == 0 || allowed <= 0 || allowed >= 1 {
			continue
		}
		pr.limit = near[0].limit
		c := crossed(near, allowed, pr)
		if seen := slow > 0; least.x == nil || seen && (!found || c.quantile(0.5) < least.quantile(0.5)) {
			least, found = c, seen
		}
	}
	return least, found
}

// prior is what short trials and the bound say of a goal's end.
func (s *Search) prior(goal int) prior {
	pr := prior{near: math.Log(s.region(goal)), spread: regionDoubt, variability: s.o.Variability}
	if s.o.Bound > 0 {
		pr.bound, pr.doubt = math.Log(s.o.Bound), s.o.Doubt
		pr.near = min(pr.near, pr.bound-usuallyBelow)
	}
	return pr
}

// longest is how long the search may take: the budget where service times vary little, and a little more where not a
// single slow request was seen.
func (s *Search) longest(certain bool) time.Duration {
	switch {
	case s.o.Variability > variable:
		return max(s.o.Longest, s.o.Budget)
	case !certain:
		return s.o.Budget * 5 / 4
	}
	return s.o.Budget
}

// variable is the coefficient of variation of service times beyond which a search may take longer.
const variable = 1.4

// Needs is about how much time the trials need in all until the interval is narrow enough; 0: no more.
func (s *Search) Needs() time.Duration {
	if len(s.trials) == 0 || s.spent < s.o.Budget || s.o.Enough == 0 {
		return 0
	}
	c, ok := s.crossing(0)
	if !ok {
		return 0
	}
	low, _, high := c.interval()
	if high/low-1 <= s.o.Enough {
		return 0
	}
	// Standard errors fall with the root of the time.
	ratio := math.Log(high/low) / math.Log1p(s.o.Enough)
	return time.Duration(float64(s.spent) * ratio * ratio)
}
