package compare

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bench/internal/proof"
	"bench/reports/page"
	"bench/reports/plot"
	"bench/results"
)

var update = flag.Bool("update", false, "write the golden files anew")

type writer = func(io.Writer, page.Document) error

// arm is how one topology of a made-up run behaves.
type arm struct {
	name     string
	workers  int
	rate     float64           // successful responses per second under a closed loop
	response func(i int) int64 // response time of the i-th of 1,000 requests, in µs
	tiers    map[string]time.Duration
	procs    int
}

func madeUpArms() []arm {
	return []arm{
		{"runserver", 0, 300, func(i int) int64 { return 44_000 + int64(i)*5 },
			map[string]time.Duration{"python": 450 * time.Millisecond}, 1},
		{"uwsgi", 2, 900, func(i int) int64 { return 2_000 + int64(i)*4 },
			map[string]time.Duration{"python": 900 * time.Millisecond, "uwsgi": 100 * time.Millisecond}, 2},
		{"nginx-uwsgi", 2, 1700, func(i int) int64 { return 1_000 + int64(i)*3 },
			map[string]time.Duration{"python": time.Second, "nginx": 60 * time.Millisecond, "uwsgi": 0}, 2},
	}
}

var madeUpRoles = results.Roles{"python": results.AppRole, "uwsgi": results.ServerRole, "nginx": results.ProxyRole}

// madeUpRun is a run with fixed content: the arms say how the servers behaved.
func madeUpRun(blocks int, arms []arm) *results.Run {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	run := &results.Run{Manifest: results.Manifest{
		Schema: results.RunSchema, Kind: results.KindCompare, Name: "compare", Status: results.Complete, Started: start,
		Elapsed: 100, Measured: 70, Seed: 5, Engine: "vegeta", Profile: "controlled", Blocks: blocks, Baseline: arms[0].name,
		Plan: []string{"two blocks"}, Objectives: []string{"p99 < 250ms", "errors < 0.1%"},
		App:   results.AppRecord{Name: "shop"},
		Host:  results.Host{OS: "linux/amd64", Kernel: "6.1", CPU: "Test CPU", Cores: 2, Somaxconn: 4096},
		Tools: map[string]string{"django": "5.2", "nginx": "1.22"},
		Scenarios: []results.ScenarioRecord{{Name: "page", Summary: "pages", Targets: []results.TargetRecord{
			{Name: "home", Method: "GET", Path: "/", Weight: 1},
		}}},
	}}
	for _, a := range arms {
		run.Manifest.Topologies = append(run.Manifest.Topologies, results.TopologyRecord{
			Name: a.name, Ref: a.name + ":x=1", Concurrency: a.workers, Summary: "made up", ConfigHash: "0123",
			Roles: madeUpRoles,
		})
	}
	for block := 1; block <= blocks; block++ {
		for position, a := range arms {
			for _, load := range []string{"closed", "closed-new", "rate-200", "rate-200-new"} {
				run.Cells = append(run.Cells, madeUpCell(len(run.Cells)+1, block, position+1, a, load, start))
			}
		}
	}
	return run
}

