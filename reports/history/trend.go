// Package history shows how a figure developed over the runs in a directory, and where its level
// changed.
package history

import (
	"fmt"
	"strings"

	"bench/internal/inert"
	"bench/reports/page"
	"bench/reports/plot"
	"bench/results"
	"bench/stats"
)

// Series is one figure of one app under one topology, in one environment, over time.
type Series struct {
	Command     string `json:"command"` // gate and compare measure differently and are never mixed
	App         string `json:"app"`
	Topology    string `json:"topology"`
	Scenario    string `json:"scenario"`
	Metric      string `json:"metric"`
	Fingerprint string `json:"fingerprint"`
	// Base is the commit to which every run has a ratio of costs, measured side by side. Changes are then
	// those of the ratios: the speed of the machine on that day, which both versions share, is not in them.
	Base    string    `json:"base,omitempty"`
	Points  []Point   `json:"points"`
	Changes []Change  `json:"changes"`
	Drift   *Drift    `json:"drift,omitempty"`
	Values  []float64 `json:"-"`
}

// Point is one run's value.
type Point struct {
	At     string  `json:"at"`
	Commit string  `json:"commit,omitempty"`
	Value  float64 `json:"value"`
	Ratio  float64 `json:"ratio,omitempty"` // of its cost to that of the commit it was measured against
	Run    string  `json:"run"`
}

// Change is a point at which the level of the values changes.
type Change struct {
	Index  int     `json:"index"` // of the first point of the new level
	Commit string  `json:"commit,omitempty"`
	Before float64 `json:"before"` // medians of the two levels: of values, or of ratios to the series' base
	After  float64 `json:"after"`
}

// Drift is how far the last runs are from those of a release.
type Drift struct {
	Release string  `json:"release"`
	Ratio   float64 `json:"ratio"`
}

const (
	// fewestOfLevel is the number of runs that make a level.
	fewestOfLevel = 4
	// leastChange is the smallest change of level that is reported.
	leastChange = 0.03
)

// Trend is a figure's series in the history, one for each environment: values from different machines
// are never mixed. The release, if any, is the beginning of a commit hash.
func Trend(history []results.Entry, app, topology, metric, release string) (all []Series) {
	type key struct{ command, app, topology, scenario, fingerprint string }
	at := map[key]int{}
	for _, e := range history {
		value, has := e.Metrics[metric]
		if !has || !asked(e, app, topology) || e.Verdict == "unfit" || e.Grade == string(results.Invalid) {
			continue
		}
		k := key{e.Command, e.App, e.Topology, e.Scenario, e.Fingerprint}
		i, known := at[k]
		if !known {
			i = len(all)
			at[k] = i
			all = append(all, Series{
				Command: e.Command, App: e.App, Topology: e.Topology, Scenario: e.Scenario, Metric: metric,
				Fingerprint: e.Fingerprint, Changes: []Change{},
			})
		}
		s := &all[i]
		if len(s.Points) == 0 {
			s.Base = e.Base
		}
		ratio := e.Ratios[metric]
		if ratio == 0 || e.Base != s.Base {
			s.Base = ""
		}
		s.Points = append(s.Points, Point{e.At.Format("2006-01-02 15:04"), e.Commit, value, ratio, e.Run})
		s.Values = append(s.Values, value)
	}
	for i := range all {
		all[i].findChanges()
		all[i].drift(release)
	}
	return all
}

// asked reports whether an entry is of the given app and topology; "" stands for any.
func asked(e results.Entry, app, topology string) bool {
	return (app == "" || e.App == app) && (topology == "" || named(e.Topology, topology))
}

// named reports whether a topology is the one asked for, by name or with all parameters.
func named(ref, asked string) bool {
	name, _, _ := strings.Cut(ref, ":")
	return ref == asked || name == asked
}

func (s *Series) findChanges() {
	judged := s.Values
	if s.Base != "" {
		judged = nil
		for _, p := range s.Points {
			judged = append(judged, p.Ratio)
		}
	}
	for _, c := range stats.Changes(judged, fewestOfLevel, leastChange) {
		s.Changes = append(s.Changes, Change{c.Index, s.Points[c.Index].Commit, c.Before, c.After})
	}
}

func (s *Series) drift(release string) {
	if release == "" {
		return
	}
	var then []float64
	for _, p := range s.Points {
		if p.Commit != "" && (strings.HasPrefix(p.Commit, release) || strings.HasPrefix(release, p.Commit)) {
			then = append(then, p.Value)
		}
	}
	if len(then) > 0 && stats.Median(then) > 0 {
		s.Drift = &Drift{release, stats.Median(s.Values[max(0, len(s.Values)-3):]) / stats.Median(then)}
	}
}

// Text writes series for a terminal, one line per run, with the changes between them.
func Text(series []Series) string {
	var out strings.Builder
	for _, t := range series {
		fmt.Fprintf(&out, "%s of %s on %s (%s), environment %s, %s\n",
			t.Metric, t.App, t.Topology, t.Scenario, t.Fingerprint, page.Count(len(t.Points), "run"))
		changes := map[int]Change{}
		for _, c := range t.Changes {
			changes[c.Index] = c
		}
		for i, p := range t.Points {
			if c, is := changes[i]; is {
				of := ""
				if t.Base != "" {
					of = " of the cost against " + t.Base
				}
				fmt.Fprintf(&out, "  — the level%s changes by %s —\n", of, page.Change(c.After/c.Before))
			}
			fmt.Fprintf(&out, "  %s  %-14s %.4g\n", p.At, p.Commit, p.Value)
		}
		if t.Drift != nil {
			fmt.Fprintf(&out, "  the latest runs against %s: %s\n", t.Drift.Release, page.Change(t.Drift.Ratio))
		}
	}
	return inert.Text(out.String())
}

// Figure shows the series as changes against its first value.
func (s Series) Figure() (plot.Figure, error) {
	if s.Values[0] == 0 {
		return plot.Figure{}, fmt.Errorf("drawing the trend of %s: the first value is 0", s.Metric)
	}
	changes := make([]float64, len(s.Values))
	for i, v := range s.Values {
		changes[i] = (v/s.Values[0] - 1) * 100
	}
	title := fmt.Sprintf("%s of %s on %s", s.Metric, s.App, s.Topology)
	return plot.Changes("trend", title, "run", "Each point is one run, compared to the first one.",
		[]plot.Series{{Name: s.Metric, Points: plot.Sequence(changes)}}), nil
}
