package results

import (
	"fmt"
	"slices"
)

// Codes of diagnostics that every kind of report sums up.
const (
	StaleRetries   = "stale-retries"   // too many requests had to be sent again
	BusyNeighbour  = "busy-neighbour"  // other programs used the machine
	ProcessStopped = "process-stopped" // something kept a server's process from running
)

// Latest leaves out the cells that were disturbed and measured again, whatever came of that, and returns
// them apart. A repetition takes the place of the cell that it repeats.
func Latest(cells []*Cell) (kept, left []*Cell) {
	at := map[string]int{}
	for _, c := range cells {
		i, known := at[c.key()]
		switch {
		case !known:
			at[c.key()] = len(kept)
			kept = append(kept, c)
		case c.Again > kept[i].Again:
			left = append(left, kept[i])
			kept[i] = c
		default:
			left = append(left, c)
		}
	}
	return kept, left
}

// SentAgain names each topology of which more than 1 % of the requests were sent again on a new connection,
// because the one they used had been closed. They count by how they ended, so no error shows them.
func SentAgain(cells []*Cell) (list []Diagnostic) {
	var names []string
	counts := map[string]Counts{}
	for _, c := range cells {
		if !slices.Contains(names, c.Topology) {
			names = append(names, c.Topology)
		}
		counts[c.Topology] = counts[c.Topology].Plus(c.Counts)
	}
	for _, name := range names {
		c := counts[name]
		if c.StaleRetry*100 <= c.Sent {
			continue
		}
		list = append(list, Diagnostic{
			Code: StaleRetries,
			Message: fmt.Sprintf("%s: %.1f %% of the requests (%d of %d) were sent again because their kept connection turned "+
				"out to be closed; a client that does not do so sees as many errors", name,
				100*float64(c.StaleRetry)/float64(c.Sent), c.StaleRetry, c.Sent),
			Hint:     "Have the server announce that it closes a connection (Connection: close), or keep it open for longer.",
			Severity: Warning,
		})
	}
	return list
}

// Disturbed is how many of the cells have a diagnostic of that code, and how many of these are void for it.
func Disturbed(cells []*Cell, code string) (disturbed, void int) {
	for _, c := range cells {
		if !slices.ContainsFunc(c.Diagnostics, func(d Diagnostic) bool { return d.Code == code }) {
			continue
		}
		disturbed++
		if c.Grade == Invalid {
			void++
		}
	}
	return disturbed, void
}
