package results

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// RunSchema is the version of the run directory's format. Load reads every older one too
// (schema1.go).
const RunSchema = "bench.run/2"

// Kinds of run. What a kind was asked for and what it found beside its cells are the spec and
// the findings of its manifest.
const (
	KindCompare  = "compare"
	KindGate     = "gate"
	KindCapacity = "capacity"
)

// Status of a run.
const (
	Complete = "COMPLETE"
	Partial  = "PARTIAL" // interrupted or failed: what had been sealed is kept
)

// Manifest describes a run: what was asked for, with what, on what.
type Manifest struct {
	Schema      string            `json:"schema"`
	Kind        string            `json:"kind"` // compare, gate, ...
	Name        string            `json:"name"`
	Status      string            `json:"status"`
	Started     time.Time         `json:"started"`
	Elapsed     float64           `json:"elapsed_s"`
	Measured    float64           `json:"measured_s"` // the part of Elapsed spent inside cells
	Seed        uint64            `json:"seed"`
	Engine      string            `json:"engine"`
	Generator   *Calibration      `json:"calibration,omitempty"`
	Profile     string            `json:"profile"`
	Plan        []string          `json:"plan"` // the experiment in words, a line each
	Baseline    string            `json:"baseline,omitempty"`
	Blocks      int               `json:"blocks"`
	App         AppRecord         `json:"app"`
	Scenarios   []ScenarioRecord  `json:"scenarios"`
	Topologies  []TopologyRecord  `json:"topologies"`
	Objectives  []string          `json:"objectives,omitempty"`
	Tools       map[string]string `json:"tools"`
	Host        Host              `json:"host"`
	Config      map[string]string `json:"config"` // every flag with its value
	Diagnostics []Diagnostic      `json:"diagnostics,omitempty"`
	Spec        json.RawMessage   `json:"spec,omitempty"`     // what was asked for, in the form of the kind
	Findings    json.RawMessage   `json:"findings,omitempty"` // what was found beside the cells, likewise
}

// Decode reads the spec and the findings of a run of the kind given into one value, whose keys
// are those of both: Gate for KindGate, Capacity for KindCapacity.
func Decode[T any](m Manifest, kind string) (*T, error) {
	if m.Kind != kind {
		return nil, fmt.Errorf("a run of kind %q was given where one of kind %q is needed", m.Kind, kind)
	}
	value := new(T)
	for _, part := range []struct {
		name string
		data json.RawMessage
	}{{"spec", m.Spec}, {"findings", m.Findings}} {
		if part.data == nil {
			continue // a run that ended before it found anything
		}
		if err := json.Unmarshal(part.data, value); err != nil {
			return nil, fmt.Errorf("%s: %s of a %s: %w", manifestFile, part.name, kind, err)
		}
	}
	return value, nil
}

// Encode makes a spec or findings part of a manifest. It fails on a value that JSON cannot hold,
// such as NaN.
func Encode(part any) (json.RawMessage, error) {
	data, err := json.Marshal(part)
	if err != nil {
		return nil, fmt.Errorf("writing %T into the manifest: %w", part, err)
	}
	return data, nil
}

// AppRecord identifies the app that answered.
type AppRecord struct {
	Name   string `json:"name"`
	WSGI   string `json:"wsgi"`
	Commit string `json:"commit,omitempty"` // git commit, with -dirty if it was
	Hash   string `json:"hash,omitempty"`   // of the bundled project
}

// ScenarioRecord is one scenario of the experiment. The first of a run is its main one.
type ScenarioRecord struct {
	Name    string         `json:"name"`
	Summary string         `json:"summary"`
	Targets []TargetRecord `json:"targets"`
}

// TargetRecord is one target of a mix.
type TargetRecord struct {
	Name   string `json:"name"`
	Method string `json:"method"`
	Path   string `json:"path"`
	Weight uint32 `json:"weight"`
}

// TopologyRecord is one arm of the experiment.
type TopologyRecord struct {
	Name        string `json:"name"`
	Ref         string `json:"ref"` // with every parameter; parses back
	Summary     string `json:"summary"`
	Concurrency int    `json:"concurrency"` // requests it works on at once; 0: one thread per connection; -1: not known
	ConfigHash  string `json:"config_hash"`
	Roles       Roles  `json:"roles,omitempty"` // of its tiers
	// Excluded says why the topology was left out of the comparison, if it was.
	Excluded string `json:"excluded,omitempty"`
}

// Host is what is known of the machine.
type Host struct {
	OS        string `json:"os"`
	Kernel    string `json:"kernel"`
	CPU       string `json:"cpu"`
	Cores     int    `json:"cores"`
	Memory    int64  `json:"memory_bytes"`
	Somaxconn int    `json:"somaxconn"`
}

