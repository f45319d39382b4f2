package scenarios

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
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
	// Limit is how long the whole may take on apps that are fast enough for it; 0: no limit. Loads are
	// fitted into it.
	Limit time.Duration
	// Precision is how far the ends of the headline ratios' intervals may lie from their middle: 0.1 is
	// 10 %. From the block Least on, an experiment ends when all are as narrow; until then it adds blocks
	// beyond Blocks as long as there is time. 0: it has Blocks, whatever comes.
	Precision float64
	Least     int
	// Apart is in how many further boots of every arm the main scenario's closed loop runs with the servers and the
	// load generator on cores of their own.
	Apart int
	// SideConnections are those of every scenario but the main one; 0: as many as the scenario has.
	SideConnections int
	// KeepAlive leaves out the loads that open a connection for each request.
	KeepAlive bool
}

// Presets, by the flags that choose them.
var (
	Quick = Preset{
		Name: "quick", Blocks: 3, Warmup: 600 * time.Millisecond, Closed: 700 * time.Millisecond,
		Side: 300 * time.Millisecond, Step: 450 * time.Millisecond, Steps: []float64{0.5, 1.8}, Limit: time.Minute,
		Precision: 0.1, Least: 3, SideConnections: 10,
	}
	Default = Preset{
		Name: "default", Blocks: 6, Warmup: 900 * time.Millisecond, Closed: 1000 * time.Millisecond,
		Side: 400 * time.Millisecond, Step: 900 * time.Millisecond, Steps: []float64{0.4, 0.8, 1.8}, FastStep: 0.6,
		Limit: 3 * time.Minute, Precision: 0.1, Least: 6, SideConnections: 12,
	}
	Thorough = Preset{
		Name: "thorough", Blocks: 12, Warmup: 3 * time.Second, Closed: 5 * time.Second, Side: 5 * time.Second,
		Step: 5 * time.Second, Steps: []float64{0.2, 0.4, 0.6, 0.8, 1, 1.8}, FastStep: 0.8,
		Precision: 0.03, Least: 6, Apart: 3,
	}
)

// usualArms is the number of arms that a preset's limit is meant for.
const usualArms = 3

// For is the preset for a number of arms: more than usual take more time, in proportion, instead of loads
// on so few connections that they answer another question.
func (e Preset) For(arms int) Preset {
	e.Limit = e.Limit * time.Duration(max(arms, usualArms)) / usualArms
	return e
}

// With is the preset with another number of blocks, precision or limit; 0 keeps the preset's. Whoever says
// how many blocks there are to be gets as many.
func (e Preset) With(blocks int, precision float64, limit time.Duration) Preset {
	if blocks > 0 {
		e.Limit = e.Limit * time.Duration(blocks) / time.Duration(e.Blocks)
		e.Blocks, e.Precision = blocks, 0
	}
	e.Precision = cmp.Or(precision, e.Precision)
	e.Least = min(e.Least, e.Blocks)
	e.Limit = cmp.Or(limit, e.Limit)
	return e
}

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
	// Timeline is what is done to the servers, and added to the load, while it runs.
	Timeline Timeline
	// Sources are the local addresses that connections come from; none: the kernel chooses.
	Sources []netip.Addr
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
	if e.speeds == nil {
		return e.loads(-1)
	}
	loads := e.loads(0)
	for arm := range e.Arms {
		for i, load := range e.loads(arm) {
			loads[i].Duration = max(loads[i].Duration, load.Duration)
		}
	}
	return loads
}

// loads are the loads of one arm. Its closed loops are as long as its own speed makes necessary.
func (e Experiment) loads(arm int) (loads []Load) {
	closed := func(name string, scenario int, new bool, d time.Duration) {
		load := Load{Name: name, Scenario: e.Scenarios[scenario], Mode: loadgen.Closed, New: new, Duration: d}
		if e.speeds != nil {
			load = load.forRate(e.speeds[arm][scenario].on(load.Scenario.Connections))
		}
		loads = append(loads, load)
	}
	closed("closed", 0, false, e.Preset.Closed)
	if !e.withoutClosed && !e.Preset.KeepAlive {
		closed("closed-new", 0, true, e.Preset.Side)
	}
	for i := range e.Scenarios[1:] {
		closed("closed", i+1, false, e.Preset.Side)
	}
	for i, rate := range e.LoadSteps {
		enough := time.Duration(fewestResponses / rate * float64(time.Second))
		if e.fewer {
			enough /= 2
		}
		loads = append(loads, Load{
			Name: fmt.Sprintf("rate-%g", rate), Scenario: e.Scenarios[0], Mode: loadgen.Open, Pacer: users(rate),
			Duration: max(e.Preset.Step, min(enough, mostStretched*e.Preset.Step).Round(100*time.Millisecond)),
		})
		fresh := loads[len(loads)-1]
		// Where nothing queues, this tells delays of TCP from those of the app.
		if i == 0 && !e.withoutNew && !e.Preset.KeepAlive && rate*fresh.Duration.Seconds() <= mostNew {
			fresh.Name, fresh.New = fresh.Name+results.NewSuffix, true
			loads = append(loads, fresh)
		}
	}
	for _, s := range e.Scenarios {
		if load, has := e.timeline(s); has {
			loads = append(loads, load)
		}
	}
	return loads
}

// timeline is the load in which a scenario's timeline happens: the last one of a boot, since afterwards
// the servers may not be what they were. Its requests are due at regular times, so that a gap between
// responses is the servers'.
func (e Experiment) timeline(s Scenario) (Load, bool) {
	rate := s.Rate
	if rate == 0 && len(e.LoadSteps) > 0 {
		rate = e.LoadSteps[0]
	}
	if len(s.Timeline) == 0 || rate == 0 {
		return Load{}, false // or the rate is not known yet
	}
	return Load{
		Name: TimelineLoad, Scenario: s, Mode: loadgen.Open, Pacer: pacing.Constant{PerSecond: rate},
		Duration: s.lengthOfTimeline(), Drain: s.Timeout, Timeline: s.Timeline,
	}, true
}

// TimelineLoad is the name of a load during which a timeline happens.
const TimelineLoad = "timeline"

// mostNew is the number of connections that a load step may open, one for each request: each keeps one of the
// client's ports for a minute.
const mostNew = 5000

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

// The number of responses that a load step needs for its figures to mean something, and how many times as
// long as planned it may take for that.
const (
	fewestResponses = 25
	mostStretched   = 10
)

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
