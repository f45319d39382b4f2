package results

import "bench/stats"

// CapacitySpec is what a capacity run was asked for.
type CapacitySpec struct {
	SLO    string  `json:"slo"`
	Target float64 `json:"target,omitempty"` // requests per second to plan for
	Sweep  string  `json:"sweep,omitempty"`  // the parameter in which its topologies differ
	Price  float64 `json:"price,omitempty"`  // of a machine, per hour
	// Headroom beyond the target: a share, or Automatic.
	Headroom float64 `json:"headroom"`
}

// CapacityFindings is what the searches found, in addition to the cells of their trials. The
// configurations are topologies that differ in one parameter.
type CapacityFindings struct {
	// Contention is how many times longer CPU work takes when all cores are busy than when one
	// is; measured before the servers started.
	Contention     float64         `json:"contention"`
	Configurations []Configuration `json:"configurations"`
	// Prediction is the hash of prediction.json, which was written before the held-out
	// configurations were measured.
	Prediction string      `json:"prediction_sha256,omitempty"`
	Predicted  []Predicted `json:"predicted,omitempty"`
	// Checks are rates that were tried because a recommendation says that the configuration
	// meets the SLO at them, or does not.
	Checks []Check `json:"checks,omitempty"`
	// Soaks are rates that were offered for long, to confirm what the searches found.
	Soaks []Soak `json:"soaks,omitempty"`
}

// Capacity is a capacity run without its cells.
type Capacity struct {
	CapacitySpec
	CapacityFindings
}

// Automatic is the headroom that covers the loss of a machine and a fluctuation of the load.
const Automatic = -1

// Configuration is one configuration of a capacity run.
type Configuration struct {
	Topology string `json:"topology"` // its name in the manifest
	Value    int    `json:"value,omitempty"`
	HeldOut  bool   `json:"held_out,omitempty"` // predicted before it was measured
	// Queues is the number of groups of workers with a queue of their own, Workers the number of
	// processes in each, and Threads the number of requests that a process works on at once; 0:
	// one thread per connection.
	Queues  int `json:"queues"`
	Workers int `json:"workers"`
	Threads int `json:"threads"`
	Loops   int `json:"proxy_loops,omitempty"` // event loops of the proxy, each a process; 0: 1
	// MachineCores is the number of cores that each group has to itself, like a separate machine;
	// 0: they share this machine's.
	MachineCores float64 `json:"machine_cores,omitempty"`
	QuotaPeriod  float64 `json:"quota_period_s,omitempty"` // over which they are counted
	Tier         string  `json:"worker_tier"`              // of the workers; the other tiers are in front of them
	Goals        []Bound `json:"goals"`
	Boots        int     `json:"boots"`
	Elapsed      float64 `json:"elapsed_s"`
	// Died says how the topology died in the search, twice: its capacity is below DiedAt.
	Died      string  `json:"died,omitempty"`
	DiedAt    float64 `json:"died_at,omitempty"`
	Generator bool    `json:"generator_limit,omitempty"` // the generator, not the server, was the limit
	// The response time without load, in microseconds: p50 and p99 of one connection.
	FloorP50 int64 `json:"floor_p50_us"`
	FloorP99 int64 `json:"floor_p99_us"`
	// Variability is the coefficient of variation of the response time of one connection without load.
	Variability float64 `json:"variability,omitempty"`
	// Needs is about how many seconds of trials it would take in all for a narrow interval; 0: no more than there were.
	Needs float64 `json:"needs_s,omitempty"`
}

// Bound is what a search found for a goal: the interval that contains the highest rate that meets
// it. Its N is the number of boots in which the lower end was tried. Low 0: not even the lowest
// rate meets it, unless Undecided. High 0: met even at the highest rate that the generator can
// reliably send, unless Unbounded.
type Bound struct {
	Goal string `json:"goal"`
	stats.Interval
	Fitted bool `json:"fitted"`
	// Undecided says that the time ran out before any load was seen to meet the goal.
	Undecided bool `json:"undecided,omitempty"`
	// Unbounded says that the time ran out before any load was seen to miss it: the rate is at
	// least Low.
	Unbounded bool `json:"unbounded,omitempty"`
}

// How a search finds a rate.
const (
	byTrials   = "search: the highest rate that met the goal, and the lowest that missed it"
	byCrossing = "search: a line through the trials near the limit"
)

// SearchedRate is the interval that a search found for a rate, confirmed in the number of boots
// given; fitted, if its ends come from a regression and not from trials.
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

// Predicted is the prediction for a configuration, made before it was measured.
type Predicted struct {
	Topology string             `json:"topology"`
	Value    int                `json:"value"`
	Capacity stats.Interval     `json:"capacity"`
	Latency  []PredictedLatency `json:"latency"`
}

// PredictedLatency is the prediction at one rate.
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
	Met      bool    `json:"met"` // at the CPU speed of that moment
	// CPUSpeed is the machine's at that moment, relative to the one that the recommendation assumes.
	// RateAtSpeed is Rate scaled to it, and MetAtSpeed whether that met the SLO; 0: not measured.
	CPUSpeed    float64 `json:"cpu_speed"`
	RateAtSpeed float64 `json:"rate_at_cpu_speed"`
	MetAtSpeed  bool    `json:"met_at_cpu_speed"`
}

// Soak is a rate that was offered for long, to confirm that it meets the SLO.
type Soak struct {
	Topology string  `json:"topology"`
	Rate     float64 `json:"rate"`
	Length   float64 `json:"length_s"`
	Verdict  string  `json:"verdict"` // Met, Missed or Undecided
	// Excess is by how many times the share of slow or failed requests exceeds what the worst objective allows.
	Excess float64 `json:"excess"`
}

// Names of a capacity run's loads.
const (
	TrialLoad = "trial" // open loop, of a search
	SoakLoad  = "soak"  // open loop, at the rate to be confirmed
	// Single is a closed loop of one connection, for the service times; of a mix, "single-TARGET"
	// for each of its targets.
	Single    = "single"
	Saturated = "saturated" // closed loop, more connections than there are workers
	AtShares  = "share"     // open loop, at shares of the predicted capacity
)
