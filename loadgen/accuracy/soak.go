package accuracy

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"time"

	"github.com/prometheus/procfs"
)

// Limits of the memory of a long load.
const (
	mostMemory = 64 << 20
	mostGrowth = 0.05
	settled    = time.Minute // how long a load has until its memory must be flat
)

// resident is how much memory a process had.
type resident struct {
	after time.Duration // since its start
	bytes int64
}

// Soak sends one long closed loop, which ends after the given time even if it has not sent all requests, and
// watches the memory of the process that sends it.
func (s *Suite) Soak(ctx context.Context, requests uint64, limit time.Duration) ([]Row, error) {
	server, err := s.serve(ctx, s.ServerCores, Service{Law: "none"}, 1)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	// Without a report: what is watched is the load, not what is drawn of it afterwards.
	argv := []string{s.Bench, "load", server.url, "--json", "--no-report", "--engine", "native", "-t1",
		"--no-calibration", "-c32", "-n", strconv.FormatUint(requests, 10), "-d", limit.String()}
	if s.ToolCores != "" {
		argv = append([]string{"taskset", "-c", s.ToolCores}, argv...)
	}
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	dieWithParent(c)
	var out, messages bytes.Buffer
	c.Stdout, c.Stderr = &out, &messages
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("starting the load: %w", err)
	}
	seen, err := s.watchMemory(c)
	if err != nil && out.Len() == 0 {
		return nil, fmt.Errorf("the load: %w: %s", err, lastLine(messages.String()))
	}
	got, err := parseOurs(Load{}, out.String())
	if err != nil {
		return nil, fmt.Errorf("the load: %w (%s)", err, lastLine(messages.String()))
	}
	return []Row{soakRow(requests, got, seen)}, nil
}

// watchMemory reads the memory of a process every second until it ends, and reports how it ended.
func (s *Suite) watchMemory(c *exec.Cmd) (seen []resident, err error) {
	began, ended := time.Now(), make(chan error, 1)
	go func() { ended <- c.Wait() }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return seen, err
		case <-tick.C:
		}
		process, err := procfs.NewProc(c.Process.Pid)
		if err != nil {
			continue // it has just ended
		}
		if status, err := process.NewStatus(); err == nil && status.VmRSS > 0 {
			now := resident{time.Since(began), int64(status.VmRSS)}
			seen = append(seen, now)
			s.say("memory: %.1f MiB after %v", mib(now.bytes), now.after.Round(time.Second))
		}
	}
}

// soakRow holds the memory of a load from its first minute on against the limits. A load of less than two
// minutes shows no growth: only the amount is judged.
func soakRow(requests uint64, load Report, seen []resident) Row {
	row := Row{
		Test: "memory", Tool: "bench native", Setting: fmt.Sprintf("%.0f of %d requests", load.Count, requests),
		Measured: fmt.Sprintf("%.1f MiB at most", mib(load.MaxRSS)),
		Wanted:   "≤ 64 MiB, from minute 1 on within 5 %",
	}
	fits := load.MaxRSS <= mostMemory && load.Count > 0
	var first, least, most, last resident
	for _, r := range seen {
		if last = r; r.after < settled {
			continue
		}
		if first.bytes == 0 {
			first, least, most = r, r, r
		}
		if r.bytes < least.bytes {
			least = r
		}
		if r.bytes > most.bytes {
			most = r
		}
	}
	if last.after < 2*settled {
		row.Measured += fmt.Sprintf("; %v are too short to tell whether it grows", last.after.Round(time.Second))
		if !fits {
			row.Verdict = verdict(false)
		}
		return row
	}
	change := func(r resident) float64 { return float64(r.bytes)/float64(first.bytes) - 1 }
	row.Measured += fmt.Sprintf("; %.1f after a minute, then %+.1f to %+.1f %% of that, %+.1f %% after %v",
		mib(first.bytes), 100*change(least), 100*change(most), 100*change(last), last.after.Round(time.Second))
	row.Verdict = verdict(fits && change(most) <= mostGrowth)
	return row
}
