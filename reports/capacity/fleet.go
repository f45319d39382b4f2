package capacity

import (
	"fmt"

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
	limits := r.Model.System(size.Size).Limits()
	rec.Binding = r.Model.named(limits[0].Resource)
	if len(limits) > 1 {
		rec.Next = r.Model.named(limits[1].Resource)
	}
	rec.headroom(c, rec.Target/limits[0].Rate*r.servers(size.Size, limits[0].Resource))
	target := rec.Target * (1 + rec.Headroom)
	m := r.Model.Correction
	var enough bool
	if rec.Machines, enough = r.least(c, values, target, m.Estimate); !enough {
		rec.Machines = 0
		rec.Refused = fmt.Sprintf("with headroom for %.0f %% more it takes more than %d machines of %g cores, which is as far as is answered for", rec.Headroom*100, rec.Range, rec.Cores)
		return
	}
	rec.MachinesLow, _ = r.least(c, values, target, m.High)
	rec.MachinesHigh, _ = r.least(c, values, target, m.Low)
	rec.Machines, rec.MachinesLow = rec.Machines+rec.Spare, rec.MachinesLow+rec.Spare
	if rec.MachinesHigh > 0 {
		rec.MachinesHigh += rec.Spare
	}
	rec.Extrapolated = rec.Machines > size.Value
	rec.CostPerHour = c.Price * float64(rec.Machines)
}

// fleetSentence is such a recommendation in words.
func (rec *Recommendation) fleetSentence() string {
	of := fmt.Sprintf("of %g cores with workers=%d each", rec.Cores, rec.PerMachine)
	if rec.Refused != "" {
		return fmt.Sprintf("%.4g requests per second: refused: %s.", rec.Target, rec.Refused)
	}
	more := fmt.Sprintf("with headroom for %.0f %% more", rec.Headroom*100)
	if rec.Spare > 0 {
		more += " and the loss of one"
	}
	source := "as measured side by side"
	if rec.Extrapolated {
		source = "more than were measured side by side"
	}
	return fmt.Sprintf("For %.4g requests per second %s (%s) %s; %s, %s (%s), %s.",
		rec.Target, machines(rec.Workers), between(rec.WorkersLow, rec.WorkersHigh), of, more, machines(rec.Machines), between(rec.MachinesLow, rec.MachinesHigh), source)
}

func machines(n int) string {
	if n == 1 {
		return "1 machine"
	}
	return fmt.Sprintf("%d machines", n)
}

// scaling says how much more the greatest number of machines carried than one, if both were
// measured.
func (r *Report) scaling() string {
	one, most := r.Sizes[0], r.Sizes[len(r.Sizes)-1]
	if !r.fleet() || one.Value != 1 || most.Value == 1 || !(one.MaxRate.middle() > 0) {
		return ""
	}
	return fmt.Sprintf("%d machines carried %.2f times what one did", most.Value, most.MaxRate.middle()/one.MaxRate.middle())
}
