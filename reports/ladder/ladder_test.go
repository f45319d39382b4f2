package ladder

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bench/internal/proof"
	"bench/reports/page"
	"bench/reports/plot"
	"bench/results"
	"bench/stats"
)

var update = flag.Bool("update", false, "write the golden file anew")

// world is a machine on which the true throughput of every rung and detour is known. What a block does to
// the machine affects all arms alike; noise, as a standard deviation of the logarithm, each by itself.
type world struct {
	rungs   []level
	detours []results.LadderDetour
	off     map[string]float64 // throughputs of the detours
	blocks  int
	noise   float64
	seed    uint64
}

type level struct {
	name string
	rate float64
}

// run is a run of the ladder in the world.
func (w world) run() *results.Run {
	random := rand.New(rand.NewPCG(w.seed, 1))
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	spec := results.LadderSpec{Ladder: "mine", Summary: "three steps", Detours: w.detours}
	arms := append([]level{}, w.rungs...)
	for _, l := range w.rungs {
		spec.Rungs = append(spec.Rungs, results.LadderRung{Name: l.name, Adds: "what " + l.name + " is", Topology: l.name})
	}
	for _, d := range w.detours {
		arms = append(arms, level{d.Name, w.off[d.Name]})
	}
	record, err := results.Encode(spec)
	if err != nil {
		panic(err)
	}
	run := &results.Run{Manifest: results.Manifest{
		Schema: results.RunSchema, Kind: results.KindLadder, Name: "ladder", Status: results.Complete, Started: start,
		Elapsed: 60, Measured: 40, Engine: "native", Profile: "controlled", Blocks: w.blocks, Baseline: arms[0].name,
		App: results.AppRecord{Name: "shop"}, Host: results.Host{CPU: "Test CPU", Cores: 2, OS: "linux/amd64", Kernel: "6.1"},
		Scenarios: []results.ScenarioRecord{{Name: "page"}}, Spec: record, Plan: []string{"a plan"},
	}}
	for _, arm := range arms {
		run.Manifest.Topologies = append(run.Manifest.Topologies, results.TopologyRecord{
			Name: arm.name, Ref: arm.name + ":workers=2", Concurrency: 2,
		})
	}
	for block := 1; block <= w.blocks; block++ {
		machine := math.Exp(0.3 * random.NormFloat64())
		for i, arm := range arms {
			rate := arm.rate * machine * math.Exp(w.noise*random.NormFloat64())
			run.Cells = append(run.Cells, cell(len(run.Cells)+1, block, i+1, arm.name, rate, start))
		}
	}
	return run
}

// cell is a closed loop of a million seconds, so that whole responses are as good as any rate.
func cell(index, block, position int, name string, rate float64, start time.Time) *results.Cell {
	const seconds = 1e6
	n := uint64(math.Round(rate * seconds))
	h := hundred()
	counts := results.Counts{Intended: n, Sent: n, OK: n}
	return &results.Cell{
		Index: index, Topology: name, Scenario: "page", Load: "closed", Mode: results.ClosedLoop, Connections: 64,
		Block: block, Position: position, Started: start.Add(time.Duration(index) * time.Second), Duration: seconds,
		Elapsed: seconds, Successful: n, Counts: counts, Grade: results.Valid, Opened: 64,
		Intervals: []results.Interval{{Length: time.Second, Counts: counts, Hists: map[results.Series]*results.Packed{
			{Kind: results.Response}: h, {Kind: results.Service}: h,
		}}},
	}
}

// hundred are a hundred response times.
var hundred = sync.OnceValue(func() *results.Packed {
	h := results.NewHistogram()
	for us := range int64(100) {
		_ = h.RecordValue(1000 + 10*us)
	}
	return results.Pack(h)
})

func build(t *testing.T, w world) *Report {
	t.Helper()
	r, err := Build(w.run())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func near(a, b float64) bool { return math.Abs(a/b-1) < 1e-6 }

// Whatever the machine does to a block, ratios within it are those of the world: the steps are exact, their
// product is the end by the start, and each bar of the waterfall begins where the one above ended.
func TestStepsMultiplyToTheWhole(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 2))
		w := world{blocks: 2 + random.IntN(8), seed: seed}
		rate := 100.0
		for i := range 3 + random.IntN(6) {
			w.rungs = append(w.rungs, level{fmt.Sprintf("rung-%d", i), rate})
			rate *= math.Exp(random.NormFloat64())
		}
		r := build(t, w)
		last := w.rungs[len(w.rungs)-1].rate
		if !near(r.Product, last/w.rungs[0].rate) || !near(r.Total.Value, r.Product) {
			t.Errorf("seed %d: the product is %g and the total %g; want %g", seed, r.Product, r.Total.Value, last/100)
		}
		for i, rung := range r.Rungs[1:] {
			if want := w.rungs[i+1].rate / w.rungs[i].rate; !near(rung.Step.Value, want) {
				t.Errorf("seed %d: the step to %s is %g; want %g", seed, rung.Name, rung.Step.Value, want)
			}
			if !near(rung.Level/r.Rungs[0].Level, w.rungs[i+1].rate/w.rungs[0].rate) {
				t.Errorf("seed %d: %s is drawn at %g", seed, rung.Name, rung.Level)
			}
		}
		checkWaterfall(t, r)
	}
}

