package compare

import (
	"fmt"

	"bench/reports/page"
)

// Findings are the ratios of throughputs to the baseline. A ratio of blocks that were measured side by side says
// more about topologies than their rates do, which follow the machine.
func (r *Report) Findings() (list []page.Finding) {
	for _, t := range r.Topologies {
		for _, ratio := range t.VsBaseline {
			if ratio.Metric == "max_throughput" && ratio.Bound == "" {
				list = append(list, page.Finding{
					Name:     fmt.Sprintf("throughput of %s to %s, %s, %s", t.Name, r.Baseline, ratio.Scenario, ratio.Load),
					Interval: ratio.Interval, Format: page.Factor,
				})
			}
		}
	}
	return list
}
