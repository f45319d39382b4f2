package results

// Counter is a figure of one endpoint that is counted, response by response.
type Counter struct {
	Target string `json:"target"`
	Name   string `json:"name"` // status, bytes or queries
	Base   int    `json:"base"`
	Head   int    `json:"head"`
	// Boots is the number of fresh boots of each version in which it was counted; 0: one, in a run of an
	// older version. Each boot has the fewest of its responses; Base is the most of base's boots, Head
	// the fewest of head's where that is more, and so on where it is less.
	Boots int `json:"boots,omitempty"`
	// Varies says that not all responses of a version had the same.
	Varies bool `json:"varies,omitempty"`
}

// GateCheck is a boot of both versions without a measured pair: before the first pair, to compare their
// responses, or of a pair in which one of them did not boot.
type GateCheck struct {
	Pair int        `json:"pair,omitempty"` // whose boot failed; 0: before the first
	Base CheckedArm `json:"base"`
	Head CheckedArm `json:"head"`
}

// CheckedArm is how one version fared in a boot without a measured pair.
type CheckedArm struct {
	Asked     uint64 `json:"asked"`                // requests
	Failed    uint64 `json:"failed"`               // of these, without the response that the scenario expects
	NotBooted string `json:"not_booted,omitempty"` // why; empty: it did boot
	Wrong     string `json:"wrong,omitempty"`      // the responses that failed, in words
}

// Gated is a metric of a gate, and its smallest slowdown that matters: 0.05 is 5 %.
type Gated struct {
	Metric string  `json:"metric"`
	Effect float64 `json:"effect"`
}

// Names of a gate's arms and of its loads.
const (
	Base        = "base"
	Head        = "head"
	Interleaved = "interleaved" // both arms at once, at one rate
	ClosedRun   = "closed"      // the closed-loop runs of each arm, "closed-N"
)

// MixScenario is the name of the scenario that a bench.yaml's mix makes.
const MixScenario = "mix"

// GateSpec is what a gate was asked to compare.
type GateSpec struct {
	Base       string  `json:"base"` // as given
	Head       string  `json:"head"`
	BaseCommit string  `json:"base_commit,omitempty"`
	HeadCommit string  `json:"head_commit,omitempty"`
	Dirty      bool    `json:"dirty,omitempty"` // head has uncommitted changes
	Topology   string  `json:"topology"`
	Scenario   string  `json:"scenario"`
	FixedOrder bool    `json:"fixed_order,omitempty"`
	Gated      []Gated `json:"gated,omitempty"` // the metrics that decide; empty: all
	Budget     float64 `json:"budget_s"`
}

// GateFindings is what a gate found in addition to its cells, which are those of the arms "base"
// and "head", one block per pair.
type GateFindings struct {
	Rate          float64   `json:"rate_per_arm"`
	MaxThroughput float64   `json:"base_max_throughput"`
	Busy          float64   `json:"busy_cores_share"`      // at that rate, in the rate search
	SlowMicros    int64     `json:"slow_us"`               // a response that takes longer counts as slow
	Differences   []string  `json:"differences,omitempty"` // endpoints whose responses differ
	Counters      []Counter `json:"counters"`
	// Checks are the boots without a measured pair.
	Checks []GateCheck `json:"checks,omitempty"`
	// Planned is the number of pairs that there is time for.
	Planned int `json:"planned_pairs,omitempty"`
	// ConfirmFrom is the first of the pairs on which a regression was tested a second time; 0:
	// none.
	ConfirmFrom int `json:"confirm_from,omitempty"`
	// Queries says whether the app reports the number of database queries of a response.
	Queries bool `json:"queries_counted,omitempty"`
	// Retried is the number of boots that failed and were repeated; RetriedFor is why the last did.
	Retried    int    `json:"retried,omitempty"`
	RetriedFor string `json:"retried_for,omitempty"`
	Failed     string `json:"failed,omitempty"` // the arm that did not boot or died, with why
	FailedArm  string `json:"failed_arm,omitempty"`
}

// Gate is a gate's run without its cells.
type Gate struct {
	GateSpec
	GateFindings
}
