package results

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Unit is what the value of a measure counts.
type Unit string

// Units of measures.
const (
	PerSecond    Unit = "per second"
	Microseconds Unit = "µs"
	Bytes        Unit = "bytes"
	Number       Unit = "number" // of things: exact, without a scatter of its own
)

// Measure is a figure of a claim's experiment, by the name that claims use.
type Measure struct {
	Name string
	Unit Unit
	Help string
	// Of computes it from a cell, NaN: the cell does not have it; nil: a step of another kind than a load observes it.
	Of func(*Cell, Roles) float64
	// Percentile that it is, of the response times; 0: none. Few requests have no high percentile.
	Percentile float64
	// Event says that it occurs once in a block, after an incident: it is held against a bound in each block, and not
	// on average.
	Event bool
}

// Measures is the table of all measures.
var Measures = []Measure{
	{Name: "throughput", Unit: PerSecond, Help: "successful responses", Of: func(c *Cell, _ Roles) float64 {
		return c.Throughput()
	}},
	percentile("p50", 50), percentile("p90", 90), percentile("p99", 99),
	{Name: "cpu", Unit: Microseconds, Help: "CPU time of all servers per successful response", Of: cpuPerResponse},
	{Name: "memory", Unit: Bytes, Help: "proportional set size of all processes, at its peak", Of: memoryOf},
	{Name: "worker_memory", Unit: Bytes, Help: "that of the processes that run the app, for each", Of: workerMemory},
	{Name: "threads", Unit: Number, Help: "threads of all processes, at their peak", Of: threadsOf},
	{Name: "succeeded", Unit: Number, Help: "successful responses", Of: func(c *Cell, _ Roles) float64 {
		return float64(c.Counts.OK)
	}},
	{Name: "failed", Unit: Number, Help: "requests without a successful response", Of: func(c *Cell, _ Roles) float64 {
		return float64(c.Counts.Intended - c.Counts.OK)
	}},
	{Name: "held", Unit: Number, Of: held, Help: "additional connections that are open when the load ends"},
	{Name: ConnectionMemory, Unit: Bytes,
		Help: "what each additional connection takes of the servers' memory, at its peak"},
	{Name: "reached", Unit: Number, Of: reached,
		Help: "requests that the app's servers worked on, for each successful response"},
	{Name: "fairness", Unit: Number, Of: fairness,
		Help: "how evenly the workers were used: 1, all the same; 1/n, one of n did everything"},
	{Name: BytesToApp, Unit: Bytes, Help: "what a proxy sends to the servers behind it, for each request"},
	{Name: BytesFromApp, Unit: Bytes, Help: "what it gets from them, for each request"},
	{Name: "lost", Unit: Number, Help: "requests since the first incident without a successful response",
		Of: ofImpact(func(i *Impact, _ *Cell) float64 { return float64(i.Lost.Failed()) })},
	{Name: "gap", Unit: Microseconds, Event: true,
		Help: "the longest time between two successful responses since the first incident",
		Of:   ofImpact(func(i *Impact, _ *Cell) float64 { return i.Gap * 1e6 })},
	{Name: "recovery", Unit: Microseconds, Event: true, Of: ofImpact(recoveryOf),
		Help: "until requests are served as before; never: to the end of the load"},
}

// ConnectionMemory is a measure of a load with additional connections, which takes a reading before they come.
const ConnectionMemory = "connection_memory"

// Measures of what passes between a proxy and the servers behind it.
const (
	BytesToApp   = "bytes_to_app"
	BytesFromApp = "bytes_from_app"
)

// MeasureNamed finds a measure.
func MeasureNamed(name string) (Measure, bool) {
	i := slices.IndexFunc(Measures, func(m Measure) bool { return m.Name == name })
	if i < 0 {
		return Measure{}, false
	}
	return Measures[i], true
}

func percentile(name string, percent float64) Measure {
	return Measure{
		Name: name, Unit: Microseconds, Percentile: percent,
		Help: fmt.Sprintf("%g %% of the response times are below it", percent),
		Of: func(c *Cell, _ Roles) float64 {
			return float64(Percentile(Total(c.Counted(), Response), percent))
		},
	}
}

