package scenarios

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/results"
	"bench/servers"
)

// Preset is how much an experiment measures: more takes longer and narrows the intervals.
type Preset struct {
	Name   string
	Blocks int           // repeats of every arm; the intervals rest on their number
	Warmup time.Duration // at most; ends earlier when the latency has settled
	Closed time.Duration // closed loop on the main scenario
	Side   time.Duration // closed loop on each other one, and with new connections
	Step   time.Duration // each open-loop rate
	// Steps are the open-loop rates as multiples of the slowest arm's maximum throughput. The last
	// one exceeds it, so that its overload is seen.
	Steps []float64
	// FastStep is one more rate, as a multiple of the fastest arm's maximum throughput, added if it
	// lies above the others.
	FastStep float64
}

// Presets, by the flags that choose them.
var (
	Quick = Preset{"quick", 3, 600 * time.Millisecond, 700 * time.Millisecond, 300 * time.Millisecond,
		600 * time.Millisecond, []float64{0.5, 1.8}, 0}
	Default = Preset{"default", 6, 900 * time.Millisecond, 1000 * time.Millisecond, 400 * time.Millisecond,
		900 * time.Millisecond, []float64{0.4, 0.8, 1.8}, 0.6}
	Thorough = Preset{"thorough", 12, 3 * time.Second, 5 * time.Second, 2 * time.Second, 5 * time.Second,
		[]float64{0.2, 0.4, 0.6, 0.8, 1, 1.8}, 0.8}
)

// Experiment is a comparison as plain data.
type Experiment struct {
	Scenarios []Scenario // the first is the main one: it also gets the load steps
	Arms      []Arm
	Preset    Preset
	Seed      uint64
	LoadSteps []float64 // in requests per second, once known
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

// Load is the load of a cell: which requests, and how hard.
type Load struct {
	Name     string
	Scenario Scenario
	Mode     loadgen.Mode
	// Pacer says when the requests of an open loop are due. It is a description: whatever is random
	// in it, each cell draws from a seed of its own.
	Pacer    pacing.Pacer
	New      bool // a connection for each request
	Duration time.Duration
	// LeadIn is the start of Duration that is sent and recorded, but does not count: the servers are
	// still on their way from idle to the state under load.
	LeadIn time.Duration
	Drain  time.Duration // how long to wait for late responses, if longer than usual
}

// Rate is the rate at which an open loop's requests are due, where it begins; 0 in a closed loop.
func (l Load) Rate() float64 {
	if l.Pacer == nil {
		return 0
	}
	return l.Pacer.Rate(0)
}

// users are independent arrivals at a constant rate.
func users(perSecond float64) pacing.Poisson {
	return pacing.Poisson{Of: pacing.Constant{PerSecond: perSecond}}
}

// drainTime is how long to wait for responses after a cell.
const drainTime = time.Second

// Loads are the loads that every arm gets in every block, in order: from harmless to overload,
// because an overload would affect the load after it.
func (e Experiment) Loads() []Load {
	main := e.Scenarios[0]
	loads := []Load{{Name: "closed", Scenario: main, Mode: loadgen.Closed, Duration: e.Preset.Closed}}
	loads = append(loads, Load{Name: "closed-new", Scenario: main, Mode: loadgen.Closed, New: true,
		Duration: e.Preset.Side})
	for _, side := range e.Scenarios[1:] {
		loads = append(loads, Load{Name: "closed", Scenario: side, Mode: loadgen.Closed, Duration: e.Preset.Side})
	}
	for _, rate := range e.LoadSteps {
		loads = append(loads, Load{
			Name: fmt.Sprintf("rate-%g", rate), Scenario: main, Mode: loadgen.Open, Pacer: users(rate), Duration: e.Preset.Step,
		})
	}
	return loads
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
			for i, load := range e.Loads() {
				cells = append(cells, Cell{
					Index: len(cells) + 1, Arm: arm, Load: load, Block: block, Position: position + 1,
					Seed: rand.NewPCG(e.Seed, uint64(block)<<16|uint64(i)).Uint64(),
				})
			}
		}
	}
	return cells
}

