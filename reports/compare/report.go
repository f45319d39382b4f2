// Package compare judges a comparison of topologies. Build is a pure function of a run: it opens no
// socket, starts no process and reads no clock, so that a report can be made again, elsewhere and
// later, byte for byte. Programs read the Report, people its Document.
package compare

import (
	"bench/results"
	"bench/stats"
)

// Schema is the version of report.json.
const Schema = "bench.compare/2"

// Report is a judged comparison. Its JSON form is report.json.
type Report struct {
	Head
	// Recommendation is nil where intervals or competitors are lacking.
	Recommendation *Recommendation `json:"recommendation,omitempty"`
	Baseline       string          `json:"baseline"`
	Measuring      float64         `json:"measuring_percent"`
	// MeasuredAgain is the number of disturbed cells that were left out and measured again.
	MeasuredAgain int          `json:"cells_measured_again,omitempty"`
	Topologies    []Topology   `json:"topologies"`
	Scenarios     []Scenario   `json:"scenarios"`
	Objectives    []string     `json:"objectives,omitempty"`
	Multiplicity  Multiplicity `json:"multiplicity"`
	Notes         []Note       `json:"notes"`           // known artefacts, in words
	Hosts         []Host       `json:"hosts,omitempty"` // of a fleet: what ran where

	run   *results.Run
	cells map[string][]*results.Cell // by topology
}

// Topology is one arm's results.
type Topology struct {
	Name           string             `json:"name"`
	Ref            string             `json:"ref"`
	Summary        string             `json:"summary"`
	Concurrency    int                `json:"concurrency"`          // at a time; 0: those of all connections; -1: unknown
	EventLoop      bool               `json:"event_loop,omitempty"` // those of all connections, by event loops
	ConfigHash     string             `json:"config_hash"`
	Roles          results.Roles      `json:"roles,omitempty"`       // of its tiers
	Development    bool               `json:"development,omitempty"` // not meant for production
	Excluded       string             `json:"excluded,omitempty"`
	BootMS         float64            `json:"boot_ms"`          // median of the boots
	FirstRequestMS float64            `json:"first_request_ms"` // median
	MaxThroughput  Rate               `json:"max_throughput"`   // main scenario, closed loop, keep-alive
	CPU            map[string]float64 `json:"cpu_ms_per_request"`
	CPUTotal       stats.Interval     `json:"cpu_ms_per_request_total"`
	// Drift is the throughput in the last third of the main scenario's closed loop, which comes first after
	// a boot, relative to that in the middle third: above 1 if the warm-up had not ended.
	Drift      stats.Interval   `json:"drift"`
	PSS        int64            `json:"pss_bytes"`
	PSSByTier  map[string]int64 `json:"pss_bytes_by_tier"`
	Loads      []Load           `json:"loads"`
	VsBaseline []Ratio          `json:"vs_baseline"`

	nagle string // why it may delay responses by Nagle's algorithm
}

// Rate is a throughput with its interval.
type Rate struct {
	stats.Interval
	Unit string `json:"unit"`
	// LowerBound: the generator was the limit, and the servers could do more.
	LowerBound bool `json:"lower_bound"`
}

// Load is how one topology did under one load, over all blocks.
type Load struct {
	Scenario    string                     `json:"scenario"`
	Load        string                     `json:"load"`
	Mode        string                     `json:"mode"`
	Offered     float64                    `json:"offered,omitempty"`         // open loop
	Connections int                        `json:"connections"`               // at most
	New         bool                       `json:"new_connections,omitempty"` // one per request
	Rate        Rate                       `json:"rate"`                      // successful responses per second
	Cells       int                        `json:"cells"`
	Void        int                        `json:"void"`                     // cells that are not a measurement, left out
	VoidServer  int                        `json:"void_by_server,omitempty"` // of these, by a failure of the server
	Grade       results.Grade              `json:"grade"`
	Response    results.Summary            `json:"response_us"`
	Service     results.Summary            `json:"service_us"`
	Lateness    results.Summary            `json:"lateness_us"`
	TTFB        results.Summary            `json:"ttfb_us"`
	Connect     results.Summary            `json:"connect_us"`
	App         results.Summary            `json:"app_us"`  // time in the app, of responses that say it
	Wait        results.Summary            `json:"wait_us"` // what remains of their service time
	Counts      results.Counts             `json:"counts"`
	Targets     map[string]results.Summary `json:"targets"` // response time of each target
	Opened      uint64                     `json:"connections_opened"`
	PerConn     float64                    `json:"requests_per_connection"`
	CPU         map[string]float64         `json:"cpu_ms_per_request"`
	BusyCores   map[string]float64         `json:"busy_cores"` // by tier, and "generator"
	Server      results.Server             `json:"server"`
	Objectives  []results.Judged           `json:"objectives,omitempty"`
	Sustained   bool                       `json:"sustained"` // open loop: kept up with the offered rate
}

// step reports whether the load is an open loop on keep-alive connections: a load step.
func (l Load) step() bool { return l.Mode == results.OpenLoop && !l.New }

// Ratio is a metric's ratio to the baseline, paired by block.
type Ratio struct {
	Metric   string `json:"metric"` // max_throughput, p50, p99, cpu_ms_per_request, boot_ms, pss_bytes
	Scenario string `json:"scenario"`
	Load     string `json:"load,omitempty"`
	stats.Interval
	// Bound is "at least" or "at most" if one of the two figures is only a lower bound, and
	// "unknown" if both are.
	Bound string `json:"bound,omitempty"`
}

// Scenario is the order of the topologies on one scenario, with the reasons.
type Scenario struct {
	Name    string                 `json:"name"`
	Summary string                 `json:"summary"`
	Targets []results.TargetRecord `json:"targets"`
	Order   []Place                `json:"order"` // highest throughput first
	Pairs   []Versus               `json:"pairs"` // throughputs of all but the baseline, the higher to the lower
	Finding string                 `json:"finding"`
	Missing []string               `json:"not_measured,omitempty"` // topologies with too few valid cells
}

// Place is a topology's place in the order.
type Place struct {
	Topology string          `json:"topology"`
	Rank     int             `json:"rank"` // 1 + those shown to serve more; 0: there are no intervals
	Tied     bool            `json:"tied,omitempty"`
	Rate     Rate            `json:"rate"`
	Versus   *Ratio          `json:"vs_baseline,omitempty"`
	Response results.Summary `json:"response_us"`
	Limit    *Explanation    `json:"limit,omitempty"` // absent where none stands out, or the CPU time is unknown
	Reasons  []string        `json:"reasons"`         // what limited it, with the evidence
}

// Note is a known artefact and where it shows.
type Note struct {
	Code string `json:"code"`
	Text string `json:"text"`
}
