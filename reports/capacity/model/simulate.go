package model

import (
	"math"
	"math/rand/v2"
	"slices"
)

// job is one piece of CPU work of a process.
type job struct {
	left    float64
	request int // -1: the generator's own work
	stage   int
}

// process is whatever the kernel puts on one core at a time: an event loop works off its jobs
// in their order, a Python process switches between them.
type process struct {
	jobs   []job
	shares bool
}

// simulation is a run of a system, event by event.
type simulation struct {
	System
	random    *rand.Rand
	now       float64
	processes []process // the loops of each proxy, the generator, then the workers
	workers   []int     // by worker: requests that it has
	queues    [][]int   // waiting requests
	inQueue   []int     // by queue: waiting and worked on
	waits     []wait    // off the CPU, unordered: there are few
	requests  []request
	weights   []float64 // cumulative, of the kinds
	active    int       // processes that can run
	share     float64   // of a core that each of them has
	speed     float64   // at which each of them runs
	machines  []machine // by queue, if they have CPU quotas
}

// machine is the CPU quota of a group of workers.
type machine struct {
	left    float64 // CPU time in this period
	ends    float64 // the period
	running int     // processes that can run
}

// spent is what counts as no CPU time left, beside the rounding of sums.
const spent = 1e-12

type request struct {
	arrived       float64
	kind          *Kind
	outside       float64
	queue, worker int
}

type wait struct {
	until   float64
	request int
}

// Simulated is what a simulation saw.
type Simulated struct {
	Responses []float64 // sorted, of the requests that count
}

// Simulate runs the system under Poisson arrivals: count requests, after a tenth as many that do
// not count. It is a pure function; the seed gives the same arrivals at every rate,
// spaced by it, so that two rates differ by the rate alone.
func (s System) Simulate(rate float64, count int, seed uint64) Simulated {
	random := rand.New(rand.NewPCG(seed, 1))
	lead, at := count/10, 0.0
	arrivals := make([]float64, lead+count)
	for i := range arrivals {
		at += random.ExpFloat64() / rate
		arrivals[i] = at
	}
	return s.Replay(arrivals, func(request int, _ float64) bool { return request >= lead }, seed)
}

// Replay lets requests arrive at the times given, in order. It keeps the response times of those
// that count, by their number and the time of their end.
func (s System) Replay(arrivals []float64, counts func(request int, end float64) bool, seed uint64) (out Simulated) {
	sim := newSimulation(s, seed)
	for next := 0; ; {
		step, kind := sim.next()
		if next < len(arrivals) && arrivals[next] <= sim.now+step {
			sim.advance(arrivals[next] - sim.now)
			sim.arrive()
			next++
			continue
		}
		if math.IsInf(step, 1) {
			break
		}
		sim.advance(step)
		if request := sim.happen(kind); request >= 0 && counts(request, sim.now) {
			out.Responses = append(out.Responses, sim.now-sim.requests[request].arrived+sim.requests[request].outside)
		}
	}
	slices.Sort(out.Responses)
	return out
}

func newSimulation(s System, seed uint64) *simulation {
	sim := &simulation{System: s, random: rand.New(rand.NewPCG(seed, 2))}
	sim.processes = make([]process, s.Processes())
	for i := range sim.processes {
		sim.processes[i].shares = i > sim.generator()
	}
	sum := 0.0
	for _, k := range s.Kinds {
		sum += k.Weight
		sim.weights = append(sim.weights, sum)
	}
	sim.workers = make([]int, s.Queues*s.Workers)
	sim.queues, sim.inQueue = make([][]int, s.Queues), make([]int, s.Queues)
	if s.Machine > 0 {
		sim.machines = make([]machine, s.Queues)
		for i := range sim.machines {
			// The kernel lets the periods of different groups begin at different times.
			sim.machines[i] = machine{left: s.Machine * s.Period, ends: sim.random.Float64() * s.Period}
		}
	}
	return sim
}

// generator is the number of the generator's process.
func (s *simulation) generator() int { return s.workersFrom() - 1 }

// look counts the processes that have work, and says how fast each runs.
func (s *simulation) look() {
	for i := range s.machines {
		m := &s.machines[i]
		if m.running = 0; m.ends <= s.now {
			m.left = s.Machine * s.Period
			// Whole periods on, and past now for sure, however the sum is rounded.
			m.ends = max(m.ends+s.Period*(math.Floor((s.now-m.ends)/s.Period)+1), s.now+s.Period*1e-6)
		}
	}
	s.active = 0
	for i := range s.processes {
		if s.runs(i) {
			s.active++
			if m := s.machineOf(i); m != nil {
				m.running++
			}
		}
	}
	running := min(s.active, s.Cores)
	slow := 1.0
	if s.Cores > 1 {
		slow += (s.Slowdown - 1) * float64(running-1) / float64(s.Cores-1)
	}
	s.share = float64(running) / float64(max(1, s.active))
	s.speed = s.share / slow
}

// machineOf is the machine that a process is limited by, or nil.
func (s *simulation) machineOf(process int) *machine {
	if worker := process - s.workersFrom(); worker >= 0 && s.machines != nil {
		return &s.machines[worker/s.Workers]
	}
	return nil
}

// runs reports whether a process has work, and may do it.
func (s *simulation) runs(process int) bool {
	if len(s.processes[process].jobs) == 0 {
		return false
	}
	m := s.machineOf(process)
	return m == nil || m.left > spent
}

