package gate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bench/results"
)

// ParseGated reads the choice of gated metrics: "p50_ms", or "p50_ms=3%" to set the slowdown that
// matters. Choosing nothing is an error: a gate on nothing would always pass.
func ParseGated(texts []string) (gated []results.Gated, err error) {
	for _, text := range texts {
		name, effect, given := strings.Cut(text, "=")
		i := slices.IndexFunc(Metrics(), func(m Metric) bool { return m.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("%q is not a metric: want %s", text, strings.Join(metricNames(), ", "))
		}
		if slices.ContainsFunc(gated, func(g results.Gated) bool { return g.Metric == name }) {
			return nil, fmt.Errorf("%q: %s is given twice", text, name)
		}
		g := results.Gated{Metric: name, Effect: Metrics()[i].Effect}
		if given {
			percent, err := strconv.ParseFloat(strings.TrimSuffix(effect, "%"), 64)
			if err != nil || !strings.HasSuffix(effect, "%") || !(percent >= 0.5 && percent <= 200) {
				return nil, fmt.Errorf("%q is not a slowdown: want 0.5%% to 200%%, such as %s=5%%", text, name)
			}
			g.Effect = percent / 100
		}
		gated = append(gated, g)
	}
	if len(gated) == 0 {
		return nil, fmt.Errorf("no metric is gated: want some of %s", strings.Join(metricNames(), ", "))
	}
	return gated, nil
}

func metricNames() (names []string) {
	for _, m := range Metrics() {
		names = append(names, m.Name)
	}
	return names
}

// oldMaxRate is the name of the metric of the closed loop in the manifests of older runs.
const oldMaxRate = "max_rate"

// MetricsOf are the metrics that a gate judges by: all, or those chosen, which then share the whole
// probability of a false alarm that is allotted to metrics.
func MetricsOf(gated []results.Gated) []Metric {
	if len(gated) == 0 {
		return Metrics()
	}
	var chosen []Metric
	var shares float64
	for _, m := range Metrics() {
		for _, g := range gated {
			if g.Metric == m.Name || g.Metric == oldMaxRate && m.Name == maxThroughput {
				m.Effect = g.Effect
				chosen, shares = append(chosen, m), shares+m.Alpha
			}
		}
	}
	for i := range chosen {
		chosen[i].Alpha *= (Alpha - failuresAlpha - exactAlpha - targetsAlpha) / shares
	}
	return chosen
}
