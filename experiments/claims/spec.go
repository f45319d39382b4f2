// Package claims tests claims about deployment: it boots the topologies of each, does to them what the claim's
// file says, block by block, and leaves the verdicts to the report.
package claims

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"bench/experiments"
	"bench/results"
	"bench/scenarios"
	"bench/scenarios/claims"
	"bench/servers"
	"bench/targets"
)

// Spec is a test of claims as requested.
type Spec struct {
	App    string        `json:"app,omitempty"`
	Claims []string      `json:"claims,omitempty"`    // names of embedded ones; none, and no files: all
	Files  []string      `json:"files,omitempty"`     // a user's own
	Preset string        `json:"preset"`              // quick, default or thorough
	Blocks int           `json:"blocks,omitempty"`    // 0: by preset
	Budget time.Duration `json:"budget_ns,omitempty"` // no claim is begun after it; 0: by preset
	Seed   uint64        `json:"seed"`
}

// preset is how much a test measures.
type preset struct {
	name    string
	blocks  int
	few     int           // blocks of claims that few decide
	counted int           // blocks of claims about what is counted, which takes no interval
	stretch float64       // of the times in a claim's file
	warmup  time.Duration // at most
	// limit is how long the whole may take; 0: as long as it does. It costs blocks, down to a fewest number, and then
	// length of loads, down to a shortest.
	limit time.Duration
}

var presets = []preset{
	{"default", 6, fewestBlocks, fewestBlocks, 1.5, time.Second, 0},
	{"quick", 6, fewestBlocks, 2, 1, 300 * time.Millisecond, 10 * time.Minute},
	{"thorough", 10, 5, 5, 2, 2 * time.Second, 0},
}

// blocksOf is in how many blocks a claim is tested.
func (p preset) blocksOf(c claims.Claim) int {
	switch {
	case c.Counts():
		return min(p.counted, p.blocks)
	case c.FewBlocks:
		return min(p.few, p.blocks)
	}
	return p.blocks
}

// fewestBlocks are needed for an interval that shows a large effect.
const fewestBlocks = 3

// Plan is what a test of claims will do, decided before anything starts.
type Plan struct {
	Project targets.Project
	Claims  []claims.Claim

	spec   Spec
	preset preset
}

// mostBlocks bounds the repeats.
const mostBlocks = 1000

// Plan decides what to do, or reports what is wrong with the spec.
func (s Spec) Plan() (p Plan, err error) {
	p.spec = s
	at := slices.IndexFunc(presets, func(p preset) bool { return p.name == s.Preset })
	if at < 0 {
		return p, experiments.Misusef("preset %q: want default, quick or thorough", s.Preset)
	}
	p.preset = presets[at]
	if s.Blocks < 0 || s.Blocks == 1 || s.Blocks > mostBlocks {
		return p, experiments.Misusef("--blocks %d: want 2 to %d; a single one has no interval", s.Blocks, mostBlocks)
	}
	if p.Project, err = experiments.LoadProject(s.App); err != nil {
		return p, err
	}
	names := s.Claims
	if len(names)+len(s.Files) == 0 {
		names = claims.Usual()
	}
	if s.Budget < 0 {
		return p, experiments.Misusef("--budget %v: want a time, such as 20m", s.Budget)
	}
	p.preset.limit = cmp.Or(s.Budget, p.preset.limit)
	for _, name := range names {
		if err := p.add(claims.Named(name)); err != nil {
			return p, err
		}
	}
	for _, file := range s.Files {
		if err := p.add(claims.File(file)); err != nil {
			return p, err
		}
	}
	p.shorten()
	if s.Blocks > 0 {
		p.preset.blocks, p.preset.few, p.preset.counted = s.Blocks, s.Blocks, s.Blocks
	}
	return p, nil
}

