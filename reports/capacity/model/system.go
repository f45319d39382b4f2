// Package model is a queueing model of the servers on one machine: a System that is simulated, the laws
// against which the simulation is checked, and a Model that predicts what another configuration of the
// same servers can do. It is pure: it reads neither runs nor clocks, and the same seed gives the same
// numbers.
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
	Work   float64 // CPU time in the worker, on average
	Wait   float64 // time in the worker off the CPU, on average
	// Varies is a sample of how much the two differ from request to request; empty: they do not.
	Varies []Variation
	// Outside is a sample of the rest of the response time, which does not depend on the load.
	Outside []float64
	// Bypass says that a proxy answers it without a worker.
	Bypass bool
}

// Variation is what a request takes, as multiples of the mean work and of the mean wait of its kind.
type Variation struct{ Work, Wait float64 }

// System is one machine as the simulation sees it, or several that are groups of its processes.
//
// A request costs the proxies CPU time, waits in a queue for a worker, occupies it for its CPU time and
// for the time it waits for something else (a database, a sleep), and also costs the generator CPU time.
// Processes share the cores; a process runs on one core at a time, as Python processes do. A group that
// is a machine stands still for the rest of a period once it has used up its CPU time, as kernel quotas
// work.
type System struct {
	Configuration
	Cores int
	// Slowdown is how many times as long CPU work takes when all cores are busy as when one is, because of
	// shared caches, shared memory and sibling threads; 1: as long.
	Slowdown  float64
	Proxies   []float64 // CPU time at each event loop ahead of the workers
	Generator float64   // CPU time of the load generator, on the same cores
	Kinds     []Kind    // of requests
}

// Configuration is the number and arrangement of workers: what differs between the systems that one Model
// predicts.
type Configuration struct {
	Loops   int // event loops of each proxy, over which connections are spread at random; 0: 1
	Queues  int // groups of workers with a queue each; a request goes to the least busy one
	Workers int // in each group
	Threads int // of each worker; 0: one per request
	// Machine is the number of cores that each group has to itself, as a separate machine would; 0: the
	// groups share the cores.
	Machine float64
	Period  float64 // of the quota that enforces this
}

// Concurrency is the number of requests that all workers together work on at once; 0: no limit.
func (c Configuration) Concurrency() int { return c.Queues * c.Workers * c.Threads }

// loops is the number of event loops of a proxy.
func (c Configuration) loops() int { return max(1, c.Loops) }

// Scaled is the system with everything this many times as fast.
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

// AtCPUSpeed is the system on cores of another speed, which waits do not depend on.
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

// Means are the mean work and wait of a request.
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

// Processes is the number of processes, and so the maximum number of cores that the system could use.
func (s System) Processes() int { return s.workersFrom() + s.Queues*s.Workers }

// workersFrom is the number of the first worker. The generator comes just before it, after the loops of
// the proxies.
func (s System) workersFrom() int { return len(s.Proxies)*s.loops() + 1 }

// Bound is the operational bound: no rate can exceed what the scarcest resource serves
// (Denning and Buzen, "The Operational Analysis of Queueing Network Models", 1978).
func (s System) Bound() float64 { return s.Limits()[0].Rate }

// Limit is the rate that one resource alone allows.
type Limit struct {
	Resource string  `json:"resource"`
	Rate     float64 `json:"rate"`
}

// Resources that a Limit may name.
const (
	Proxy             = "proxy process"
	Cores             = "CPU cores"
	WorkerCPU         = "CPU of the worker processes"
	MachineCPU        = "CPU of the machines" // that are groups of processes
	WorkerConcurrency = "worker concurrency"
)

// Limits are the limits of all resources, the scarcest first.
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
	if n := s.Concurrency(); n > 0 {
		add(WorkerConcurrency, float64(n)/(work+wait))
	}
	slices.SortStableFunc(limits, func(a, b Limit) int { return cmp.Compare(a.Rate, b.Rate) })
	return limits
}
