package compare

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"bench/internal/proof"
	"bench/results"
)

// noisy is a run in which the throughput of each cell wavers by 3 %, independently.
func noisy(arms []arm, development ...string) *results.Run {
	run, random := madeUpRun(6, arms), rand.New(rand.NewPCG(1, 2))
	for i := range run.Manifest.Topologies {
		t := &run.Manifest.Topologies[i]
		t.Development = slices.Contains(development, t.Name)
	}
	for _, c := range run.Cells {
		if c.Mode == results.ClosedLoop {
			c.Elapsed *= math.Exp(0.03 * random.NormFloat64())
			c.Duration = c.Elapsed
		}
	}
	return run
}

// What is recommended follows from what is shown to differ, and the sentence says no more.
func TestRecommendations(t *testing.T) {
	proof.WithoutRace(t)
	response := func(ms int64) func(int) int64 { return func(i int) int64 { return 1000*ms + int64(i) } }
	cpu := func(ms time.Duration) map[string]time.Duration {
		return map[string]time.Duration{"python": ms * time.Millisecond}
	}
	dev := arm{"runserver", 0, 300, response(44), cpu(450), 1}
	for _, row := range []struct {
		says        string
		arms        []arm
		deploy      string
		has, hasNot string
	}{
		{"as fast, and a better tail",
			[]arm{dev, {"a", 2, 900, response(51), cpu(1000), 2}, {"b", 2, 900, response(10), cpu(1000), 2}},
			"b", "same rate as a (", "no difference"},
		{"as fast, a better tail, and more memory",
			[]arm{dev, {"a", 2, 900, response(51), cpu(1000), 2},
				{"b", 2, 900, response(10), map[string]time.Duration{"python": time.Second, "nginx": 0}, 2}},
			"b", "p99 at 200/s 11.2 ms instead of 53.0 ms; 30.0 MiB more memory", ""},
		{"faster, with a worse tail",
			[]arm{dev, {"a", 2, 1800, response(51), cpu(1000), 2}, {"b", 2, 900, response(10), cpu(1000), 2}},
			"a", "the rate of b; p99 at 200/s 53.0 ms instead of 11.2 ms", "same rate"},
		{"nothing decides",
			[]arm{dev, {"a", 2, 900, response(10), cpu(1000), 2}, {"b", 2, 900, response(10), cpu(1000), 2}},
			"", "Nothing that was measured on page decides between", "Deploy"},
		{"a development server is fastest",
			[]arm{{"runserver", 0, 900, response(10), cpu(1000), 1}, {"a", 2, 100, response(10), cpu(1000), 2}},
			"a", "runserver, which is not meant for production, serves ", ""},
		{"a development server is faster, by less than what is called the same",
			[]arm{{"runserver", 0, 950, response(10), cpu(1000), 1}, {"a", 2, 900, response(10), cpu(1000), 2}},
			"a", "Deploy a", "But"},
	} {
		r := build(t, noisy(row.arms, "runserver"))
		rec := r.Recommendation
		if rec == nil || rec.Deploy != row.deploy || !strings.Contains(rec.Sentence, row.has) ||
			row.hasNot != "" && strings.Contains(rec.Sentence, row.hasNot) {
			t.Errorf("%s: %+v; want %q, %q and not %q", row.says, rec, row.deploy, row.has, row.hasNot)
		}
		if r.Answer[0] != rec.Sentence {
			t.Errorf("%s: the report begins with %q", row.says, r.Answer[0])
		}
	}
	// Two blocks that differ by a factor leave nothing to choose by.
	vague := madeUpRun(2, []arm{dev, {"a", 2, 900, response(51), cpu(1000), 2}, {"b", 2, 900, response(10), cpu(1000), 2}})
	for _, c := range vague.Cells {
		if c.Topology == "a" && c.Block == 2 {
			c.Elapsed, c.Duration = 2*c.Elapsed, 2*c.Duration
		}
	}
	rec := build(t, vague).Recommendation
	if rec == nil || rec.Deploy != "" || !strings.HasPrefix(rec.Sentence, "Too little") {
		t.Errorf("rates that are hardly known: %+v", rec)
	}
	for says, run := range map[string]*results.Run{
		"one block":    madeUpRun(1, madeUpArms()),
		"one topology": madeUpRun(6, madeUpArms()[1:2]),
	} {
		if rec := build(t, run).Recommendation; rec != nil {
			t.Errorf("%s: %+v; want no recommendation", says, rec)
		}
	}
}

