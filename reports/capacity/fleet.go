package capacity

import (
	"fmt"
	"slices"

	"bench/reports/capacity/model"
	"bench/results"
)

// fleet reports whether the sizes are numbers of machines: groups of workers with cores of
// their own behind one proxy.
func (r *Report) fleet() bool {
	return r.Sweep == "backends" && len(r.Sizes) > 0 && r.Sizes[0].MachineCores > 0
}

// needMachines completes a recommendation where machines were measured side by side: their
// number follows from what so many of them carried, and not from dividing the load.
func (r *Report) needMachines(c *results.Capacity, rec *Recommendation, values []int) {
	size := r.Sizes[len(r.Sizes)-1]
	rec.Cores, rec.PerMachine = size.MachineCores, size.Workers
	limits := r.machineLimits(size)
	rec.Binding = r.Model.queueing.Named(limits[0].Resource)
	if len(limits) > 1 {
		rec.Next = r.Model.queueing.Named(limits[1].Resource)
	}
	rec.headroom(c, rec.Target/limits[0].Rate*r.servers(size.Size, limits[0].Resource))
	target := rec.Target * (1 + rec.Headroom)
	m := r.Model.Correction
	loaded, enough := r.least(c, values, target, m.Estimate)
	if !enough {
		rec.Refused = fmt.Sprintf("with headroom for %.0f %% more it takes more than %d machines of %g cores, which is as far as is answered for", rec.Headroom*100, rec.Range, rec.Cores)
		return
	}
	low, _ := r.least(c, values, target, m.High)
	high, _ := r.least(c, values, target, m.Low)
	rec.Machines, rec.MachinesLow = loaded+rec.Spare, low+rec.Spare
	if high > 0 {
		rec.MachinesHigh = high + rec.Spare
	}
	rec.Extrapolated = loaded > size.Value
	rec.SideBySide = r.decided(loaded)
	rec.CostPerHour = c.Price * float64(rec.Machines)
}

// machineLimits are those of machines: this box's cores, which they share only here, are none.
func (r *Report) machineLimits(s Size) []model.Limit {
	limits := r.Model.system(s.Size).Limits()
	return slices.DeleteFunc(limits, func(l model.Limit) bool { return l.Resource == model.Cores })
}

// boxIsFull reports whether this box, and not its machines, was the limit.
func (r *Report) boxIsFull() bool {
	const full = 0.9
	return r.fleet() && slices.ContainsFunc(r.Sizes, func(s Size) bool {
		return s.Busy > full || r.Model != nil && r.Model.system(s.Size).Limits()[0].Resource == model.Cores
	})
}

// fleetSentence is such a recommendation in words.
func (rec *Recommendation) fleetSentence() string {
	if rec.Refused != "" {
		return fmt.Sprintf("%.4g requests per second: refused: %s.", rec.Target, rec.Refused)
	}
	more := fmt.Sprintf("with headroom for %.0f %% more", rec.Headroom*100)
	if rec.Spare > 0 {
		more += " and the loss of one"
	}
	source := "by the model"
	switch {
	case rec.SideBySide && rec.Spare > 0:
		source = "all but the spare one measured side by side"
	case rec.SideBySide:
		source = "measured side by side"
	case rec.Extrapolated:
		source = "extrapolated: more than were measured side by side"
	}
	return fmt.Sprintf("For %.4g requests per second %s (%s) of %g cores with workers=%d each; %s, %s (%s), %s.",
		rec.Target, machines(rec.Workers), between(rec.WorkersLow, rec.WorkersHigh), rec.Cores, rec.PerMachine, more, machines(rec.Machines), between(rec.MachinesLow, rec.MachinesHigh), source)
}

func machines(n int) string {
	if n == 1 {
		return "1 machine"
	}
	return fmt.Sprintf("%d machines", n)
}

// unit is what the swept parameter counts.
func (r *Report) unit() string {
	if r.fleet() {
		return "machines"
	}
	return r.Sweep
}

// scaling says how much more the greatest number of machines carried than one, if both were
// measured.
func (r *Report) scaling() string {
	one, most := r.Sizes[0], r.Sizes[len(r.Sizes)-1]
	if !r.fleet() || one.Value != 1 || most.Value == 1 || !(one.MaxRate.middle() > 0 && most.MaxRate.middle() > 0) {
		return ""
	}
	return fmt.Sprintf("%d machines carried %.2f times what one did", most.Value, most.MaxRate.middle()/one.MaxRate.middle())
}
