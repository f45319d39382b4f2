package capacity

import (
	"cmp"
	"fmt"
	"slices"

	"bench/results"
)

// judge says how far the run can be trusted.
func (r *Report) judge(run *results.Run) {
	r.judgeTrials(run)
	r.judgeCPUSpeed(run)
	r.judgeMachines()
	for _, s := range r.Configurations {
		r.judgeConfiguration(s)
	}
}

// judgeTrials says whether something else used the machine.
func (r *Report) judgeTrials(run *results.Run) {
	busy, unfit, trials := 0, 0, 0
	for _, c := range run.Cells {
		if c.Mode != results.OpenLoop {
			continue
		}
		trials++
		if slices.ContainsFunc(c.Diagnostics, func(cause results.Diagnostic) bool { return cause.Code == "busy-neighbour" }) {
			busy++
		}
		if c.Grade == results.Invalid && !slices.ContainsFunc(c.Diagnostics, results.Diagnostic.FromServer) {
			unfit++
		}
	}
	if busy*4 > trials {
		r.Grade = results.Degraded
		r.diagnose("busy-neighbour", fmt.Sprintf("in %d of %d trials something else used the machine", busy, trials),
			"Repeat on an otherwise idle machine: the capacity is only what was left.")
	}
	if unfit*2 > trials {
		r.Grade = results.Invalid
		r.diagnose("unfit", "most trials could not be measured", "Repeat on an otherwise idle machine.")
	}
}

// wavering is the spread of CPU speeds from which on a machine is not a steady measure.
const wavering = 0.15

// judgeCPUSpeed says how much the machine's CPU speed wavered. Nothing can be done about it here
// but to say so.
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
		r.diagnose("cpu-speed",
			fmt.Sprintf("judged by the CPU time of a request, the cores ran at %.2f to %.2f of their median speed "+
				"in eight of ten trials; rates are those at the median, and rise and fall with it",
				r.CPUSpeed.Low, r.CPUSpeed.High),
			"The machine is shared, or changes its clock: plan for its lowest speed, or measure on a steadier one.")
	}
}

// judgeMachines says what machines side by side on one box are not.
func (r *Report) judgeMachines() {
	if r.boxIsFull() {
		r.diagnose("box-full",
			"this box, and not its machines, was the limit: the proxy and the load generator share its cores",
			"Measure fewer machines, or smaller ones: cpu=PERCENT in the topology.")
	}
	if !r.fleet() {
		return
	}
	first := r.Configurations[0]
	text := fmt.Sprintf("the machines are control groups of %g cores on this one box, each with a quota per %.0f ms",
		first.MachineCores, first.QuotaPeriod*1e3)
	if scaling := r.scaling(); scaling != "" {
		text += "; " + scaling
	}
	r.diagnose("machines-on-one-box", text,
		"They share memory and caches, a short request runs at the speed of a whole core, "+
			"and there is no network between them: separate machines will differ.")
}

// wideInterval is the relative width from which on an interval is worth a word.
const wideInterval = 0.12

// judgeConfiguration says what is wrong with the capacity of one, the gravest alone.
func (r *Report) judgeConfiguration(s Configuration) {
	const moreTime = "Give the search more time: --budget."
	switch {
	case s.Died != "":
		r.diagnose("died", fmt.Sprintf("%s died at %.4g requests per second, twice: %s", s.Topology, s.DiedAt, s.Died),
			"Its capacity is below that rate; see its log.")
	case s.Goals[0].Unbounded:
		r.diagnose("unbounded",
			fmt.Sprintf("the time ran out while %s still met the SLO: its capacity is a lower bound", s.Topology), moreTime)
	case s.Generator || s.Capacity.High == 0 && s.Capacity.Low > 0:
		r.diagnose("generator-limit",
			s.Topology+" meets the SLO as far as this generator can drive it: its capacity is a lower bound",
			"Use a machine with more cores, or a separate generator.")
	case s.Goals[0].Undecided:
		r.diagnose("undecided", fmt.Sprintf("the time ran out before any load of %s was certain to meet the SLO; "+
			"the lowest one tried was %.4g requests per second", s.Topology, s.lowest()), moreTime)
	case s.Capacity.Low == 0:
		r.diagnose("floor",
			fmt.Sprintf("%s does not meet the SLO even at 1 request per second: without any load p50 is %.4g ms and p99 %.4g ms",
				s.Topology, float64(s.FloorP50)/1e3, float64(s.FloorP99)/1e3), "Make the app faster, or relax the SLO.")
	case s.Capacity.High/s.Capacity.Low-1 > wideInterval:
		r.diagnose("wide",
			fmt.Sprintf("the interval of %s is %.0f %% wide: the machine wavered, or the latency at its limit depends on chance",
				s.Topology, (s.Capacity.High/s.Capacity.Low-1)*100), "Repeat, or give the search more time: --budget.")
	}
}

// lowest is the lowest rate that was tried.
func (s Configuration) lowest() float64 {
	if len(s.Trials) == 0 {
		return 0
	}
	return slices.MinFunc(s.Trials, func(a, b Trial) int { return cmp.Compare(a.Rate, b.Rate) }).Rate
}
