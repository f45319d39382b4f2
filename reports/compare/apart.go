package compare

import (
	"fmt"
	"strings"

	"bench/reports/page"
	"bench/results"
)

// apartNote sets the main scenario's throughputs against those that were measured while the servers and the load
// generator had cores of their own: how much of the result is due to their sharing cores.
func (r *Report) apartNote() (Note, bool) {
	var parts []string
	for _, t := range r.compared() {
		apart, shared := t.load(r.main(), results.ApartLoad), t.load(r.main(), "closed")
		if apart == nil || shared == nil || !apart.Rate.Measured() || !shared.Rate.Measured() {
			continue
		}
		text := fmt.Sprintf("%s %s req/s instead of %s", t.Name, rateText(apart.Rate), rateText(shared.Rate))
		there, here := t.ratio("max_throughput", r.main(), results.ApartLoad), t.ratio("max_throughput", r.main(), "closed")
		if there != nil && here != nil {
			text += fmt.Sprintf(" (%s instead of %s that of %s)", times(*there), times(*here), r.Baseline)
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return Note{}, false
	}
	return Note{"apart", fmt.Sprintf("With the servers on one half of the %s and the load generator on the other, on %s: "+
		"%s. What differs is due to their sharing cores, and to servers that spread over more of them.",
		page.Count(r.Host.Cores, "core"), r.main(), strings.Join(parts, "; "))}, true
}
