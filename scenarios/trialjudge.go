package scenarios

import (
	"fmt"
	"slices"
	"time"

	"bench/loadgen"
	"bench/results"
)

// What others may use of the machine, as a share of all cores.
const (
	neighbourDegrades = 0.05
	neighbourInvalid  = 0.20
	countedTwice      = 0.10
)

// judgeMachine holds the utilisation law against the machine's own clock: what the tiers and
// the generator used, each counted by itself, must make up what the cores were busy. What is
// missing was used by somebody else; more than there was is an error of the instrument.
func judgeMachine(c *results.Cell, cores int) {
	if c.Server.BusySeconds == 0 || c.Elapsed == 0 {
		return
	}
	known := c.Generator.CPUSeconds + results.TotalCPU(c.Usage).Seconds()
	others := (c.Server.BusySeconds - known) / (float64(cores) * c.Elapsed)
	add := func(g results.Grade, code, message, remedy string) {
		c.Grade = c.Grade.Worse(g)
		c.Causes = append(c.Causes, results.Cause{Code: code, Message: message, Remedy: remedy})
	}
	switch {
	case others > neighbourDegrades:
		grade := results.Degraded
		if others > neighbourInvalid {
			grade = results.Invalid
		}
		add(grade, neighbourCode, fmt.Sprintf("something else used %.0f %% of the machine", others*100), "End what runs beside bench, or take a machine of its own.")
	case others < -countedTwice:
		add(results.Invalid, "utilization-law", fmt.Sprintf("the tiers and the generator used %.2f s of CPU, but the cores were busy for %.2f s only", known, c.Server.BusySeconds),
			"This is a defect of bench, or of the machine's accounting; please report it.")
	}
}

const neighbourCode = "busy-neighbour"

func has(c *results.Cell, code string) bool {
	return slices.ContainsFunc(c.Causes, func(cause results.Cause) bool { return cause.Code == code })
}

// spoilt says why a trial says nothing of the server, if it does not.
func spoilt(c *results.Cell) string {
	if c.Grade != results.Invalid {
		return ""
	}
	if has(c, results.NoRightAnswer) || has(c, results.ServerGone) {
		return "" // that is an answer, too
	}
	return reason(c, neighbourCode, "utilization-law", "littles-law", "generator-cpu", "generator-throttled", "generator-stopped", "generator-limits", "counts")
}

// reason is the message of the first of the causes that a cell has, or of its last one.
func reason(c *results.Cell, codes ...string) string {
	for _, code := range codes {
		if at := slices.IndexFunc(c.Causes, func(cause results.Cause) bool { return cause.Code == code }); at >= 0 {
			return c.Causes[at].Message
		}
	}
	return c.Causes[len(c.Causes)-1].Message
}

// judged is how each objective fared in a trial, second by second. Answers that came after
// the load's end belong to its last second.
func judged(c *results.Cell, goal []results.Objective, leadIn, d time.Duration) []Batches {
	all := make([]Batches, len(goal))
	seconds := int(d / loadgen.IntervalLength)
	for i, o := range goal {
		all[i] = Batches{make([]float64, seconds), make([]float64, seconds), allowed(o)}
		for _, iv := range c.Intervals {
			if iv.Start < leadIn {
				continue
			}
			batch := min(int((iv.Start-leadIn)/loadgen.IntervalLength), seconds-1)
			part, whole := fared(iv, o)
			all[i].Part[batch], all[i].All[batch] = all[i].Part[batch]+part, all[i].All[batch]+whole
		}
	}
	return all
}

// allowed is the share that an objective allows.
func allowed(o results.Objective) float64 {
	switch o.Metric {
	case "errors":
		return o.Limit
	case "mean":
		return 1
	case "max":
		return 0
	}
	return 1 - o.Quantile/100
}

// fared is the part of an interval that an objective limits, and the whole that it is part of.
func fared(iv results.Interval, o results.Objective) (part, whole float64) {
	if o.Metric == "errors" {
		return float64(iv.Counts.Failed()), float64(iv.Counts.Intended)
	}
	h := results.Total([]results.Interval{iv}, results.Response)
	c := iv.Counts
	wrong := float64(c.HTTPError + c.BadBody + c.ConnectError + c.Reset + c.Unsent)
	if o.Metric == "mean" {
		// A request without a right answer counts as twice the limit.
		n := float64(h.TotalCount())
		return h.Mean()*n + 2*o.Limit*wrong, o.Limit * (n + wrong)
	}
	for _, bar := range h.Distribution() {
		if float64(bar.To) >= o.Limit {
			part += float64(bar.Count)
		}
	}
	// Requests without a right answer count as slower than any limit.
	return part + wrong, float64(c.Intended)
}
