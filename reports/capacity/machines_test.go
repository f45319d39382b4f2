package capacity

import (
	"strings"
	"testing"

	"bench/reports/capacity/model"
	"bench/results"
	"bench/stats"
)

func TestMachinesMeasuredSideBySide(t *testing.T) {
	objectives, err := results.ParseObjectives("p99<100ms")
	if err != nil {
		t.Fatal(err)
	}
	correction := stats.Interval{Value: 1, Low: 0.95, High: 1.05}
	r := &Report{Sweep: "backends", Model: &Model{Cores: 2, Correction: correction, queueing: &model.Model{
		Cores: 2, Slowdown: 1, Generator: 0.001, Goals: goals(objectives), Seed: 1, Correction: correction,
		Kinds: []model.Kind{{Weight: 1, Work: 0.004}}, Proxies: []model.Tier{{Name: "nginx", CPU: 0.001}},
		Precision: model.Precision{Requests: 10_000},
	}}}
	for n, rate := range []float64{80, 160} {
		found := results.Configuration{
			Topology: "nginx-uwsgi", Value: n + 1, Queues: n + 1, Workers: 1, Threads: 1, MachineCores: 0.4, QuotaPeriod: 0.010,
			Goals: []results.Bound{{Interval: results.SearchedRate(rate, rate, 3, false)}},
		}
		r.Configurations = append(r.Configurations, configurationOf(found, rate))
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
		{"one carries it", 60, 0, 1, 1, false, "deploy 1 machine of 0.4 cores with workers=1 each: without headroom"},
		{"two carry it, as was measured", 120, 0, 2, 2, false,
			"deploy 2 machines of 0.4 cores with workers=1 each: without headroom; the bottleneck is CPU of the machines."},
		{"with headroom it takes more than were measured", 120, 0.6, 2, 3, true, "deploy 3 machines"},
		{"four machines do not fit on this host, but bring their own cores", 300, 0, 4, 4, true, "4 machines"},
		{"plus a spare one", 60, results.Automatic, 1, 0, false, "and one spare machine"},
		{"there is no answer beyond twice what was measured", 2000, 0, 0, 0, false, "there is no recommendation"},
	} {
		spec := results.CapacitySpec{Sweep: "backends", Headroom: row.headroom}
		rec := r.Need(&results.Capacity{CapacitySpec: spec}, row.target)
		if rec == nil || rec.Workers != row.workers ||
			row.machines > 0 && (rec.Machines != row.machines || rec.Extrapolated != row.extra) {
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
	two := r.Need(&results.Capacity{CapacitySpec: results.CapacitySpec{Sweep: "backends"}}, 120)
	if text := two.certainty(r); !strings.HasPrefix(text, "The number of machines is measured side by side") {
		t.Error(text)
	}
	if text := r.scaling(); text != "2 machines carried 2.00 times the load of one" {
		t.Errorf("scaling: %q", text)
	}
}

// configurationOf is a configuration whose capacity is known to 2 %.
func configurationOf(found results.Configuration, rate float64) Configuration {
	c := measured(&results.Run{}, found)
	c.Capacity = results.SearchedRate(rate*0.98, rate*1.02, 3, false)
	return c
}
