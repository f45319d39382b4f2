package capacity

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strings"

	"bench/reports/capacity/model"
	"bench/results"
	"bench/stats"
)

// Model is what a run's measured configurations say of a request, and how well the simulation that
// follows from it meets the rates that were measured.
type Model struct {
	Cores    int     `json:"cores"`
	Slowdown float64 `json:"slowdown"` // of CPU work when all cores are busy
	// CPU time of a request by tier, in milliseconds, while one core works.
	CPU       map[string]float64 `json:"cpu_ms"`
	Generator float64            `json:"generator_cpu_ms"`
	Service   float64            `json:"service_ms"` // that a request holds a worker's slot
	Wait      float64            `json:"wait_ms"`    // of it, off the CPU
	Outside   float64            `json:"outside_ms"` // of a lone response time, beyond slot and proxies
	// Correction is how many times as fast as the simulation the configurations that it was
	// fitted to turned out to be: what the simulation leaves out. Predictions are made with it.
	Correction stats.Interval `json:"correction"`
	USL        *model.USL     `json:"usl,omitempty"`

	queueing   *model.Model
	alone      float64 // CPU time of a request while one core works, all tiers together, in seconds
	objectives []results.Objective
	speeds     map[string]*speed // of configurations that were asked for; nil where there is none
}

// Fit makes the model of a run from the configurations of one topology that were not held out.
func Fit(run *results.Run, c *results.Capacity, precision model.Precision) (*Model, error) {
	sizes := seen(c.Configurations)
	if len(sizes) == 0 {
		return nil, errors.New("no configuration was measured")
	}
	objectives, err := results.ParseObjectives(c.SLO)
	if err != nil {
		return nil, err
	}
	m := &Model{
		Cores: run.Manifest.Host.Cores, Slowdown: max(1, c.Contention), CPU: map[string]float64{},
		objectives: objectives, speeds: map[string]*speed{},
	}
	m.queueing = &model.Model{
		Cores: m.Cores, Slowdown: m.Slowdown, Goals: goals(objectives), Seed: run.Manifest.Seed, Precision: precision,
	}
	if err := m.demands(run, sizes); err != nil {
		return nil, err
	}
	m.correct(run, sizes)
	return m, nil
}

// goals are the objectives on response times. Errors are not simulated.
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
	busy      float64 // of the cores, of all of them together
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
	k.busy = (k.total + k.generator) * n / c.Elapsed / float64(cores)
	return k, k.total > 0
}

// demands learns from the configurations' cells what a request costs.
func (m *Model) demands(run *results.Run, sizes []results.Configuration) error {
	worker := sizes[0].Tier
	var points []used
	for _, size := range sizes {
		for _, c := range run.Cells {
			whole := c.Load == results.Single || c.Load == results.Saturated || strings.HasPrefix(c.Load, results.TrialLoad)
			if k, ok := costOf(c, m.Cores); ok && whole && c.Topology == size.Topology && c.Grade != results.Invalid {
				points = append(points, used{k, float64(c.Counts.Sent), c.Load == results.Single})
			}
		}
	}
	if len(points) == 0 {
		return errors.New("the servers' CPU time is not known")
	}
	m.level(points)
	// What the tiers share of it is taken from the loads with many requests.
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
		return errors.New("no load but that of one connection was measured")
	}
	for tier := range m.CPU {
		m.CPU[tier] *= m.alone / total * 1e3
	}
	m.Generator = generator / weight * 1e3
	m.queueing.Generator = m.Generator / 1e3
	for _, tier := range slices.Sorted(maps.Keys(m.CPU)) {
		// A master process that only looks after its workers is in nobody's way.
		if tier != worker && m.CPU[tier] > leastProxy*m.alone*1e3 {
			m.queueing.Proxies = append(m.queueing.Proxies, model.Tier{Name: tier, CPU: m.CPU[tier] / 1e3})
		}
	}
	return m.kindsOf(run, sizes, worker)
}

// leastProxy is the share of the CPU time from which on a tier is something that requests
// pass through.
const leastProxy = 0.01

// used is one cell's cost.
type used struct {
	cost
	requests float64
	alone    bool
}

// level is what a request costs while one core works: the median of what the loads say. The
// CPU speed of a machine that others share wavers: over minutes, CPU time per request was seen to
// change by a quarter, with no load to explain it. How much busy cores slow each other down
// cannot be seen in that, and is measured apart.
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

// expectedCPU is the CPU time of a request, all tiers together, at a share of busy cores.
func (m *Model) expectedCPU(busy float64) float64 {
	return m.alone * (1 + (m.Slowdown-1)*min(1, busy))
}

// fewRequests is the number below which a cell's CPU time per request says too little.
const fewRequests = 200

// configuration is that of a size.
func configuration(size results.Configuration) model.Configuration {
	return model.Configuration{
		Queues: size.Queues, Workers: size.Workers, Threads: size.Threads, Loops: size.Loops,
		Machine: size.MachineCores, Period: size.QuotaPeriod,
	}
}

// system is the model in a configuration.
func (m *Model) system(size results.Configuration) model.System {
	return m.queueing.System(configuration(size))
}

// correct finds how many times as fast as the simulation the configurations turned out to be.
func (m *Model) correct(run *results.Run, sizes []results.Configuration) {
	var speeds []model.Speed
	for _, size := range sizes {
		b := size.Goals[0]
		if b.Low <= 0 || b.High <= 0 || size.Died != "" {
			continue
		}
		v, ok := m.assisted(run, size)
		if !ok {
			rate := m.queueing.Capacity(m.system(size))
			if rate <= 0 {
				continue
			}
			v.Speed = model.Speed{Value: math.Sqrt(b.Low*b.High) / rate, SE: math.Log(b.High/b.Low) / 2 / 1.645}
		}
		speeds = append(speeds, v.Speed)
	}
	m.Correction = model.Correct(speeds)
	m.queueing.Correction = m.Correction
}