// shorten keeps the test within its limit, as far as that can be.
func (p *Plan) shorten() {
	const (
		reserve = 0.04 // of the limit: what surrounds the blocks, and servers that boot slowly
		step    = 0.05
	)
	limit := time.Duration((1 - reserve) * float64(p.preset.limit))
	for limit > 0 && p.Estimate() > limit {
		switch {
		case p.preset.blocks > fewestBlocks:
			p.preset.blocks--
		case p.preset.stretch >= claims.ShortestStretch+step:
			p.preset.stretch -= step
		default:
			return
		}
	}
}

func (p *Plan) add(c claims.Claim, err error) error {
	if err != nil {
		return experiments.Misuse(err)
	}
	if slices.ContainsFunc(p.Claims, func(other claims.Claim) bool { return other.Name == c.Name }) {
		return experiments.Misusef("the claim %s is given twice", c.Name)
	}
	p.Claims = append(p.Claims, c)
	return nil
}

// topologies are those of a claim.
func topologies(c claims.Claim) (all []servers.Topology) {
	for _, arm := range c.Arms {
		all = append(all, arm.Topology)
	}
	return all
}

// Topologies are those of all claims.
func (p Plan) Topologies() (all []servers.Topology) {
	for _, c := range p.Claims {
		all = append(all, topologies(c)...)
	}
	return all
}

// Lines is the plan in words.
func (p Plan) Lines() (lines []string) {
	for _, c := range p.Claims {
		lines = append(lines, fmt.Sprintf("%s: %s", c.Name, c.Claim))
		for _, arm := range c.Arms {
			lines = append(lines, fmt.Sprintf("  %s: %s", arm.Name, arm.Topology))
		}
		for _, step := range c.Steps {
			lines = append(lines, fmt.Sprintf("  %s: %s", step.Name, step.Does.About()))
		}
		for _, prediction := range c.Predictions {
			lines = append(lines, fmt.Sprintf("  wanted: %s (%s)", prediction.Says, prediction.Rule))
		}
	}
	for _, s := range seat(p.Claims, p.preset) {
		if len(s.claims) > 1 {
			const together = "tested together, %d boots in a block: %s"
			lines = append(lines, fmt.Sprintf(together, len(s.boots), strings.Join(s.names(), ", ")))
		}
	}
	const blocks = "%d blocks, %d of what few decide, %d of what is counted; each boots every topology afresh, " +
		"in random order (preset %s)"
	few, counted := min(p.preset.blocks, p.preset.few), min(p.preset.blocks, p.preset.counted)
	lines = append(lines, fmt.Sprintf(blocks, p.preset.blocks, few, counted, p.preset.name))
	if limit := p.preset.limit; limit > 0 && p.Estimate() > limit {
		lines = append(lines, fmt.Sprintf("claims that are not begun within %v are left undecided (--budget)", limit))
	}
	return lines
}

// bootAndStop is about how long a topology takes to boot and to stop.
const bootAndStop = 700 * time.Millisecond

// Estimate is roughly how long it will take.
func (p Plan) Estimate() (sum time.Duration) {
	for _, s := range seat(p.Claims, p.preset) {
		sum += s.lasts()
	}
	return sum
}

// record is a claim for the manifest.
func record(c claims.Claim) results.Claim {
	r := results.Claim{
		Name: c.Name, Claim: c.Claim, Source: c.Source, About: c.About, Predictions: c.Predictions, Verdicts: c.Verdicts,
	}
	for _, arm := range c.Arms {
		r.Arms = append(r.Arms, results.ClaimArm{
			Name: arm.Name, Topology: unique(c, arm).Name, Ref: arm.Topology.String(),
		})
	}
	for _, step := range c.Steps {
		r.Steps = append(r.Steps, results.ClaimStep{Name: step.Name, Kind: step.Kind, About: step.Does.About()})
	}
	return r
}

// unique is an arm under a name that no arm of another claim has.
func unique(c claims.Claim, arm claims.Arm) scenarios.Arm {
	return scenarios.Arm{Name: c.Name + "." + arm.Name, Topology: arm.Topology}
}
