// Package gate decides whether a change made an app slower: it measures two versions in pairs until
// package reports/gate finds proof, or the budget is spent. Its self-test measures what a gate can
// detect on this machine.
package gate

import (
	"cmp"
	"fmt"
	"time"

	"bench/experiments"
	"bench/reports/gate"
	"bench/results"
	"bench/servers"
	"bench/targets"
)

// Spec is a gate as requested.
type Spec struct {
	// Base and Head are two folders, or two commits of the checkout that holds App. "" means, for
	// Base, where head left the main branch; for Head, the work tree.
	Base     string `json:"base,omitempty"`
	Head     string `json:"head,omitempty"`
	App      string `json:"app,omitempty"`
	Topology string `json:"topology"`
	Scenario string `json:"scenario,omitempty"` // "": the mix of bench.yaml, else page
	Profile  string `json:"profile"`

	Budget     time.Duration `json:"budget_ns"`
	Objectives []string      `json:"objectives,omitempty"` // that head has to meet; none: those of bench.yaml
	Metrics    []string      `json:"metrics,omitempty"`    // that decide: NAME or NAME=PERCENT%; nil: all
	HeadEnv    []string      `json:"head_env,omitempty"`   // variables for head alone, for trying out the gate
	FixedOrder bool          `json:"fixed_order,omitempty"`
	Seed       uint64        `json:"seed"`
}

// How the time of a pair is spent.
const (
	slice     = 4 * time.Second
	mostSlice = 8 * time.Second
	closedRun = 300 * time.Millisecond
	warmup    = 600 * time.Millisecond
	// pairTime and setUpTime are rough, for detecting a budget that is too small.
	pairTime  = 7 * time.Second
	setUpTime = 15 * time.Second

	bootTimeout = time.Minute
)

// sliceRequests are enough for the median of a slice to be more than chance. The boots of a slow app take
// long, too, so that longer slices are a cheaper way to them than more pairs.
const sliceRequests = 40

// sliceAt is the length of a slice at a rate, in requests per second.
func sliceAt(rate float64) time.Duration {
	return min(mostSlice, max(slice, time.Duration(sliceRequests/rate*float64(time.Second))))
}

// plan is what can be decided without looking at the versions.
type plan struct {
	topology servers.Topology
	gated    []results.Gated
}

// Validate reports what is wrong with the spec, as far as that shows without the versions.
func (s Spec) Validate() error {
	_, err := s.plan()
	if least := setUpTime + gate.FewestPairs*pairTime; err == nil && s.Budget < least {
		return experiments.Misusef("--budget %v is too small: a verdict needs at least %d pairs, about %v",
			s.Budget, gate.FewestPairs, least)
	}
	return err
}

// Lines describe the plan, a sentence a line.
func (s Spec) Lines() []string {
	head := gate.WorkTree
	if s.Base == experiments.Bundled {
		head = experiments.Bundled
	}
	return []string{
		fmt.Sprintf("pairs of base (%s) and head (%s), each booted afresh as %s",
			cmp.Or(s.Base, "where head left the main branch"), cmp.Or(s.Head, head), s.Topology),
		fmt.Sprintf("in each pair, both at once at the same rate for %v (a slow app: up to %v), then two closed "+
			"loops of %v for each, until their throughput is decided", slice, mostSlice, closedRun),
		fmt.Sprintf("at least %d pairs, until the verdict is proven or %v have passed", gate.FewestPairs, s.Budget),
	}
}

func (s Spec) plan() (p plan, err error) {
	if _, err := experiments.Objectives(s.Objectives, targets.Project{}); err != nil {
		return p, err
	}
	if s.Metrics != nil {
		if p.gated, err = gate.ParseGated(s.Metrics); err != nil {
			return p, experiments.Misusef("--metrics %w", err)
		}
	}
	if p.topology, err = experiments.OneTopology(s.Topology, s.Profile); err != nil {
		return p, err
	}
	if !p.topology.Boots() {
		return p, experiments.Misusef("--topology %q: want one topology that bench boots", s.Topology)
	}
	return p, nil
}