// checkWaterfall sums the bars: as lengths on the logarithmic axis they lead from the first value to the last.
func checkWaterfall(t *testing.T, r *Report) {
	t.Helper()
	at, sum := map[int]plot.Point{}, 0.0
	for _, s := range r.waterfall().Series {
		for _, p := range s.Points {
			at[int(p.Y)] = p
		}
	}
	for i := 1; i < len(r.Rungs); i++ {
		if at[i].From != at[i-1].X {
			t.Errorf("bar %d begins at %g; the one above ends at %g", i, at[i].From, at[i-1].X)
		}
		sum += math.Log(at[i].X / at[i].From)
	}
	if want := math.Log(at[len(r.Rungs)].X / at[0].X); math.Abs(sum-want) > 1e-9 {
		t.Errorf("the bars add up to %g; want %g", sum, want)
	}
}

// In worlds in which a step does nothing, the report says so, and claims a gain no more often than its
// confidence allows; a step that doubles the throughput is always found. 400 steps: 5 % of them are 20, and
// 36 would be 3.7 standard deviations more.
func TestNoEffectIsSaid(t *testing.T) {
	proof.WithoutRace(t)
	claimed, missed := 0, 0
	for seed := range uint64(200) {
		r := build(t, world{blocks: 6, noise: 0.05, seed: seed, rungs: []level{
			{"a", 100}, {"same", 100}, {"double", 200}, {"same-again", 200},
		}})
		for _, rung := range r.Rungs[1:] {
			contains := rung.Step.Contains(1)
			if contains != (rung.Step.Effect == None) {
				t.Fatalf("%+v is said to be %q", rung.Step.Interval, rung.Step.Effect)
			}
			if strings.HasPrefix(rung.Name, "same") && !contains {
				claimed++
			}
			if rung.Name == "double" && rung.Step.Effect != Gain {
				missed++
			}
		}
	}
	if claimed > 36 || missed > 0 {
		t.Errorf("%d of 400 steps without an effect had one, %d of 200 doublings were not found", claimed, missed)
	}
	r := build(t, world{blocks: 6, rungs: []level{{"a", 100}, {"b", 100}}})
	text := strings.Join(r.Answer, " ")
	if !strings.Contains(text, "No measurable effect: b") || strings.Contains(text, "bring more") {
		t.Errorf("of a world without an effect: %s", text)
	}
}

// An effect of 2 % that is measured exactly is shown, and not made more of than it is; one of 10 % counts.
func TestTinyEffectsAreCalledThat(t *testing.T) {
	r := build(t, world{blocks: 6, rungs: []level{{"a", 100}, {"b", 102}, {"c", 112}, {"d", 110}}})
	for i, want := range []Effect{Negligible, Gain, Negligible} {
		if got := r.Rungs[i+1].Step.Effect; got != want {
			t.Errorf("%s: %s; want %s", r.Rungs[i+1].Name, got, want)
		}
	}
	text := strings.Join(r.Answer, " ")
	if strings.Contains(text, "cost some") || !strings.Contains(text, "Less than 5 %") {
		t.Errorf("of two tiny effects: %s", text)
	}
}

// A single block proves nothing, and a loss is no gain.
func TestEffectsOfOneBlockAndOfLosses(t *testing.T) {
	if r := build(t, world{blocks: 1, rungs: []level{{"a", 100}, {"b", 900}}}); r.Rungs[1].Step.Effect != Unknown {
		t.Errorf("one block: %+v", r.Rungs[1].Step)
	}
	r := build(t, world{blocks: 6, rungs: []level{{"a", 900}, {"b", 100}}})
	if r.Rungs[1].Step.Effect != Loss || !strings.Contains(strings.Join(r.Answer, " "), "Steps that cost some: b") {
		t.Errorf("a ninth of the throughput: %+v, %v", r.Rungs[1].Step, r.Answer)
	}
}

// A step that is worth 2 on the ladder and 4 elsewhere depends on what comes before it, by exactly a half; one
// that is worth the same from both bases does not.
func TestInteractions(t *testing.T) {
	w := world{
		blocks: 6, off: map[string]float64{"direct": 400, "equal": 200}, rungs: []level{{"a", 100}, {"b", 300}, {"c", 600}},
		detours: []results.LadderDetour{{Name: "direct", From: "a", Step: "c"}, {Name: "equal", From: "a", Step: "c"},
			{Name: "gone", From: "nowhere", Step: "c"}},
	}
	w.off["gone"] = 1
	r := build(t, w)
	if len(r.Interactions) != 2 {
		t.Fatalf("%d interactions; want 2: the third starts from what was not measured", len(r.Interactions))
	}
	if i := r.Interactions[0]; !near(i.Ratio.Value, 0.5) || i.Effect != Loss {
		t.Errorf("twice against four times: %+v, %s", i.Ratio, i.Effect)
	}
	if i := r.Interactions[1]; !near(i.Ratio.Value, 1) || i.Effect != None {
		t.Errorf("twice against twice: %+v, %s", i.Ratio, i.Effect)
	}
}

