package results

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// RunSchema is the version of the run directory's format. Load also reads older ones
// (schema1.go).
const RunSchema = "bench.run/2"

// Kinds of run. A manifest's spec is what the run was asked for, its findings what it found in
// addition to its cells, each in the form of its kind.
const (
	KindCompare  = "compare"
	KindGate     = "gate"
	KindCapacity = "capacity"
	KindTune     = "tune"
	KindLoad     = "load"
	KindClaims   = "claims"
	KindLadder   = "ladder"
)

// Status of a run.
const (
	Complete = "COMPLETE"
	Partial  = "PARTIAL" // interrupted or failed: the sealed cells are kept
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
	Plan        []string          `json:"plan"` // the experiment in words, line by line
	Baseline    string            `json:"baseline,omitempty"`
	Blocks      int               `json:"blocks"`
	Planned     int               `json:"planned_cells,omitempty"` // 0: as many as it takes
	Sealed      int               `json:"sealed_cells,omitempty"`  // of a run that has ended
	App         AppRecord         `json:"app"`
	Scenarios   []ScenarioRecord  `json:"scenarios"`
	Topologies  []TopologyRecord  `json:"topologies"`
	Objectives  []string          `json:"objectives,omitempty"`
	Tools       map[string]string `json:"tools"`
	Host        Host              `json:"host"`
	Fleet       []FleetHost       `json:"fleet,omitempty"` // where servers and load ran; none: on Host
	Config      map[string]string `json:"config"`          // every flag with its value
	Diagnostics []Diagnostic      `json:"diagnostics,omitempty"`
	Spec        json.RawMessage   `json:"spec,omitempty"`     // what was asked for, in the form of the kind
	Request     *Request          `json:"request,omitempty"`  // what it takes to ask for the same again; nil: not kept
	Findings    json.RawMessage   `json:"findings,omitempty"` // what was found in addition to the cells, likewise
}

// Request is all that an experiment was given, so that it can be carried out again.
type Request struct {
	Spec          json.RawMessage `json:"spec"`               // of the experiment; the manifest's may say less
	Services      []string        `json:"services,omitempty"` // that were asked for in place of the app's own
	SharedMachine bool            `json:"shared_machine,omitempty"`
	Placement     string          `json:"placement,omitempty"` // of processes on the hosts of a fleet; empty: this machine
}

// Decode reads the spec and the findings of a run of the given kind into one value that has the
// keys of both: Gate for KindGate, Capacity for KindCapacity.
func Decode[T any](m Manifest, kind string) (*T, error) {
	if m.Kind != kind {
		return nil, fmt.Errorf("the run is of kind %q: want one of kind %q", m.Kind, kind)
	}
	value := new(T)
	for _, part := range []struct {
		name string
		data json.RawMessage
	}{{"spec", m.Spec}, {"findings", m.Findings}} {
		if part.data == nil {
			continue // the run ended before it found anything
		}
		if err := json.Unmarshal(part.data, value); err != nil {
			return nil, fmt.Errorf("%s: %s of a %s: %w", manifestFile, part.name, kind, err)
		}
	}
	return value, nil
}

// Encode encodes a spec or findings for a manifest. It fails on values that JSON cannot
// represent, such as NaN.
func Encode(part any) (json.RawMessage, error) {
	data, err := json.Marshal(part)
	if err != nil {
		return nil, fmt.Errorf("writing %T into the manifest: %w", part, err)
	}
	return data, nil
}

// AppRecord identifies the app under test.
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
	Concurrency int    `json:"concurrency"` // requests it works on at once; 0: those of all connections; -1: unknown
	// EventLoop says that those of all connections are worked on by event loops, and not by a thread for each.
	EventLoop   bool   `json:"event_loop,omitempty"`
	ConfigHash  string `json:"config_hash"`
	Roles       Roles  `json:"roles,omitempty"`       // of its tiers
	Nagle       string `json:"nagle,omitempty"`       // why it may delay responses by Nagle's algorithm
	Development bool   `json:"development,omitempty"` // not meant for production
	// Excluded says why the topology was left out of the comparison, if it was.
	Excluded string `json:"excluded,omitempty"`
}

// AtOnce says how many requests a topology of that concurrency works on at once.
func AtOnce(concurrency int, eventLoop bool) string {
	switch {
	case concurrency > 0:
		return strconv.Itoa(concurrency)
	case concurrency < 0:
		return "unknown"
	case eventLoop:
		return "event loop"
	}
	return "one thread per connection"
}

// Host is what is known about the machine.
type Host struct {
	OS        string `json:"os"`
	Kernel    string `json:"kernel"`
	CPU       string `json:"cpu"`
	Cores     int    `json:"cores"`
	Memory    int64  `json:"memory_bytes"`
	Somaxconn int    `json:"somaxconn"`
}

// FleetHost is a host of a fleet, and what ran on it.
type FleetHost struct {
	Name    string            `json:"name"`
	Kind    string            `json:"kind"`    // how bench reached it: ssh, netns or local
	Target  string            `json:"target"`  // by what name
	Address string            `json:"address"` // where the other hosts reach it; empty: not known, nor needed
	Runs    []string          `json:"runs"`    // the kinds of processes, and load
	Host    Host              `json:"host"`    // empty where only the load comes from it
	Tools   map[string]string `json:"tools,omitempty"`
}

