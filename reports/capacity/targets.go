package capacity

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"bench/reports/capacity/model"
	"bench/results"
)

// alone is what a target costs with a single connection.
type alone struct {
	work, hold, requests, worked float64
	reported                     bool // the servers report how long a worker is occupied
	response                     *results.Histogram
}

// targetsAlone adds up, by target, the cells in which one connection requested a single target. For a
// scenario with one target, that is the cell of the whole scenario.
func targetsAlone(run *results.Run, fitted []results.Configuration, worker string) map[string]*alone {
	seen := map[string]*alone{}
	one := len(run.Manifest.Scenarios[0].Targets) < 2
	for _, c := range run.Cells {
		name, single := strings.CutPrefix(c.Load, results.Single)
		known := slices.ContainsFunc(fitted, func(s results.Configuration) bool { return s.Topology == c.Topology })
		if !known || !single || (name == "") != one || c.Counts.OK == 0 || c.Grade == results.Invalid {
			continue
		}
		name = strings.TrimPrefix(name, "-")
		if seen[name] == nil {
			seen[name] = &alone{response: results.NewHistogram()}
		}
		n := float64(c.Counts.Sent)
		a := seen[name]
		a.requests += n
		a.work += results.CPUByTier(c.Usage)[worker].Seconds()
		a.worked += n
		if requests, busy, known := c.Server.Worked(); known {
			a.reported = true
			a.hold += busy
			a.worked += min(n, requests) - n
		}
		a.response.Merge(results.Total(c.Intervals, results.Response))
	}
	return seen
}

// kindsOf makes a kind of request of each target, by what it costs alone. Their work is scaled to what
// the mix cost under load, which rests on many more requests.
func (m *Model) kindsOf(run *results.Run, fitted []results.Configuration, worker string) error {
	weights := map[string]float64{}
	for _, t := range run.Manifest.Scenarios[0].Targets {
		weights[results.FileName(t.Name)] += float64(max(1, t.Weight))
	}
	seen := targetsAlone(run, fitted, worker)
	if len(seen) == 0 {
		return errors.New("the cells with the service times are missing")
	}
	var work, weight float64
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		k := m.kind(seen[name])
		k.Weight = max(weights[name], 1)
		work, weight = work+k.Weight*k.Work, weight+k.Weight
		m.queueing.Kinds = append(m.queueing.Kinds, k)
	}
	if work > 0 {
		scale := m.CPU[worker] / 1e3 / (work / weight)
		for i := range m.queueing.Kinds {
			m.queueing.Kinds[i].Work *= scale
		}
	}
	m.summarize()
	return nil
}

// kind is what the simulation knows about a target.
func (m *Model) kind(a *alone) (k model.Kind) {
	if k.Bypass = a.worked < a.requests/2 && len(m.queueing.Proxies) > 0; !k.Bypass {
		k.Work = a.work / a.requests
		hold := a.hold / a.requests
		if !a.reported {
			hold = a.response.Mean()/1e6 - m.queueing.Ahead()
		}
		k.Wait = max(0, hold-k.Work)
		k.Varies = variations(a.response, k.Work, k.Wait)
	}
	k.Outside = outside(a.response, k.Work+k.Wait+m.queueing.Ahead())
	if k.Varies != nil {
		// What varies is taken to vary in the worker: the rest is the same for all requests.
		k.Outside = []float64{max(0, a.response.Mean()/1e6-k.Work-k.Wait-m.queueing.Ahead())}
	}
	return k
}

// constant is the coefficient of variation of response times without load up to which a worker is taken to be occupied
// for the same time by every request: what varies then may as well be outside.
const constant = 0.3

// variations is a sample, by quantiles, of how much the time that a request occupies a worker varies, divided into work
// and wait. Only their sum was seen of each request. Work is taken to vary as little as that and its mean allow: all
// requests work for the same time, except those that took less than that in all. So a page that waits for something of
// varying length works the same each time, and one that only computes does not wait.
func variations(h *results.Histogram, work, wait float64) []model.Variation {
	mean := h.Mean()
	if h.TotalCount() < fewRequests/2 || h.StdDev() <= constant*mean || work+wait <= 0 {
		return nil
	}
	n := min(int(h.TotalCount()), mostVariations)
	percents := make([]float64, n)
	for i := range percents {
		percents[i] = (float64(i) + 0.5) / float64(n) * 100
	}
	held := make([]float64, n)
	var total float64
	for i, v := range results.Percentiles(h, percents...) {
		held[i] = float64(v)
		total += held[i]
	}
	for i := range held {
		held[i] *= (work + wait) * float64(n) / total
	}
	least := level(held, work)
	sample := make([]model.Variation, n)
	for i, t := range held {
		if w := min(t, least); work > 0 {
			sample[i].Work = w / work
			t -= w
		}
		if wait > 0 {
			sample[i].Wait = t / wait
		}
	}
	return sample
}

// mostVariations bounds a sample.
const mostVariations = 4000

// level is the value for which the mean of the lesser of it and each of the times, in order, is the given one.
func level(times []float64, mean float64) float64 {
	left := mean * float64(len(times))
	for i, t := range times {
		if rest := float64(len(times) - i); t*rest >= left {
			return left / rest
		}
		left -= t
	}
	return times[len(times)-1]
}

// outside is a sample, by quantiles, of what a lone request takes beyond the known time.
func outside(h *results.Histogram, known float64) []float64 {
	const n = 100
	percents, sample := make([]float64, n), make([]float64, n)
	for i := range percents {
		percents[i] = (float64(i) + 0.5) / n * 100
	}
	for i, us := range results.Percentiles(h, percents...) {
		sample[i] = max(0, float64(us)/1e6-known)
	}
	return sample
}

// summarize fills in what a report shows about the kinds.
func (m *Model) summarize() {
	var weight float64
	for _, k := range m.queueing.Kinds {
		weight += k.Weight
		m.Wait += k.Weight * k.Wait * 1e3
		m.Service += k.Weight * (k.Work + k.Wait) * 1e3
		for _, o := range k.Outside {
			m.Outside += k.Weight * o * 1e3 / float64(len(k.Outside))
		}
	}
	m.Wait, m.Service, m.Outside = m.Wait/weight, m.Service/weight, m.Outside/weight
}
