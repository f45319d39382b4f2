package capacity

import (
	"fmt"
	"slices"

	"bench/reports/capacity/model"
	"bench/reports/page"
	"bench/results"
)

// fleet reports whether the configurations are numbers of machines: groups of workers with their own
// cores, behind one proxy.
func (r *Report) fleet() bool {
	return r.Sweep == "backends" && len(r.Configurations) > 0 && r.Configurations[0].MachineCores > 0
}

// needMachines completes a recommendation if machines were measured side by side: their number follows
// from what that number of machines carried, and not from dividing the load.
func (r *Report) needMachines(c *results.Capacity, rec *Recommendation, values []int) {
	most := r.Configurations[len(r.Configurations)-1]
	rec.Cores, rec.PerMachine = most.MachineCores, most.Workers
	limits := r.machineLimits(most)
	rec.bind(r.Model.queueing, limits)
	rec.headroom(c, rec.Target/limits[0].Rate*r.servers(most.found, limits[0].Resource))
	target := rec.Target * (1 + rec.Headroom)
	m := r.Model.Correction
	loaded, enough := r.least(c, values, target, m.Value)
	if !enough {
		rec.Refused = fmt.Sprintf("with %s headroom, it takes more than %d machines of %g cores, twice what was measured",
			page.Percent(rec.Headroom), rec.Range, rec.Cores)
		return
	}
	low, _ := r.least(c, values, target, m.High)
	high, _ := r.least(c, values, target, m.Low)
	rec.Machines, rec.MachinesLow = loaded+rec.Spare, low+rec.Spare
	if high > 0 {
		rec.MachinesHigh = high + rec.Spare
	}
	rec.Extrapolated = loaded > most.Value
	rec.SideBySide = r.decided(loaded)
	rec.CostPerHour = c.Price * float64(rec.Machines)
}

// machineLimits are the limits of machines. The host's cores, which they share only here, are left out.
func (r *Report) machineLimits(s Configuration) []model.Limit {
	limits := r.Model.system(s.found).Scaled(r.Model.Correction.Value).Limits()
	return slices.DeleteFunc(limits, func(l model.Limit) bool { return l.Resource == model.Cores })
}

// hostIsFull reports whether this host, and not its machines, was the limit.
func (r *Report) hostIsFull() bool {
	const full = 0.9
	return r.fleet() && slices.ContainsFunc(r.Configurations, func(s Configuration) bool {
		return s.Busy > full || r.Model != nil && r.Model.system(s.found).Limits()[0].Resource == model.Cores
	})
}

// unit names what the swept parameter counts.
func (r *Report) unit() string {
	if r.fleet() {
		return "machines"
	}
	return r.Sweep
}

// scaling says how much more the largest number of machines carried than one, if both were measured.
func (r *Report) scaling() string {
	one, most := r.Configurations[0], r.Configurations[len(r.Configurations)-1]
	if !r.fleet() || one.Value != 1 || most.Value == 1 || !(one.Capacity.Value > 0 && most.Capacity.Value > 0) {
		return ""
	}
	return fmt.Sprintf("%s carried %.2f times the load of one",
		page.Count(most.Value, "machine"), most.Capacity.Value/one.Capacity.Value)
}