// Plan is the plan that runs a cell's load against a URL.
func (c Cell) Plan(url string) (loadgen.Plan, error) {
	p := loadgen.Plan{
		URL: url, Mix: c.Load.Scenario.Mix.WithSeed(c.Seed), Mode: c.Load.Mode, Duration: c.Load.Duration,
		Conns:   loadgen.Conns{Max: c.Load.Scenario.Connections, New: c.Load.New},
		Timeout: c.Load.Scenario.Timeout, Drain: max(drainTime, c.Load.Drain), Seed: c.Seed,
	}
	if c.Load.Mode == loadgen.Open {
		p.Conns.Max = c.Load.Scenario.mostOpen()
		p.Pacer = pacing.WithSeed(c.Load.Pacer, c.Seed)
	}
	return p, p.Validate()
}

// LoadSteps are the open-loop rates for arms whose maximum throughputs are roughly known: the
// preset's multiples of the slowest arm's, and one beyond them if the fastest arm allows it.
func (e Preset) LoadSteps(throughputs []float64) []float64 {
	slowest, fastest := slices.Min(throughputs), slices.Max(throughputs)
	var rates []float64
	add := func(rate float64) {
		if rounded := roundRate(rate); !slices.Contains(rates, rounded) {
			rates = append(rates, rounded)
		}
	}
	for _, multiple := range e.Steps {
		add(multiple * slowest)
	}
	if step := e.FastStep * fastest; step > 1.2*rates[len(rates)-1] {
		add(step)
	}
	slices.Sort(rates)
	return rates
}

// The number of responses that each load needs from the slowest arm for its figures to mean
// something, and how many times as long as planned an experiment may take for that.
const (
	fewestResponses = 25
	mostStretched   = 10
)

// stretched makes the loads of slow apps longer: with half a second for an app that responds twice
// in that time, every figure would depend on where the seconds begin.
func (e Preset) stretched(slowest float64) Preset {
	shortest := min(e.Side.Seconds(), e.Step.Seconds()*e.Steps[0])
	factor := min(mostStretched, fewestResponses/(slowest*shortest))
	if factor <= 1 {
		return e
	}
	longer := func(d time.Duration) time.Duration {
		return time.Duration(float64(d) * factor).Round(100 * time.Millisecond)
	}
	e.Warmup, e.Closed, e.Side, e.Step = longer(e.Warmup), longer(e.Closed), longer(e.Side), longer(e.Step)
	return e
}

// roundRate keeps two significant digits, for readability.
func roundRate(rate float64) float64 {
	if rate < 1 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(rate))-1)
	return math.Max(1, math.Round(rate/unit)*unit)
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
	for _, load := range e.Loads() {
		switch {
		case load.Mode == loadgen.Open:
			lines = append(lines, fmt.Sprintf("%s: open loop, Poisson arrivals at %g/s for %v",
				load.Scenario.Name, load.Rate(), load.Duration))
		default:
			connections := "keep-alive connections"
			if load.New {
				connections = "connections, a new one for each request,"
			}
			lines = append(lines, fmt.Sprintf("%s: closed loop on %d %s for %v", load.Scenario.Name,
				load.Scenario.Connections, connections, load.Duration))
		}
	}
	if e.LoadSteps == nil {
		lines = append(lines, fmt.Sprintf(
			"%s: open loop at %s times the slowest topology's maximum throughput, on at most %d connections, for %v each",
			e.Scenarios[0].Name, strings.Join(steps, ", "), e.Scenarios[0].mostOpen(), e.Preset.Step))
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

// Estimate is roughly how long the experiment will take.
func (e Experiment) Estimate() time.Duration {
	const bootAndStop = 1300 * time.Millisecond
	perBoot := bootAndStop + e.Preset.Warmup
	for _, load := range e.Loads() {
		perBoot += load.Duration
	}
	if e.LoadSteps == nil {
		perBoot += time.Duration(len(e.Preset.Steps)) * e.Preset.Step
	}
	check := time.Duration(len(e.Arms)) * (bootAndStop + e.Preset.Warmup + rateRun)
	return check + time.Duration(e.Preset.Blocks*len(e.Arms))*perBoot
}