func madeUpCell(index, block, position int, a arm, load string, start time.Time) *results.Cell {
	drift := 1 + 0.01*float64(block%3) // which all arms of a block share
	c := &results.Cell{
		Index: index, Topology: a.name, Scenario: "page", Load: load, Mode: results.ClosedLoop, Connections: 16,
		Block: block, Position: position, Started: start.Add(time.Duration(index) * time.Second),
		Elapsed: 1000 / a.rate * drift,
		Boot:    results.Boot{BootMS: 170, FirstRequestMS: 3, Settled: true}, Opened: 16, Grade: results.Valid,
		Generator: results.Generator{Engine: "vegeta", CPUSeconds: 0.05},
	}
	response, service := results.NewHistogram(), results.NewHistogram()
	for i := range 1000 {
		us := int64(float64(a.response(i)) * drift)
		if strings.HasSuffix(load, results.NewSuffix) {
			us = min(us, 20_000)
		}
		_ = response.RecordValue(us)
		_ = service.RecordValue(us)
	}
	if strings.HasPrefix(load, "rate-200") {
		c.Mode, c.Rate, c.Elapsed = results.OpenLoop, 200, 5
	}
	c.NewConns = strings.HasSuffix(load, results.NewSuffix)
	counts := results.Counts{}
	counts.Add(results.OK, 1000)
	c.Intervals = []results.Interval{{Length: time.Second, Counts: counts, Hists: map[results.Series]*results.Packed{
		{Kind: results.Response, Target: "home"}: results.Pack(response),
		{Kind: results.Service, Target: "home"}:  results.Pack(service),
	}}}
	c.Counts, c.Successful, c.Duration = counts, 1000, c.Elapsed
	for tier, spent := range a.tiers {
		c.Usage = append(c.Usage,
			results.Usage{At: 0, Tier: tier, PSS: 20 << 20, Processes: a.procs},
			results.Usage{At: time.Second, Tier: tier, CPU: spent, PSS: 30 << 20, Processes: a.procs})
	}
	return c
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		_ = os.WriteFile(path+".got", got, 0o644)
		diff, _ := exec.Command("diff", "-u", path, path+".got").Output()
		t.Errorf("%s differs (test with -update to accept):\n%.4000s", path, diff)
	}
}

func build(t *testing.T, run *results.Run) *Report {
	t.Helper()
	r, err := Build(run)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryFormatIsGolden(t *testing.T) {
	r := build(t, madeUpRun(6, madeUpArms()))
	for name, render := range map[string]writer{
		"compare.txt": page.Text, "compare.md": page.Markdown, "compare.json": page.JSON,
	} {
		var out bytes.Buffer
		if err := render(&out, r.Document()); err != nil {
			t.Fatal(err)
		}
		golden(t, name, out.Bytes())
	}
	figures := r.Figures()
	for _, f := range figures {
		svg, err := plot.SVG(f)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, f.Name+".svg", svg)
	}
	if len(figures) != 9 {
		t.Errorf("%d figures; want 9", len(figures))
	}
}

func TestReportsDoNotDependOnTheOrderOfMaps(t *testing.T) {
	proof.WithoutRace(t)
	var first []byte
	for range 8 { // the orders of three keys are equal in one of 6⁷ tests
		var out bytes.Buffer
		r := build(t, madeUpRun(6, madeUpArms()))
		for _, render := range []writer{page.JSON, page.Markdown, page.HTML} {
			if err := render(&out, r.Document()); err != nil {
				t.Fatal(err)
			}
		}
		if first == nil {
			first = out.Bytes()
		} else if !bytes.Equal(first, out.Bytes()) {
			t.Fatal("two reports of one run differ")
		}
	}
}

func TestRatiosArePairedByBlock(t *testing.T) {
	r := build(t, madeUpRun(6, madeUpArms()))
	v := r.topology("nginx-uwsgi").ratio("max_throughput", "page", "closed")
	// The drift of 2 %, which both arms share, cancels out of the ratio.
	if v == nil || math.Abs(v.Value-1700./300) > 1e-9 || v.High-v.Low > 1e-9 || v.Confidence != 0.95 || v.N != 6 {
		t.Errorf("ratio = %+v; want 5.667 without spread", v)
	}
	if e := r.topology("uwsgi").MaxThroughput; e.Low >= e.High {
		t.Errorf("the rate itself = %+v; want the drift in its interval", e)
	}
}

