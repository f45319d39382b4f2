package model

import "slices"

// Statistic is what a Goal limits of the response times.
type Statistic int

// The statistics that the model knows.
const (
	Percentile Statistic = iota
	Mean
	Max
)

// Goal is a limit on the response times of a load. A value equal to the limit misses the goal.
type Goal struct {
	Statistic  Statistic
	Percentile float64 // in percent
	Limit      float64 // in seconds
}

// Met reports whether the response times meet the goal.
func (g Goal) Met(out Simulated) bool {
	switch g.Statistic {
	case Mean:
		return !(out.Mean() >= g.Limit) // without requests, the mean is NaN
	case Max:
		return out.Quantile(1) < g.Limit
	}
	return out.Share(g.Limit) < g.slow()
}

// slow is the share of slow requests at which a goal on a percentile is missed.
func (g Goal) slow() float64 { return 1 - g.Percentile/100 }

// percentile is the first goal on a percentile.
func percentile(goals []Goal) (Goal, bool) {
	at := slices.IndexFunc(goals, func(g Goal) bool { return g.Statistic == Percentile })
	if at < 0 {
		return Goal{}, false
	}
	return goals[at], true
}
