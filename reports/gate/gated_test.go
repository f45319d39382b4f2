package gate

import (
	"math"
	"strings"
	"testing"

	"bench/results"
)

func TestParseGated(t *testing.T) {
	for _, row := range []struct {
		about string
		texts string
		want  []results.Gated
		fault string
	}{
		{"a metric alone has its default effect", "p50_ms", []results.Gated{{Metric: "p50_ms", Effect: 0.05}}, ""},
		{"that of the tail is larger", "slow_share", []results.Gated{{Metric: "slow_share", Effect: 0.2}}, ""},
		{"an effect may be given", "p50_ms=3%,max_throughput", []results.Gated{{Metric: "p50_ms", Effect: 0.03},
			{Metric: "max_throughput", Effect: 0.05}}, ""},
		{"a gate on nothing would always pass", "", nil, "no metric is gated"},
		{"the error for an unknown metric lists the known ones", "p99_ms", nil,
			"cpu_ms_per_request, p50_ms, slow_share, max_throughput"},
		{"giving a metric twice is a mistake", "p50_ms,p50_ms=3%", nil, "twice"},
		{"an effect is in percent", "p50_ms=0.03", nil, "p50_ms=5%"},
		{"a slowdown of zero is not an effect", "p50_ms=0%", nil, "0.5% to 200%"},
		{"nor is NaN", "p50_ms=NaN%", nil, "0.5% to 200%"},
	} {
		var texts []string
		if row.texts != "" {
			texts = strings.Split(row.texts, ",")
		}
		got, err := ParseGated(texts)
		if row.fault != "" {
			if err == nil || !strings.Contains(err.Error(), row.fault) {
				t.Errorf("%s: ParseGated(%q) = %v; want an error with %q", row.about, row.texts, err, row.fault)
			}
			continue
		}
		if err != nil || len(got) != len(row.want) {
			t.Errorf("%s: ParseGated(%q) = %v, %v", row.about, row.texts, got, err)
			continue
		}
		for i := range got {
			if got[i] != row.want[i] {
				t.Errorf("%s: ParseGated(%q) = %v; want %v", row.about, row.texts, got, row.want)
			}
		}
	}
}

// Whatever is chosen, the gate as a whole has the same probability of a false alarm.
func TestChosenMetricsShareTheWholeAlpha(t *testing.T) {
	for _, gated := range [][]results.Gated{
		nil,
		{{Metric: "max_throughput", Effect: 0.1}},
		{{Metric: "p50_ms", Effect: 0.03}, {Metric: "cpu_ms_per_request", Effect: 0.05}},
	} {
		var sum float64
		metrics := MetricsOf(gated)
		for _, m := range metrics {
			sum += m.Alpha
		}
		if sum += failuresAlpha + exactAlpha + targetsAlpha; math.Abs(sum-Alpha) > 1e-12 {
			t.Errorf("%v: alphas add up to %g; want %g", gated, sum, Alpha)
		}
		if len(gated) > 0 && len(metrics) != len(gated) {
			t.Errorf("%v: %d metrics", gated, len(metrics))
		}
	}
	if m := MetricsOf([]results.Gated{{Metric: "max_throughput", Effect: 0.1}}); m[0].Effect != 0.1 {
		t.Errorf("effect = %g; want 0.1", m[0].Effect)
	}
}

func TestClosedLoopsEndWhenTheirThroughputIsDecided(t *testing.T) {
	for _, row := range []struct {
		says    string
		metrics []Result
		want    bool
	}{
		{"nothing is proven yet", []Result{{Name: maxThroughput, Verdict: Inconclusive}}, true},
		{"what was found is to be confirmed", []Result{{Name: maxThroughput, Verdict: Regression}}, true},
		{"it is likely", []Result{{Name: maxThroughput, Verdict: Likely}}, true},
		{"it is proven not to matter", []Result{{Name: maxThroughput, Verdict: Small}}, false},
		{"it is proven to be no slower", []Result{{Name: "p50_ms"}, {Name: maxThroughput, Verdict: Pass}}, false},
		{"it is not gated", []Result{{Name: "p50_ms", Verdict: Inconclusive}}, false},
	} {
		if got := (Report{Metrics: row.metrics}).NeedsClosedLoops(); got != row.want {
			t.Errorf("%s: %v; want %v", row.says, got, row.want)
		}
	}
}

func TestThePageAnswersItsQuestion(t *testing.T) {
	for _, row := range []struct {
		verdict Verdict
		reason  string
		want    string
	}{
		{Regression, "cpu_ms_per_request +10.0 % [+8.0, +12.0]; p50_ms of home +20 %",
			"Yes: CPU time per request +10.0 % [+8.0, +12.0]; median response time of home +20 % (9 pairs, 80 s)"},
		{Pass, "no gated metric is slower by the margin that matters",
			"No: no gated metric is slower by the margin that matters (9 pairs, 80 s)"},
		{Inconclusive, "nothing is proven", "Not decided: nothing is proven (9 pairs, 80 s)"},
		{Unfit, "base failed", "It could not be measured: base failed (9 pairs, 80 s)"},
	} {
		r := Report{Verdict: row.verdict, Reason: row.reason, Pairs: 9, Elapsed: 80}
		if got := r.reply(); got != row.want {
			t.Errorf("%s: %q; want %q", row.verdict, got, row.want)
		}
	}
}
