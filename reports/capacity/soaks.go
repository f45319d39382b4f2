package capacity

import (
	"fmt"
	"math"
	"slices"
	"time"

	"bench/reports/page"
	"bench/results"
	"bench/stats"
)

// soaked is the method of an interval that a soak moved.
const soaked = "the search, and a longer load at the lower end, which missed the SLO"

// ToConfirm is the configuration that the report rests on, the recommended one if it was measured, with the rate
// that it certainly serves and the variability of its service times. The rate is 0 if there is none.
func (r *Report) ToConfirm() (topology string, rate, variability float64) {
	for _, s := range r.Configurations {
		recommended := r.Recommendation != nil && r.Recommendation.Refused == "" && !r.fleet() &&
			r.Recommendation.PerMachineMeasured && s.Value == r.Recommendation.PerMachine
		if s.decided() && (recommended || topology == "" && s.Topology == r.Topology) {
			topology, rate, variability = s.Topology, s.Capacity.Low, s.Variability
		}
	}
	return topology, rate, variability
}

// soak lowers the capacity of configurations whose lower end missed the SLO in a longer load: it then lies between
// the rate that was confirmed, if any, and the lowest one that missed.
func (r *Report) soak(soaks []results.Soak) {
	r.Soaks = slices.Clone(soaks)
	for i := range r.Configurations {
		s := &r.Configurations[i]
		missed, held := math.Inf(1), 0.0
		for _, soak := range soaks {
			switch {
			case soak.Topology != s.Topology:
			case soak.Verdict == results.Missed:
				missed = min(missed, soak.Rate)
			default:
				held = max(held, soak.Rate)
			}
		}
		if math.IsInf(missed, 1) || s.Capacity.Low == 0 {
			continue
		}
		// Without a rate that held, all that is known is that the capacity is below the lowest one.
		low, n := held, s.Capacity.N
		if low == 0 {
			low = missed / 2
		}
		value := math.Sqrt(low * missed)
		s.Capacity = stats.Between(low, max(missed, s.Capacity.Low), soaked)
		s.Capacity.Value, s.Capacity.N, s.Assisted = value, n, false
	}
}

// judgeSoaks reports what became of the confirmation.
func (r *Report) judgeSoaks() {
	for i, soak := range r.Soaks {
		last := i == len(r.Soaks)-1
		switch {
		case soak.Verdict == results.Missed && last:
			r.Grade = r.Grade.Worse(results.Degraded)
			r.diagnose(results.Warning, "not-confirmed", soakedAt(soak)+" missed the SLO; no lower rate was confirmed",
				"Give the search more time (--budget, --longest), or measure on a quiet machine.")
		case soak.Verdict == results.Missed:
			r.diagnose(results.Warning, "soak-missed", soakedAt(soak)+" missed the SLO, so the capacity was lowered",
				"Trust the lower rate: slow requests come in episodes that the search did not see.")
		}
	}
}

// soakedAt says what was offered, to what and for how long.
func soakedAt(s results.Soak) string {
	return fmt.Sprintf("%s requests per second for %v on %s",
		page.Number(s.Rate), time.Duration(s.Length*float64(time.Second)), s.Topology)
}

// confirmation says whether the rate that the answer rests on was confirmed.
func (r *Report) confirmation() string {
	if len(r.Soaks) == 0 {
		return ""
	}
	last := r.Soaks[len(r.Soaks)-1]
	at := soakedAt(last)
	switch last.Verdict {
	case results.Met:
		return fmt.Sprintf("Confirmed: %s met the SLO.", at)
	case results.Undecided:
		return fmt.Sprintf("Neither confirmed nor refuted: with %s, more requests were slow than the SLO allows, in too few "+
			"episodes to tell.", at)
	}
	return fmt.Sprintf("Not confirmed: %s missed the SLO.", at)
}
