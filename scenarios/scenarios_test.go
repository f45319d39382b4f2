package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/results"
	"bench/servers"
	"bench/targets"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testExperiment(arms ...string) Experiment {
	e := Experiment{Preset: Quick, Seed: 11, LoadSteps: []float64{100, 300}}
	for _, name := range arms {
		e.Arms = append(e.Arms, Arm{Name: name, Topology: servers.Topology{Name: name}})
	}
	for _, name := range []string{"page", "io"} {
		s, err := Named(name)
		if err != nil {
			panic(err)
		}
		e.Scenarios = append(e.Scenarios, s)
	}
	return e
}

func TestEveryBuiltInScenarioIsValid(t *testing.T) {
	names := Names()
	if !slices.Contains(names, "page") || !slices.IsSorted(names) {
		t.Errorf("Names = %v", names)
	}
	for _, name := range names {
		if s, err := Named(name); err != nil || s.Summary == "" || s.Name != name {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	if _, err := Named("pgae"); err == nil || !strings.Contains(err.Error(), "want "+strings.Join(names, ", ")) {
		t.Errorf("an unknown name = %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, row := range []struct{ says, text, want string }{
		{"an unknown key", "connections: 1\ntimeout: 1s\nmixx: []\n", "[3:1]"},
		{"no connections", "timeout: 1s\nmix: [{name: a, path: /}]\n", "connections"},
		{"an open loop without connections", "connections: 1\nmax_connections: 0\ntimeout: 1s\nmix: [{name: a, path: /}]\n",
			"max_connections"},
		{"a timeout that is not a duration", "connections: 1\ntimeout: soon\nmix: [{name: a, path: /}]\n", "timeout"},
		{"an empty mix", "connections: 1\ntimeout: 1s\n", "no targets"},
	} {
		if _, err := Parse("x", []byte(row.text), ""); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v; want an error with %q", row.says, err, row.want)
		}
	}
}

// A scenario's connections apply to the closed loops, and its max_connections to the open ones.
func TestConnectionsOfAScenario(t *testing.T) {
	for _, row := range []struct {
		text         string
		closed, open int
	}{
		{"connections: 8", 8, openConnections},
		{"connections: 100", 100, 100},
		{"connections: 100\nmax_connections: 20", 100, 20},
		{"connections: 8\nmax_connections: 400", 8, 400},
	} {
		s, err := Parse("x", []byte(row.text+"\ntimeout: 1s\nmix: [{name: a, path: /}]\n"), "")
		if err != nil {
			t.Fatal(err)
		}
		for mode, want := range map[loadgen.Mode]int{loadgen.Closed: row.closed, loadgen.Open: row.open} {
			load := Load{Scenario: s, Mode: mode, Duration: time.Second}
			if mode == loadgen.Open {
				load.Pacer = pacing.Constant{PerSecond: 10}
			}
			plan, err := Cell{Load: load}.Plan("http://127.0.0.1:1")
			if err != nil || plan.Conns.Max != want {
				t.Errorf("%q, %s: %d connections, %v; want %d", row.text, mode, plan.Conns.Max, err, want)
			}
		}
	}
}

func TestCellsAreBalancedAndRepeatable(t *testing.T) {
	e := testExperiment("a", "b", "c")
	cells := e.Cells()
	if !reflect.DeepEqual(cells, e.Cells()) {
		t.Fatal("two plans of one experiment differ")
	}
	loads := len(e.Loads())
	if want := e.Preset.Blocks * 3 * loads; len(cells) != want {
		t.Fatalf("%d cells; want %d", len(cells), want)
	}
	seeds := map[string]uint64{}
	orders := map[string]bool{}
	order := ""
	for i, c := range cells {
		if c.Index != i+1 {
			t.Errorf("cell %d has index %d", i+1, c.Index)
		}
		// All arms of a block send the same requests at the same times.
		key := fmt.Sprintf("%d/%s/%s", c.Block, c.Load.Scenario.Name, c.Load.Name)
		if seed, known := seeds[key]; known && seed != c.Seed {
			t.Errorf("%s: arms have different seeds", key)
		}
		seeds[key] = c.Seed
		if i%loads == 0 {
			order += e.Arms[c.Arm].Name
		}
		if (i+1)%(3*loads) == 0 {
			if len(order) != 3 || strings.Count(order, "a") != 1 || strings.Count(order, "b") != 1 {
				t.Errorf("block %d has the arms %s; want each once", c.Block, order)
			}
			orders[order], order = true, ""
		}
	}
	distinct := map[uint64]bool{}
	for _, seed := range seeds {
		distinct[seed] = true
	}
	if len(distinct) != len(seeds) {
		t.Errorf("%d seeds for %d loads and blocks", len(distinct), len(seeds))
	}
	e.Preset.Blocks = 30
	first := map[int]int{}
	for _, c := range e.Cells() {
		if c.Position == 1 {
			first[c.Arm]++
		}
	}
	if len(first) != 3 {
		t.Errorf("in 30 blocks only the arms %v came first", first)
	}
}

func TestLoadSteps(t *testing.T) {
	for _, row := range []struct {
		says        string
		preset      Preset
		throughputs []float64
		want        []float64
	}{
		{"multiples of the slowest, past its limit", Preset{Steps: []float64{0.5, 1.3}}, []float64{900, 312},
			[]float64{160, 410}},
		{"one more if the fastest allows it", Preset{Steps: []float64{0.5, 1.3}, FastStep: 0.6}, []float64{1700, 312},
			[]float64{160, 410, 1000}},
		{"no more if it would lie among the others", Preset{Steps: []float64{0.5, 1.3}, FastStep: 0.6}, []float64{400, 312},
			[]float64{160, 410}},
		{"slow servers get one request a second", Preset{Steps: []float64{0.1, 0.5}}, []float64{1}, []float64{1}},
	} {
		if got := row.preset.LoadSteps(row.throughputs); !slices.Equal(got, row.want) {
			t.Errorf("%s: LoadSteps(%v) = %v; want %v", row.says, row.throughputs, got, row.want)
		}
	}
}

func TestArmsGetUniqueNames(t *testing.T) {
	list := []servers.Topology{{Name: "uwsgi", Params: "workers=2"}, {Name: "uwsgi", Params: "workers=4"},
		{Name: "./x/mine"}}
	arms, err := Arms(list)
	if err != nil || arms[0].Name != "uwsgi-workers=2" || arms[1].Name != "uwsgi-workers=4" || arms[2].Name != "mine" {
		t.Errorf("Arms = %v, %v", arms, err)
	}
	arms, err = Arms([]servers.Topology{{Name: "uwsgi", Params: "profile=controlled"},
		{Name: "./x/uwsgi", Params: "profile=controlled"}, {Name: "./y/uwsgi", Params: "profile=controlled"}})
	if err != nil || arms[0].Name != "uwsgi" || arms[1].Name != "uwsgi-2" || arms[2].Name != "uwsgi-3" {
		t.Errorf("copies next to the original: %v, %v", arms, err)
	}
	if _, err := Arms(append(list, list[0])); err == nil {
		t.Error("the same topology twice was accepted")
	}
}

// testScenario requests one page.
func testScenario() Scenario {
	return Scenario{Name: "one", Connections: 2, Timeout: time.Second, Mix: targets.Mix{Targets: []targets.Target{
		{Name: "a", Method: "GET", Path: "/a", Weight: 1, Expect: targets.Expect{Status: targets.Statuses{200}}},
	}}}
}

// diary is an engine that notes its plans and invents the responses.
type diary struct {
	mu    sync.Mutex
	notes []string
	fail  error
	urls  map[string]string
}

func (d *diary) String() string { return "diary" }

func (d *diary) Run(_ context.Context, p loadgen.Plan, _ loadgen.Guard, rec *loadgen.Recorder) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	kind := "closed"
	if p.Mode == loadgen.Open {
		kind = "open"
	} else if p.Duration == warmupSlice {
		kind = "warm"
	} else if p.Conns.New {
		kind = "new"
	}
	d.notes = append(d.notes, d.urls[p.URL]+" "+kind)
	if d.fail != nil {
		return d.fail
	}
	rec.Start(0)
	shard := rec.Shard(p.Part)
	n := uint64(100)
	if p.Mode == loadgen.Open {
		n = p.Intended()
	}
	for i := range n {
		at := time.Duration(i) * time.Millisecond
		shard.Record(loadgen.Sample{Due: at, Sent: at, End: at + time.Millisecond})
	}
	return nil
}

// limited is an engine that has no connection left whenever it is told so.
type limited struct {
	diary
	at map[int]bool // of the measured cells, from 1
	n  int
}

func (l *limited) Run(ctx context.Context, p loadgen.Plan, g loadgen.Guard, rec *loadgen.Recorder) error {
	if p.Duration == time.Second {
		if l.n++; l.at[l.n] {
			rec.Shard(p.Part).Limited()
		}
	}
	return l.diary.Run(ctx, p, g, rec)
}

// A disturbed cell is measured again at once, each a bounded number of times, and so are all together.
func TestDisturbedCellsAreMeasuredAgain(t *testing.T) {
	all := map[int]bool{}
	for i := range 100 {
		all[i] = true
	}
	for _, row := range []struct {
		says       string
		at         map[int]bool
		again, bad int
	}{
		{"an undisturbed run", nil, 0, 0},
		{"one disturbed cell", map[int]bool{2: true}, 1, 0},
		{"one that is disturbed twice", map[int]bool{5: true, 6: true}, 2, 0},
		{"a machine that is always busy", all, 4, 16}, // a quarter of the 16 cells
	} {
		engine := &limited{at: row.at}
		r, e, _ := urlRunner(t, nil, page("x"), page("x"))
		engine.urls = map[string]string{}
		r.Measurer = loadgen.Local{Engine: engine}
		if _, err := r.Run(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		run, err := results.Load(r.Out.Path)
		if err != nil {
			t.Fatal(err)
		}
		last, again := map[string]*results.Cell{}, 0
		for _, c := range run.Cells {
			if c.Again > 0 {
				again++
			}
			last[fmt.Sprint(c.Topology, c.Load, c.Block)] = c
		}
		bad := 0
		for _, c := range last {
			if c.Grade == results.Invalid {
				bad++
			}
		}
		if again != row.again || bad != row.bad || len(last) != 16 {
			t.Errorf("%s: %d measured again, %d of %d void; want %d, %d of 16", row.says, again, bad, len(last),
				row.again, row.bad)
		}
	}
}

// urlRunner is a runner for servers that are already running.
func urlRunner(t *testing.T, engine loadgen.Engine, handlers ...http.Handler) (*Runner, Experiment, *diary) {
	t.Helper()
	d, _ := engine.(*diary)
	if d == nil {
		d = &diary{}
		engine = d
	}
	d.urls = map[string]string{}
	e := Experiment{Seed: 1, Scenarios: []Scenario{testScenario()}, Preset: Preset{
		Name: "test", Blocks: 2, Warmup: time.Second, Closed: time.Second, Side: time.Second, Step: time.Second,
		Steps: []float64{0.5},
	}}
	m := results.Manifest{Name: "test", Started: time.Now()}
	for i, h := range handlers {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		name := string(rune('a' + i))
		d.urls[server.URL] = name
		topology := servers.Topology{Name: string(servers.Running), Params: server.URL}
		e.Arms = append(e.Arms, Arm{Name: name, Topology: topology})
		m.Topologies = append(m.Topologies, results.TopologyRecord{Name: name})
	}
	out, err := results.Create(t.TempDir(), m)
	if err != nil {
		t.Fatal(err)
	}
	site := &servers.Site{Host: servers.Host{}, Scratch: t.TempDir(), Locks: t.TempDir(), Timeout: 5 * time.Second}
	r := &Runner{Site: site, App: targets.App{Health: "/a"}, Measurer: loadgen.Local{Engine: engine}, Out: out}
	r.apart, r.patience = time.Millisecond, time.Millisecond
	return r, e, d
}

func page(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = fmt.Fprint(w, text)
	})
}

