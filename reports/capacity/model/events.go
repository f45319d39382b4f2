package model

import (
	"math"
	"math/rand/v2"
	"slices"
)

// simulation is a run of a system, event by event. Its caller asks for the next event, lets time pass
// until that or until the next arrival, and carries it out.
type simulation struct {
	System
	random    *rand.Rand
	now       float64
	processes []process  // the loops of each proxy, the generator, then the workers
	running   []*process // those that can run, since the last look
	share     float64    // of a core that each of them gets
	speed     float64    // at which each of them runs
	machines  []machine  // by queue, if they have CPU quotas
	workers   []int      // by worker: requests in progress
	queues    []queue    // waiting requests
	inQueue   []int      // by queue: waiting or in progress
	waits     []wait     // off the CPU, unordered: there are few
	requests  []request
	weights   []float64 // cumulative, of the kinds
	generator int       // its number among the processes; the first worker comes next
}

// process is what the kernel runs on one core at a time: an event loop processes its jobs in order, a
// Python process switches between them.
type process struct {
	jobs    []job
	shares  bool
	machine *machine // whose quota limits it, or nil
}

// job is one piece of CPU work of a process.
type job struct {
	left    float64
	request int // -1: the generator's own work
	stage   int
}

// machine is the CPU quota of a group of workers.
type machine struct {
	left    float64 // of the CPU time in this period
	ends    float64 // when the period ends
	running int     // processes that can run
}

// spent is the CPU time left that counts as none, because sums are rounded.
const spent = 1e-12

type request struct {
	arrived, outside    float64
	work, wait          float64 // in its worker
	kind, queue, worker int32
}

// queue is a first-come, first-served queue of requests.
type queue struct {
	waiting []int
	first   int // the first that still waits
}

func (q *queue) empty() bool { return q.first == len(q.waiting) }

func (q *queue) push(n int) {
	if q.empty() {
		q.waiting, q.first = q.waiting[:0], 0
	}
	q.waiting = append(q.waiting, n)
}

func (q *queue) pop() int {
	q.first++
	return q.waiting[q.first-1]
}

type wait struct {
	until   float64
	request int
}

// newSimulation makes a simulation with room for the given number of requests.
func newSimulation(s System, requests int, seed uint64) *simulation {
	sim := &simulation{
		System: s, random: rand.New(rand.NewPCG(seed, 2)), generator: s.workersFrom() - 1,
		processes: make([]process, s.Processes()), workers: make([]int, s.Queues*s.Workers),
		queues: make([]queue, s.Queues), inQueue: make([]int, s.Queues), requests: make([]request, 0, requests),
	}
	total := 0.0
	for _, k := range s.Kinds {
		total += k.Weight
		sim.weights = append(sim.weights, total)
	}
	if s.Machine > 0 {
		sim.machines = make([]machine, s.Queues)
		for i := range sim.machines {
			// In the kernel, the periods of different groups begin at different times.
			sim.machines[i] = machine{left: s.Machine * s.Period, ends: sim.random.Float64() * s.Period}
		}
	}
	for worker := range s.Queues * s.Workers {
		p := sim.worker(worker)
		p.shares = true
		if sim.machines != nil {
			p.machine = &sim.machines[worker/s.Workers]
		}
	}
	return sim
}

// worker is the process of worker n.
func (s *simulation) worker(n int) *process { return &s.processes[s.generator+1+n] }

// look finds the processes that have work and may run, and sets how fast each runs.
func (s *simulation) look() {
	for i := range s.machines {
		m := &s.machines[i]
		if m.running = 0; m.ends <= s.now {
			m.left = s.Machine * s.Period
			// Advance by whole periods, and past now however the sum is rounded.
			m.ends = max(m.ends+s.Period*(math.Floor((s.now-m.ends)/s.Period)+1), s.now+s.Period*1e-6)
		}
	}
	s.running = s.running[:0]
	for i := range s.processes {
		p := &s.processes[i]
		if len(p.jobs) == 0 {
			continue
		}
		if m := p.machine; m != nil {
			if m.left <= spent {
				continue
			}
			m.running++
		}
		s.running = append(s.running, p)
	}
	active := len(s.running)
	busy := min(active, s.Cores)
	slow := 1.0
	if s.Cores > 1 {
		slow += (s.Slowdown - 1) * float64(busy-1) / float64(s.Cores-1)
	}
	s.share = float64(busy) / float64(max(1, active))
	s.speed = s.share / slow
}

// quota is the time until a machine has used up its CPU time or gets more.
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

// event is what happens next: a process finishes a job, or a wait ends. If neither, a quota changes which
// processes can run.
type event struct {
	process *process
	job     int // of the process
	wait    int // without a process; -1: none
}