// A rung that was left out is named, and the next step starts from the one below it and holds both changes.
func TestASkippedRungIsNoBase(t *testing.T) {
	run := world{blocks: 6, rungs: []level{{"a", 100}, {"b", 200}, {"c", 600}}}.run()
	run.Manifest.Topologies[1].Excluded = "it did not start"
	r, err := Build(run)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rungs) != 2 || r.Rungs[1].Step.From != "a" || !near(r.Rungs[1].Step.Value, 6) {
		t.Errorf("%+v; want one step of 6 from a to c", r.Rungs)
	}
	if len(r.Skipped) != 1 || r.Skipped[0] != (results.SkippedRung{Name: "b", Reason: "it did not start"}) {
		t.Errorf("skipped: %+v", r.Skipped)
	}
}

// Void cells leave too little of a rung: it is skipped, and the run is not said to be more than it is.
func TestVoidRungs(t *testing.T) {
	run := world{blocks: 6, rungs: []level{{"a", 100}, {"b", 200}}}.run()
	for _, c := range run.Cells {
		if c.Topology == "b" {
			c.Grade = results.Invalid
		}
	}
	r, err := Build(run)
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Document(); d.Outcome.Verdict != page.Invalid || len(r.Rungs) != 1 || d.Glance.Kind != "" {
		t.Errorf("%v, %d rungs, a chart of kind %q", d.Outcome, len(r.Rungs), d.Glance.Kind)
	}
}

func TestTheDocumentIsGolden(t *testing.T) {
	r := build(t, world{blocks: 6, seed: 3, off: map[string]float64{"c-alone": 420}, rungs: []level{
		{"a", 100}, {"b", 300}, {"c", 600}, {"d", 600}, {"e", 540},
	}, detours: []results.LadderDetour{{Name: "c-alone", From: "a", Step: "c"}}})
	var got bytes.Buffer
	if err := page.Text(&got, r.Document()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "ladder.txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s differs (%v; test with -update to accept):\n%s", path, err, got.String())
	}
}

// hists are a cell's histograms, each of a single value in microseconds.
func hists(us map[results.Kind]int64) map[results.Series]*results.Packed {
	all := map[results.Series]*results.Packed{}
	for kind, value := range us {
		h := results.NewHistogram()
		_ = h.RecordValue(value)
		all[results.Series{Kind: kind}] = results.Pack(h)
	}
	return all
}

// The time of a request is divided by what the app says, or else by the server's count, and by nobody's guess. Of
// two workers within 1 ms, 1.2 ms of work are 60 %; a server that counts the time of its workers has all of it.
func TestEvidenceOfWaiting(t *testing.T) {
	const queue = 7
	said := map[results.Kind]int64{results.Response: 900, results.Service: 900, results.App: 300, results.Wait: 600}
	silent := map[results.Kind]int64{results.Response: 900, results.Service: 900}
	for says, row := range map[string]struct {
		us              map[results.Kind]int64
		counted         float64 // s, of all workers
		by              string
		app, wait, busy float64 // ms, ms, share
	}{
		"the app": {said, 0, timedByApp, 0.3, 0.6, 0.15}, "both": {said, 0.0012, timedByApp, 0.3, 0.6, 0.6},
		"the server": {silent, 0.0004, timedByServer, 0.4, 0.5, 0.2}, "nobody": {silent, 0, "", 0, 0, 0},
	} {
		run := world{blocks: 3, rungs: []level{{"a", 100}, {"b", 200}}}.run()
		for _, c := range run.Cells {
			c.Elapsed, c.Intervals[0].Hists = 0.001, hists(row.us)
			c.Server.Counters = map[string]results.Counters{"server": {results.ListenQueueMax: queue}}
			if row.counted > 0 {
				c.Server.Counters["server"][results.WorkSeconds] = row.counted
			}
		}
		r, err := Build(run)
		if err != nil {
			t.Fatal(err)
		}
		e := r.Rungs[0].Evidence
		if e.TimedBy != row.by || e.ListenQueue == nil || *e.ListenQueue != queue || e.Wait.P99 != row.us[results.Wait] {
			t.Errorf("%s: timed by %q, a queue of %v, waits of %d µs", says, e.TimedBy, e.ListenQueue, e.Wait.P99)
		}
		for i, want := range []float64{row.app, row.wait, row.busy} {
			got := []*stats.Interval{e.App, e.QueueWait, e.WorkersBusy}[i]
			if (got == nil) != (want == 0) || got != nil && math.Abs(got.Value/want-1) > 0.002 {
				t.Errorf("%s, value %d: %v; want %g", says, i, got, want)
			}
		}
		if figure, has := r.timeFigure(); has != (row.by != "") || has && len(figure.Series) != 2 {
			t.Errorf("%s: a figure: %v", says, has)
		}
	}
}
