package compare

import (
	"fmt"

	"bench/reports/page"
	"bench/results"
)

// Explanation names what limited a load.
type Explanation struct {
	Code string `json:"code"` // generator, workers, interpreter, cpu or threads
	// Bound is the throughput that this limit allows at most. What was measured beyond it refutes the explanation,
	// which is then not given.
	Bound float64 `json:"bound"`
	text  string
}

// bounded is how far a measured throughput may lie beyond a bound that is computed from the same cells.
const bounded = 1.05

// refuted reports whether a throughput shows that something else is the limit.
func (e Explanation) refuted(rate float64) bool { return !(rate <= bounded*e.Bound) }

// use is what a load took of the machine.
type use struct {
	servers, generator, app float64 // cores
	cores                   float64 // of the machine
	perRequest              float64 // CPU time of the app, in ms
	text                    string
	allow                   string // who allows how much, to begin a sentence with
}

func (u use) all() float64 { return u.servers + u.generator }

func (r *Report) useOf(t Topology, l Load) use {
	u := use{servers: l.serverCores(), generator: l.BusyCores["generator"], cores: float64(r.Host.Cores)}
	u.app, _ = t.Roles.Sum(l.BusyCores, results.AppRole)
	u.perRequest, _ = t.Roles.Sum(l.CPU, results.AppRole)
	u.text = fmt.Sprintf("%.2f of %s used", u.all(), page.Count(r.Host.Cores, "core"))
	if u.allow = "All cores together allow"; r.onOneMachine() {
		return u
	}
	u.allow = "That host allows"
	host, busy, cores := r.busiest(t.Name, l)
	u.servers, u.generator, u.cores = busy, 0, float64(cores)
	u.text = fmt.Sprintf("%.2f of %s used of host %s, the busiest", busy, page.Count(cores, "core"), host)
	return u
}

// explanations are tried in this order: the first that applies, and that the measurement does not refute, is given.
var explanations = []struct {
	code    string
	applies func(r *Report, t Topology, l Load, u use) bool
	bound   func(t Topology, l Load, u use) float64
	text    func(r *Report, t Topology, l Load, u use) string
}{
	{"generator", func(_ *Report, _ Topology, l Load, _ use) bool { return l.Rate.LowerBound },
		cpuBound,
		func(_ *Report, _ Topology, _ Load, u use) string {
			return fmt.Sprintf("The load generator was the limit, with %.2f cores used to the servers' %.2f: "+
				"the throughput is a lower bound.", u.generator, u.servers)
		}},
	{"workers", func(_ *Report, t Topology, l Load, u use) bool {
		return t.Concurrency > 0 && u.all() < unsaturated*u.cores && busyWorkers(t, l) > workersBusy && involvesApp(t, l)
	}, func(t Topology, l Load, _ use) float64 { return workerLimit(t, l) },
		func(_ *Report, t Topology, l Load, u use) string {
			return fmt.Sprintf("All workers were busy: %s at a time, taking at least %s each, limit the throughput to about "+
				"%s req/s. The CPU was not saturated (%s).",
				page.Count(t.Concurrency, "request"), page.Micros(l.Service.Min), page.Number(workerLimit(t, l)), u.text)
		}},
	{"interpreter", func(r *Report, t Topology, _ Load, u use) bool {
		return u.app > oneCore && u.all() < saturated*u.cores && r.oneInterpreter(t)
	}, func(_ Topology, _ Load, u use) float64 { return 1000 * oneInterpreter / u.perRequest },
		func(r *Report, t Topology, l Load, u use) string {
			return fmt.Sprintf("Its only app process used %.2f of %s: the interpreter lock lets only one thread at a time run "+
				"the app's code%s, and system calls, which run beside it, rarely make it more than %g cores. A request takes %s "+
				"of CPU time: about %s req/s at most.", u.app, page.Count(r.Host.Cores, "core"), waitingThreads(t, l),
				oneInterpreter, page.Millis(u.perRequest), page.Number(1000*oneInterpreter/u.perRequest))
		}},
	{"cpu", func(_ *Report, _ Topology, _ Load, u use) bool { return u.all() > saturated*u.cores }, cpuBound,
		func(_ *Report, t Topology, l Load, u use) string {
			return fmt.Sprintf("The CPU was saturated (%s, %.2f of them by the load generator), so the CPU time per request "+
				"decides: %s. %s about %s req/s.",
				u.text, u.generator, tiers(l.CPU), u.allow, page.Number(cpuBound(t, l, u)))
		}},
	{"threads", func(_ *Report, t Topology, l Load, u use) bool {
		return t.Concurrency == 0 && u.all() < unsaturated*u.cores && threadBound(t, l, u) < loose*l.Rate.Value
	}, threadBound,
		func(_ *Report, t Topology, l Load, u use) string {
			each := "Each connection has its own thread"
			if t.EventLoop {
				each = "An event loop works on the requests of all connections"
			}
			return fmt.Sprintf("%s, so up to %s wait at the same time, %s each on average and "+
				"%s at least: about %s req/s at most. The CPU was not saturated (%s).", each, page.Count(l.Connections, "request"),
				page.Micros(int64(l.Service.Mean)), page.Micros(l.Service.Min), page.Number(threadBound(t, l, u)), u.text)
		}},
}

// oneInterpreter is how many cores a process with a single interpreter can keep busy, as a rule: one by the app's
// code, and some more by system calls, outside the lock.
const oneInterpreter = 1.5

// cpuBound is the throughput at which servers and generator keep all cores busy.
func cpuBound(_ Topology, l Load, u use) float64 {
	return u.cores / max(u.all(), 1e-9) * l.Rate.Value
}

// loose is how far beyond what was measured a bound explains nothing any more.
const loose = 3

// threadBound is the throughput if all connections always wait for responses as fast as the fastest one.
func threadBound(_ Topology, l Load, _ use) float64 {
	return float64(l.Connections) / (float64(max(l.Service.Min, 1)) / 1e6)
}

// explain says what limited a load; nil if no limit stands out, or what was measured refutes those that seem to.
func (r *Report) explain(t Topology, l Load) *Explanation {
	u := r.useOf(t, l)
	for _, e := range explanations {
		if !e.applies(r, t, l, u) {
			continue
		}
		x := Explanation{e.code, e.bound(t, l, u), e.text(r, t, l, u)}
		if !x.refuted(l.Rate.Value) {
			return &x
		}
	}
	return nil
}