// Grade says how far a measurement can be trusted.
type Grade string

const (
	Valid    Grade = "VALID"
	Degraded Grade = "DEGRADED" // usable, given its diagnostics
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

// Diagnostic is one reason for a grade, or a warning, carried to the report as data.
type Diagnostic struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
	// Severity is what it means for the measurement that it is about; none in runs of older versions.
	Severity Severity `json:"severity,omitempty"`
}

// Sentences joins the message and the hint on one line: "The generator was late. Use fewer
// connections."
func (c Diagnostic) Sentences() string {
	message, hint := strings.TrimSpace(c.Message), strings.TrimSpace(c.Hint)
	if message == "" || hint == "" {
		return message + hint
	}
	if !strings.ContainsRune(".!?", rune(message[len(message)-1])) {
		message += "."
	}
	return message + " " + hint
}

// FromServer reports whether the servers are the cause, not the generator: a cell that is void
// for that reason says something about them.
func (c Diagnostic) FromServer() bool {
	return c.Code == ServerDied || c.Code == ServerGone || c.Code == NoSuccess
}

// Codes of the diagnostics that say that a server failed, not the measurement.
const (
	ServerDied = "server-died"
	ServerGone = "server-gone"
	NoSuccess  = "no-right-answer"
)

// Loads of a cell.
const (
	OpenLoop   = "open"
	ClosedLoop = "closed"
	// UnknownLoop is of a load of another tool, which does not say what started its requests.
	UnknownLoop = "unknown"
)

// NewSuffix ends the name of a load whose requests each take a new connection.
const NewSuffix = "-new"

// ApartLoad is a closed loop during which servers and load generator have cores of their own.
const ApartLoad = "closed-apart"

// Cell is one topology under one load in one repeat.
type Cell struct {
	Index       int       `json:"index"`
	Topology    string    `json:"topology"`
	Scenario    string    `json:"scenario"`
	Load        string    `json:"load"` // closed, closed-new, rate-300, ...
	Mode        string    `json:"mode"` // open or closed loop
	Rate        float64   `json:"rate,omitempty"`
	Pacer       string    `json:"pacer,omitempty"` // open loop: when requests were due, as pacing.Parse reads it
	Connections int       `json:"connections"`
	NewConns    bool      `json:"new_connections,omitempty"` // one connection per request
	Block       int       `json:"block"`
	Position    int       `json:"position"`        // place of the topology within its block
	Again       int       `json:"again,omitempty"` // how often it had been measured before, and been disturbed
	Seed        uint64    `json:"seed"`
	Started     time.Time `json:"started"`
	Duration    float64   `json:"duration_s"`          // of the load, as planned
	Elapsed     float64   `json:"elapsed_s"`           // including the drain
	LeadIn      float64   `json:"lead_in_s,omitempty"` // the start of Duration that does not count

	// Incidents are what was done to the servers and the load on purpose, in the order in which it was.
	Incidents []Incident `json:"incidents,omitempty"`
	// Slow are the clients that the load got in addition, by population.
	Slow []Slow `json:"slow,omitempty"`

	Boot       Boot   `json:"boot"`
	Counts     Counts `json:"counts"`
	Successful uint64 `json:"successful"` // successful responses within Duration
	// Thirds are the successful responses within each third of Duration; none in older runs.
	Thirds      []uint64      `json:"successful_by_third,omitempty"`
	Loop        *ClosedRecord `json:"closed_loop,omitempty"` // what its throughput is estimated from
	Opened      uint64        `json:"connections_opened"`
	Clamped     uint64        `json:"clamped"`
	Generator   Generator     `json:"generator"`
	Server      Server        `json:"server"`
	Hosts       []HostUsage   `json:"hosts,omitempty"` // what the servers used on each host of a fleet
	Grade       Grade         `json:"grade"`
	Diagnostics []Diagnostic  `json:"diagnostics,omitempty"`

	Intervals []Interval `json:"-"` // latency.hlog and counts.csv
	Usage     []Usage    `json:"-"` // usage.csv
	Moments   []Moment   `json:"-"` // moments.csv, of a cell with incidents
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

// Boot describes how the cluster of a cell came up. Cells of one boot share it.
type Boot struct {
	BootMS         float64 `json:"boot_ms"`          // from the start of the first process until ready
	FirstRequestMS float64 `json:"first_request_ms"` // the first request that was answered
	WarmupMS       float64 `json:"warmup_ms"`
	Settled        bool    `json:"settled"` // the throughput had stopped rising when the warm-up ended
	Workers        int     `json:"workers"` // worker processes seen to respond
}

// Generator is what generating the load cost the machine.
type Generator struct {
	Engine     string   `json:"engine"`
	Timer      string   `json:"timer,omitempty"` // how it waited for due times, where it has a choice
	Threads    int      `json:"threads,omitempty"`
	CPUSeconds float64  `json:"cpu_seconds"`
	Spun       float64  `json:"polling_s"` // the part spent polling to avoid late wake-ups
	MaxRSS     int64    `json:"max_rss_bytes"`
	UnderWay   float64  `json:"under_way_s,omitempty"` // time integral of the number of requests under way
	Health     []Health `json:"health,omitempty"`      // per second
}

// Run is a run directory in memory.
type Run struct {
	Manifest Manifest
	Cells    []*Cell
}
