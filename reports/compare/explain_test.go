package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bench/internal/proof"
	"bench/results"
)

// stored are the comparisons that are kept in the repository, and those that this work tree has measured.
func stored(t *testing.T) (runs []*results.Run) {
	t.Helper()
	patterns := []string{"../../results/testdata/*", "../../bench-runs/*-compare-*", os.Getenv("BENCH_STORED")}
	for _, pattern := range patterns {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range dirs {
			if run, err := results.Load(dir); err == nil && run.Manifest.Kind == results.KindCompare {
				runs = append(runs, run)
			}
		}
	}
	return runs
}

// exceeded are the explanations of a report whose bound lies below what was measured.
func exceeded(r *Report) (wrong []string) {
	for _, s := range r.Scenarios {
		for _, p := range s.Order {
			if p.Limit != nil && p.Rate.Value > bounded*p.Limit.Bound {
				wrong = append(wrong, fmt.Sprintf("%s, %s: %+v beside %g/s", s.Name, p.Topology, *p.Limit, p.Rate.Value))
			}
		}
	}
	for _, n := range r.Notes { // 2 ÷ 43 ms of service time = 46 req/s
		if n.Code == "concurrency" {
			for _, s := range r.Scenarios {
				for _, p := range s.Order {
					claim := fmt.Sprintf("On %s, %s is limited by its concurrency", s.Name, p.Topology)
					t := r.topology(p.Topology)
					if strings.HasPrefix(n.Text, claim) && p.Rate.Value > bounded*workerLimit(*t, *t.load(s.Name, "closed")) {
						wrong = append(wrong, n.Text)
					}
				}
			}
		}
	}
	return wrong
}

// No report explains a throughput by a limit that lies below it: not those of stored runs, and not those of servers
// of every kind, with figures that need not fit together.
func TestNoExplanationIsExceeded(t *testing.T) {
	proof.WithoutRace(t)
	for _, run := range stored(t) {
		r, err := Build(run)
		if err != nil {
			t.Errorf("%s: %v", run.Manifest.Name, err)
		} else if wrong := exceeded(r); len(wrong) > 0 {
			t.Errorf("%s: %v", run.Manifest.Name, wrong)
		}
	}
	random := rand.New(rand.NewPCG(5, 6))
	given := map[string]int{}
	for range 25 {
		arms := madeUpArms()
		for i := range arms {
			base := math.Exp(4 + 7*random.Float64()) // 55 µs to 60 ms
			arms[i].rate = math.Exp(3 + 8*random.Float64())
			arms[i].response = func(i int) int64 { return int64(base) + int64(i) }
			for tier := range arms[i].tiers {
				arms[i].tiers[tier] = time.Duration(1.2 * random.Float64() * float64(1000/arms[i].rate) * float64(time.Second))
			}
			arms[i].workers, arms[i].procs = random.IntN(3), 1+random.IntN(2)
		}
		r := build(t, madeUpRun(2, arms))
		if wrong := exceeded(r); len(wrong) > 0 {
			t.Error(wrong)
		}
		for _, p := range r.Scenarios[0].Order {
			if p.Limit != nil {
				given[p.Limit.Code]++
			}
		}
	}
	for _, code := range []string{"workers", "interpreter", "cpu", "threads"} {
		if given[code] == 0 {
			t.Errorf("no server is limited by %s, of %v", code, given)
		}
	}
}

