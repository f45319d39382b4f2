package capacity

import (
	"strings"
	"testing"

	"bench/results"
)

// A machine of 0.4 cores does 4 ms of work in every 10 ms. Ten milliseconds of work, begun at a
// moment of its period that is as likely as any, take 19 ms in the mean: begun with 4 ms or
// more of the period left, 22 ms less the time since it began; with less than 4 ms but more
// than 2, 16 ms; with less than 2, 22 ms.
//
// The simulation lasts a million seconds, for so long that rounding makes periods of unequal
// lengths: it has to go on all the same.
func TestSimulatedQuota(t *testing.T) {
	s := System{Cores: 2, Slowdown: 1, Kinds: kinds(0.01, 0, []float64{1}), Queues: 1, Workers: 1, Threads: 1, Machine: 0.4, Period: 0.010}
	within(t, "a lone request", mean(s.Simulate(0.02, 20_000, 1).Responses), 0.019, 0.01)
	within(t, "the bound", s.Bound(), 40, 1e-9)
	two := s
	two.Queues = 2
	within(t, "the bound of two machines", two.Bound(), 80, 1e-9)
	if below, above := two.Simulate(76, 50_000, 1).Quantile(0.5), two.Simulate(84, 50_000, 1).Quantile(0.5); below > 0.5 || above < 1 {
		t.Errorf("half of the requests within %g s below the bound, %g s above it", below, above)
	}
	// A quota that is never reached is none.
	s.Machine = 2
	free := s
	free.Machine = 0
	within(t, "a quota beyond need", mean(s.Simulate(60, 20_000, 1).Responses), mean(free.Simulate(60, 20_000, 1).Responses), 1e-6)
}

func TestMachinesMeasuredSideBySide(t *testing.T) {
	defer func(n int) { simulated = n }(simulated)
	simulated = 10_000
	objectives, err := results.ParseObjectives("p99<100ms")
	if err != nil {
		t.Fatal(err)
	}
	model := &Model{Cores: 2, Slowdown: 1, kinds: kinds(0.004, 0, []float64{1}), proxies: []string{"nginx"}, CPU: map[string]float64{"nginx": 1}, Generator: 1, objectives: objectives, seed: 1, Correction: Estimate{1, 0.95, 1.05}}
	r := &Report{Sweep: "backends", Model: model}
	for n, rate := range []float64{80, 160} {
		size := results.Size{Topology: "nginx-uwsgi", Value: n + 1, Queues: n + 1, Workers: 1, Threads: 1, MachineCores: 0.4, QuotaPeriod: 0.010, Goals: []results.Bound{{Low: rate, High: rate}}}
		r.Sizes = append(r.Sizes, Size{Size: size, MaxRate: Range{rate * 0.98, rate * 1.02}})
	}
	for _, row := range []struct {
		says     string
		target   float64
		headroom float64
		workers  int // machines without headroom
		machines int
		extra    bool
		text     string
	}{
		{"one carries it", 60, 0, 1, 1, false, "60 requests per second 1 machine"},
		{"two carry it, as was measured", 120, 0, 2, 2, false, "2 machines (2) of 0.4 cores with workers=1 each; with headroom for 0 % more, 2 machines (2), measured side by side"},
		{"with headroom it takes more than were measured", 120, 0.6, 2, 3, true, "more than were measured"},
		{"four machines do not fit on this box, and have cores of their own", 300, 0, 4, 4, true, "4 machines"},
		{"and one more to lose", 60, results.Automatic, 1, 0, false, "the loss of one"},
		{"beyond twice what was measured nothing is said", 2000, 0, 0, 0, false, "refused"},
	} {
		rec := r.Need(&results.Capacity{CapacitySpec: results.CapacitySpec{Sweep: "backends", Headroom: row.headroom}}, row.target)
		if rec == nil || rec.Workers != row.workers || row.machines > 0 && (rec.Machines != row.machines || rec.Extrapolated != row.extra) {
			t.Errorf("%s: %+v", row.says, rec)
			continue
		}
		if text := rec.sentence(r); !strings.Contains(text, row.text) {
			t.Errorf("%s: %s; want %q in it", row.says, text, row.text)
		}
		if row.headroom == results.Automatic && (rec.Spare != 1 || rec.Machines < rec.Workers+1) {
			t.Errorf("%s: %+v", row.says, rec)
		}
	}
	if text := r.scaling(); text != "2 machines carried 2.00 times what one did" {
		t.Errorf("scaling: %q", text)
	}
}
