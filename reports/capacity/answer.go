package capacity

import (
	"fmt"
	"strings"

	"bench/reports/page"
	"bench/stats"
)

// Headline is the answer in one line.
func (r *Report) Headline() string {
	line := r.capacityInWords()
	if r.Recommendation != nil {
		line = r.Recommendation.sentence(r) + " " + line
	}
	return line
}

func (r *Report) capacityInWords() string {
	switch {
	case len(r.Configurations) == 0:
		return "Nothing was measured."
	case r.Undecided:
		return fmt.Sprintf("%s: the time ran out before any rate was shown to meet %s.", r.Topology, r.SLO)
	case r.Capacity.Low == 0:
		return fmt.Sprintf("%s does not meet %s at any rate.", r.Topology, r.SLO)
	}
	line := fmt.Sprintf("%s serves %s requests per second while meeting %s", r.Topology, rateText(r.Capacity), r.SLO)
	if r.Bottleneck != "" {
		line += "; bottleneck: " + r.Bottleneck
	}
	return line + "."
}

// rateText writes the interval of a rate.
func rateText(i stats.Interval) string {
	if i.Low == 0 {
		return "none"
	}
	return page.Interval(i, page.Number)
}

// sentence is the recommendation in words.
func (rec *Recommendation) sentence(r *Report) string {
	target := fmt.Sprintf("For %g requests per second,", rec.Target)
	if rec.Refused != "" {
		return target + " there is no recommendation: " + rec.Refused + "."
	}
	if rec.Cores > 0 {
		return fmt.Sprintf("%s %s%s of %g cores with workers=%d each suffice; %s, %s%s, %s.", target,
			page.Count(rec.Workers, "machine"), between(rec.WorkersLow, rec.WorkersHigh), rec.Cores, rec.PerMachine,
			rec.reserve(), page.Count(rec.Machines, "machine"), between(rec.MachinesLow, rec.MachinesHigh), rec.source())
	}
	return fmt.Sprintf("%s %s; %s, %s.", target, rec.oneMachine(r.Sweep), rec.reserve(), rec.machinesOf(r.Sweep))
}

// oneMachine says whether one machine carries the target, and with how many workers.
func (rec *Recommendation) oneMachine(sweep string) string {
	switch {
	case !rec.Carries && sweep == "":
		return "one machine does not suffice"
	case !rec.Carries:
		return fmt.Sprintf("one machine does not suffice with up to %s=%d, twice what was measured", sweep, rec.Range)
	case sweep == "":
		return "one machine suffices"
	}
	return fmt.Sprintf("one machine needs %s=%d%s", sweep, rec.Workers, between(rec.WorkersLow, rec.WorkersHigh))
}

// machinesOf says how many machines it takes, and of which configuration.
func (rec *Recommendation) machinesOf(sweep string) string {
	text := page.Count(rec.Machines, "machine") + between(rec.MachinesLow, rec.MachinesHigh)
	if sweep == "" {
		return text
	}
	text += fmt.Sprintf(" with %s=%d each", sweep, rec.PerMachine)
	if !rec.PerMachineMeasured {
		text += " (calculated, not measured)"
	}
	return text
}

// reserve says what is added to the target.
func (rec *Recommendation) reserve() string {
	text := fmt.Sprintf("with %.0f %% headroom", rec.Headroom*100)
	if rec.Spare > 0 {
		text += " and one spare machine"
	}
	return text
}

// source says what the number of machines rests on.
func (rec *Recommendation) source() string {
	switch {
	case rec.SideBySide && rec.Spare > 0:
		return "all but the spare one measured side by side"
	case rec.SideBySide:
		return "measured side by side"
	case rec.Extrapolated:
		return "extrapolated beyond those measured side by side"
	}
	return "by the model"
}

// between is the range of a number, in brackets; empty if the number is certain.
func between(low, high int) string {
	switch {
	case high == 0:
		return fmt.Sprintf(" (%d or more)", low)
	case low == high:
		return ""
	}
	return fmt.Sprintf(" (%d to %d)", low, high)
}

// lead are the sentences after the headline: what the result rests on.
func (r *Report) lead() (lines []string) {
	rec := r.Recommendation
	switch {
	case rec != nil && rec.Refused == "":
		where := "of a machine"
		if rec.Cores > 0 {
			where = "of the machines"
		}
		lines = append(lines, fmt.Sprintf("Bottleneck %s: %s%s.", where, rec.Bottleneck, next(rec.Next)))
		if rec.Extrapolated && rec.Cores == 0 {
			lines = append(lines, "The number of machines is extrapolated from one machine, assuming that the load is divided "+
				"evenly, by something that is not a bottleneck.")
		}
		lines = append(lines, rec.reach(r)...)
		if rec.CostPerHour > 0 {
			lines = append(lines, fmt.Sprintf("Price: %.4g per hour.", rec.CostPerHour))
		}
	case r.Bottleneck != "":
		lines = append(lines, fmt.Sprintf("Bottleneck: %s%s.", r.Bottleneck, next(r.NextBottleneck)))
	}
	return append(lines,
		fmt.Sprintf("The load generator shares the %s with the servers (%s); the model includes its CPU time.",
			page.Count(r.Host.Cores, "core"), strings.TrimSpace(r.Host.CPU)))
}

func next(bottleneck string) string {
	if bottleneck == "" {
		return ""
	}
	return "; next: " + bottleneck
}

// reach says how far recommendations go, if beyond what was measured.
func (rec *Recommendation) reach(r *Report) []string {
	if rec.Cores > 0 {
		machines := page.Count(rec.Range, "machine")
		return []string{fmt.Sprintf("Recommendations go up to %s, twice what was measured.", machines)}
	}
	first := r.Configurations[0]
	if _, extends := At(first.found, r.Sweep, first.Value+1); !extends {
		return nil
	}
	return []string{fmt.Sprintf("Recommendations go up to %s=%d, twice what was measured.", r.Sweep, rec.Range)}
}