// Grade says how far a measurement can be trusted.
type Grade string

const (
	Valid    Grade = "VALID"
	Degraded Grade = "DEGRADED" // usable, with the causes in mind
	Invalid  Grade = "INVALID"  // not a measurement of the servers
)

// Worse returns the worse of two grades.
func (g Grade) Worse(h Grade) Grade {
	rank := map[Grade]int{Valid: 1, Degraded: 2, Invalid: 3}
	if rank[h] > rank[g] {
		return h
	}
	return g
}

// Diagnostic is one reason for a grade, or a warning: data that is carried to the report.
type Diagnostic struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// Sentences joins the message and the remedy, for who reads both on one line: "The generator
// was late. Use fewer connections."
func (c Diagnostic) Sentences() string {
	message, remedy := strings.TrimSpace(c.Message), strings.TrimSpace(c.Hint)
	if message == "" || remedy == "" {
		return message + remedy
	}
	if !strings.ContainsRune(".!?", rune(message[len(message)-1])) {
		message += "."
	}
	return message + " " + remedy
}

// FromServer reports whether the servers are the cause, and not the generator: what is void for
// that says something of them.
func (c Diagnostic) FromServer() bool {
	return c.Code == ServerDied || c.Code == ServerGone || c.Code == NoSuccess
}

// Codes of the causes that say that a server failed, not the measurement.
const (
	ServerDied = "server-died"
	ServerGone = "server-gone"
	NoSuccess  = "no-right-answer"
)

// Loads of a cell.
const (
	OpenLoop   = "open"
	ClosedLoop = "closed"
)

// Cell is one topology under one load in one repeat.
type Cell struct {
	Index       int       `json:"index"`
	Topology    string    `json:"topology"`
	Scenario    string    `json:"scenario"`
	Load        string    `json:"load"` // closed, closed-new, rate-300, ...
	Mode        string    `json:"mode"` // open or closed loop
	Rate        float64   `json:"rate,omitempty"`
	Pacer       string    `json:"pacer,omitempty"` // open loop: when each request was due, as pacing.Parse reads it
	Connections int       `json:"connections"`
	NewConns    bool      `json:"new_connections,omitempty"` // a connection for each request
	Block       int       `json:"block"`
	Position    int       `json:"position"` // place of the topology within its block
	Seed        uint64    `json:"seed"`
	Started     time.Time `json:"started"`
	Duration    float64   `json:"duration_s"`          // of the load, as planned
	Elapsed     float64   `json:"elapsed_s"`           // with the wait for the last answers
	LeadIn      float64   `json:"lead_in_s,omitempty"` // of Duration, at its start, that does not count

	Boot        Boot         `json:"boot"`
	Counts      Counts       `json:"counts"`
	Successful  uint64       `json:"successful"` // successful responses within Duration: what a rate is made of
	Opened      uint64       `json:"connections_opened"`
	Clamped     uint64       `json:"clamped"`
	Generator   Generator    `json:"generator"`
	Server      Server       `json:"server"`
	Grade       Grade        `json:"grade"`
	Diagnostics []Diagnostic `json:"diagnostics,omitempty"`

	Intervals []Interval `json:"-"` // latency.hlog and counts.csv
	Usage     []Usage    `json:"-"` // usage.csv
}

// Counted are the intervals after the lead-in.
func (c *Cell) Counted() []Interval {
	for i, iv := range c.Intervals {
		if iv.Start.Seconds() >= c.LeadIn {
			return c.Intervals[i:]
		}
	}
	return nil
}

// Boot is how the cluster of a cell came up. Cells of one boot share it.
type Boot struct {
	BootMS         float64 `json:"boot_ms"`          // start of the first process to ready
	FirstRequestMS float64 `json:"first_request_ms"` // the first request that was answered
	WarmupMS       float64 `json:"warmup_ms"`
	Settled        bool    `json:"settled"` // the latency had settled when the warm-up ended
	Workers        int     `json:"workers"` // worker processes seen to answer
}

// Generator is what the load cost the machine.
type Generator struct {
	Engine     string   `json:"engine"`
	Timer      string   `json:"timer,omitempty"` // how it waited for due times, where it has a choice
	Threads    int      `json:"threads,omitempty"`
	CPUSeconds float64  `json:"cpu_seconds"`
	Spun       float64  `json:"polling_s"` // of them, spent polling so as not to wake up late
	MaxRSS     int64    `json:"max_rss_bytes"`
	UnderWay   float64  `json:"under_way_s,omitempty"` // time integral of the number of requests under way
	Health     []Health `json:"health,omitempty"`      // by the second
}

// Run is a run directory in memory.
type Run struct {
	Manifest Manifest
	Cells    []*Cell
}