// ofImpact is a measure of what incidents did; 0 without any.
func ofImpact(of func(*Impact, *Cell) float64) func(*Cell, Roles) float64 {
	return func(c *Cell, _ Roles) float64 {
		if i := c.Impact(); i != nil {
			return of(i, c)
		}
		return 0
	}
}

// recoveryOf is how long the slowest recovery took, or at least took.
func recoveryOf(i *Impact, c *Cell) float64 {
	if i.Recovery == nil {
		return (c.Duration - i.Incidents[0].At) * 1e6
	}
	return *i.Recovery * 1e6
}

func cpuPerResponse(c *Cell, _ Roles) float64 {
	if c.Counts.OK == 0 {
		return 0
	}
	return float64(TotalCPU(c.Usage).Microseconds()) / float64(c.Counts.OK)
}

// held is how many additional connections, of slow clients or of those that send nothing, a cell ended with.
func held(c *Cell, _ Roles) float64 {
	if len(c.Slow) == 0 {
		return math.NaN()
	}
	sum := 0
	for _, s := range c.Slow {
		sum += s.Held
	}
	return float64(sum)
}

// reached tells how much a cache in front of the servers leaves to them.
func reached(c *Cell, _ Roles) float64 {
	requests, _, known := c.Server.Worked()
	if !known || c.Counts.OK == 0 {
		return math.NaN()
	}
	return requests / float64(c.Counts.OK)
}

// fairness is the index of Jain, Chiu and Hawe (1984) over the requests of all workers.
func fairness(c *Cell, _ Roles) float64 {
	var n, sum, squares float64
	for _, workers := range c.Server.PerWorker {
		for _, requests := range workers {
			n, sum, squares = n+1, sum+float64(requests), squares+float64(requests)*float64(requests)
		}
	}
	if squares == 0 {
		return math.NaN()
	}
	return sum * sum / (n * squares)
}

func memoryOf(c *Cell, _ Roles) float64 { return float64(PeakPSS(c.Usage)) }

// workerMemory is the peak over the readings of the mean over the app's processes.
func workerMemory(c *Cell, roles Roles) (peak float64) {
	pss, processes := map[time.Duration]float64{}, map[time.Duration]float64{}
	for _, u := range c.Usage {
		if roles.Has(u.Tier, AppRole) {
			pss[u.At] += float64(u.PSS)
			processes[u.At] += float64(u.Processes)
		}
	}
	for at, sum := range pss {
		if n := processes[at]; n > 0 {
			peak = max(peak, sum/n)
		}
	}
	return peak
}

func threadsOf(c *Cell, _ Roles) (peak float64) {
	at := map[time.Duration]float64{}
	for _, u := range c.Usage {
		at[u.At] += float64(u.Threads)
		peak = max(peak, at[u.At])
	}
	return peak
}

// Parse reads a value in the unit: 150/s, 20ms, 64MiB or 3.
func (u Unit) Parse(text string) (float64, error) {
	text = strings.TrimSpace(text)
	switch u {
	case PerSecond:
		if v, err := positive(strings.TrimSuffix(text, "/s")); err == nil {
			return v, nil
		}
		return 0, fmt.Errorf("%q is not a rate: want one such as 150/s", text)
	case Microseconds:
		if d, err := time.ParseDuration(text); err == nil && d >= 0 {
			return float64(d) / float64(time.Microsecond), nil
		}
		return 0, fmt.Errorf("%q is not a time: want one such as 20ms", text)
	case Bytes:
		for suffix, size := range map[string]float64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
			if digits, is := strings.CutSuffix(text, suffix); is {
				if v, err := positive(strings.TrimSpace(digits)); err == nil {
					return v * size, nil
				}
			}
		}
		if v, err := positive(strings.TrimSuffix(text, "B")); err == nil {
			return v, nil
		}
		return 0, fmt.Errorf("%q is not a size: want one such as 64MiB, 10KiB or 300B", text)
	}
	if v, err := positive(text); err == nil {
		return v, nil
	}
	return 0, fmt.Errorf("%q is not a number: want one such as 3", text)
}

// positive reads a number from 0 on that is finite.
func positive(text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0 && v < mostFigure) {
		return 0, fmt.Errorf("%q is not a number from 0 on", text)
	}
	return v, nil
}