// Two explanations that were once given beside the figures that refute them.
func TestRefutedExplanationsAreDropped(t *testing.T) {
	for _, row := range []struct {
		says    string
		arm     arm
		refuted string
	}{
		{"2 workers of 158 µs, and 118,722 requests per second",
			arm{"a", 2, 118_722, func(int) int64 { return 158 }, map[string]time.Duration{"python": 5 * time.Millisecond}, 2},
			"12,658"},
		{"2 workers, 43 ms that the client waits, and 803 requests per second",
			arm{"a", 2, 803, func(int) int64 { return 43_000 }, map[string]time.Duration{"python": 800 * time.Millisecond}, 2},
			"46.5 req/s"},
	} {
		r := build(t, madeUpRun(6, []arm{madeUpArms()[0], row.arm}))
		said := fmt.Sprint(r.Notes)
		for _, p := range r.Scenarios[0].Order {
			said += strings.Join(p.Reasons, " ")
		}
		if strings.Contains(said, row.refuted) || len(exceeded(r)) > 0 {
			t.Errorf("%s: %s; want nothing about %s", row.says, said, row.refuted)
		}
	}
}

// A delayed acknowledgement is told from a page that waits as long, by target: the delay is absent on new connections.
func TestDelayedAcknowledgementsAreToldByTarget(t *testing.T) {
	run := madeUpRun(2, madeUpArms()[:2])
	for _, c := range run.Cells {
		hists := map[results.Series]*results.Packed{}
		for target, ms := range map[string]int64{"router": 2, "sleeper": 45, "quick": 2} {
			h := results.NewHistogram()
			for i := range 300 {
				us := 1000*ms + int64(i)
				if target == "router" && i%8 == 0 && !c.NewConns {
					us += 41_000
				}
				_ = h.RecordValue(us)
			}
			for _, kind := range []results.Kind{results.Response, results.Service} {
				hists[results.Series{Kind: kind, Target: target}] = results.Pack(h)
			}
		}
		c.Intervals[0].Hists = hists
	}
	r := build(t, run)
	for _, name := range []string{"runserver", "uwsgi"} {
		list := r.delayedTargets(*r.topology(name))
		if len(list) != 1 || list[0].target != "router" || list[0].without != 0 {
			t.Errorf("%s: %+v; want the router alone", name, list)
		}
	}
}

// What was measured with cores of their own stands beside what was measured without, and in no other figure.
func TestServersAndGeneratorApart(t *testing.T) {
	run := madeUpRun(6, madeUpArms())
	before := build(t, run)
	start := run.Manifest.Started
	for block := 1; block <= 2; block++ {
		for i, a := range madeUpArms() {
			a.rate /= 2
			run.Cells = append(run.Cells, madeUpCell(len(run.Cells)+1, block, i+1, a, results.ApartLoad, start))
		}
	}
	after := build(t, run)
	if after.BlocksDone != before.BlocksDone || after.Answer[0] != before.Answer[0] {
		t.Errorf("%d blocks, %q; want %d, %q", after.BlocksDone, after.Answer[0], before.BlocksDone, before.Answer[0])
	}
	for _, n := range after.Notes {
		if n.Code == "apart" && strings.Contains(n.Text, "uwsgi 443 [") && strings.Contains(n.Text, "instead of 891 [") {
			return
		}
	}
	t.Errorf("notes %v; want the rates with and without", after.Notes)
}

// Where workers are the limit, the report says that their number decides, with every topology's.
func TestConcurrencyDecidesWhereRequestsWait(t *testing.T) {
	sleep := func(int) int64 { return 21_000 }
	idle := map[string]time.Duration{"python": 100 * time.Millisecond}
	r := build(t, madeUpRun(6, []arm{
		{"runserver", 0, 840, sleep, idle, 1}, {"uwsgi", 2, 95, sleep, idle, 2},
		{"uwsgi-threads=16", 32, 1500, sleep, idle, 2},
	}))
	for _, n := range r.Notes {
		if n.Code == "unequal-concurrency" {
			for _, want := range []string{"uwsgi (2 at a time)", "uwsgi-threads=16 (32 at a time)",
				"runserver (one thread per connection)"} {
				if !strings.Contains(n.Text, want) {
					t.Errorf("%q; want %q in it", n.Text, want)
				}
			}
			return
		}
	}
	t.Errorf("notes %v; want that concurrency decides", r.Notes)
}
