package compare

import "bench/results"

// How long requests waited, by the servers' own count of the time that they spent on them.

// leastWait is the wait in ms that stands for none, as an estimate needs positive values.
const leastWait = 0.001

// worked is the time in seconds that workers spent on a cell's requests; 0 if no server counts it.
func worked(c *results.Cell) (seconds float64) {
	for _, counters := range c.Server.Counters {
		seconds += counters[results.WorkSeconds]
	}
	return seconds
}

// queueWait is the mean time in ms that a request was not being worked on: its service time as the client
// saw it, less the time of a worker. Requests that no worker saw count with a work of 0.
func queueWait(c *results.Cell) float64 {
	spent := worked(c)
	h := results.Total(c.Intervals, results.Service)
	if spent == 0 || h.TotalCount() == 0 {
		return 0
	}
	return max(leastWait, h.Mean()/1000-1000*spent/float64(h.TotalCount()))
}
