package results

// Counter is an exact figure of one endpoint, the same at each request: it needs no
// statistics.
type Counter struct {
	Target string `json:"target"`
	Name   string `json:"name"` // status, bytes or queries
	Base   int    `json:"base"`
	Head   int    `json:"head"`
}

// Gated is a metric of a gate, and the least slowdown of it that matters: 0.05 is 5 %.
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
	Base       string  `json:"base"` // as it was named
	Head       string  `json:"head"`
	BaseCommit string  `json:"base_commit,omitempty"`
	HeadCommit string  `json:"head_commit,omitempty"`
	Dirty      bool    `json:"dirty,omitempty"` // head holds changes that no commit has
	Topology   string  `json:"topology"`
	Scenario   string  `json:"scenario"`
	FixedOrder bool    `json:"fixed_order,omitempty"`
	Gated      []Gated `json:"gated,omitempty"` // the metrics that decide; empty: all
	Budget     float64 `json:"budget_s"`
}

// GateFindings is what a gate found beside its cells: those of the arms "base" and "head", one
// block for each pair.
type GateFindings struct {
	Rate          float64   `json:"rate_per_arm"`
	MaxThroughput float64   `json:"base_max_throughput"`
	Busy          float64   `json:"busy_cores_share"`      // at that rate, in the rate search
	SlowMicros    int64     `json:"slow_us"`               // a response that takes longer counts as slow
	Differences   []string  `json:"differences,omitempty"` // endpoints whose responses differ
	Counters      []Counter `json:"counters"`
	// ConfirmFrom is the first pair of those on which a regression that had been found was
	// tested a second time; 0: none.
	ConfirmFrom int `json:"confirm_from,omitempty"`
	// Queries reports that the app says how many database queries a response took.
	Queries bool `json:"queries_counted,omitempty"`
	// Retried is how many boots failed and were repeated; RetriedFor is why, of the last one.
	Retried    int    `json:"retried,omitempty"`
	RetriedFor string `json:"retried_for,omitempty"`
	Failed     string `json:"failed,omitempty"` // the arm that did not boot or died, with why
	FailedArm  string `json:"failed_arm,omitempty"`
}

// Gate is a gate's run beside its cells.
type Gate struct {
	GateSpec
	GateFindings
}
