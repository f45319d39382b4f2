package compare

import (
	"time"

	"bench/results"
	"bench/stats"
)

// A metric is one figure of a cell; zero means that the cell lacks it.
type metric func(*results.Cell) float64

func perBlock(cells []*results.Cell, f metric) map[int]float64 {
	values := map[int]float64{}
	for _, c := range valid(cells) {
		if v := f(c); v > 0 {
			values[c.Block] = v
		}
	}
	return values
}

func rate(c *results.Cell) float64 {
	if c.Duration == 0 {
		return 0
	}
	return float64(c.Successful) / c.Duration
}

func cpuPerRequest(c *results.Cell) float64 {
	if c.Counts.OK == 0 {
		return 0
	}
	var sum time.Duration // integers: their sum does not depend on the map's order
	for _, spent := range results.CPUByTier(c.Usage) {
		sum += spent
	}
	return sum.Seconds() / float64(c.Counts.OK) * 1000
}

func responsePercentile(q float64) metric {
	return func(c *results.Cell) float64 {
		h := results.Total(c.Intervals, results.Response)
		if h.TotalCount() == 0 {
			return 0
		}
		return float64(results.Percentile(h, q))
	}
}

func cpuByTier(cells []*results.Cell) (perRequest, busy map[string]float64) {
	perRequest, busy = map[string]float64{}, map[string]float64{}
	var successful, elapsed float64
	for _, c := range cells {
		successful += float64(c.Counts.OK)
		elapsed += c.Elapsed
		for tier, spent := range results.CPUByTier(c.Usage) {
			perRequest[tier] += spent.Seconds()
		}
		busy["generator"] += c.Generator.CPUSeconds
	}
	if elapsed == 0 {
		return map[string]float64{}, map[string]float64{}
	}
	for tier, spent := range perRequest {
		busy[tier] = spent / elapsed
		if successful > 0 {
			perRequest[tier] = spent / successful * 1000
		}
	}
	busy["generator"] /= elapsed
	return perRequest, busy
}

// memory is the median over the blocks of the peak PSS, in total and by tier.
func memory(cells []*results.Cell) (total int64, byTier map[string]int64) {
	tiers := map[string][]float64{}
	var totals []float64
	for _, c := range valid(cells) {
		peak := map[string]float64{}
		for _, u := range c.Usage {
			peak[u.Tier] = max(peak[u.Tier], float64(u.PSS))
		}
		for tier, pss := range peak {
			tiers[tier] = append(tiers[tier], pss)
		}
		if len(c.Usage) > 0 {
			totals = append(totals, float64(results.PeakPSS(c.Usage)))
		}
	}
	byTier = map[string]int64{}
	for tier, values := range tiers {
		byTier[tier] = int64(stats.Median(values))
	}
	return int64(stats.Median(totals)), byTier
}

func plus(a, b results.Server) results.Server {
	a.ListenOverflows += b.ListenOverflows
	a.ListenDrops += b.ListenDrops
	a.RetransSegs += b.RetransSegs
	a.TCPTimeouts += b.TCPTimeouts
	a.StealSeconds += b.StealSeconds
	a.Merge(b.Counters, b.PerWorker)
	return a
}
