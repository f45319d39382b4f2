package capacity

import (
	"testing"
	"time"

	"bench/results"
)

// On hosts of a fleet, the cores are those of the largest configuration, and the generator takes none of them.
func TestCoresOfHosts(t *testing.T) {
	cell := func(hosts ...results.HostUsage) *results.Cell {
		return &results.Cell{
			Elapsed: 1, Counts: results.Counts{Sent: 100}, Hosts: hosts,
			Usage: []results.Usage{
				{Tier: "python"}, {Tier: "python", At: time.Second, CPU: 500 * time.Millisecond},
			},
			Generator: results.Generator{CPUSeconds: 1},
		}
	}
	one, two := results.HostUsage{Host: "app-1", Cores: 2}, results.HostUsage{Host: "app-2", Cores: 4}
	run := &results.Run{Cells: []*results.Cell{cell(one), cell(one, two)}}
	run.Manifest.Host.Cores = 64
	if got := coresOf(run); got != 6 {
		t.Errorf("%d cores: want those of both hosts", got)
	}
	if k, ok := costOf(run.Cells[1], 6); !ok || k.generator != 0 || k.total == 0 {
		t.Errorf("%+v: the generator has hosts of its own", k)
	}
	run.Cells = []*results.Cell{cell()}
	if got := coresOf(run); got != 64 {
		t.Errorf("%d cores: want this machine's", got)
	}
	if k, ok := costOf(run.Cells[0], 64); !ok || k.generator == 0 {
		t.Errorf("%+v: the generator shares this machine", k)
	}
}
