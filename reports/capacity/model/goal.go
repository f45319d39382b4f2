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

// Goal is a limit on the response times of a load. A value equal to it misses it.
type Goal struct {
	Statistic  Statistic
	Percentile float64 // in percent
	Limit      float64 // in seconds
}

// Met reports whether the response times keep the goal.
func (g Goal) Met(out Simulated) bool {
	switch g.Statistic {
	case Mean:
		return !(out.Mean() >= g.Limit) // without requests, it is not a number
	case Max:
		return out.Quantile(1) < g.Limit
	}
	return out.Share(g.Limit) < g.slow()
}

// slow is the share of requests from which on a percentile's goal is missed.
func (g Goal) slow() float64 { return 1 - g.Percentile/100 }

// percentile is the first goal on one.
func percentile(goals []Goal) (Goal, bool) {
	at := slices.IndexFunc(goals, func(g Goal) bool { return g.Statistic == Percentile })
	if at < 0 {
		return Goal{}, false
	}
	return goals[at], true
}
