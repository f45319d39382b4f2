package scenarios

import (
	"fmt"
	"runtime"
	"slices"

	"bench/results"
)

// How much of the machine other programs may use, as a share of all cores.
const (
	neighbourDegrades = 0.05
	neighbourInvalid  = 0.20
	countedTwice      = 0.10
)

// judgeMachine checks the utilisation law against the machine's own accounting: the CPU time of
// the tiers and the generator, each counted separately, must add up to what the cores were busy.
// What is missing was used by other programs; a surplus is an error of the instrument.
func judgeMachine(c *results.Cell, cores int) {
	if c.Server.BusySeconds == 0 || c.Elapsed == 0 || cores < runtime.NumCPU() {
		return // a container with a quota: the accounting of the cores includes other containers
	}
	known := c.Generator.CPUSeconds + results.TotalCPU(c.Usage).Seconds()
	others := (c.Server.BusySeconds - known) / (float64(cores) * c.Elapsed)
	add := func(g results.Grade, code, message, hint string) {
		c.Grade = c.Grade.Worse(g)
		c.Diagnostics = append(c.Diagnostics, results.Diagnostic{Code: code, Message: message, Hint: hint})
	}
	switch {
	case others > neighbourDegrades:
		grade := results.Degraded
		if others > neighbourInvalid {
			grade = results.Invalid
		}
		add(grade, neighbourCode, fmt.Sprintf("other programs used %.0f %% of the machine", others*100),
			"Stop other programs, or use a dedicated machine.")
	case others < -countedTwice:
		add(results.Invalid, "utilization-law",
			fmt.Sprintf("the tiers and the generator used %.2f s of CPU, but the cores were busy for only %.2f s", known,
				c.Server.BusySeconds),
			"This is a bug in bench or in the machine's accounting; please report it.")
	}
}

const neighbourCode = "busy-neighbour"

func has(c *results.Cell, code string) bool {
	return slices.ContainsFunc(c.Diagnostics, func(d results.Diagnostic) bool { return d.Code == code })
}

// disturbed is why a trial says nothing about the server; empty if it does.
func disturbed(c *results.Cell) string {
	if c.Grade != results.Invalid {
		return ""
	}
	if has(c, results.NoSuccess) || has(c, results.ServerGone) {
		return "" // that is a result, too
	}
	return reason(c, neighbourCode, "utilization-law", "littles-law", "generator-cpu", "generator-throttled",
		"generator-stopped", "generator-limits", "counts")
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
		all[i] = Batches{make([]float64, seconds), make([]float64, seconds), o.Allowed()}
		for _, iv := range c.Counted() {
			batch := min(int(iv.Start.Seconds()-c.LeadIn), seconds-1)
			part, whole := o.Share(iv)
			all[i].Part[batch], all[i].All[batch] = all[i].Part[batch]+part, all[i].All[batch]+whole
		}
	}
	return all
}