// Topologies between which no difference is shown share a rank, and are compared with each other outright.
func TestRanksAreSharedWhereNoDifferenceIsShown(t *testing.T) {
	arms := madeUpArms()
	arms[2].rate = arms[1].rate
	s := build(t, noisy(arms)).Scenarios[0]
	var ranks []string
	for _, p := range s.Order {
		ranks = append(ranks, p.ranked())
	}
	if !slices.Equal(ranks, []string{"1=", "1=", "3"}) || s.Order[2].Topology != "runserver" {
		t.Errorf("ranks %v of %v", ranks, s.Order)
	}
	if !strings.Contains(s.Finding, "Directly: no difference between ") || len(s.Pairs) != 1 {
		t.Errorf("finding %q with pairs %v; want the two compared outright", s.Finding, s.Pairs)
	}
}

// The CPU time of a request is one number: the tiers' sum in the text is the total in the table.
func TestCPUTimeIsOneNumber(t *testing.T) {
	run := noisy(madeUpArms())
	random := rand.New(rand.NewPCG(3, 4))
	for _, c := range run.Cells {
		for i := range c.Usage { // some blocks are dearer, and some have more requests
			c.Usage[i].CPU = time.Duration(float64(c.Usage[i].CPU) * (1 + random.Float64()))
		}
	}
	for _, top := range build(t, run).Topologies {
		sum := 0.0
		for _, ms := range top.CPU {
			sum += ms
		}
		if math.Abs(sum/top.CPUTotal.Value-1) > 1e-9 {
			t.Errorf("%s: tiers of %g ms in all, and a total of %g", top.Name, sum, top.CPUTotal.Value)
		}
	}
}

// A report counts how many of its ratios would differ by chance: the count is that of the table.
func TestRatiosAreCounted(t *testing.T) {
	r := build(t, noisy(madeUpArms()))
	known := 0
	for _, row := range r.ratioTable().Rows {
		if strings.Contains(row[4], "[") {
			known++
		}
	}
	m := r.Multiplicity
	if m.Ratios != known+len(r.Scenarios[0].Pairs) || math.Abs(m.ByChance-float64(m.Ratios)/20) > 1e-9 ||
		m.Differ > m.Ratios {
		t.Errorf("%+v; the table has %d intervals", m, known)
	}
}

// A finding on another number of connections than the main scenario's names it: on few, a server with a
// thread for each is limited by their number.
func TestFindingsNameOtherConnections(t *testing.T) {
	closed := func(scenario string, connections int) Load {
		return Load{Scenario: scenario, Load: "closed", Connections: connections}
	}
	for _, row := range []struct {
		side  Load
		under string
		title string
	}{
		{closed("io", 64), "io", "64 connections"},
		{closed("io", 14), "io (14 connections)", "14 to 64 connections"},
		{Load{Scenario: "io", Load: "rate-10", Connections: 14}, "io", "64 connections"},
	} {
		var run results.Run
		run.Manifest.Scenarios = []results.ScenarioRecord{{Name: "page"}, {Name: "io"}}
		r := Report{run: &run, Scenarios: []Scenario{{Name: "page"}, {Name: "io"}},
			Topologies: []Topology{{Name: "a", Loads: []Load{closed("page", 64), row.side}}}}
		if got := r.under("io"); got != row.under {
			t.Errorf("io on %d of 64: %q; want %q", row.side.Connections, got, row.under)
		}
		if got := r.onConnections(); got != row.title {
			t.Errorf("io on %d of 64: %q in the title; want %q", row.side.Connections, got, row.title)
		}
	}
}
