package capacity

import (
	"fmt"
	"slices"
	"strings"

	"bench/results"
)

// judge says how far the run can be trusted.
func (r *Report) judge(run *results.Run) {
	busy, trials := 0, 0
	var worst float64
	for _, c := range run.Cells {
		if c.Mode != results.OpenLoop {
			continue
		}
		trials++
		if slices.ContainsFunc(c.Causes, func(cause results.Cause) bool { return cause.Code == "busy-neighbour" }) {
			busy++
		}
		if c.Grade == results.Invalid && !slices.ContainsFunc(c.Causes, results.Cause.FromServer) {
			worst++
		}
	}
	if busy*4 > trials {
		r.Grade = results.Degraded
		r.warn("busy-neighbour", fmt.Sprintf("in %d of %d trials something else used the machine", busy, trials), "Repeat on a machine of its own: capacity is what is left.")
	}
	if worst*2 > float64(trials) {
		r.Grade = results.Invalid
		r.warn("unfit", "most trials could not be measured", "Repeat on a machine that has nothing else to do.")
	}
	r.judgePace(run)
	if r.boxIsFull() {
		r.warn("box-full", "this box, and not its machines, was the limit: the proxy and the load generator share its cores", "Measure fewer machines, or smaller ones: cpu=PERCENT in the topology.")
	}
	if r.fleet() {
		r.warn("machines-on-one-box", strings.TrimSuffix(fmt.Sprintf("machines are control groups of %g cores on this one box, each with a quota for every %.0f ms; %s", r.Sizes[0].MachineCores, r.Sizes[0].QuotaPeriod*1e3, r.scaling()), "; "),
			"They share memory and caches, a short request runs at the speed of a whole core, and no network lies between them: machines of their own will differ.")
	}
	for _, s := range r.Sizes {
		switch {
		case s.Died != "":
			r.warn("died", fmt.Sprintf("%s died at %.4g requests per second, and again: %s", s.Topology, s.DiedAt, s.Died), "Its capacity is below that rate; look at its log.")
		case s.Goals[0].Unbounded:
			r.warn("unbounded", fmt.Sprintf("the time was over while %s still met the SLO: its greatest rate is a lower bound", s.Topology), "Give the search more time: --budget.")
		case s.Generator || s.MaxRate.High == 0 && s.MaxRate.Low > 0:
			r.warn("generator-limit", s.Topology+" meets the SLO as far as this generator can drive it: its capacity is a lower bound", "Use a machine with more cores, or a generator of its own.")
		case s.Goals[0].Undecided:
			r.warn("undecided", fmt.Sprintf("before the time was over, no load of %s was found to meet the SLO for sure; the lowest was tried at %.4g requests per second", s.Topology, lowest(s.Trials)), "Give the search more time: --budget.")
		case s.MaxRate.Low == 0:
			r.warn("floor", fmt.Sprintf("not even %.0f request per second meets the SLO at %s: without any load p50 is %.4g ms and p99 %.4g ms", 1.0, s.Topology, float64(s.FloorP50)/1e3, float64(s.FloorP99)/1e3), "Make the app faster, or ask for less.")
		case s.MaxRate.High/s.MaxRate.Low-1 > wideRange:
			r.warn("wide", fmt.Sprintf("the interval of %s is %.0f %% wide: the machine wavered, or the limit is a matter of luck there", s.Topology, (s.MaxRate.High/s.MaxRate.Low-1)*100), "Repeat, or give the search more time: --budget.")
		}
	}
}

// judgePace says how much the machine's own pace wavered. Nothing can be done about it here
// but to say so.
func (r *Report) judgePace(run *results.Run) {
	if r.Model == nil {
		return
	}
	var paces []float64
	for _, c := range run.Cells {
		if c.Mode == results.OpenLoop && c.Counts.Sent >= fewRequests && c.Grade != results.Invalid {
			paces = append(paces, r.Model.pace(c))
		}
	}
	if len(paces) < 5 {
		return
	}
	slices.Sort(paces)
	r.PaceLow, r.PaceHigh = paces[len(paces)/10], paces[len(paces)-1-len(paces)/10]
	if r.PaceHigh/r.PaceLow > 1+wavering {
		r.Grade = r.Grade.Worse(results.Degraded)
		r.warn("pace", fmt.Sprintf("the CPU time of a request says that the cores ran at %.2f to %.2f of their median pace (in eight of ten trials): rates are those at the median, and go up and down with it", r.PaceLow, r.PaceHigh),
			"The machine is shared, or changes its clock: plan for its slowest pace, or measure on a steadier one.")
	}
}

func lowest(trials []Trial) float64 {
	if len(trials) == 0 {
		return 0
	}
	return trials[0].Rate
}

// wavering is the spread of paces from which on a machine is no steady measure.
const wavering = 0.15

// wideRange is the relative width from which on an interval is worth a word.
const wideRange = 0.12
