package diff

import (
	"strings"
	"testing"

	"bench/reports/page"
	"bench/results"
	"bench/stats"
)

// found is a run with one finding.
func found(name string, low, high float64) Judged {
	i := stats.Interval{Value: (low + high) / 2, Low: low, High: high, Confidence: 0.95, N: 4}
	if low == high {
		i.Confidence, i.N = 0, 1 // a single block
	}
	return Judged{
		Named: Named{Name: name, Run: made("uwsgi", 1000)}, Outcome: page.Outcome{Label: string(results.Valid)},
		Findings: []page.Finding{{Name: "throughput of a to b", Interval: i, Format: page.Factor}},
	}
}

func TestReplayDisagreesWhereIntervalsHaveNoValueInCommon(t *testing.T) {
	for _, c := range []struct {
		name          string
		stored, again Judged
		label         string
		verdict       page.Verdict
	}{
		{"overlap", found("old", 1.1, 1.4), found("new", 1.3, 1.6), "AGREES", page.Passed},
		{"touch", found("old", 1.1, 1.4), found("new", 1.4, 1.6), "AGREES", page.Passed},
		{"above", found("old", 1.1, 1.4), found("new", 1.5, 1.6), "DISAGREES", page.Regressed},
		{"below", found("old", 1.1, 1.4), found("new", 0.5, 1.0), "DISAGREES", page.Regressed},
		{"no upper end, below it", found("old", 1.1, 0), found("new", 0.5, 1.0), "DISAGREES", page.Regressed},
		{"no upper end, above it", found("old", 1.1, 0), found("new", 5, 6), "AGREES", page.Passed},
		{"no interval", found("old", 1.1, 1.4), found("new", 9, 9), "UNKNOWN", page.Inconclusive},
	} {
		for _, sides := range [][2]Judged{{c.stored, c.again}, {c.again, c.stored}} {
			d := BuildReplay(sides[0], sides[1], "dir").Document()
			if d.Outcome.Label != c.label || d.Outcome.Verdict != c.verdict {
				t.Errorf("%s: %+v; want %s", c.name, d.Outcome, c.label)
			}
		}
	}
}

func TestReplaySaysWhatDiffers(t *testing.T) {
	again := found("new", 2.1, 2.3)
	again.Outcome.Label = string(results.Degraded)
	again.Run.Manifest.Host.Cores = 64
	d := BuildReplay(found("old", 1.1, 1.4), again, "dir").Document()
	text := d.Headline + strings.Join(d.Lead, " ")
	for _, want := range []string{"throughput of a to b, 2.2", "cores: 2 and 64", "says VALID, this one DEGRADED"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q: %s", want, text)
		}
	}
}

// A finding that only one of the runs has says nothing.
func TestReplayWithoutACommonFinding(t *testing.T) {
	again := found("new", 1, 2)
	again.Findings[0].Name = "another"
	if d := BuildReplay(found("old", 1, 2), again, "dir").Document(); d.Outcome.Verdict != page.Inconclusive {
		t.Errorf("%+v", d.Outcome)
	}
}