func TestRunChecksThenWarmsThenMeasuresEveryArmInEveryBlock(t *testing.T) {
	r, e, d := urlRunner(t, nil, page("x"), page("x"))
	count := map[string]int{}
	r.Emit = func(e Event) { count[e.Kind()]++ }
	e, err := r.Run(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	// Checking: warm-up and a closed-loop run for each arm, in order. Then, for each block and arm:
	// warm-up, closed-loop run, another with new connections, the one load step, and the same with new connections.
	var order []string
	last := ""
	for _, note := range d.notes {
		if note != last || !strings.HasSuffix(note, "warm") {
			order = append(order, note)
		}
		last = note
	}
	check, blocks := order[:4], order[4:]
	if fmt.Sprint(check) != "[a warm a closed b warm b closed]" {
		t.Errorf("the check went %v", check)
	}
	for i := 0; i+5 <= len(blocks); i += 5 {
		arm := blocks[i][:1]
		want := []string{arm + " warm", arm + " closed", arm + " new", arm + " open", arm + " open"}
		if !slices.Equal(blocks[i:i+5], want) {
			t.Errorf("a boot went %v; want %v", blocks[i:i+5], want)
		}
	}
	run, err := results.Load(r.Out.Path)
	if err != nil {
		t.Fatal(err)
	}
	if len(blocks) != 20 || len(run.Cells) != 16 || len(e.LoadSteps) != 1 {
		t.Errorf("%d steps, %d cells, load steps %v; want 20, 16, one step", len(blocks), len(run.Cells), e.LoadSteps)
	}
	// Two boots to check, and one for each arm in each of two blocks.
	if count["booted"] != 2+4 || count["cell-started"] != 16 || count["cell-done"] != 16 {
		t.Errorf("events: %v", count)
	}
	for _, c := range run.Cells {
		if c.Grade != results.Valid || !c.Boot.Settled {
			t.Errorf("cell %s: grade %s, settled %v", results.CellName(c), c.Grade, c.Boot.Settled)
		}
	}
}

func TestTopologiesWithDifferentResponsesAreExcluded(t *testing.T) {
	other := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(w, "x")
	})
	r, e, _ := urlRunner(t, nil, page("x"), page("y"), page("x"), other)
	e, err := r.Run(t.Context(), e)
	if err != nil || len(e.Arms) != 2 || e.Arms[1].Name != "c" {
		t.Fatalf("Run = %v with the arms %v; want a and c", err, e.Arms)
	}
	m := r.Out.Manifest()
	if !strings.Contains(m.Topologies[1].Excluded, "different body") ||
		!strings.Contains(m.Topologies[3].Excluded, `Content-Type "text/html`) || len(m.Diagnostics) != 2 {
		t.Errorf("excluded: %q and %q, warnings %v", m.Topologies[1].Excluded, m.Topologies[3].Excluded, m.Diagnostics)
	}
	r, e, _ = urlRunner(t, nil, page("x"), page("y"))
	if _, err := r.Run(t.Context(), e); !errors.Is(err, ErrTooFew) {
		t.Errorf("with one left: Run = %v; want ErrTooFew", err)
	}
}

