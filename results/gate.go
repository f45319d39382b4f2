package results

// Counter is an exact figure of one endpoint, the same for every request: it needs no
// statistics.
type Counter struct {
	Target string `json:"target"`
	Name   string `json:"name"` // status, bytes or queries
	Base   int    `json:"base"`
	Head   int    `json:"head"`
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
