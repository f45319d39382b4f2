package accuracy

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bench/stats"
)

// SideBySide runs bench's engines and every installed peer in turn against one server: closed
// loop, then open loop at three rates. It is a benchmark: nothing passes or fails.
func (s *Suite) SideBySide(ctx context.Context, rounds int, each time.Duration) ([]Row, error) {
	server, err := s.serve(ctx, s.ServerCores, Service{Law: "none"}, 1)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	peers, missing := Installed(Peers(s.Floor))
	for _, t := range missing {
		s.say("not installed: %s", t.Name)
	}
	own := []Tool{Ours(s.Bench, "native", "sleep"), Ours(s.Bench, "vegeta", "")}
	closed := Load{URL: server.url, Connections: 32, Duration: each, Seed: 1}
	rows, err := s.interleave(ctx, append(own, peers...), closed, rounds)
	if err != nil {
		return rows, err
	}
	var open []Tool
	for _, t := range append([]Tool{Ours(s.Bench, "native", "hybrid")}, append(own, peers...)...) {
		if t.Open {
			open = append(open, t)
		}
	}
	for _, rate := range []float64{1000, 10_000, 50_000} {
		at := Load{URL: server.url, Rate: rate, Connections: 100, Duration: each, Seed: 1}
		more, err := s.interleave(ctx, open, at, rounds)
		rows = append(rows, more...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// interleave runs all tools in turn, round by round, and returns the medians with their spread.
func (s *Suite) interleave(ctx context.Context, tools []Tool, l Load, rounds int) (rows []Row, err error) {
	reports := make([][]Report, len(tools))
	failures := make([]error, len(tools))
	for round := range rounds {
		for i, t := range tools {
			s.say("round %d of %d, %s, %s: %s", round+1, rounds, loadName(l), l.Duration, t.Name)
			r, err := t.Run(ctx, l, s.ToolCores)
			if ctx.Err() != nil {
				return rows, ctx.Err()
			}
			if err != nil {
				failures[i] = err
				continue
			}
			reports[i] = append(reports[i], r)
		}
	}
	for i, t := range tools {
		row := Row{Test: "peers", Tool: t.Name, Setting: loadName(l)}
		if len(reports[i]) == 0 {
			row.Measured = fmt.Sprintf("failed: %v", failures[i])
			rows = append(rows, row)
			continue
		}
		rate := medianOf(reports[i], func(r Report) float64 { return r.Count / l.Duration.Seconds() })
		cpu := medianOf(reports[i], Report.cpuPerRequest)
		row.Measured = fmt.Sprintf("%s req/s, CPU %s µs/request", rate.text("%.0f"), cpu.text("%.2f"))
		if l.Rate > 0 {
			p50 := medianOf(reports[i], func(r Report) float64 { return float64(r.P50.Microseconds()) })
			p99 := medianOf(reports[i], func(r Report) float64 { return float64(r.P99.Microseconds()) })
			row.Measured += fmt.Sprintf(", reports p50 %s µs, p99 %s µs", p50.text("%.0f"), p99.text("%.0f"))
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func loadName(l Load) string {
	if l.Rate == 0 {
		return fmt.Sprintf("closed loop, %d connections", l.Connections)
	}
	return fmt.Sprintf("%g/s, %d connections", l.Rate, l.Connections)
}

// spread is a median with the smallest and the largest value.
type spread struct{ low, median, high float64 }

func medianOf(reports []Report, figure func(Report) float64) spread {
	var all []float64
	for _, r := range reports {
		all = append(all, figure(r))
	}
	return spread{slices.Min(all), stats.Median(all), slices.Max(all)}
}

func (s spread) text(format string) string {
	return fmt.Sprintf(format+" ["+format+", "+format+"]", s.median, s.low, s.high)
}
