package results

import (
	"math"
	"slices"
	"time"
)

// Impact is what the incidents of a cell did to its load.
type Impact struct {
	Incidents []IncidentImpact `json:"incidents"`
	Lost      Counts           `json:"lost"`                 // the requests since the first incident, by class
	Gap       float64          `json:"longest_gap_s"`        // between two successful responses since the first incident
	GapBefore float64          `json:"gap_before_s"`         // the same before it: what is usual at this rate
	Recovery  *float64         `json:"recovery_s,omitempty"` // the longest; none: one was not recovered from
	Before    Summary          `json:"before_us"`            // response times of the seconds before the first incident,
	During    Summary          `json:"during_us"`            // of those until the last one was recovered from,
	After     Summary          `json:"after_us"`             // and of those after that
	Late      float64          `json:"late_s,omitempty"`     // a response time above which one was not served as before
}

// IncidentImpact is what one incident did, until the next one or the end of the load.
type IncidentImpact struct {
	Incident
	Lost     uint64   `json:"lost"`                 // requests that were due since and got no successful response
	Gap      float64  `json:"longest_gap_s"`        // between two successful responses
	Recovery *float64 `json:"recovery_s,omitempty"` // until requests were served as before; none: they never were
}

// A load has recovered at the first moment from which on, for a second, nearly all moments are as they
// were before: no request that was due in them was lost, or answered late.
const (
	recoveredFor   = time.Second
	recoveredShare = 0.95
)

// Impact is what the cell's incidents did to its load; nil if it had none.
func (c *Cell) Impact() *Impact {
	if len(c.Incidents) == 0 || len(c.Moments) == 0 {
		return nil
	}
	end := ofSeconds(c.Duration)
	at := func(i int) time.Duration {
		if i < len(c.Incidents) {
			return ofSeconds(c.Incidents[i].At)
		}
		return end
	}
	first := at(0)
	late := lateAfter(c.Moments, first)
	all := &Impact{GapBefore: longestGap(c.Moments, 0, first), Gap: longestGap(c.Moments, first, end)}
	if late < math.MaxInt64 {
		all.Late = late.Seconds()
	}
	recovered, over := true, first
	for i, incident := range c.Incidents {
		one := IncidentImpact{Incident: incident, Gap: longestGap(c.Moments, at(i), at(i+1))}
		for _, m := range c.Moments {
			if m.At >= at(i) && m.At < at(i+1) {
				one.Lost += m.Lost
			}
		}
		if took, is := recovery(c.Moments, at(i), end, late); is {
			seconds := took.Seconds()
			one.Recovery = &seconds
			over = max(over, at(i)+took, ofSeconds(incident.Until))
			if all.Recovery == nil || seconds > *all.Recovery {
				all.Recovery = &seconds
			}
		} else {
			recovered = false
		}
		all.Incidents = append(all.Incidents, one)
	}
	if !recovered {
		all.Recovery, over = nil, math.MaxInt64
	}
	all.phases(c.Intervals, first, over)
	return all
}

func ofSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// phases sums up the seconds before, during and after the incidents. A second that is part of two counts
// as during.
func (a *Impact) phases(intervals []Interval, first, over time.Duration) {
	var before, during, after []Interval
	for _, iv := range intervals {
		switch {
		case iv.Start+iv.Length <= first:
			before = append(before, iv)
		case iv.Start >= over:
			after = append(after, iv)
		default:
			during = append(during, iv)
		}
	}
	a.Before, a.During = Summarize(Total(before, Response)), Summarize(Total(during, Response))
	a.After = Summarize(Total(after, Response))
	a.Lost = TotalCounts(append(during, after...))
}

// lateAfter is the response time above which a request is not served as before: twice what nearly all
// moments before the first incident kept. Without any before it, none is late.
func lateAfter(moments []Moment, first time.Duration) time.Duration {
	var worst []time.Duration
	for _, m := range moments {
		if m.At+MomentLength <= first && m.Due > m.Lost {
			worst = append(worst, m.Worst)
		}
	}
	if len(worst) == 0 {
		return math.MaxInt64
	}
	slices.Sort(worst)
	return 2*worst[len(worst)*99/100] + MomentLength
}

// longestGap is the longest time without a successful response that ends between two times, or with the
// later one, in seconds, to 10 ms.
func longestGap(moments []Moment, from, to time.Duration) float64 {
	var last, longest time.Duration
	for _, m := range moments {
		if m.Came == 0 {
			continue
		}
		if m.First >= from && m.First < to {
			longest = max(longest, m.First-last)
		}
		last = m.Last
		if last >= to {
			break
		}
	}
	if last < to {
		longest = max(longest, to-max(last, 0))
	}
	return longest.Round(MomentLength).Seconds()
}

// recovery is how long after an incident requests were served as before.
func recovery(moments []Moment, incident, end, late time.Duration) (time.Duration, bool) {
	from, _ := slices.BinarySearchFunc(moments, incident, func(m Moment, at time.Duration) int { return int(m.At - at) })
	bad := func(m Moment) bool { return m.Lost > 0 || m.Worst > late }
	asked, good, to := 0, 0, from
	for at := from; at < len(moments); at++ {
		for ; to < len(moments) && moments[to].At < moments[at].At+recoveredFor; to++ {
			if moments[to].Due > 0 {
				asked++
				if !bad(moments[to]) {
					good++
				}
			}
		}
		m := moments[at]
		if m.At+recoveredFor > end {
			return 0, false
		}
		if m.Due == 0 {
			continue
		}
		if !bad(m) && float64(good) >= recoveredShare*float64(asked) {
			return max(0, m.At-incident), true
		}
		if asked--; !bad(m) {
			good--
		}
	}
	return 0, false
}
