package capacity

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"

	"bench/reports/capacity/model"
	"bench/results"
	"bench/stats"
)

// Model is what a run's measured configurations say about a request, and how well the simulation built
// on it agrees with the measured capacities.
type Model struct {
	Cores    int     `json:"cores"`
	Slowdown float64 `json:"slowdown"` // of CPU work when all cores are busy
	// CPU is the CPU time per request by tier, in milliseconds, while a single core is busy.
	CPU       map[string]float64 `json:"cpu_ms"`
	Generator float64            `json:"generator_cpu_ms"`
	Service   float64            `json:"service_ms"` // that a request occupies a worker
	Wait      float64            `json:"wait_ms"`    // of it, off the CPU
	Outside   float64            `json:"outside_ms"` // the rest of a response time without load
	// Correction is how many times as fast as the simulation the configurations turned out to be to
	// which it was fitted: it stands for what the simulation leaves out. Predictions include it.
	Correction stats.Interval `json:"correction"`
	USL        *model.USL     `json:"usl,omitempty"`

	queueing   *model.Model
	alone      float64 // CPU time per request while a single core is busy, all tiers together, in seconds
	objectives []results.Objective
	speeds     map[string]*speed // by topology, as far as they were asked for; nil: there is none
}

// Fit makes the model of a run from the configurations of one topology that were not held out.
func Fit(run *results.Run, c *results.Capacity, precision model.Precision) (*Model, error) {
	fitted := fittable(c.Configurations)
	if len(fitted) == 0 {
		return nil, errors.New("no configuration was measured")
	}
	objectives, err := results.ParseObjectives(c.SLO)
	if err != nil {
		return nil, err
	}
	m := &Model{
		Cores: coresOf(run), Slowdown: max(1, c.Contention), CPU: map[string]float64{},
		objectives: objectives, speeds: map[string]*speed{},
	}
	m.queueing = &model.Model{
		Cores: m.Cores, Slowdown: m.Slowdown, Goals: goals(objectives), Seed: run.Manifest.Seed, Precision: precision,
	}
	if err := m.demands(run, fitted); err != nil {
		return nil, err
	}
	m.correct(run, fitted)
	return m, nil
}

// goals are the objectives for response times. Errors are not simulated.
func goals(objectives []results.Objective) (goals []model.Goal) {
	for _, o := range objectives {
		g := model.Goal{Percentile: o.Quantile, Limit: o.Limit / 1e6}
		switch o.Metric {
		case "errors":
			continue
		case "mean":
			g.Statistic = model.Mean
		case "max":
			g.Statistic = model.Max
		}
		goals = append(goals, g)
	}
	return goals
}

// cost is what one request of a cell cost.
type cost struct {
	cpu       map[string]float64 // seconds, by tier
	total     float64            // of all tiers
	generator float64
	busy      float64 // share of all cores
}

func costOf(c *results.Cell, cores int) (cost, bool) {
	n := float64(c.Counts.Sent)
	if n == 0 || c.Elapsed == 0 {
		return cost{}, false
	}
	k := cost{
		cpu: map[string]float64{}, total: results.TotalCPU(c.Usage).Seconds() / n, generator: c.Generator.CPUSeconds / n,
	}
	for tier, spent := range results.CPUByTier(c.Usage) {
		k.cpu[tier] = spent.Seconds() / n
	}
	if len(c.Hosts) > 0 {
		k.generator = 0 // it has hosts of its own
	}
	k.busy = (k.total + k.generator) * n / c.Elapsed / float64(cores)
	return k, k.total > 0
}

// coresOf is the number of cores that servers and generator share: this machine's, or those of the hosts of a fleet on
// which the largest configuration runs.
func coresOf(run *results.Run) (cores int) {
	for _, c := range run.Cells {
		sum := 0
		for _, h := range c.Hosts {
			sum += h.Cores
		}
		cores = max(cores, sum)
	}
	return cmp.Or(cores, run.Manifest.Host.Cores)
}

