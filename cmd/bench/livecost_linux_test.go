//go:build proof

package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"syscall"
	"testing"
	"time"

	"bench/experiments"
	"bench/loadgen/native"
	"bench/scenarios"
	"bench/stats"
	"bench/terminal"
)

// The view shifts no p99, and costs little: rounds of the same load against a server that answers at once, with the
// view and without it in turn.
func TestTheViewDoesNotDisturbALoad(t *testing.T) {
	server := &native.Null{Workers: 1}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	const rounds, seconds = 8, 5
	var p99, cpu [2][]float64 // microseconds; percent of a core
	for round := range 2 * rounds {
		view := (round + round/2) % 2 // which of the two comes first changes from round to round
		var out bytes.Buffer
		w := opened(t, 120, 30)
		args := []string{"load", server.URL(), "--rate", "500", "-d", "5s", "--no-report", "--json"}
		if view == 0 {
			args = append(args, "--live=false")
		}
		c := w.start(t, &out, args...)
		_ = c.Wait() // a busy machine may make the load INVALID
		var load loadResult
		if err := json.Unmarshal(out.Bytes(), &load); err != nil {
			t.Fatal(err)
		}
		used := c.ProcessState.SysUsage().(*syscall.Rusage)
		spent := time.Duration(used.Utime.Nano() + used.Stime.Nano())
		p99[view] = append(p99[view], float64(load.Response.P99))
		cpu[view] = append(cpu[view], 100*spent.Seconds()/seconds)
	}
	var ratios, more []float64
	for i := range rounds {
		ratios = append(ratios, p99[1][i]/p99[0][i])
		more = append(more, cpu[1][i]-cpu[0][i])
	}
	byBlock := map[int]float64{}
	for i, r := range ratios {
		byBlock[i] = r
	}
	shift := stats.Estimate(byBlock)
	t.Logf("p99 with the view and without: %.0f and %.0f µs at the median, ratio %.2f [%.2f, %.2f]", stats.Median(p99[1]),
		stats.Median(p99[0]), shift.Value, shift.Low, shift.High)
	slices.Sort(more)
	t.Logf("of a core: %.1f and %.1f %%, difference %.2f %% at the median, %.2f to %.2f", stats.Median(cpu[1]),
		stats.Median(cpu[0]), stats.Median(more), more[0], more[rounds-1])
	if shift.Low > 1 {
		t.Errorf("the view shifts p99 by %.2f [%.2f, %.2f]", shift.Value, shift.Low, shift.High)
	}
}

// A view of ten topologies, each of which says something every second, takes at most 1 % of a core.
func TestTheViewCostsLittle(t *testing.T) {
	w := opened(t, 120, 40)
	go func() {
		for part := make([]byte, 4096); ; {
			if _, err := w.ptmx.Read(part); err != nil {
				return
			}
		}
	}()
	view := terminal.NewLive(w.tty, []string{"TERM=xterm-256color"}, func(text string) string { return text })
	view.Show(experiments.RunStarted{Run: "compare", Plan: []string{"ten topologies"}, Estimate: time.Minute})
	spent := func() time.Duration {
		var used syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
			t.Fatal(err)
		}
		return time.Duration(used.Utime.Nano() + used.Stime.Nano())
	}
	const length = 20
	before := spent()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for i := range 10 * length {
		<-tick.C
		arm := string(rune('a' + i%10))
		rate := 400 + float64(i%7)
		view.Show(scenarios.Second{Arm: arm, Elapsed: time.Duration(i) * time.Second, Rate: rate, P50: 2e6, P99: 9e6})
		if i%10 == 0 {
			view.Show(scenarios.Estimated{Arm: arm, Measure: "throughput", Unit: "req/s",
				Value: stats.Interval{Value: rate, Low: rate - 9, High: rate + 9, Confidence: 0.95}})
		}
	}
	share := 100 * (spent() - before).Seconds() / length
	view.Close()
	_ = w.tty.Close()
	t.Logf("%.2f %% of a core, the test's own reading of the terminal included", share)
	if share > 1 {
		t.Errorf("the view takes %.2f %% of a core", share)
	}
}
