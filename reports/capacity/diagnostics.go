package capacity

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"bench/results"
)

// judge decides how far the run can be trusted.
func (r *Report) judge(run *results.Run) {
	r.judgeTrials(run)
	for _, d := range results.SentAgain(run.Cells) {
		r.Grade = r.Grade.Worse(results.Degraded)
		r.Diagnostics = append(r.Diagnostics, d)
	}
	r.judgeCPUSpeed(run)
	r.judgeMachines(len(run.Manifest.Fleet) > 0)
	r.judgeVariability()
	r.judgeSoaks()
	for _, s := range r.Configurations {
		r.judgeConfiguration(s)
	}
}

// judgeTrials reports whether something else used the machine.
func (r *Report) judgeTrials(run *results.Run) {
	busy, unfit, trials := 0, 0, 0
	for _, c := range run.Cells {
		if c.Mode != results.OpenLoop {
			continue
		}
		trials++
		if slices.ContainsFunc(c.Diagnostics, func(d results.Diagnostic) bool { return d.Code == "busy-neighbour" }) {
			busy++
		}
		if c.Grade == results.Invalid && !slices.ContainsFunc(c.Diagnostics, results.Diagnostic.FromServer) {
			unfit++
		}
	}
	if busy*4 > trials {
		r.Grade = results.Degraded
		r.diagnose(results.Warning, "busy-neighbour",
			fmt.Sprintf("something else used the machine during %d of %d trials", busy, trials),
			"Repeat on an idle machine: the capacity found is only what was left over.")
	}
	if unfit > 0 {
		stopped, _ := results.Disturbed(run.Cells, results.ProcessStopped)
		r.diagnose(results.Notice, "void-trials",
			fmt.Sprintf("%d of %d trials were void and repeated, %d of them because a process of the servers was stopped",
				unfit, trials, stopped), "Repeat on an idle machine.")
	}
	if unfit*2 > trials {
		r.Grade = results.Invalid
		r.diagnose(results.Fault, "unfit", "most trials are not valid measurements", "Repeat on an idle machine.")
	}
}

// wavering is the spread of CPU speeds above which a machine is not steady.
const wavering = 0.15

// judgeCPUSpeed reports how much the machine's CPU speed varied, which is all that can be done about
// it here.
func (r *Report) judgeCPUSpeed(run *results.Run) {
	if r.Model == nil {
		return
	}
	var speeds []float64
	for _, c := range run.Cells {
		if c.Mode == results.OpenLoop && c.Counts.Sent >= fewRequests && c.Grade != results.Invalid {
			speeds = append(speeds, r.Model.cpuSpeed(c))
		}
	}
	if len(speeds) < 5 {
		return
	}
	slices.Sort(speeds)
	tenth := len(speeds) / 10
	r.CPUSpeed = &CPUSpeed{Low: speeds[tenth], High: speeds[len(speeds)-1-tenth]}
	if r.CPUSpeed.High/r.CPUSpeed.Low > 1+wavering {
		r.Grade = r.Grade.Worse(results.Degraded)
		r.diagnose(results.Warning, "cpu-speed",
			fmt.Sprintf("in eight of ten trials, the cores ran at %.2f to %.2f times their median speed, judged by the "+
				"CPU time of a request; the rates reported are those at the median speed, and rise and fall with it",
				r.CPUSpeed.Low, r.CPUSpeed.High),
			"The machine is shared, or changes its clock: plan for its lowest speed, or use a steadier one.")
	}
}

// judgeMachines states the limits of measuring machines side by side, on one host or on those of a fleet.
func (r *Report) judgeMachines(onHosts bool) {
	if !onHosts && r.hostIsFull() {
		r.diagnose(results.Warning, "box-full",
			"this host, and not its machines, was the limit: the proxy and the load generator share its cores",
			"Measure fewer machines, or smaller ones: cpu=PERCENT in the topology.")
	}
	if !r.fleet() {
		return
	}
	first := r.Configurations[0]
	if onHosts {
		if scaling := r.scaling(); scaling != "" {
			r.diagnose(results.Notice, "machines-on-hosts", "the machines are hosts of the fleet; "+scaling, "")
		}
		return
	}
	text := fmt.Sprintf("the machines are control groups of %g cores on this host, each with a quota per %.0f ms",
		first.MachineCores, first.QuotaPeriod*1e3)
	if scaling := r.scaling(); scaling != "" {
		text += "; " + scaling
	}
	r.diagnose(results.Notice, "machines-on-one-box", text,
		"They share memory and caches, a short request runs at the full speed of a core, and there is no network "+
			"between them: separate machines will differ.")
}

