package capacity

import (
	"strings"
	"testing"

	"bench/results"
)

// A soak at the lower end of the interval confirms it, or lowers the capacity: below what missed the SLO, and not
// below what met it.
func TestSoaks(t *testing.T) {
	t.Parallel()
	w := newWorld("p99<100ms").quick()
	w.measure(2, false)
	plain := w.build(t)
	name, low, _ := plain.ToConfirm()
	if name != plain.Topology || low != plain.Capacity.Low || low == 0 {
		t.Fatalf("to confirm: %s at %g; want %s at %g", name, low, plain.Topology, plain.Capacity.Low)
	}
	soak := func(share float64, verdict string) results.Soak {
		return results.Soak{Topology: name, Rate: share * low, Length: 60, Verdict: verdict}
	}
	for _, row := range []struct {
		says        string
		soaks       []results.Soak
		least, most float64 // of the capacity's estimate, as a share of the lower end
		degraded    bool
		lead        string
	}{
		{"it held", []results.Soak{soak(1, results.Met)}, 1, 2, false, "Confirmed: "},
		{"it is not decided", []results.Soak{soak(1, results.Undecided)}, 1, 2, false, "Neither confirmed nor refuted"},
		{"a lower rate held", []results.Soak{soak(1, results.Missed), soak(0.9, results.Met)}, 0.9, 1, false, "Confirmed: "},
		{"none held", []results.Soak{soak(1, results.Missed), soak(0.9, results.Missed), soak(0.81, results.Missed)},
			0.4, 0.81, true, "Not confirmed: "},
	} {
		changed := *w
		changed.capacity.Soaks = row.soaks
		r := changed.build(t)
		if v := r.Capacity.Value / low; v < row.least || v > row.most || (r.Grade == results.Degraded) != row.degraded {
			t.Errorf("%s: %s, %.2f of the lower end; want %g to %g", row.says, r.Grade, v, row.least, row.most)
		}
		if text := strings.Join(r.lead(), " "); !strings.Contains(text, row.lead) {
			t.Errorf("%s: %s; want %q", row.says, text, row.lead)
		}
		if missed := row.soaks[0].Verdict == results.Missed; missed != hasDiagnostic(r, "soak-missed") {
			t.Errorf("%s: diagnostics %v", row.says, r.Diagnostics)
		}
	}
}