func TestReasonsNameWhatLimits(t *testing.T) {
	arms := madeUpArms()
	// Two workers that take 21 ms for a request each, and idle CPUs.
	arms[1].rate, arms[1].response = 95, func(int) int64 { return 21_000 }
	arms[1].tiers = map[string]time.Duration{"python": 300 * time.Millisecond}
	r := build(t, madeUpRun(6, arms))
	for _, row := range []struct{ topology, want string }{
		{"runserver", "delayed acknowledgement"},
		{"uwsgi", "All workers were busy"},
		{"nginx-uwsgi", "The CPU was saturated"},
	} {
		at := slices.IndexFunc(r.Scenarios[0].Order, func(p Place) bool { return p.Topology == row.topology })
		if at < 0 {
			t.Fatalf("%s is not in the order", row.topology)
		}
		if text := strings.Join(r.Scenarios[0].Order[at].Reasons, " "); !strings.Contains(text, row.want) {
			t.Errorf("%s: %q; want it to say %q", row.topology, text, row.want)
		}
	}
	if !strings.Contains(r.Scenarios[0].Finding, "lower throughput than runserver: uwsgi 0.317×") ||
		!strings.Contains(r.Scenarios[0].Finding, "higher throughput than runserver: nginx-uwsgi") {
		t.Errorf("finding = %q; want both directions", r.Scenarios[0].Finding)
	}
	codes := map[string]bool{}
	for _, n := range r.Notes {
		codes[n.Code] = true
	}
	if !codes["nagle"] || !codes["concurrency"] || !codes["shared-machine"] {
		t.Errorf("notes = %v", codes)
	}
}

// Where a proxy serves files, the throughput does not depend on the app's workers.
func TestWorkersDoNotLimitWhatTheyDoNotServe(t *testing.T) {
	arms := madeUpArms()
	arms[2].rate = 60_000 // far more than two workers could serve at 1 ms each
	arms[2].tiers = map[string]time.Duration{"python": 0, "nginx": 10 * time.Millisecond, "uwsgi": 0}
	run := madeUpRun(6, arms)
	for _, c := range run.Cells {
		if c.Topology == arms[2].name {
			c.Generator.CPUSeconds = 0.005
		}
	}
	reasons := strings.Join(build(t, run).Scenarios[0].Order[0].Reasons, " ")
	if strings.Contains(reasons, "All workers were busy") || !strings.Contains(reasons, "The app was hardly involved") {
		t.Errorf("%q; want it not to name the workers", reasons)
	}
}

func TestOddRunsMakeReportsOrErrorsAndNeverPanics(t *testing.T) {
	proof.WithoutRace(t)
	for _, row := range []struct {
		says   string
		change func(*results.Run)
		grade  results.Grade
	}{
		{"one block", func(run *results.Run) { *run = *madeUpRun(1, madeUpArms()) }, results.Valid},
		{"one topology", func(run *results.Run) { *run = *madeUpRun(6, madeUpArms()[:1]) }, results.Valid},
		{"no cells", func(run *results.Run) { run.Cells = nil }, results.Invalid},
		{"partial", func(run *results.Run) { run.Manifest.Status = results.Partial; run.Cells = run.Cells[:10] },
			results.Degraded},
		{"cells without any figure", func(run *results.Run) {
			for _, c := range run.Cells {
				c.Intervals, c.Usage, c.Counts, c.Elapsed, c.Duration = nil, nil, results.Counts{}, 0, 0
			}
		}, results.Valid},
		{"all cells void", func(run *results.Run) {
			for _, c := range run.Cells {
				c.Grade = results.Invalid
			}
		}, results.Invalid},
		{"the baseline was excluded", func(run *results.Run) { run.Manifest.Topologies[0].Excluded = "other responses" },
			results.Valid},
		{"no open loop", func(run *results.Run) {
			var closed []*results.Cell
			for _, c := range run.Cells {
				if c.Mode == results.ClosedLoop {
					closed = append(closed, c)
				}
			}
			run.Cells = closed
		}, results.Valid},
		{"cells of a topology that the manifest does not name",
			func(run *results.Run) { run.Cells[0].Topology = "stranger" }, results.Valid},
	} {
		run := madeUpRun(6, madeUpArms())
		row.change(run)
		r, err := Build(run)
		if err != nil {
			t.Errorf("%s: %v", row.says, err)
			continue
		}
		if r.Grade != row.grade {
			t.Errorf("%s: grade %s; want %s", row.says, r.Grade, row.grade)
		}
		if len(r.Answer) == 0 {
			t.Errorf("%s: no answer", row.says)
		}
		for format, render := range map[string]writer{"HTML": page.HTML, "Markdown": page.Markdown, "JSON": page.JSON} {
			if err := render(io.Discard, r.Document()); err != nil {
				t.Errorf("%s: %s: %v", row.says, format, err)
			}
		}
		var text bytes.Buffer
		if err := page.Text(&text, r.Document()); err != nil || strings.Contains(text.String(), "NaN") ||
			strings.Contains(text.String(), "Inf") {
			t.Errorf("%s: %v\n%s", row.says, err, text.String())
		}
	}
	for _, run := range []*results.Run{{}, {Manifest: results.Manifest{
		Objectives: []string{"x"}, Scenarios: make([]results.ScenarioRecord, 1),
		Topologies: make([]results.TopologyRecord, 1),
	}}} {
		if _, err := Build(run); err == nil {
			t.Error("Build accepted a manifest without content")
		}
	}
}

