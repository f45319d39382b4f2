package gate

import (
	"fmt"
	"slices"

	"bench/reports/page"
	"bench/results"
)

// disturbed are the diagnostics of what disturbed the pairs, or kept failures out of sight.
func disturbed(cells []*results.Cell) (list []results.Diagnostic) {
	list = results.SentAgain(cells)
	if n, void := results.Disturbed(cells, results.BusyNeighbour); 4*n > len(cells) {
		list = append(list, results.Diagnostic{
			Code: results.BusyNeighbour,
			Message: fmt.Sprintf("other programs used the machine during %d of %s, and more than half of it during %d, "+
				"which are void; pairs bear a neighbour, since both versions feel it alike, but need more of them to decide", n,
				page.Count(len(cells), "cell"), void),
			Hint:     "Stop other programs, or use a dedicated machine.",
			Severity: results.Warning,
		})
	}
	for _, c := range cells {
		at := slices.IndexFunc(c.Diagnostics, func(d results.Diagnostic) bool { return d.Code == results.ProcessStopped })
		if at >= 0 {
			n, _ := results.Disturbed(cells, results.ProcessStopped)
			d := c.Diagnostics[at]
			d.Severity = results.Warning // the pairs that are left are enough, or the gate says that they are not
			d.Message = fmt.Sprintf("%s void, for example %s in pair %d: %s", were(n, "cell"), c.Topology, c.Block, d.Message)
			return append(list, d)
		}
	}
	return list
}
