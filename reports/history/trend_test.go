package history

import (
	"math/rand/v2"
	"testing"
	"time"

	"bench/results"
)

func history(fingerprint string, values ...float64) (entries []results.Entry) {
	for i, v := range values {
		entries = append(entries, results.Entry{
			At:  time.Date(2026, 1, i+1, 0, 0, 0, 0, time.UTC),
			App: "shop", Topology: "uwsgi", Scenario: "page", Commit: "c" + string(rune('a'+i)),
			Fingerprint: fingerprint, Metrics: map[string]float64{"cpu": v},
		})
	}
	return entries
}

func TestTrendFindsTheChange(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var values []float64
	for i := range 24 {
		level := 2.0
		if i >= 14 {
			level = 2.3
		}
		values = append(values, level*(1+0.02*random.NormFloat64()))
	}
	s := Trend(history("f", values...), "", "", "cpu", "ca")
	if len(s) != 1 || len(s[0].Changes) != 1 || s[0].Changes[0].Index < 13 || s[0].Changes[0].Index > 15 {
		t.Fatalf("series %+v; want one change at point 14", s)
	}
	if c := s[0].Changes[0]; c.After/c.Before < 1.1 || c.After/c.Before > 1.2 {
		t.Errorf("change %+v; want about 15 %%", c)
	}
	if d := s[0].Drift; d == nil || d.Ratio < 1.08 || d.Ratio > 1.25 {
		t.Errorf("drift %+v; want about 15 %% since the release", d)
	}
	if _, err := s[0].Figure(); err != nil {
		t.Error(err)
	}
}

func TestTrendNeitherMixesEnvironmentsNorInventsChanges(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var quiet, other []float64
	for range 20 {
		quiet, other = append(quiet, 2*(1+0.01*random.NormFloat64())), append(other, 4*(1+0.01*random.NormFloat64()))
	}
	s := Trend(append(history("one", quiet...), history("two", other...)...), "", "", "cpu", "")
	if len(s) != 2 || len(s[0].Points) != 20 || len(s[0].Changes)+len(s[1].Changes) != 0 {
		t.Errorf("series %+v; want two without a change", s)
	}
	if s := Trend(history("one", 1, 2, 3), "other", "", "cpu", ""); len(s) != 0 {
		t.Errorf("another app's series: %+v", s)
	}
}
