package compare

import (
	"bench/results"
	"bench/stats"
)

// How long requests waited, by what the app says of its own time, or else by the servers' count of the time that
// they spent on requests.

// leastWait is the wait in ms that stands for none, as an estimate needs positive values.
const leastWait = 0.001

// Waiting is where the time of the requests of a load went, and how busy the workers were. What is not known is
// not measured.
type Waiting struct {
	App   stats.Interval // ms in the app, on average
	Queue stats.Interval // ms of the service time outside of it
	// ByApp says that the app itself gave its time; otherwise it is that of a worker, by the server's count.
	ByApp bool
	Busy  stats.Interval // share of the time in which a worker was busy
}

// Waiting judges a load of a topology.
func (r *Report) Waiting(t Topology, l Load) (w Waiting) {
	cells := under(r.cells[t.Name], l)
	w.App, w.Queue = stats.Estimate(perBlock(cells, saidTime)), stats.Estimate(perBlock(cells, saidWait))
	if w.ByApp = w.App.Measured(); !w.ByApp {
		w.App, w.Queue = stats.Estimate(perBlock(cells, countedTime)), stats.Estimate(perBlock(cells, countedWait))
	}
	if t.Concurrency > 0 {
		w.Busy = stats.Estimate(perBlock(cells, func(c *results.Cell) float64 {
			return worked(c) / c.Elapsed / float64(t.Concurrency)
		}))
	}
	return w
}

// saidTime is the mean time in ms that the app worked on a response, as it says.
func saidTime(c *results.Cell) float64 { return results.Total(c.Intervals, results.App).Mean() / 1000 }

// saidWait is the mean time in ms that remains of the service time of the same responses.
func saidWait(c *results.Cell) float64 {
	h := results.Total(c.Intervals, results.Wait)
	if h.TotalCount() == 0 {
		return 0
	}
	return max(leastWait, h.Mean()/1000)
}

// counted is the time in seconds that workers spent on a cell's requests, by the servers' count; 0 if none counts it.
func counted(c *results.Cell) (seconds float64) {
	for _, counters := range c.Server.Counters {
		seconds += counters[results.WorkSeconds]
	}
	return seconds
}

// countedTime is the mean time in ms that a worker spent on a request. Requests that no worker saw count with 0.
func countedTime(c *results.Cell) float64 {
	n := results.Total(c.Intervals, results.Service).TotalCount()
	if n == 0 {
		return 0
	}
	return 1000 * counted(c) / float64(n)
}

// countedWait is the mean time in ms that a request was not being worked on: its service time as the client
// saw it, less the time of a worker.
func countedWait(c *results.Cell) float64 {
	spent := countedTime(c)
	if spent == 0 {
		return 0
	}
	return max(leastWait, results.Total(c.Intervals, results.Service).Mean()/1000-spent)
}

// worked is the time in seconds that workers were busy: by the servers' count, which has all of their time, or else
// by what the app says of its own.
func worked(c *results.Cell) float64 {
	if seconds := counted(c); seconds > 0 {
		return seconds
	}
	h := results.Total(c.Intervals, results.App)
	return h.Mean() * float64(h.TotalCount()) / 1e6
}