// next is the next event, and the time until then, if nothing arrives before.
func (s *simulation) next() (step float64, e event) {
	s.look()
	step, e = s.quota(), event{wait: -1}
	speed := s.speed
	for _, p := range s.running {
		if !p.shares {
			if took := p.jobs[0].left / speed; took < step {
				step, e = took, event{process: p}
			}
			continue
		}
		n := float64(len(p.jobs))
		for j := range p.jobs {
			if took := p.jobs[j].left * n / speed; took < step {
				step, e = took, event{process: p, job: j}
			}
		}
	}
	for i := range s.waits {
		if took := s.waits[i].until - s.now; took < step {
			step, e = max(0, took), event{wait: i}
		}
	}
	return step, e
}

// advance lets time pass in which nothing ends. It relies on the look of next.
func (s *simulation) advance(step float64) {
	work := step * s.speed
	for _, p := range s.running {
		if !p.shares {
			p.jobs[0].left -= work
			continue
		}
		each := work / float64(len(p.jobs))
		for j := range p.jobs {
			p.jobs[j].left -= each
		}
	}
	for i := range s.machines {
		s.machines[i].left -= step * float64(s.machines[i].running) * s.share
	}
	s.now += step
}

// arrive adds a request, at the first proxy or in a queue.
func (s *simulation) arrive() {
	n := len(s.requests)
	drawn, _ := slices.BinarySearch(s.weights, s.random.Float64()*s.weights[len(s.weights)-1])
	r := request{arrived: s.now, kind: int32(drawn), worker: -1}
	if outside := s.Kinds[drawn].Outside; len(outside) > 0 {
		r.outside = outside[s.random.IntN(len(outside))]
	}
	r.work, r.wait = s.Kinds[drawn].Work, s.Kinds[drawn].Wait
	if varies := s.Kinds[drawn].Varies; len(varies) > 0 {
		v := varies[s.random.IntN(len(varies))]
		r.work, r.wait = r.work*v.Work, r.wait*v.Wait
	}
	s.requests = append(s.requests, r)
	if s.Generator > 0 {
		generator := &s.processes[s.generator]
		generator.jobs = append(generator.jobs, job{s.Generator, -1, 0})
	}
	if len(s.Proxies) == 0 && s.Kinds[drawn].Bypass {
		panic("model: a kind of request that bypasses the workers needs a proxy")
	}
	s.proxy(n, 0)
}

// proxy passes a request to the proxy of a stage, or after the last one to the workers.
func (s *simulation) proxy(n, stage int) {
	if stage < len(s.Proxies) {
		loop := stage * s.loops()
		if s.loops() > 1 {
			loop += s.random.IntN(s.loops())
		}
		p := &s.processes[loop]
		p.jobs = append(p.jobs, job{s.Proxies[stage], n, stage})
		return
	}
	queue := 0
	for q := range s.inQueue {
		if s.inQueue[q] < s.inQueue[queue] {
			queue = q
		}
	}
	s.inQueue[queue]++
	s.requests[n].queue = int32(queue)
	s.queues[queue].push(n)
	s.dispatch(queue)
}

// dispatch assigns waiting requests to workers that can take more, those with the fewest first.
func (s *simulation) dispatch(queue int) {
	for waiting := &s.queues[queue]; !waiting.empty(); {
		best := -1
		for w := queue * s.Workers; w < (queue+1)*s.Workers; w++ {
			if (s.Threads == 0 || s.workers[w] < s.Threads) && (best < 0 || s.workers[w] < s.workers[best]) {
				best = w
			}
		}
		if best < 0 {
			return
		}
		n := waiting.pop()
		s.workers[best]++
		s.requests[n].worker = int32(best)
		p := s.worker(best)
		p.jobs = append(p.jobs, job{s.requests[n].work, n, len(s.Proxies)})
	}
}

// kind is the kind of a request.
func (s *simulation) kind(request int) *Kind { return &s.Kinds[s.requests[request].kind] }

// happen carries out an event and returns the request that it completes, or -1.
func (s *simulation) happen(e event) int {
	switch {
	case e.process != nil:
		done := e.process.jobs[e.job]
		e.process.jobs = slices.Delete(e.process.jobs, e.job, e.job+1)
		return s.worked(done)
	case e.wait >= 0:
		n := s.waits[e.wait].request
		s.waits = slices.Delete(s.waits, e.wait, e.wait+1)
		s.leave(n)
		return n
	}
	return -1
}

// worked takes a request to its next stage after a job, and returns it if it is complete, or -1.
func (s *simulation) worked(done job) int {
	n := done.request
	switch {
	case n < 0:
		return -1
	case done.stage == len(s.Proxies)-1 && s.kind(n).Bypass:
		return n
	case done.stage < len(s.Proxies):
		s.proxy(n, done.stage+1)
		return -1
	}
	if off := s.requests[n].wait; off > 0 {
		s.waits = append(s.waits, wait{s.now + off, n})
		return -1
	}
	s.leave(n)
	return n
}

// leave removes a request from its worker, which can then take another.
func (s *simulation) leave(n int) {
	r := &s.requests[n]
	s.workers[r.worker]--
	s.inQueue[r.queue]--
	s.dispatch(int(r.queue))
}
