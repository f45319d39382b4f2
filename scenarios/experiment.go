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

// Preset is how long an experiment takes for how much certainty.
type Preset struct {
	Name   string
	Blocks int           // repeats of every arm; the intervals rest on their number
	Warmup time.Duration // at most; ends earlier when the latency has settled
	Closed time.Duration // closed loop on the main scenario
	Side   time.Duration // closed loop on each other one, and with new connections
	Step   time.Duration // each open-loop rate
	// Steps is the open-loop rates as multiples of the slowest arm's greatest rate. The
	// last one lies past it, so that its overload is seen.
	Steps []float64
	// FastStep is one more rate, as a multiple of the fastest arm's greatest rate, added when
	// it lies above the ladder.
	FastStep float64
}

// Efforts, by the flags that choose them.
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
	Scenarios []Scenario // the first is the main one: it gets the ladder
	Arms      []Arm
	Preset    Preset
	Seed      uint64
	Rates     []float64 // the ladder in requests per second, once it is known
}

// Arm is one topology of a comparison, under a name that no other one has.
type Arm struct {
	Name     string
	Topology servers.Topology
}

// Arms names topologies: by their short name, and with their parameters where that name
// stands for several.
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
			name = fmt.Sprintf("%s-%d", plain, n) // a folder of the same name as one built in
		}
		used[name] = true
		arms = append(arms, Arm{name, t})
	}
	return arms, nil
}

// sharedProfile is the parameter that sets one profile for all, and so tells none apart.
func sharedProfile(topologies []servers.Topology) string {
	for _, t := range topologies {
		if t.Boots() && t.Param("profile") != topologies[0].Param("profile") {
			return ""
		}
	}
	return "profile"
}

// Load is one load of a cell: what is asked, and how hard.
type Load struct {
	Name     string
	Scenario Scenario
	Mode     loadgen.Mode
	// Pacer, of an open loop, says when requests are due. It is a description: what it has at
	// random, each cell draws from a seed of its own.
	Pacer    pacing.Pacer
	New      bool // a connection for each request
	Duration time.Duration
	// LeadIn is the start of Duration that is sent and recorded, but does not count: until then
	// the servers are on their way from idle to what the load makes of them.
	LeadIn time.Duration
	Drain  time.Duration // how long late answers are waited for, if that is longer than usual
}

// Rate is the rate at which an open loop's requests are due, where it begins; 0 in a closed loop.
func (l Load) Rate() float64 {
	if l.Pacer == nil {
		return 0
	}
	return l.Pacer.Rate(0)
}

// users are arrivals at a constant rate that know nothing of one another.
func users(perSecond float64) pacing.Poisson {
	return pacing.Poisson{Of: pacing.Constant{PerSecond: perSecond}}
}

// drainTime is how long after a cell answers are waited for.
const drainTime = time.Second

