package compare

import (
	"maps"
	"slices"
	"time"

	"bench/reports/page"
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

func rate(c *results.Cell) float64 { return c.Throughput() }

// enoughForDrift is the number of responses in a third of a cell below which chance outweighs any drift.
const enoughForDrift = 20

// drift is the throughput in the last third of a cell relative to that in the middle one. In the first third
// a closed loop waits for its first responses.
func drift(c *results.Cell) float64 {
	if len(c.Thirds) != 3 || c.Thirds[1] < enoughForDrift {
		return 0
	}
	return float64(c.Thirds[2]) / float64(c.Thirds[1])
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

// percentileRatio is the ratio of a percentile of all response times of a load to that of the
// baseline: the quotient of the two figures in the table of latencies. It has no value where a cell
// holds too few requests to have such a percentile.
func percentileRatio(base, other []*results.Cell, percent float64) stats.Interval {
	var arms [2]tally
	for arm, cells := range [2][]*results.Cell{base, other} {
		for _, c := range cells {
			h := results.Total(c.Intervals, results.Response)
			if !resolves(h, percent) {
				return stats.Interval{}
			}
			arms[arm].add(c.Block, h)
		}
	}
	blocks := map[int]bool{}
	for _, arm := range arms {
		for block := range arm {
			blocks[block] = true
		}
	}
	numbers := slices.Sorted(maps.Keys(blocks))
	sorted := [2][]int64{arms[0].values(), arms[1].values()}
	return stats.Jackknife(len(numbers), func(without int) float64 {
		left := 0
		if without >= 0 {
			left = numbers[without]
		}
		theirs, mine := arms[0].percentile(sorted[0], percent, left), arms[1].percentile(sorted[1], percent, left)
		return float64(mine) / float64(theirs)
	})
}

// A tally counts values by block. Unlike in merged histograms, a block can be left out at no cost.
type tally map[int]map[int64]int64

func (t *tally) add(block int, h *results.Histogram) {
	if *t == nil {
		*t = tally{}
	}
	if (*t)[block] == nil {
		(*t)[block] = map[int64]int64{}
	}
	for _, bar := range h.Distribution() {
		if bar.Count > 0 {
			(*t)[block][bar.To] += bar.Count
		}
	}
}

// values are all values, in ascending order.
func (t tally) values() []int64 {
	seen := map[int64]bool{}
	for _, counts := range t {
		for value := range counts {
			seen[value] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// percentile is that of all blocks but one, by nearest rank; 0 if there is no value. Blocks count from 1.
func (t tally) percentile(values []int64, percent float64, without int) int64 {
	total := int64(0)
	for block, counts := range t {
		for _, n := range counts {
			if block != without {
				total += n
			}
		}
	}
	rank, seen := stats.Rank(percent, total), int64(0)
	for _, value := range values {
		for block, counts := range t {
			if block != without {
				seen += counts[value]
			}
		}
		if total > 0 && seen >= rank {
			return value
		}
	}
	return 0
}

// resolves reports whether enough requests lie beyond a percentile for it to be more than chance.
func resolves(h *results.Histogram, percent float64) bool {
	const rounding = 1e-9 // 1 − 0.99 is not exactly 0.01
	return float64(h.TotalCount())*(1-percent/100) >= page.FewestSamples*(1-rounding)
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
	return divided(perRequest, stats.Estimate(perBlock(cells, cpuPerRequest)).Value), busy
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

// divided makes the tiers' CPU times sum to that of a request, which is estimated over the blocks, so that every
// table and sentence says the same.
func divided(byTier map[string]float64, total float64) map[string]float64 {
	sum := 0.0
	for _, tier := range slices.Sorted(maps.Keys(byTier)) {
		sum += byTier[tier]
	}
	for tier := range byTier {
		if sum > 0 && total > 0 {
			byTier[tier] *= total / sum
		}
	}
	return byTier
}
