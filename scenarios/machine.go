package scenarios

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"bench/results"
	"bench/servers"
)

// How much of the machine other programs may use, as a share of all cores. Both versions of a pair feel
// a neighbour alike, so that a pair bears more than a cell that is compared with those of other minutes.
const (
	neighbourDegrades = 0.05
	neighbourVoids    = 0.20
	neighbourOfPair   = 0.50
	countedTwice      = 0.05
	clockStep         = 10 * time.Millisecond // of the machine's own clock, for each core
)

// machine is what the whole machine used during a cell, and how much of that is accounted for.
type machine struct {
	from, to      servers.Machine
	before, after time.Duration // what the clusters had used
	elsewhere     bool          // the clusters are on other machines
	observed      bool          // the clusters' processes are known
	busiest       string        // of the other programs
	most          time.Duration // that it used
	sent          time.Duration // CPU time of processes that sent the load for this one
	err           error
}

func (m *machine) begin() { m.from, m.err = servers.ReadMachine() }

func (m *machine) end(clusters []*servers.Cluster) {
	to, err := servers.ReadMachine()
	if m.to = to; m.err == nil {
		m.err = err
	}
	if m.err == nil {
		m.busiest, m.most = to.Busiest(m.from, clusters...)
	}
}

// add adds what the cluster's tiers, and the clusters beside it, had used.
func (m *machine) add(to *time.Duration, usage []results.Usage, beside []*servers.Cluster) {
	// Servers behind one that was already running are not known: what they use is not another program's.
	m.observed = !m.elsewhere &&
		slices.ContainsFunc(usage, func(u results.Usage) bool { return u.Tier != servers.RunningTier })
	for _, c := range beside {
		other, err := c.Usage()
		if err != nil && m.err == nil {
			m.err = err
		}
		usage = append(usage[:len(usage):len(usage)], other...)
	}
	for _, u := range usage {
		*to += u.CPU
	}
}

// judge holds what the tiers and bench used, each counted separately, against what the machine's cores
// were busy. What is missing was used by other programs, and voids the cell above the share given; a
// surplus is an error of the instrument.
func (m *machine) judge(c *results.Cell, voids float64) {
	cores := runtime.NumCPU()
	length := m.to.At.Sub(m.from.At)
	// Nothing is known of servers that bench did not start; with a CPU quota, the clock of the cores holds the
	// work of other containers, too.
	if m.err != nil || !m.observed || m.to.Busy == 0 || length <= 0 || servers.UsableCores() < cores {
		return
	}
	known := m.after - m.before + m.to.Own - m.from.Own + m.sent
	others := m.to.Busy - m.from.Busy - known
	c.Server.OthersSeconds = others.Seconds()
	share := others.Seconds() / (float64(cores) * length.Seconds())
	uncertain := float64(clockStep) / float64(length)
	switch {
	case share > neighbourDegrades+uncertain:
		grade := results.Degraded
		if share > voids+uncertain {
			grade = results.Invalid
		}
		c.Diagnose(grade, results.BusyNeighbour,
			fmt.Sprintf("other programs used %.0f %% of the machine%s", share*100, m.named(others)),
			"Stop other programs, or use a dedicated machine.")
	case share < -countedTwice-uncertain:
		// Process clocks and those of the cores differ on some virtual machines.
		c.Diagnose(results.Degraded, "utilization-law",
			fmt.Sprintf("the tiers and the generator used %v of CPU, but the cores were busy for only %v",
				known.Round(time.Millisecond), m.to.Busy-m.from.Busy),
			"This is a bug in bench or in the machine's accounting; please report it.")
	}
}

// named names the program that used the most of what others used, if that is a good part of it.
func (m *machine) named(others time.Duration) string {
	if m.busiest == "" || 3*m.most < others {
		return ""
	}
	return fmt.Sprintf(", %s the most (%.2f s of CPU)", m.busiest, m.most.Seconds())
}

// How long a repetition waits for the machine to become quiet, if the runner has no patience of its own.
const (
	quietWindow = 200 * time.Millisecond
	quietAtMost = 3 * time.Second
)

// awaitQuiet waits until hardly any other program uses the machine, or for quietAtMost. Nothing of bench's
// is under load meanwhile.
func (r *Runner) awaitQuiet(ctx context.Context) error {
	if r.From != nil {
		return nil // nothing of bench's is measured on this machine
	}
	for began := time.Now(); time.Since(began) < cmp.Or(r.patience, quietAtMost); {
		before, err := servers.ReadMachine()
		if err != nil || before.Busy == 0 {
			return nil // unknown: not worth waiting for
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(quietWindow):
		}
		after, err := servers.ReadMachine()
		if err != nil {
			return nil
		}
		length := float64(runtime.NumCPU()) * after.At.Sub(before.At).Seconds()
		if used := after.Busy - before.Busy - (after.Own - before.Own); used.Seconds() < 2*neighbourDegrades*length {
			return nil
		}
	}
	return nil
}
