// Package model is a queueing model of the servers on one machine: a System that is simulated,
// the laws that the simulation is checked against, and a Model that predicts what another
// configuration of the same servers can do. It is pure: it reads no run and no clock, and the
// same seed gives the same numbers.
//
// All times are in seconds, and all rates per second.
package model

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
	// Bypass says that a proxy answers it, without a worker.
	Bypass bool
}

// System is one machine as the simulation sees it, or several that are groups of its processes.
//
// A request costs the proxies CPU time, waits in a queue for a worker's slot, holds it for the
// worker's CPU time and for what it waits on something else (a database, a sleep), and costs
// the generator CPU time beside that. Processes share the cores; a process runs on one core
// at a time, as Python's do. A group that is a machine of its own stands still for the rest of a
// period once it has used up its CPU time, as the kernel's quotas work.
type System struct {
	Configuration
	Cores int
	// Slowdown is how many times as long CPU work takes when all cores are busy as when one
	// is: shared caches, shared memory, sibling threads. 1 is none.
	Slowdown  float64
	Proxies   []float64 // CPU time at each event loop ahead of the workers
	Generator float64   // CPU time of the load generator, on the same cores
	Kinds     []Kind    // of requests
}

// Configuration is how many workers there are, and where: what differs between the systems that
// one Model predicts.
type Configuration struct {
	Loops   int // of each proxy, over which the requests' connections are spread by chance; 0: 1
	Queues  int // groups of workers with a queue each; a request goes to the one with the least to do
	Workers int // of each group
	Threads int // of each worker; 0: one for each request
	// Machine is how many cores each group has to itself, as a machine of its own would; 0:
	// the cores are everyone's.
	Machine float64
	Period  float64 // over which that is counted
}

// Concurrency is how many requests the workers work on at once, all together; 0 is without limit.
func (c Configuration) Concurrency() int { return c.Queues * c.Workers * c.Threads }

// loops are those of a proxy.
func (c Configuration) loops() int { return max(1, c.Loops) }

// Scaled is the system that does everything this many times as fast.
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

// AtCPUSpeed is the system on cores of another speed: what waits does not depend on it.
func (s System) AtCPUSpeed(speed float64) System {
	waits := make([]float64, len(s.Kinds))
	for i, k := range s.Kinds {
		waits[i] = k.Wait
	}
	s = s.Scaled(speed)
	for i := range s.Kinds {
		s.Kinds[i].Wait = waits[i]
	}
	return s
}

// Means are those of a request's work and wait.
func (s System) Means() (work, wait float64) {
	var weight float64
	for _, k := range s.Kinds {
		weight += k.Weight
		if !k.Bypass {
			work, wait = work+k.Weight*k.Work, wait+k.Weight*k.Wait
		}
	}
	return work / weight, wait / weight
}

// Processes is how many there are, and so how many cores the system could use at most.
func (s System) Processes() int { return s.workersFrom() + s.Queues*s.Workers }

// workersFrom is the number of the first worker; the generator is just before it, and the loops
// of the proxies before that.
func (s System) workersFrom() int { return len(s.Proxies)*s.loops() + 1 }

// Bound is the operational one: no rate can exceed what the scarcest resource serves
// (Denning and Buzen, "The Operational Analysis of Queueing Network Models", 1978).
func (s System) Bound() float64 { return s.Limits()[0].Rate }

// Limit is what one resource allows by itself.
type Limit struct {
	Resource string  `json:"resource"`
	Rate     float64 `json:"rate"`
}

// Resources that a Limit may name.
const (
	Proxy       = "the proxy's process"
	Cores       = "CPU cores"
	WorkerCPU   = "worker processes' CPU"
	MachineCPU  = "the machines' CPU" // of machines that are groups of processes
	WorkerSlots = "worker slots"
)

// Limits are those of all resources, the scarcest first.
func (s System) Limits() []Limit {
	var limits []Limit
	add := func(name string, rate float64) {
		if !math.IsInf(rate, 0) && !math.IsNaN(rate) {
			limits = append(limits, Limit{name, rate})
		}
	}
	work, wait := s.Means()
	total := work + s.Generator
	for _, p := range s.Proxies {
		total += p
		add(Proxy, float64(s.loops())/p)
	}
	add(Cores, float64(s.Cores)/(total*s.Slowdown))
	if s.Threads != 1 {
		add(WorkerCPU, float64(s.Queues*s.Workers)/work)
	}
	if s.Machine > 0 {
		add(MachineCPU, float64(s.Queues)*s.Machine/work)
	}
	if slots := s.Concurrency(); slots > 0 {
		add(WorkerSlots, float64(slots)/(work+wait))
	}
	slices.SortStableFunc(limits, func(a, b Limit) int { return cmp.Compare(a.Rate, b.Rate) })
	return limits
}
