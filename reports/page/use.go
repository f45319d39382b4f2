package page

import (
	"bench/reports/plot"
	"bench/results"
)

// Use collects what the tiers of a topology used, as series of figures over time.
type Use struct {
	tiers         []string
	cores, memory map[string]*plot.Series
}

// NewUse collects the use of tiers, in their order.
func NewUse(tiers []string) *Use {
	u := &Use{tiers: tiers, cores: map[string]*plot.Series{}, memory: map[string]*plot.Series{}}
	for i, tier := range tiers {
		u.cores[tier], u.memory[tier] = &plot.Series{Name: tier, Group: i}, &plot.Series{Name: tier, Group: i}
	}
	return u
}

// Add adds the readings of a cell that began at a time, in seconds.
func (u *Use) Add(began float64, usage []results.Usage) {
	last := map[string]results.Usage{}
	for _, now := range usage {
		cores, known := u.cores[now.Tier]
		if !known {
			continue
		}
		at := began + now.At.Seconds()
		used := u.memory[now.Tier]
		used.Points = append(used.Points, plot.Point{X: at, Y: float64(now.PSS) / (1 << 20)})
		if before, has := last[now.Tier]; has && now.At > before.At {
			share := float64(now.CPU-before.CPU) / float64(now.At-before.At)
			cores.Points = append(cores.Points, plot.Point{X: at, Y: max(0, share)}) // a process may have ended
		}
		last[now.Tier] = now
	}
}

// Figures are those of the cores in use and of the memory, by tier; none without a reading. Their names
// are cpu-by-tier and memory-by-tier.
func (u *Use) Figures(of string) []plot.Figure {
	var cores, memory []plot.Series
	for _, tier := range u.tiers {
		if len(u.cores[tier].Points) > 0 {
			cores, memory = append(cores, *u.cores[tier]), append(memory, *u.memory[tier])
		}
	}
	if len(cores) == 0 {
		return nil
	}
	return []plot.Figure{
		plot.UseByTier("cpu-by-tier", "CPU use by tier over time: "+of, "cores", "cores", cores),
		plot.UseByTier("memory-by-tier", "Memory by tier over time (PSS): "+of, "MiB", "MiB", memory),
	}
}
