package ladder

import (
	"fmt"
	"slices"

	"bench/reports/page"
	"bench/reports/plot"
)

// waterfall is the figure that the report is made for.
func (r *Report) waterfall() plot.Figure {
	var rows []plot.Fall
	for i, rung := range r.Rungs {
		row := plot.Fall{Name: rung.Name, To: rung.Level, Effect: plot.NoEffect}
		if i > 0 {
			row.From = r.Rungs[i-1].Level
		}
		if s := rung.Step; s != nil {
			row.Effect, row.Label = fallen[s.Effect], s.Times()
			row.Low, row.High = row.From*s.Low, row.From*s.High
		} else {
			row.Effect, row.Label = plot.Level, rung.Throughput.String()
		}
		rows = append(rows, row)
	}
	last := r.Rungs[len(r.Rungs)-1]
	rows = append(rows, plot.Fall{Name: "all steps", To: last.Level, Effect: plot.Level, Label: page.Number(last.Level)})
	title := fmt.Sprintf("What each step brings, in requests per second on %s", r.Scenario)
	return plot.Waterfall("waterfall", title, "successful responses per second", "req/s", rows)
}

// timeFigure is where the time of a request goes on each rung; false if nobody says.
func (r *Report) timeFigure() (plot.Figure, bool) {
	var stacks []plot.Stack
	for _, rung := range r.Rungs {
		if e := rung.Evidence; e.App != nil && e.QueueWait != nil {
			stacks = append(stacks, plot.Stack{Name: rung.Name, Parts: []plot.Part{
				{Name: "in the app", Value: e.App.Value}, {Name: "waiting", Value: e.QueueWait.Value},
			}})
		}
	}
	title := "Where the time of a request goes: " + r.Scenario
	f := plot.Stacks("time-in-app", title, "milliseconds", "ms", stacks, []string{"in the app", "waiting"})
	return f, len(stacks) > 0
}

var fallen = map[Effect]plot.FallEffect{
	Gain: plot.Gain, Loss: plot.Loss, None: plot.NoEffect, Negligible: plot.NoEffect, Unknown: plot.NoEffect,
}

// figures are those of the comparison that serve here.
func (r *Report) figures() (some []plot.Figure) {
	for _, f := range r.compared.Figures() {
		if slices.Contains([]string{"latency-percentiles", "cpu-per-request", "memory"}, f.Name) {
			some = append(some, f)
		}
	}
	return some
}
