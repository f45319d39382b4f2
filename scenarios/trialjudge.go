package scenarios

import (
	"slices"
	"time"

	"bench/results"
)

func has(c *results.Cell, code string) bool {
	return slices.ContainsFunc(c.Diagnostics, func(d results.Diagnostic) bool { return d.Code == code })
}

// disturbed is why a trial says nothing about the server; empty if it does.
func disturbed(c *results.Cell) string {
	if c.Grade != results.Invalid {
		return ""
	}
	if (has(c, results.NoSuccess) || has(c, results.ServerGone)) && !has(c, results.ProcessStopped) {
		return "" // that is a result, too
	}
	return reason(c, results.ProcessStopped, results.BusyNeighbour, "utilization-law", "littles-law", "generator-cpu",
		"generator-throttled", "generator-stopped", "generator-limits", "counts")
}

// reason is the message of the first of the codes that a cell has, or of its last diagnostic.
func reason(c *results.Cell, codes ...string) string {
	for _, code := range codes {
		if at := slices.IndexFunc(c.Diagnostics, func(d results.Diagnostic) bool { return d.Code == code }); at >= 0 {
			return c.Diagnostics[at].Message
		}
	}
	return c.Diagnostics[len(c.Diagnostics)-1].Message
}

// judged is how each objective fared in a trial, second by second. Responses after the load's end
// belong to its last second.
func judged(c *results.Cell, goal []results.Objective) []Batches {
	all := make([]Batches, len(goal))
	seconds := max(1, int(c.Duration-c.LeadIn))
	for i, o := range goal {
		all[i] = Batches{Part: make([]float64, seconds), All: make([]float64, seconds), Allowed: o.Allowed()}
		if o.Quantile > 0 {
			all[i].Limit = time.Duration(o.Limit) * time.Microsecond
		}
		for _, iv := range c.Counted() {
			batch := min(int(iv.Start.Seconds()-c.LeadIn), seconds-1)
			part, whole := o.Share(iv)
			all[i].Part[batch], all[i].All[batch] = all[i].Part[batch]+part, all[i].All[batch]+whole
		}
	}
	return all
}