// quota is the time until a machine has used up its CPU time, or gets more.
func (s *simulation) quota() float64 {
	step := math.Inf(1)
	for i := range s.machines {
		m := &s.machines[i]
		if s.inQueue[i] == 0 {
			continue
		}
		step = min(step, m.ends-s.now)
		if m.running > 0 {
			step = min(step, m.left/(float64(m.running)*s.share))
		}
	}
	return max(0, step)
}

// event is the one that comes next: a process that ends a job, or a wait that is over. With
// neither, a quota changed who can run.
type event struct{ process, job, wait int }

func (s *simulation) next() (step float64, e event) {
	s.look()
	step, e = s.quota(), event{-1, -1, -1}
	for i := range s.processes {
		if !s.runs(i) {
			continue
		}
		p := &s.processes[i]
		n := 1
		if p.shares {
			n = len(p.jobs)
		}
		for j := range p.jobs {
			if took := p.jobs[j].left * float64(n) / s.speed; took < step {
				step, e = took, event{i, j, -1}
			}
			if !p.shares {
				break
			}
		}
	}
	for i := range s.waits {
		if took := s.waits[i].until - s.now; took < step {
			step, e = max(0, took), event{-1, -1, i}
		}
	}
	return step, e
}

// advance lets time pass, in which nothing ends; next has looked before.
func (s *simulation) advance(step float64) {
	for i := range s.processes {
		p := &s.processes[i]
		if !s.runs(i) {
			continue
		}
		if !p.shares {
			p.jobs[0].left -= step * s.speed
			continue
		}
		for j := range p.jobs {
			p.jobs[j].left -= step * s.speed / float64(len(p.jobs))
		}
	}
	for i := range s.machines {
		s.machines[i].left -= step * float64(s.machines[i].running) * s.share
	}
	s.now += step
}

// arrive lets a request arrive: at the first proxy, or in a queue.
func (s *simulation) arrive() {
	n := len(s.requests)
	drawn, _ := slices.BinarySearch(s.weights, s.random.Float64()*s.weights[len(s.weights)-1])
	r := request{arrived: s.now, kind: &s.Kinds[drawn], worker: -1}
	if outside := r.kind.Outside; len(outside) > 0 {
		r.outside = outside[s.random.IntN(len(outside))]
	}
	s.requests = append(s.requests, r)
	if s.Generator > 0 {
		generator := &s.processes[s.generator()]
		generator.jobs = append(generator.jobs, job{s.Generator, -1, 0})
	}
	if len(s.Proxies) == 0 && r.kind.Bypass {
		panic("model: a kind of request that bypasses the workers needs a proxy")
	}
	s.proxy(n, 0)
}

// proxy gives a request to the proxy of a stage, or after the last one to the workers.
func (s *simulation) proxy(n, stage int) {
	if stage < len(s.Proxies) {
		loop := stage * s.loops()
		if s.loops() > 1 {
			loop += s.random.IntN(s.loops())
		}
		s.processes[loop].jobs = append(s.processes[loop].jobs, job{s.Proxies[stage], n, stage})
		return
	}
	queue := 0
	for q := range s.inQueue {
		if s.inQueue[q] < s.inQueue[queue] {
			queue = q
		}
	}
	s.inQueue[queue]++
	s.requests[n].queue = queue
	s.queues[queue] = append(s.queues[queue], n)
	s.dispatch(queue)
}

// dispatch gives waiting requests to workers with a free slot, those with the fewest first.
func (s *simulation) dispatch(queue int) {
	for len(s.queues[queue]) > 0 {
		best := -1
		for w := queue * s.Workers; w < (queue+1)*s.Workers; w++ {
			if (s.Threads == 0 || s.workers[w] < s.Threads) && (best < 0 || s.workers[w] < s.workers[best]) {
				best = w
			}
		}
		if best < 0 {
			return
		}
		n := s.queues[queue][0]
		s.queues[queue] = s.queues[queue][1:]
		s.workers[best]++
		s.requests[n].worker = best
		p := &s.processes[s.workersFrom()+best]
		p.jobs = append(p.jobs, job{s.requests[n].kind.Work, n, len(s.Proxies)})
	}
}

// happen carries out an event and returns the request that it ends, or -1.
func (s *simulation) happen(e event) int {
	if e.wait >= 0 {
		n := s.waits[e.wait].request
		s.waits = slices.Delete(s.waits, e.wait, e.wait+1)
		s.leave(n)
		return n
	}
	if e.process < 0 {
		return -1
	}
	p := &s.processes[e.process]
	done := p.jobs[e.job]
	p.jobs = slices.Delete(p.jobs, e.job, e.job+1)
	switch {
	case done.request < 0:
		return -1
	case done.stage == len(s.Proxies)-1 && s.requests[done.request].kind.Bypass:
		return done.request
	case done.stage < len(s.Proxies):
		s.proxy(done.request, done.stage+1)
		return -1
	}
	if off := s.requests[done.request].kind.Wait; off > 0 {
		s.waits = append(s.waits, wait{s.now + off, done.request})
		return -1
	}
	s.leave(done.request)
	return done.request
}

// leave frees a request's slot.
func (s *simulation) leave(n int) {
	r := s.requests[n]
	s.workers[r.worker]--
	s.inQueue[r.queue]--
	s.dispatch(r.queue)
}

// Quantile of the response times, in seconds.
func (s Simulated) Quantile(q float64) float64 {
	if len(s.Responses) == 0 {
		return math.Inf(1)
	}
	return s.Responses[min(len(s.Responses)-1, int(q*float64(len(s.Responses))))]
}

// Share of the requests that took longer than a limit in seconds.
func (s Simulated) Share(limit float64) float64 {
	at, _ := slices.BinarySearch(s.Responses, limit)
	return float64(len(s.Responses)-at) / float64(max(1, len(s.Responses)))
}
