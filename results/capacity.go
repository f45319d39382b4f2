package results

import "bench/stats"

// CapacitySpec is what a search for a capacity was asked for.
type CapacitySpec struct {
	SLO    string  `json:"slo"`
	Target float64 `json:"target,omitempty"` // requests per second that are asked for
	Sweep  string  `json:"sweep,omitempty"`  // the parameter in which its topologies differ
	Price  float64 `json:"price,omitempty"`  // of a machine, per hour
	// Headroom beyond the target: a share, or Automatic.
	Headroom float64 `json:"headroom"`
}

// CapacityFindings is what the searches found, beside the cells of their trials. The
// configurations are topologies that differ in one parameter.
type CapacityFindings struct {
	// Contention is how many times as long CPU work takes when all cores are busy, as when
	// one is; measured before the servers started.
	Contention     float64         `json:"contention"`
	Configurations []Configuration `json:"configurations"`
	// Prediction is the hash of prediction.json, which was written before the held-out
	// configurations were measured.
	Prediction string      `json:"prediction_sha256,omitempty"`
	Predicted  []Predicted `json:"predicted,omitempty"`
	// Checks are rates that were tried in a configuration because a recommendation says that it
	// meets the SLO there, or does not.
	Checks []Check `json:"checks,omitempty"`
}

// Capacity is a capacity run beside its cells.
type Capacity struct {
	CapacitySpec
	CapacityFindings
}

// Automatic is the headroom that survives the loss of a machine, and a fluctuation of the load.
const Automatic = -1

// Configuration is one configuration of a capacity run.
type Configuration struct {
	Topology string `json:"topology"` // its name in the manifest
	Value    int    `json:"value,omitempty"`
	HeldOut  bool   `json:"held_out,omitempty"` // measured after it had been predicted
	// Queues is how many groups of workers have a queue of their own, Workers how many
	// processes each has, and Threads how many requests each process works on at once; 0:
	// a thread for each connection.
	Queues  int `json:"queues"`
	Workers int `json:"workers"`
	Threads int `json:"threads"`
	Loops   int `json:"proxy_loops,omitempty"` // event loops of the proxy, each a process; 0: 1
	// MachineCores is how many cores each group has to itself, as a machine of its own would; 0:
	// they share this one's.
	MachineCores float64 `json:"machine_cores,omitempty"`
	QuotaPeriod  float64 `json:"quota_period_s,omitempty"` // over which they are counted
	Tier         string  `json:"worker_tier"`              // of the workers; the other tiers stand ahead of them
	Goals        []Bound `json:"goals"`
	Boots        int     `json:"boots"`
	Elapsed      float64 `json:"elapsed_s"`
	// Died tells that the topology died in the search, twice: its capacity is below that rate.
	Died      string  `json:"died,omitempty"`
	DiedAt    float64 `json:"died_at,omitempty"`
	Generator bool    `json:"generator_limit,omitempty"` // the generator, not the server, was the limit
	// Floor is the response time without any load, in microseconds: p50 and p99 of one
	// connection.
	FloorP50 int64 `json:"floor_p50_us"`
	FloorP99 int64 `json:"floor_p99_us"`
}

// Bound is what a search found for a goal: the interval in which the highest rate lies that meets
// it. Its N is in how many boots the lower end was tried. Low 0: not even the lowest rate meets
// it, unless Undecided. High 0: met beyond what the generator can be trusted with, unless
// Unbounded.
type Bound struct {
	Goal string `json:"goal"`
	stats.Interval
	Fitted bool `json:"fitted"`
	// Undecided says that the time was over before any load was seen to meet the goal.
	Undecided bool `json:"undecided,omitempty"`
	// Unbounded says that the time was over before any load was seen to miss it: the rate is Low at
	// least.
	Unbounded bool `json:"unbounded,omitempty"`
}

// How a search finds a rate.
const (
	byTrials   = "search: the highest rate that met the goal, and the lowest that missed it"
	byCrossing = "search: a line through the trials near the limit"
)

// SearchedRate is the interval that a search found for a rate, confirmed in so many boots; fitted,
// if the ends are those of a regression and not of trials.
func SearchedRate(low, high float64, boots int, fitted bool) stats.Interval {
	i := stats.Between(low, high, byTrials)
	if i.N = boots; fitted {
		i.Method, i.Confidence = byCrossing, 0.9
	}
	if low == 0 {
		i.Value = 0 // no rate meets the goal
	}
	return i
}

// Predicted is what was said of a configuration before it was measured.
type Predicted struct {
	Topology string             `json:"topology"`
	Value    int                `json:"value"`
	Capacity stats.Interval     `json:"capacity"`
	Latency  []PredictedLatency `json:"latency"`
}

// PredictedLatency is that at one rate.
type PredictedLatency struct {
	Share float64 `json:"share"` // of the capacity
	Rate  float64 `json:"rate"`
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
}

// Check is one rate tried in one configuration.
type Check struct {
	Topology string  `json:"topology"`
	Value    int     `json:"value"`
	Rate     float64 `json:"rate"`
	Expected bool    `json:"expected_to_meet"`
	Met      bool    `json:"met"` // at whatever CPU speed the machine then had
	// CPUSpeed is that of the machine then, relative to the one that the recommendation is made for.
	// RateAtSpeed is what Rate comes to at it, and MetAtSpeed whether that met the SLO; 0: the
	// machine did not let that be measured.
	CPUSpeed    float64 `json:"cpu_speed"`
	RateAtSpeed float64 `json:"rate_at_cpu_speed"`
	MetAtSpeed  bool    `json:"met_at_cpu_speed"`
}

// Names of a capacity run's loads, beside the trials of its searches.
const (
	TrialLoad = "trial"     // open loop, of a search
	Single    = "single"    // closed loop, one connection: the service times; of a mix, "single-TARGET" for each of its targets
	Saturated = "saturated" // closed loop, more connections than there are workers
	AtShares  = "share"     // open loop, at shares of the predicted greatest rate
)