// Names from servers, apps and files stay text in every format.
func TestNamesCannotBecomeCode(t *testing.T) {
	evil := "<script>alert(1)</script>\x1b[31m\u202e::set-output name=x::y"
	run := madeUpRun(2, madeUpArms())
	run.Manifest.Name, run.Manifest.App.Name = evil, evil
	run.Manifest.Host.CPU, run.Manifest.Plan = evil, []string{evil}
	run.Manifest.Diagnostics = []results.Diagnostic{{Code: "x", Message: evil}}
	run.Manifest.Scenarios[0].Summary = evil
	r := build(t, run)
	for name, render := range map[string]writer{
		"text": page.Text, "markdown": page.Markdown, "html": page.HTML, "json": page.JSON,
	} {
		var out bytes.Buffer
		if err := render(&out, r.Document()); err != nil {
			t.Fatal(err)
		}
		got := out.String()
		if name != "text" && strings.Contains(got, "<script>alert") {
			t.Errorf("%s: a script got through", name)
		}
		if strings.ContainsAny(got, "\x1b\u202e") {
			t.Errorf("%s: a control character got through", name)
		}
		if name == "markdown" && strings.Contains(got, "::set-output") {
			t.Errorf("%s: a workflow command got through", name)
		}
		if name == "html" && !strings.Contains(got, "default-src 'none'") {
			t.Error("html: no content security policy")
		}
	}
}

