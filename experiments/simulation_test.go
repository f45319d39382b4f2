package experiments_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"bench/internal/proof"
	"bench/internal/simdisk"
	"bench/loadgen"
	"bench/reports/compare"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
	"bench/targets"
)

var simulated = flag.Uint64("simulation", 0, "run the simulation of faults of this seed alone")

// scripted is an engine and a cluster in one: it answers as the script says, and fails at one of its loads.
type scripted struct {
	mu    sync.Mutex
	slow  string // the URL of the arm that does half
	loads int
	fail  int // the load that fails; 0: none
}

func (e *scripted) String() string { return "scripted" }

func (e *scripted) Run(_ context.Context, p loadgen.Plan, _ loadgen.Guard, rec *loadgen.Recorder) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.loads++; e.loads == e.fail {
		return errors.New("the cluster is gone")
	}
	rec.Start(0)
	shard, gap := rec.Shard(p.Part), 5*time.Millisecond
	if p.URL == e.slow {
		gap *= 2
	}
	n := uint64(p.Duration / gap)
	if p.Mode == loadgen.Open {
		n = p.Intended()
	}
	for i := range n {
		at := time.Duration(i) * gap
		shard.Record(loadgen.Sample{Due: at, Sent: at, End: at + gap})
	}
	return nil
}

// simulation is a comparison whose second arm does half of what the first does.
type simulation struct {
	urls   [2]string
	engine scripted
	done   map[int]results.Counts // by index: cells that were reported as done
}

func (s *simulation) run(t *testing.T, disk results.Disk) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if _, expected := p.(simdisk.Stopped); !expected {
				panic(p)
			}
			err = fmt.Errorf("%v", p)
		}
	}()
	scenario := scenarios.Scenario{Name: "one", Connections: 1, Timeout: time.Second, Mix: targets.Mix{
		Targets: []targets.Target{{Name: "a", Method: "GET", Path: "/", Weight: 1}},
	}}
	e := scenarios.Experiment{Seed: 1, Scenarios: []scenarios.Scenario{scenario}, Preset: scenarios.Preset{
		Name: "test", Blocks: 2, Warmup: time.Second, Closed: time.Second, Side: time.Second, Step: time.Second,
		Steps: []float64{0.5},
	}}
	m := results.Manifest{
		Kind: results.KindCompare, Name: "compare", Started: time.Now().UTC(), Baseline: "a", Blocks: 2,
		Scenarios: []results.ScenarioRecord{{Name: "one", Targets: []results.TargetRecord{{Name: "a", Path: "/"}}}},
	}
	for i, name := range []string{"a", "b"} {
		topology := servers.Topology{Name: string(servers.Running), Params: s.urls[i]}
		e.Arms = append(e.Arms, scenarios.Arm{Name: name, Topology: topology})
		m.Topologies = append(m.Topologies, results.TopologyRecord{Name: name})
	}
	out, err := results.CreateOn(disk, "x", m)
	if err != nil {
		return err
	}
	index := 0
	runner := scenarios.Runner{
		Site:     &servers.Site{Scratch: t.TempDir(), Locks: t.TempDir(), Timeout: 5 * time.Second},
		App:      targets.App{Health: "/"},
		Measurer: loadgen.Local{Engine: &s.engine}, Out: out, SharedMachine: true,
		Emit: func(e scenarios.Event) {
			if cell, is := e.(scenarios.CellDone); is {
				index++
				s.done[index] = cell.Counts
			}
		},
	}
	if _, err = runner.Run(t.Context(), e); err != nil {
		return errors.Join(err, out.Finish(results.Partial, time.Second))
	}
	return out.Finish(results.Complete, time.Second)
}

// wrong returns what the run that is left says that is not so.
func (s *simulation) wrong(run *results.Run, finished bool) error {
	if len(run.Cells) < len(s.done) {
		return fmt.Errorf("%d cells were sealed, %d are left", len(s.done), len(run.Cells))
	}
	for i, c := range run.Cells {
		if counts, sealed := s.done[i+1]; sealed && c.Counts != counts {
			return fmt.Errorf("cell %d has the counts %+v; it had %+v", i+1, c.Counts, counts)
		}
	}
	report, err := compare.Build(run)
	if err != nil {
		return err
	}
	if complete := report.Status == results.Complete; complete != finished && finished {
		return fmt.Errorf("the run was finished, and is %s", report.Status)
	}
	for _, topology := range report.Topologies {
		want := map[string]float64{"a": 200, "b": 100}[topology.Name]
		if v := topology.MaxThroughput.Value; v != 0 && (v < 0.9*want || v > 1.1*want) {
			return fmt.Errorf("%s does %g/s; it does %g/s", topology.Name, v, want)
		}
	}
	if r := report.Recommendation; r != nil && r.Deploy == "b" {
		return errors.New("the slower one is recommended")
	}
	return nil
}

// Whatever fails at whatever moment of a comparison, on the disk or in the cluster, no sealed cell is lost, and
// what is said of those that are left is what they were. A failure names its seed: -simulation replays it.
func TestSimulatedFaultsOfARunGiveNoWrongVerdict(t *testing.T) {
	t.Parallel()
	var urls [2]string
	for i := range urls {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, "hello")
		}))
		t.Cleanup(server.Close)
		urls[i] = server.URL
	}
	fresh := func() *simulation {
		return &simulation{urls: urls, engine: scripted{slow: urls[1]}, done: map[int]results.Counts{}}
	}
	clean, disk := fresh(), simdisk.New(simdisk.Fails, 0, 0)
	if err := clean.run(t, disk); err != nil || len(clean.done) == 0 {
		t.Fatalf("without a fault: %v, %d cells", err, len(clean.done))
	}
	operations, loads := disk.Operations(), clean.engine.loads
	first, seeds := uint64(1), uint64(proof.Size(3, 300))
	if *simulated > 0 {
		first, seeds = *simulated, 1
	}
	for seed := first; seed < first+seeds; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			fresh().survives(t, seed, operations, loads)
		})
	}
	t.Logf("%d runs with a fault each, of %d operations on the disk and %d loads", seeds, operations, loads)
}

// survives runs the comparison with one fault, which the seed draws, and reads what is left of it.
func (s *simulation) survives(t *testing.T, seed uint64, operations, loads int) {
	random, all := rand.New(rand.NewPCG(seed, 1)), simdisk.All()
	fault, at := all[random.IntN(len(all))], 1+random.IntN(operations)
	if random.IntN(4) == 0 { // the cluster fails, and the disk does not
		at, s.engine.fail = 0, 1+random.IntN(loads)
	}
	disk := simdisk.New(fault, at, seed)
	err := s.run(t, disk)
	run, loadErr := results.LoadFrom(disk.Restart())
	if loadErr != nil && len(s.done) == 0 && at > 0 && at < 12 {
		return // there was no run yet
	}
	if loadErr == nil {
		loadErr = s.wrong(run, err == nil)
	}
	if loadErr != nil {
		t.Errorf("%v at operation %d of %d, load %d: %v", fault, at, operations, s.engine.fail, loadErr)
	}
}
