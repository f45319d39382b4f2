package history

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"bench/internal/proof"
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

// Gates against one commit give ratios, in which the speed of the machine is not: a change of machine is no
// change of level, and a change of the app is one in spite of it. Where the base moves, values are judged.
func TestTrendJudgesRatiosToOneBase(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	gates := func(app float64, base func(i int) string) []results.Entry {
		entries := history("f", make([]float64, 24)...)
		for i := range entries {
			machine, cost := 1.0, 1.0
			if i >= 8 {
				machine = 1.3
			}
			if i >= 16 {
				cost = app
			}
			entries[i].Command, entries[i].Base = "gate", base(i)
			entries[i].Metrics["cpu"] = 2 * machine * cost * (1 + 0.01*random.NormFloat64())
			entries[i].Ratios = map[string]float64{"cpu": cost * (1 + 0.01*random.NormFloat64())}
		}
		return entries
	}
	fixed := func(int) string { return "b0" }
	for _, row := range []struct {
		says  string
		app   float64
		base  func(int) string
		found []int
	}{
		{"only the machine changes", 1, fixed, nil},
		{"the app does, too", 1.1, fixed, []int{16}},
		{"the base moves", 1, func(i int) string { return string(rune('a' + i)) }, []int{8}},
	} {
		s := Trend(gates(row.app, row.base), "", "", "cpu", "")[0]
		var found []int
		for _, c := range s.Changes {
			found = append(found, c.Index)
		}
		if !slices.Equal(found, row.found) || (s.Base != "") != (row.base(0) == row.base(1)) {
			t.Errorf("%s: changes at %v, base %q; want %v", row.says, found, s.Base, row.found)
		}
	}
}

// The trend itself, over histories without a change: the rate of false alarms is that of stats.Changes.
func TestTrendRarelyInventsChanges(t *testing.T) {
	proof.WithoutRace(t)
	runs := proof.Size(300, 3000) // short, detects a rate of 5.5 % with a probability of 97 %
	most := proof.Alarms{Runs: runs, Allowed: 0.01}.Most()
	random := rand.New(rand.NewPCG(5, 6))
	alarms := 0
	for range runs {
		values := make([]float64, []int{20, 50, 100}[random.IntN(3)])
		noise := 0.0
		for i := range values {
			noise = 0.6*noise + 0.04*random.NormFloat64() // 5 % altogether
			values[i] = 2 * (1 + noise)
		}
		if len(Trend(history("f", values...), "", "", "cpu", "")[0].Changes) > 0 {
			alarms++
		}
	}
	t.Logf("%d of %d series show a change", alarms, runs)
	if alarms > most {
		t.Errorf("%d of %d series show a change; want at most %d", alarms, runs, most)
	}
}