// demands finds out what a request costs from the cells of the configurations.
func (m *Model) demands(run *results.Run, fitted []results.Configuration) error {
	worker := fitted[0].Tier
	if worker == "" {
		return errors.New("how the workers of the servers are arranged is unknown")
	}
	var points []used
	for _, f := range fitted {
		for _, c := range run.Cells {
			whole := c.Load == results.Single || c.Load == results.Saturated || strings.HasPrefix(c.Load, results.TrialLoad)
			if k, ok := costOf(c, m.Cores); ok && whole && c.Topology == f.Topology && c.Grade != results.Invalid {
				points = append(points, used{k, float64(c.Counts.Sent), c.Load == results.Single})
			}
		}
	}
	if len(points) == 0 {
		return errors.New("the servers' CPU time is unknown")
	}
	m.level(points)
	// Its division among the tiers comes from the loads with many requests.
	var total, generator, weight float64
	for _, p := range points {
		if p.alone {
			continue
		}
		for tier, v := range p.cpu {
			m.CPU[tier] += v * p.requests
		}
		total, generator, weight = total+p.total*p.requests, generator+p.generator*p.requests, weight+p.requests
	}
	if weight == 0 || total == 0 {
		return errors.New("no load with more than one connection was measured")
	}
	for tier := range m.CPU {
		m.CPU[tier] *= m.alone / total * 1e3
	}
	m.Generator = generator / weight * 1e3
	m.queueing.Generator = m.Generator / 1e3
	for _, tier := range slices.Sorted(maps.Keys(m.CPU)) {
		// A master process that only looks after its workers does not delay requests.
		if tier != worker && m.CPU[tier] > leastProxy*m.alone*1e3 {
			m.queueing.Proxies = append(m.queueing.Proxies, model.Tier{Name: tier, CPU: m.CPU[tier] / 1e3})
		}
	}
	return m.kindsOf(run, fitted, worker)
}

// leastProxy is the share of the CPU time above which a tier counts as one that requests pass through.
const leastProxy = 0.01

// used is the cost of one cell.
type used struct {
	cost
	requests float64
	alone    bool
}

// level sets what a request costs while a single core is busy: the median over the loads. The CPU
// speed of a shared machine varies: over minutes, the CPU time per request was seen to change by a
// quarter, with no load to explain it. How much busy cores slow each other down cannot be seen in
// this, and is measured separately.
func (m *Model) level(points []used) {
	var levels []float64
	for _, p := range points {
		if p.requests >= fewRequests || len(points) < 3 {
			levels = append(levels, p.total/(1+(m.Slowdown-1)*min(1, p.busy)))
		}
	}
	if len(levels) == 0 {
		levels = []float64{points[0].total}
	}
	m.alone = stats.Median(levels)
}

// expectedCPU is the CPU time per request, all tiers together, at a share of busy cores.
func (m *Model) expectedCPU(busy float64) float64 {
	return m.alone * (1 + (m.Slowdown-1)*min(1, busy))
}

// fewRequests is the number below which a cell's CPU time per request is too uncertain.
const fewRequests = 200

// configuration is a configuration as the queueing model sees it.
func configuration(c results.Configuration) model.Configuration {
	return model.Configuration{
		Queues: c.Queues, Workers: c.Workers, Threads: c.Threads, Loops: c.Loops,
		Machine: c.MachineCores, Period: c.QuotaPeriod,
	}
}

// system is the model of a configuration.
func (m *Model) system(c results.Configuration) model.System {
	return m.queueing.System(configuration(c))
}

// correct finds how many times as fast as the simulation the configurations turned out to be.
func (m *Model) correct(run *results.Run, fitted []results.Configuration) {
	var speeds []model.Speed
	for _, c := range fitted {
		b := c.Goals[0]
		if b.Low <= 0 || b.High <= 0 || c.Died != "" {
			continue
		}
		v, ok := m.assisted(run, c)
		if !ok {
			rate := m.queueing.Capacity(m.system(c))
			if rate <= 0 {
				continue
			}
			left := 0.0
			if m.varies() {
				left = max(0, 1-rate/m.system(c).Bound())
			}
			v.Speed = model.Speed{Left: left, Value: b.Value / rate, SE: math.Log(b.High/b.Low) / 2 / 1.645}
		}
		speeds = append(speeds, v.Speed)
	}
	m.Correction = model.Correct(speeds)
	m.queueing.Correction = m.Correction
}
