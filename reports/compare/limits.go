package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bench/reports/page"
	"bench/results"
)

// Thresholds of the explanations. Each is a share that leaves room for the noise of short cells; none
// decides a verdict.
const (
	saturated   = 0.85 // of all cores: the CPU is the limit
	unsaturated = 0.70 // of all cores: below this, it is not
	oneCore     = 0.75 // of one core, used by the only process of the app: the interpreter lock is the limit
	workersBusy = 0.80 // of the workers, by Little's law: they are the limit
	uninvolved  = 0.02 // of the servers' CPU time: the app hardly takes part
)

// reasons name what limited a topology under a closed loop, with the evidence.
func (r *Report) reasons(t Topology, l Load) []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if l.VoidServer > 0 {
		add("%d of %s are void: the server died or sent no successful response.", l.VoidServer, page.Count(l.Cells, "cell"))
	}
	if n := l.Void - l.VoidServer; n > 0 {
		add("%d of %s are void because of the generator or the machine; see the diagnostics.", n, page.Count(l.Cells, "cell"))
	}
	if wrong := l.Counts.Failed(); wrong > 0 {
		add("%s of %s failed.", page.Number(float64(wrong)), page.Count(l.Counts.Intended, "request"))
	}
	if text := databaseLimit(t, l); text != "" {
		list = append(list, text)
	}
	if share := r.nagle(t, l); share > 0 {
		receiver := "client"
		if allProxied(r.delayedTargets(t)) {
			receiver = "proxy"
		}
		add("%.0f %% of its responses took %s: on keep-alive connections they wait for a delayed "+
			"acknowledgement by the %s (see the notes).", 100*share, nagleText, receiver)
	}
	if len(l.CPU) == 0 {
		add("The servers' CPU time is unknown, so the limit cannot be named.")
		return list
	}
	return append(list, r.limits(t, l)...)
}

// limits name the resource that limited a load: the generator, the workers, one interpreter, or the
// CPU.
func (r *Report) limits(t Topology, l Load) (list []string) {
	if e := r.explain(t, l); e != nil {
		list = append(list, e.text)
	} else {
		list = append(list, fmt.Sprintf("No single limit stands out (%s); CPU time per request: %s.",
			r.useOf(t, l).text, tiers(l.CPU)))
	}
	if perRequest, known := t.Roles.Sum(l.CPU, results.AppRole); known && !involvesApp(t, l) {
		list = append(list, fmt.Sprintf("The app was hardly involved, with %s of CPU time per request: "+
			"the servers in front of it serve these files.", page.Millis(perRequest)))
	}
	return list
}

// involvesApp reports whether the app took part in the responses, and not only the servers in front of
// it, which its workers do not limit.
func involvesApp(t Topology, l Load) bool {
	app, _ := t.Roles.Sum(l.BusyCores, results.AppRole)
	return app >= uninvolved*l.serverCores()
}

// waitingThreads says how many threads wait for the interpreter lock, if more than one runs.
func waitingThreads(t Topology, l Load) string {
	waiting := t.Concurrency
	if t.Concurrency == 0 {
		waiting = l.Connections
	}
	if waiting <= 1 || t.EventLoop {
		return ""
	}
	return fmt.Sprintf(", and switching between the %d threads that wait for it costs CPU time as well", waiting)
}

// serverCores is the number of cores that the servers kept busy.
func (l Load) serverCores() (sum float64) {
	for _, tier := range slices.Sorted(maps.Keys(l.BusyCores)) {
		if tier != "generator" {
			sum += l.BusyCores[tier]
		}
	}
	return sum
}

// workerLimit is the throughput at which all workers are busy.
func workerLimit(t Topology, l Load) float64 {
	return float64(t.Concurrency) / (float64(l.Service.Min) / 1e6)
}

// busyWorkers is the share of the workers that were busy: by Little's law, throughput × service
// time. The shortest one measured stands for a request that did not wait.
func busyWorkers(t Topology, l Load) float64 {
	return l.Rate.Value * float64(l.Service.Min) / 1e6 / float64(t.Concurrency)
}

// oneInterpreter reports whether a single process ran the app.
func (r *Report) oneInterpreter(t Topology) bool {
	most := 0
	for _, c := range r.run.Cells {
		if c.Topology != t.Name {
			continue
		}
		for _, u := range c.Usage {
			if t.Roles.Has(u.Tier, results.AppRole) {
				most = max(most, u.Processes)
			}
		}
	}
	return most == 1
}

// tiers writes the CPU time per request, in total and by tier.
func tiers(perRequest map[string]float64) string {
	sum := 0.0
	for _, tier := range slices.Sorted(maps.Keys(perRequest)) {
		sum += perRequest[tier]
	}
	if len(perRequest) < 2 {
		return page.Millis(sum)
	}
	return fmt.Sprintf("%s (%s)", page.Millis(sum), TierList(perRequest))
}

// TierList is the CPU time of each tier if there is more than one.
func TierList(perRequest map[string]float64) string {
	if len(perRequest) < 2 {
		return ""
	}
	var parts []string
	for _, tier := range slices.Sorted(maps.Keys(perRequest)) {
		parts = append(parts, tier+" "+page.Millis(perRequest[tier]))
	}
	return strings.Join(parts, ", ")
}
