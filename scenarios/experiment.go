package scenarios

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/results"
	"bench/servers"
)

// Experiment is a comparison as plain data.
type Experiment struct {
	Scenarios []Scenario // the first is the main one: it also gets the load steps
	Arms      []Arm
	Preset    Preset
	Seed      uint64
	LoadSteps []float64 // in requests per second, once known

	speeds         speeds        // once known
	perBoot, spent time.Duration // each boot, and the preflight, took
	withoutClosed  bool          // the app is too slow for a closed loop with new connections,
	withoutNew     bool          // for any load with them,
	fewer          bool          // and even for enough responses at a load step
}

// Arm is one topology of a comparison, under a unique name.
type Arm struct {
	Name     string
	Topology servers.Topology
}

// Arms names topologies: by their short name, followed by their parameters where several share it.
func Arms(topologies []servers.Topology) ([]Arm, error) {
	times := map[string]int{}
	for _, t := range topologies {
		times[t.Short()]++
	}
	var arms []Arm
	used := map[string]bool{}
	shared := sharedProfile(topologies)
	for i, t := range topologies {
		if slices.Contains(topologies[:i], t) {
			return nil, fmt.Errorf("topology %s is given twice", t)
		}
		name := t.Short()
		if params := t.Without(shared).Params; times[name] > 1 && params != "" {
			name += "-" + results.FileName(params)
		}
		for n, plain := 2, name; used[name]; n++ {
			name = fmt.Sprintf("%s-%d", plain, n) // a folder with the name of a built-in one
		}
		used[name] = true
		arms = append(arms, Arm{name, t})
	}
	return arms, nil
}

// sharedProfile is the parameter that sets one profile for all, and so does not distinguish them.
func sharedProfile(topologies []servers.Topology) string {
	for _, t := range topologies {
		if t.Boots() && t.Param("profile") != topologies[0].Param("profile") {
			return ""
		}
	}
	return "profile"
}

// Cell is one arm under one load in one block.
type Cell struct {
	Index    int
	Arm      int // index into Arms
	Load     Load
	Block    int // from 1
	Position int // of the arm within the block, from 1
	Seed     uint64
}

// Cells is the plan of the experiment: in each block the arms in random order, and for each arm
// every load. It is a pure function of the experiment. All arms of a block get the same seed, and so
// the same requests at the same times: only the server differs (common random numbers; Law,
// Simulation Modeling and Analysis, chapter 11).
func (e Experiment) Cells() []Cell {
	order := rand.New(rand.NewPCG(e.Seed, 0))
	var cells []Cell
	for block := 1; block <= e.Preset.Blocks; block++ {
		for position, arm := range order.Perm(len(e.Arms)) {
			for i, load := range e.loads(arm) {
				cells = append(cells, Cell{
					Index: len(cells) + 1, Arm: arm, Load: load, Block: block, Position: position + 1,
					Seed: rand.NewPCG(e.Seed, uint64(block)<<16|uint64(i)).Uint64(),
				})
			}
		}
	}
	return cells
}

// block are the cells of one block, of those beyond the planned ones too.
func (e Experiment) block(n int) []Cell {
	e.Preset.Blocks = n
	return slices.DeleteFunc(e.Cells(), func(c Cell) bool { return c.Block != n })
}

// Plan is the plan that runs a cell's load against a URL.
func (c Cell) Plan(url string) (loadgen.Plan, error) {
	p := loadgen.Plan{
		URL: url, Mix: c.Load.Scenario.Mix.WithSeed(c.Seed), Mode: c.Load.Mode, Duration: c.Load.Duration,
		Conns:   loadgen.Conns{Max: c.Load.Scenario.Connections, New: c.Load.New, Sources: c.Load.Sources},
		Timeout: c.Load.Scenario.Timeout, Drain: max(drainTime, c.Load.Drain), Seed: c.Seed,
	}
	if c.Load.Mode == loadgen.Open {
		p.Conns.Max = c.Load.Scenario.mostOpen()
		p.Pacer = pacing.WithSeed(c.Load.Pacer, c.Seed)
	}
	if err := c.Load.Timeline.Add(&p); err != nil {
		return p, err
	}
	return p, p.Validate()
}

// Describe describes the plan, a sentence a line.
func (e Experiment) Describe() []string {
	var arms, steps []string
	for _, arm := range e.Arms {
		arms = append(arms, arm.Name)
	}
	for _, step := range e.Preset.Steps {
		steps = append(steps, fmt.Sprint(step))
	}
	lines := []string{
		"topologies: " + strings.Join(arms, ", "),
		fmt.Sprintf("blocks: %d; each boots every topology afresh, in random order (preset %s)",
			e.Preset.Blocks, e.Preset.Name),
		fmt.Sprintf("warm-up: until every worker has answered and the latency has settled, at most %v", e.Preset.Warmup),
	}
	if e.Preset.Apart > 0 {
		lines = append(lines, fmt.Sprintf("%s: the closed loop once more in %d further boots of each topology, with the "+
			"servers on one half of the cores and the load generator on the other", e.Scenarios[0].Name, e.Preset.Apart))
	}
	for _, load := range e.Loads() {
		switch {
		case load.Mode == loadgen.Open:
			line := fmt.Sprintf("%s: open loop, Poisson arrivals at %g/s for %v",
				load.Scenario.Name, load.Rate(), load.Duration)
			if load.New {
				line += ", with a new connection for each request"
			}
			lines = append(lines, line)
		default:
			connections := "keep-alive connections"
			if load.New {
				connections = "connections, a new one for each request,"
			}
			length, most := "for up to", ""
			if e.speeds == nil {
				length, most = "for at least", "up to "
			}
			lines = append(lines, fmt.Sprintf("%s: closed loop on %s%d %s %s %v", load.Scenario.Name,
				most, load.Scenario.Connections, connections, length, load.Duration))
		}
	}
	if e.LoadSteps == nil {
		lines = append(lines, fmt.Sprintf(
			"%s: open loop at %s times the slowest topology's maximum throughput, on at most %d connections, for %v each",
			e.Scenarios[0].Name, strings.Join(steps, ", "), e.Scenarios[0].mostOpen(), e.Preset.Step))
		lines = append(lines, fmt.Sprintf(
			"connections and lengths: as the measured speed needs for %d responses per connection", responsesPerConnection))
	}
	return lines
}

// MoveFirst makes the named arm the first, that is the baseline. An empty name changes nothing.
func (e *Experiment) MoveFirst(name string) error {
	if name == "" {
		return nil
	}
	at := slices.IndexFunc(e.Arms, func(a Arm) bool { return a.Name == name })
	if at < 0 {
		var names []string
		for _, a := range e.Arms {
			names = append(names, a.Name)
		}
		return fmt.Errorf("baseline %q is not one of the topologies: want %s", name, strings.Join(names, ", "))
	}
	arm := e.Arms[at]
	e.Arms = slices.Insert(slices.Delete(slices.Clone(e.Arms), at, at+1), 0, arm)
	return nil
}