// Loads are the loads that every arm gets in every block, in their order: from the harmless
// to the overload, because what an overload leaves behind would colour the next load.
func (e Experiment) Loads() []Load {
	main := e.Scenarios[0]
	loads := []Load{{Name: "closed", Scenario: main, Mode: loadgen.Closed, Duration: e.Preset.Closed}}
	loads = append(loads, Load{Name: "closed-new", Scenario: main, Mode: loadgen.Closed, New: true,
		Duration: e.Preset.Side})
	for _, side := range e.Scenarios[1:] {
		loads = append(loads, Load{Name: "closed", Scenario: side, Mode: loadgen.Closed, Duration: e.Preset.Side})
	}
	for _, rate := range e.Rates {
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

// Cells is the plan of the experiment: in each block, every arm in a random order, and for
// each arm every load. It is a pure function of the experiment. All arms of a block get
// the same seed, and so the same requests at the same times: what is left to differ is the
// server (common random numbers; Law, Simulation Modeling and Analysis, chapter 11).
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

// Plan is the load of a cell against a URL.
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

// LoadSteps are the open-loop rates for arms whose greatest rates are known roughly: the
// effort's multiples of the slowest arm's, and one beyond where the fastest lets it.
func (e Preset) LoadSteps(greatest []float64) []float64 {
	slowest, fastest := slices.Min(greatest), slices.Max(greatest)
	var rates []float64
	add := func(rate float64) {
		if rounded := roundRate(rate); !slices.Contains(rates, rounded) {
			rates = append(rates, rounded)
		}
	}
	for _, multiple := range e.Steps {
		add(multiple * slowest)
	}
	if reach := e.FastStep * fastest; reach > 1.2*rates[len(rates)-1] {
		add(reach)
	}
	slices.Sort(rates)
	return rates
}

// What each load needs to see for its figures to mean something, of the slowest arm, and how
// many times as long as planned an experiment may get for that.
const (
	fewestAnswers = 25
	mostStretched = 10
)

// stretched makes the loads of slow apps longer: of half a second and an app that answers twice
// in that time, every figure would be a matter of how the seconds were cut.
func (e Preset) stretched(slowest float64) Preset {
	shortest := min(e.Side.Seconds(), e.Step.Seconds()*e.Steps[0])
	factor := min(mostStretched, fewestAnswers/(slowest*shortest))
	if factor <= 1 {
		return e
	}
	longer := func(d time.Duration) time.Duration {
		return time.Duration(float64(d) * factor).Round(100 * time.Millisecond)
	}
	e.Warmup, e.Closed, e.Side, e.Step = longer(e.Warmup), longer(e.Closed), longer(e.Side), longer(e.Step)
	return e
}

// roundRate keeps two significant digits: rates are for people to read.
func roundRate(rate float64) float64 {
	if rate < 1 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(rate))-1)
	return math.Max(1, math.Round(rate/unit)*unit)
}

// Describe says in words what is going to be done.
func (e Experiment) Describe() []string {
	lines := []string{
		fmt.Sprintf("%d blocks of %d topologies in random order, each booted afresh (effort %s)", e.Preset.Blocks,
			len(e.Arms), e.Preset.Name),
		fmt.Sprintf("warm-up until every worker has answered and the latency has settled, %v at most", e.Preset.Warmup),
	}
	for _, load := range e.Loads() {
		switch {
		case load.Mode == loadgen.Open:
			lines = append(lines, fmt.Sprintf("%s: %s, open loop, Poisson arrivals at %g/s for %v",
				load.Scenario.Name, load.Name, load.Rate(), load.Duration))
		default:
			connections := fmt.Sprintf("%d keep-alive connections", load.Scenario.Connections)
			if load.New {
				connections = fmt.Sprintf("%d at a time, a new connection for each request", load.Scenario.Connections)
			}
			lines = append(lines, fmt.Sprintf("%s: %s, closed loop, %s, %v", load.Scenario.Name, load.Name, connections,
				load.Duration))
		}
	}
	if e.Rates == nil {
		lines = append(lines,
			fmt.Sprintf("%s: open loop at %v times the slowest topology's greatest rate, on %d connections at most, %v each",
				e.Scenarios[0].Name, e.Preset.Steps, e.Scenarios[0].mostOpen(), e.Preset.Step))
	}
	return lines
}

// MoveFirst makes the named arm the first, the baseline. An empty name changes nothing.
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
		return fmt.Errorf("baseline %q is not among the topologies %s", name, strings.Join(names, ", "))
	}
	arm := e.Arms[at]
	e.Arms = slices.Insert(slices.Delete(slices.Clone(e.Arms), at, at+1), 0, arm)
	return nil
}

// Estimate is roughly how long the experiment takes.
func (e Experiment) Estimate() time.Duration {
	const bootAndStop = 1300 * time.Millisecond
	perBoot := bootAndStop + e.Preset.Warmup
	for _, load := range e.Loads() {
		perBoot += load.Duration
	}
	if e.Rates == nil {
		perBoot += time.Duration(len(e.Preset.Steps)) * e.Preset.Step
	}
	check := time.Duration(len(e.Arms)) * (bootAndStop + e.Preset.Warmup + rateRun)
	return check + time.Duration(e.Preset.Blocks*len(e.Arms))*perBoot
}
