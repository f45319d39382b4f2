package gate

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bench/experiments"
	"bench/loadgen"
	"bench/reports/gate"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
	"bench/targets"
)

// instant is an engine that takes no time, unless it is made to fail.
type instant struct{ fail func(loadgen.Plan) error }

func (instant) String() string { return "instant" }

func (e instant) Run(_ context.Context, p loadgen.Plan, _ loadgen.Guard, rec *loadgen.Recorder) error {
	if e.fail != nil {
		if err := e.fail(p); err != nil {
			return err
		}
	}
	rec.Start(0)
	shard, n := rec.Shard(p.Part), uint64(100)
	if p.Mode == loadgen.Open {
		n = p.Intended()
	}
	for i := range n {
		at := time.Duration(i) * time.Millisecond
		shard.Record(loadgen.Sample{Due: at, Sent: at, End: at + time.Millisecond})
	}
	return nil
}

// pairing is a series of pairs of two servers that are already running.
func pairing(
	t *testing.T, engine loadgen.Engine, emit func(experiments.Event),
) (*series, experiments.Env, results.Manifest) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "hello")
	}))
	t.Cleanup(server.Close)
	site := &servers.Site{Scratch: t.TempDir(), Locks: t.TempDir(), Timeout: 5 * time.Second}
	app := targets.App{Health: "/"}
	s := &series{spec: Spec{Budget: time.Hour}, started: time.Now(), paired: scenarios.PairedRun{
		Topology: servers.Topology{Name: string(servers.Running), Params: server.URL},
		Scenario: scenarios.Scenario{
			Name: "one", Connections: 4, Timeout: time.Second,
			Mix: targets.Mix{Targets: []targets.Target{{Name: "home", Method: "GET", Path: "/", Weight: 1}}},
		},
		Arms:  [2]scenarios.PairedArm{{Name: results.Base, Site: site, App: app}, {Name: results.Head, Site: site, App: app}},
		Slice: time.Second, Closed: closedRun, Warmup: time.Second, Seed: 1,
	}}
	s.measured = gate.Run{Run: &results.Run{}, Gate: &results.Gate{GateSpec: s.record()}}
	arms := []results.TopologyRecord{{Name: results.Base}, {Name: results.Head}}
	m := results.Manifest{Kind: results.KindGate, Topologies: arms}
	return s, experiments.Env{Results: t.TempDir(), Engine: engine, Emit: emit}, m
}

// measured conducts the pairs of a series.
func measured(t *testing.T, s *series, env experiments.Env, m results.Manifest) (experiments.Result, error) {
	t.Helper()
	return experiments.Conduct(t.Context(), env, experiments.Task{
		Manifest: m, Spec: s.measured.Gate.GateSpec, Findings: s.measured.Gate.GateFindings,
		Started: s.started, Raw: s.count > 0,
		Measure: func(ctx context.Context, run *experiments.Run) error {
			s.run, s.runner = run, run.Runner(nil)
			return s.pairs(ctx)
		},
	})
}

func TestPairsAreBootedAndMeasuredOneAfterTheOther(t *testing.T) {
	var kinds []string
	s, env, m := pairing(t, instant{}, func(e experiments.Event) {
		if e.Kind() != "doing" {
			kinds = append(kinds, e.Kind())
		}
	})
	s.count, s.doing = 2, "equal versions"
	result, err := measured(t, s, env, m)
	if err != nil {
		t.Fatal(err)
	}
	// The arms' interleaved loads run at once, so their events come in any order; four closed-loop
	// runs follow.
	if got := strings.Join(kinds, " "); strings.Count(got, "estimate") != 2 || strings.Count(got, "booted") != 4 ||
		strings.Count(got, "cell-done") != 12 || !strings.HasPrefix(got, "run-started estimate booted booted cell-started") {
		t.Errorf("events: %s", got)
	}
	run, err := results.Load(result.Dir)
	if err != nil || len(run.Cells) != 12 || len(s.measured.Cells) != 12 {
		t.Errorf("%d cells, %v; want 6 for each of two pairs", len(run.Cells), err)
	}
}

func TestAnotherPairNeedsAReasonAndTime(t *testing.T) {
	undecided, decided := gate.Report{Verdict: gate.Inconclusive}, gate.Report{Verdict: gate.Pass}
	for _, row := range []struct {
		says   string
		spent  time.Duration
		report gate.Report
		want   bool
	}{
		{"nothing is proven, and there is time", time.Minute, undecided, true},
		{"nothing is proven, but a pair would take too long", 2*time.Minute - 9*time.Second, undecided, false},
		{"it is decided", time.Minute, decided, false},
	} {
		s := &series{spec: Spec{Budget: 2 * time.Minute}, started: time.Now().Add(-row.spent)}
		if got := s.goesOn(3, 10*time.Second, row.report); got != row.want {
			t.Errorf("%s: %v; want %v", row.says, got, row.want)
		}
	}
}

func TestSlicesOfSlowAppsAreLonger(t *testing.T) {
	for _, row := range []struct {
		says string
		rate float64
		want time.Duration
	}{
		{"a fast app has thousands of requests in the shortest slice", 1000, 4 * time.Second},
		{"ten requests a second just suffice", 10, 4 * time.Second},
		{"eight a second take longer to forty", 8, 5 * time.Second},
		{"a page of seconds gets the longest", 0.5, 8 * time.Second},
	} {
		if got := sliceAt(row.rate); got != row.want {
			t.Errorf("%s: %v; want %v", row.says, got, row.want)
		}
	}
}