// wideInterval is the relative width above which an interval is worth mentioning.
const wideInterval = 0.12

// judgeConfiguration reports what is wrong with the capacity of a configuration: only the worst.
func (r *Report) judgeConfiguration(s Configuration) {
	const moreTime = "Give the search more time: --budget."
	switch {
	case s.Died != "":
		r.diagnose(results.Warning, "died",
			fmt.Sprintf("%s died twice at %.4g requests per second: %s", s.Topology, s.DiedAt, s.Died),
			"Its capacity is below that rate; see its log.")
	case s.Goals[0].Unbounded:
		r.diagnose(results.Warning, "unbounded",
			fmt.Sprintf("the time ran out while %s still met the SLO, so its capacity is a lower bound", s.Topology), moreTime)
	case s.Generator || s.Capacity.High == 0 && s.Capacity.Low > 0:
		r.diagnose(results.Warning, "generator-limit",
			s.Topology+" meets the SLO up to the limit of the load generator, so its capacity is a lower bound",
			"Use a machine with more cores, or a separate generator.")
	case s.Goals[0].Undecided:
		r.diagnose(results.Warning, "undecided", fmt.Sprintf("the time ran out before any rate was shown to meet the SLO "+
			"with %s; the lowest one tried was %.4g requests per second", s.Topology, s.lowest()), moreTime)
	case s.Capacity.Low == 0:
		r.diagnose(results.Warning, "floor",
			fmt.Sprintf("%s does not meet the SLO even at 1 request per second: without load, p50 is %.4g ms and p99 %.4g ms",
				s.Topology, float64(s.FloorP50)/1e3, float64(s.FloorP99)/1e3), "Make the app faster, or relax the SLO.")
	case s.Needs > 0:
		r.diagnose(results.Warning, "wide",
			fmt.Sprintf("the interval of %s is %.0f %% wide: slow requests came in few episodes; a narrow one would take "+
				"about %v of trials", s.Topology, (s.Capacity.High/s.Capacity.Low-1)*100, seconds(s.Needs)),
			"Give the search that time: --budget and --longest.")
	case s.Capacity.High/s.Capacity.Low-1 > wideInterval:
		r.diagnose(results.Warning, "wide",
			fmt.Sprintf("the interval of %s is %.0f %% wide: the machine was unsteady, or the latency near the limit depends "+
				"on chance", s.Topology, (s.Capacity.High/s.Capacity.Low-1)*100), "Repeat, or give the search more time: --budget.")
	}
}

// variable is the coefficient of variation of service times from which on a report warns: an exponential
// distribution has 1.
const variable = 1.4

// judgeVariability warns of what varies so much that averages say little.
func (r *Report) judgeVariability() {
	var most Configuration
	for _, s := range r.Configurations {
		if s.Variability > most.Variability {
			most = s
		}
	}
	if most.Variability > variable {
		r.diagnose(results.Notice, "variable-service",
			fmt.Sprintf("without any load, response times vary by %.1f times their mean (%s): long requests, and not only the "+
				"load, decide what is slow", most.Variability, most.Topology),
			"Rates depend on how the requests are mixed: measure with a realistic mix, and keep a reserve.")
	}
}

func seconds(s float64) time.Duration {
	return time.Duration(math.Ceil(s/10)) * 10 * time.Second
}

// lowest is the lowest rate that was tried.
func (s Configuration) lowest() float64 {
	if len(s.Trials) == 0 {
		return 0
	}
	return slices.MinFunc(s.Trials, func(a, b Trial) int { return cmp.Compare(a.Rate, b.Rate) }).Rate
}
