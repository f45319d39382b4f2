package capacity

import (
	"cmp"
	"math"
	"slices"
)

// Kind is one kind of request, such as a target of a mix.
type Kind struct {
	Weight float64 // share of the requests, in any unit
	Work   float64 // CPU time in the worker
	Wait   float64 // time in the worker off the CPU
	// Outside is a sample of the time that passes beside all of that, whatever the load.
	Outside []float64
	// Bypass tells that the proxies answer it, without a worker.
	Bypass bool
}

// System is one box as the simulation sees it: one machine, or several that are groups of its
// processes. All times are in seconds.
//
// A request costs the proxies CPU time, waits in a queue for a worker's slot, holds it for the
// worker's CPU time and for what it waits on something else (a database, a sleep), and costs
// the generator CPU time beside that. Processes share the cores; a process runs on one core
// at a time, as Python's do. A group that is a machine of its own stands still for the rest of a
// period once it has used up its CPU time, as the kernel's quotas work.
type System struct {
	Cores int
	// Slowdown is how many times as long CPU work takes when all cores are busy as when one
	// is: shared caches, shared memory, sibling threads. 1 is none.
	Slowdown  float64
	Proxies   []float64 // CPU time at each event loop ahead of the workers
	Loops     int       // of each proxy, over which the requests' connections are spread by chance; 0: 1
	Generator float64   // CPU time of the load generator, on the same cores
	Kinds     []Kind    // of requests
	Queues    int       // groups of workers with a queue each; a request goes to the one with the least to do
	Workers   int       // of each group
	Threads   int       // of each worker; 0: one for each request
	// Machine is how many cores each group has to itself, as a machine of its own would; 0:
	// the cores are everyone's.
	Machine float64
	Period  float64 // over which that is counted
}

// Scaled is the system that does everything so many times as fast.
func (s System) Scaled(speed float64) System {
	s.Proxies = slices.Clone(s.Proxies)
	for i := range s.Proxies {
		s.Proxies[i] /= speed
	}
	s.Kinds = slices.Clone(s.Kinds)
	for i := range s.Kinds {
		s.Kinds[i].Work, s.Kinds[i].Wait = s.Kinds[i].Work/speed, s.Kinds[i].Wait/speed
	}
	s.Generator /= speed
	return s
}

// paced is the system on cores of another pace: what waits does not care.
func (s System) paced(pace float64) System {
	waits := make([]float64, len(s.Kinds))
	for i, k := range s.Kinds {
		waits[i] = k.Wait
	}
	s = s.Scaled(pace)
	for i := range s.Kinds {
		s.Kinds[i].Wait = waits[i]
	}
	return s
}

// means are those of the work and the wait of a request.
func (s System) means() (work, wait float64) {
	var weight float64
	for _, k := range s.Kinds {
		weight += k.Weight
		if !k.Bypass {
			work, wait = work+k.Weight*k.Work, wait+k.Weight*k.Wait
		}
	}
	return work / weight, wait / weight
}

// loops are those of a proxy.
func (s System) loops() int { return max(1, s.Loops) }

// slots is how many requests a queue's workers work on at once; 0 is without limit.
func (s System) slots() int { return s.Workers * s.Threads }

// Bound is the operational one: no rate can exceed what the scarcest resource serves
// (Denning and Buzen, "The Operational Analysis of Queueing Network Models", 1978).
func (s System) Bound() float64 {
	limits := s.Limits()
	return limits[0].Rate
}

// Limit is what one resource allows by itself.
type Limit struct {
	Resource string  `json:"resource"`
	Rate     float64 `json:"rate"`
}

// Resources that a limit may name: the cores, and those of machines that are control groups.
const (
	boxCores    = "CPU cores"
	machinesCPU = "the machines' CPU"
)

// Limits are those of all resources, the scarcest first.
func (s System) Limits() []Limit {
	var limits []Limit
	add := func(name string, rate float64) {
		if !math.IsInf(rate, 0) && !math.IsNaN(rate) {
			limits = append(limits, Limit{name, rate})
		}
	}
	work, wait := s.means()
	total := work + s.Generator
	for _, p := range s.Proxies {
		total += p
		add("the proxy's process", float64(s.loops())/p)
	}
	add(boxCores, float64(s.Cores)/(total*s.Slowdown))
	if s.Threads != 1 {
		add("worker processes' CPU", float64(s.Queues*s.Workers)/work)
	}
	if s.Machine > 0 {
		add(machinesCPU, float64(s.Queues)*s.Machine/work)
	}
	if slots := s.slots() * s.Queues; slots > 0 {
		add("worker slots", float64(slots)/(work+wait))
	}
	slices.SortStableFunc(limits, func(a, b Limit) int { return cmp.Compare(a.Rate, b.Rate) })
	return limits
}
