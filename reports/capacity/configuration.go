package capacity

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"bench/results"
	"bench/stats"
)

// Configuration is what was measured of a configuration, and what the model says about it.
type Configuration struct {
	Topology string `json:"topology"`
	Value    int    `json:"value,omitempty"`    // of the swept parameter
	HeldOut  bool   `json:"held_out,omitempty"` // predicted before it was measured
	// Queues is the number of groups of workers with their own queue, Workers the number of processes
	// in each, and Threads the number of requests that a process works on at once; 0: one thread per
	// connection.
	Queues       int     `json:"queues"`
	Workers      int     `json:"workers"`
	Threads      int     `json:"threads"`
	Loops        int     `json:"proxy_loops,omitempty"`
	MachineCores float64 `json:"machine_cores,omitempty"` // of each group alone; 0: they share the cores
	QuotaPeriod  float64 `json:"quota_period_s,omitempty"`
	WorkerTier   string  `json:"worker_tier"`
	// Capacity is what the search found. If Assisted, it is corrected for the randomness of the arrivals
	// and for the machine's CPU speed: it is then the capacity at the run's median speed, and CPUSpeed
	// is how fast the cores ran, relative to that, during the search.
	Capacity stats.Interval `json:"capacity"`
	Assisted bool           `json:"assisted"`
	Searched stats.Interval `json:"searched"`
	CPUSpeed float64        `json:"cpu_speed,omitempty"`
	Goals    []Goal         `json:"goals"`
	// Waits is Erlang's C: the share of requests that would have to wait for a worker at the capacity,
	// if cores were not a limit and service times were exponential. Near 1, concurrency is the limit.
	Waits       float64            `json:"erlang_c,omitempty"`
	Model       *Prediction        `json:"model,omitempty"`
	Trials      []Trial            `json:"trials"`
	CPU         map[string]float64 `json:"cpu_ms"`      // per request by tier, near the capacity
	Utilization map[string]float64 `json:"utilization"` // of all cores by tier, near the capacity
	Busy        float64            `json:"machine_busy"`
	PerMillion  float64            `json:"cost_per_million,omitempty"` // price of a million requests at the capacity
	Boots       int                `json:"boots"`
	Elapsed     float64            `json:"elapsed_s"`
	Died        string             `json:"died,omitempty"`
	DiedAt      float64            `json:"died_at,omitempty"`
	Generator   bool               `json:"generator_limit,omitempty"` // the generator, not the server, was the limit
	FloorP50    int64              `json:"floor_p50_us"`              // response time without load
	FloorP99    int64              `json:"floor_p99_us"`
	Variability float64            `json:"variability,omitempty"` // of service times: their coefficient of variation
	Needs       float64            `json:"needs_s,omitempty"`     // about, of trials, for a narrow interval

	found results.Configuration
}

// Goal is what the search found for one of its goals: the SLO, and the SLO with limits twice as long.
type Goal struct {
	Goal string `json:"goal"`
	// Rate is the highest that meets the goal. Low 0: none does, unless Undecided. High 0: the goal is
	// met as far as the generator can be trusted or, if Unbounded, as far as there was time to look.
	Rate      stats.Interval `json:"rate"`
	Fitted    bool           `json:"fitted,omitempty"`
	Undecided bool           `json:"undecided,omitempty"`
	Unbounded bool           `json:"unbounded,omitempty"`
}

// Trial is one trial of a search.
type Trial struct {
	Rate   float64       `json:"rate"`
	P50    float64       `json:"p50_ms"`
	P99    float64       `json:"p99_ms"`
	Boot   int           `json:"boot"`
	Length float64       `json:"length_s"`
	Grade  results.Grade `json:"grade"`
}

// spansBoth is the method of an interval that neither the search nor the model alone gave.
const spansBoth = "spans the result of the search and that of the model, which disagree"

// measured is what a run found for one configuration.
func measured(run *results.Run, found results.Configuration) Configuration {
	s := Configuration{
		Topology: found.Topology, Value: found.Value, HeldOut: found.HeldOut, Queues: found.Queues, Workers: found.Workers,
		Threads: found.Threads, Loops: found.Loops, MachineCores: found.MachineCores, QuotaPeriod: found.QuotaPeriod,
		WorkerTier: found.Tier, Boots: found.Boots, Elapsed: found.Elapsed, Died: found.Died, DiedAt: found.DiedAt,
		Generator: found.Generator, FloorP50: found.FloorP50, FloorP99: found.FloorP99, Variability: found.Variability,
		Needs: found.Needs, Trials: []Trial{}, found: found,
	}
	for _, b := range found.Goals {
		s.Goals = append(s.Goals, Goal{b.Goal, b.Interval, b.Fitted, b.Undecided, b.Unbounded})
	}
	s.Searched = s.Goals[0].Rate
	s.Capacity = s.Searched
	limit := max(s.Capacity.Value, s.Capacity.High/2, 1)
	var nearest *results.Cell
	apart := math.Inf(1)
	for _, c := range run.Cells {
		if c.Topology != found.Topology || !strings.HasPrefix(c.Load, results.TrialLoad) {
			continue
		}
		s.Trials = append(s.Trials, trialOf(c))
		if d := math.Abs(math.Log(c.Rate / limit)); d < apart && c.Grade != results.Invalid {
			nearest, apart = c, d
		}
	}
	slices.SortStableFunc(s.Trials, func(a, b Trial) int { return cmp.Compare(a.Rate, b.Rate) })
	s.use(nearest, coresOf(run))
	return s
}

func trialOf(c *results.Cell) Trial {
	h := results.Total(c.Counted(), results.Response)
	return Trial{
		Rate: c.Rate, P50: float64(results.Percentile(h, 50)) / 1e3, P99: float64(results.Percentile(h, 99)) / 1e3,
		Boot: c.Block, Length: c.Duration, Grade: c.Grade,
	}
}

// generatorTier names the load generator among the tiers.
const generatorTier = "generator"

// use fills in what the tiers used of the cores in a cell, if there is one.
func (s *Configuration) use(c *results.Cell, cores int) {
	if c == nil {
		return
	}
	k, ok := costOf(c, cores)
	if !ok {
		return
	}
	s.CPU, s.Utilization, s.Busy = map[string]float64{}, map[string]float64{}, k.busy
	perSecond := float64(c.Counts.Sent) / c.Elapsed / float64(cores)
	for tier, v := range k.cpu {
		s.CPU[tier], s.Utilization[tier] = v*1e3, v*perSecond
	}
	s.CPU[generatorTier], s.Utilization[generatorTier] = k.generator*1e3, k.generator*perSecond
}

// price sets what a million requests cost at the rate that a configuration certainly serves.
func (s *Configuration) price(perHour float64) {
	if perHour > 0 && s.Capacity.Low > 0 {
		s.PerMillion = perHour / (s.Capacity.Low * 3600) * 1e6
	}
}

// decided reports whether the search had a result.
func (s Configuration) decided() bool { return !s.Goals[0].Undecided }

// undecided reports whether nothing is known about the capacity, because the time ran out.
func (s Configuration) undecided() bool { return s.Capacity.Low == 0 && s.Goals[0].Undecided }