func TestUnexpectedResponsesOfTheBaselineEndTheRun(t *testing.T) {
	r, e, _ := urlRunner(t, nil, page("x"))
	e.Scenarios[0].Mix.Targets[0].Expect = targets.Expect{Contains: "y"}
	if _, err := r.Run(t.Context(), e); !errors.Is(err, ErrUnexpected) ||
		!strings.Contains(err.Error(), "one/a (status 200 OK, 1 bytes)") {
		t.Errorf("Run = %v; want the target and its response", err)
	}
}

func TestAFailureKeepsTheCellsBefore(t *testing.T) {
	boom := errors.New("boom")
	d := &diary{}
	r, e, _ := urlRunner(t, d, page("x"), page("x"))
	r.Emit = func(e Event) {
		if started, is := e.(CellStarted); is && started.Cell == 5 {
			d.mu.Lock()
			d.fail = boom
			d.mu.Unlock()
		}
	}
	if _, err := r.Run(t.Context(), e); !errors.Is(err, boom) {
		t.Fatalf("Run = %v", err)
	}
	run, err := results.Load(r.Out.Path)
	if err != nil || len(run.Cells) != 4 {
		t.Errorf("%v, %d cells; want the 4 before the failure", err, len(run.Cells))
	}
}

func TestVerifyIgnoresWhatDjangoGeneratesAfresh(t *testing.T) {
	n := 0
	changing := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		_, _ = fmt.Fprintf(w, `<input type="hidden" name="csrfmiddlewaretoken" value="abc%dDEF">`, n)
	})
	server := httptest.NewServer(changing)
	defer server.Close()
	one, err := Verify(t.Context(), server.URL, loadgen.Guard{}, []Scenario{testScenario()})
	if err != nil {
		t.Fatal(err)
	}
	two, err := Verify(t.Context(), server.URL, loadgen.Guard{}, []Scenario{testScenario()})
	if err != nil || len(differences(one, two)) > 0 {
		t.Errorf("two responses differ: %v, %v", differences(one, two), err)
	}
	if _, err := Verify(t.Context(), "http://10.0.0.1", loadgen.Guard{}, nil); !errors.Is(err, loadgen.ErrRefused) {
		t.Errorf("Verify of another machine = %v; want it refused", err)
	}
}
