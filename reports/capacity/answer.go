package capacity

import (
	"fmt"
	"strings"

	"bench/reports/page"
	"bench/stats"
)

// Headline is the answer in one sentence: what to deploy for the target, or without a target what was measured.
func (r *Report) Headline() string {
	if r.Recommendation != nil {
		return r.Recommendation.sentence(r)
	}
	return r.capacityInWords() + r.bound() + "."
}

// capacityInWords is what was measured, without the full stop.
func (r *Report) capacityInWords() string {
	switch {
	case len(r.Configurations) == 0:
		return "Nothing was measured"
	case r.Undecided:
		return fmt.Sprintf("%s: the time ran out before any rate was shown to meet %s", r.Topology, r.SLO)
	case r.Capacity.Low == 0:
		return fmt.Sprintf("%s does not meet %s at any rate", r.Topology, r.SLO)
	}
	return fmt.Sprintf("%s serves %s requests per second while meeting %s", r.Topology, rateText(r.Capacity), r.SLO)
}

// bound names the bottleneck at the end of a sentence.
func (r *Report) bound() string {
	if r.Bottleneck == "" || r.Capacity.Low == 0 {
		return ""
	}
	return "; the bottleneck is " + r.Bottleneck
}

// rateText writes the interval of a rate.
func rateText(i stats.Interval) string {
	if i.Low == 0 {
		return "none"
	}
	return page.Interval(i, page.Number)
}

// sentence is the recommendation in words: one number of machines, each with one number of workers.
func (rec *Recommendation) sentence(r *Report) string {
	target := fmt.Sprintf("For %g requests per second at %s", rec.Target, r.SLO)
	if rec.Refused != "" {
		return target + " there is no recommendation: " + rec.Refused + "."
	}
	text := target + ", deploy " + page.Count(rec.Machines, "machine")
	if rec.Cores > 0 {
		text += fmt.Sprintf(" of %g cores", rec.Cores)
	}
	if unit := rec.each(r); unit != "" {
		text += fmt.Sprintf(" with %s=%d each", unit, rec.PerMachine)
		if rec.Cores == 0 && !rec.PerMachineMeasured {
			text += " (calculated, not measured)"
		}
	}
	return fmt.Sprintf("%s: %s; the bottleneck is %s.", text, rec.reserve(), rec.Bottleneck)
}

// each names what a machine has a number of, if anything.
func (rec *Recommendation) each(r *Report) string {
	if rec.Cores > 0 {
		return "workers"
	}
	return r.Sweep
}

// oneMachine says whether one machine carries the target without headroom, and with how many workers.
func (rec *Recommendation) oneMachine(sweep string) string {
	switch {
	case !rec.Carries && sweep == "":
		return "one machine does not suffice"
	case !rec.Carries:
		return fmt.Sprintf("one machine does not suffice with up to %s=%d, twice what was measured", sweep, rec.Range)
	case sweep == "":
		return "one machine suffices"
	}
	return fmt.Sprintf("one machine with %s=%d%s suffices", sweep, rec.Workers, between(rec.WorkersLow, rec.WorkersHigh))
}

// certainty says by how much the number of machines may be off, and what it would be without headroom.
func (rec *Recommendation) certainty(r *Report) string {
	text := fmt.Sprintf("The number of machines is %s", rec.source())
	if ends := between(rec.MachinesLow, rec.MachinesHigh); ends != "" {
		text += "; by the ends of the interval" + strings.NewReplacer("(", "it is ", ")", "").Replace(ends)
	}
	if rec.Cores > 0 {
		return fmt.Sprintf("%s. Without headroom, %s%s suffice.", text, page.Count(rec.Workers, "machine"),
			between(rec.WorkersLow, rec.WorkersHigh))
	}
	return fmt.Sprintf("%s. Without headroom, %s.", text, rec.oneMachine(r.Sweep))
}

// reserve says what is added to the target.
func (rec *Recommendation) reserve() string {
	switch {
	case rec.Headroom == 0 && rec.Spare == 0:
		return "without headroom"
	case rec.Spare > 0:
		return fmt.Sprintf("%.0f %% headroom and one spare machine are included", rec.Headroom*100)
	}
	return fmt.Sprintf("%.0f %% headroom is included", rec.Headroom*100)
}

// source says what the number of machines rests on.
func (rec *Recommendation) source() string {
	switch {
	case rec.SideBySide && rec.Spare > 0:
		return "all but the spare one measured side by side"
	case rec.SideBySide:
		return "measured side by side"
	case rec.Extrapolated && rec.Cores > 0:
		return "extrapolated beyond those measured side by side"
	case rec.Extrapolated:
		return "extrapolated from one machine, assuming that the load is divided evenly " +
			"by something that is not a bottleneck"
	case rec.PerMachineMeasured:
		return "measured"
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
	if rec != nil {
		lines = append(lines, r.capacityInWords()+".")
	}
	if rec != nil && rec.Refused == "" {
		lines = append(lines, rec.certainty(r))
		lines = append(lines, rec.reach(r)...)
		if rec.CostPerHour > 0 {
			lines = append(lines, fmt.Sprintf("Price: %.4g per hour.", rec.CostPerHour))
		}
	}
	if text := r.confirmation(); text != "" {
		lines = append(lines, text)
	}
	if r.NextBottleneck != "" && r.Capacity.Low > 0 {
		lines = append(lines, fmt.Sprintf("The next bottleneck would be %s.", r.NextBottleneck))
	}
	if len(r.manifest.Fleet) > 0 {
		return append(lines, "Servers and load generator ran on hosts of their own: see What ran where.")
	}
	return append(lines,
		fmt.Sprintf("The load generator shares the %s with the servers (%s); the model includes its CPU time.",
			page.Count(r.Host.Cores, "core"), strings.TrimSpace(r.Host.CPU)))
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