// Every number of the summary is in the JSON too, or follows from numbers that are.
func TestJSONHoldsTheContract(t *testing.T) {
	var out bytes.Buffer
	if err := page.JSON(&out, build(t, madeUpRun(6, madeUpArms())).Document()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Schema, Grade, Baseline string
		Topologies              []map[string]any
		Diagnostics             []map[string]any
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != "bench.compare/2" || got.Grade != "VALID" || got.Baseline != "runserver" || got.Diagnostics == nil {
		t.Errorf("head = %+v", got)
	}
	for _, key := range []string{"name", "ref", "concurrency", "boot_ms", "first_request_ms", "max_throughput",
		"cpu_ms_per_request", "pss_bytes", "loads", "vs_baseline"} {
		if _, there := got.Topologies[1][key]; !there {
			t.Errorf("topologies[1] has no %s", key)
		}
	}
	load := got.Topologies[1]["loads"].([]any)[0].(map[string]any)
	for _, key := range []string{"load", "response_us", "service_us", "counts"} {
		if _, there := load[key]; !there {
			t.Errorf("a load has no %s", key)
		}
	}
	versus := got.Topologies[1]["vs_baseline"].([]any)[0].(map[string]any)
	for _, key := range []string{"metric", "value", "low", "high", "confidence"} {
		if _, there := versus[key]; !there {
			t.Errorf("a ratio has no %s", key)
		}
	}
}

// A report never says more than was measured.
func TestHonesty(t *testing.T) {
	proof.WithoutRace(t)
	text := func(change func(*results.Run)) (string, *Report) {
		run := madeUpRun(6, madeUpArms())
		change(run)
		r := build(t, run)
		var out bytes.Buffer
		if err := page.Text(&out, r.Document()); err != nil {
			t.Fatal(err)
		}
		return out.String(), r
	}
	each := func(topology, load string, change func(*results.Cell)) func(*results.Run) {
		return func(run *results.Run) {
			for _, c := range run.Cells {
				if c.Topology == topology && (load == "" || c.Load == load) {
					change(c)
				}
			}
		}
	}
	diagnosed := func(code string) func(*results.Cell) {
		return func(c *results.Cell) { c.Diagnostics = []results.Diagnostic{{Code: code, Message: "x"}} }
	}
	generatorBound := diagnosed("generator-bound")
	for _, row := range []struct {
		says     string
		change   func(*results.Run)
		has, not string
	}{
		{"a server with half of its responses too late did not sustain the rate",
			each("uwsgi", "rate-200", func(c *results.Cell) { c.Successful = 500 }),
			"not sustained", "which all of them sustain"},
		{"nor did one whose connections were all busy",
			each("uwsgi", "rate-200", diagnosed("connections-busy")),
			"not sustained", "which all of them sustain"},
		{"a generator at its limit makes a ratio a lower bound",
			each("uwsgi", "closed", generatorBound), "uwsgi serves at least 3.00×", ""},
		{"or, on the baseline, an upper bound, which cannot win",
			each("runserver", "closed", generatorBound), "uwsgi serves at most 3.00×", "higher throughput"},
		{"a topology that died in most blocks has no rate",
			each("uwsgi", "closed", func(c *results.Cell) { c.Grade = results.Invalid }),
			"not measured: uwsgi (6 of 6 cells void)", "connections, uwsgi serves"},
		{"failed requests are reported",
			each("uwsgi", "closed", func(c *results.Cell) {
				c.Intervals[0].Counts.Add(results.HTTPError, 100)
				c.Counts.Add(results.HTTPError, 100)
			}), "600 of 6,600 requests failed", ""},
		{"unknown CPU time is not zero",
			each("uwsgi", "", func(c *results.Cell) { c.Usage = nil }), "CPU time is unknown", ""},
		{"without new connections, delayed acknowledgements are not mentioned",
			func(run *results.Run) {
				var kept []*results.Cell
				for _, c := range run.Cells {
					if !c.NewConns {
						kept = append(kept, c)
					}
				}
				run.Cells = kept
			}, "", "acknowledgement"},
		{"a run that ended early says how far it got",
			func(run *results.Run) { run.Manifest.Status = results.Partial; run.Cells = run.Cells[:28] },
			"PARTIAL, 2 of 6 blocks", ""},
	} {
		got, _ := text(row.change)
		if !strings.Contains(got, row.has) || row.not != "" && strings.Contains(got, row.not) {
			t.Errorf("%s: want %q and not %q in\n%s", row.says, row.has, row.not, got)
		}
	}
}

// What could not be read is unknown in the table too, and not zero.
func TestUnknownIsNotZero(t *testing.T) {
	run := madeUpRun(6, madeUpArms())
	for _, c := range run.Cells {
		if c.Topology == "uwsgi" {
			c.Usage = nil
		}
	}
	row := build(t, run).topology("uwsgi").row()
	if row[2] != page.Unknown || row[3] != "" || row[4] != page.Unknown {
		t.Errorf("CPU time %q, by tier %q, memory %q; want them unknown", row[2], row[3], row[4])
	}
}
