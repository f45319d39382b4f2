package compare

import (
	"slices"
	"time"

	"bench/reports/page"
	"bench/reports/plot"
	"bench/results"
)

// What the topologies used of the machine over the run, under the closed loop of the main scenario.

// reading is what all tiers of a topology had used at one moment.
type reading struct {
	at  time.Duration
	cpu time.Duration // since their start
	pss int64
}

// readings sums the tiers of a cell by moment.
func readings(usage []results.Usage) (list []reading) {
	for _, u := range usage {
		i := slices.IndexFunc(list, func(r reading) bool { return r.at == u.At })
		if i < 0 {
			i = len(list)
			list = append(list, reading{at: u.At})
		}
		list[i].cpu += u.CPU
		list[i].pss += u.PSS
	}
	slices.SortFunc(list, func(a, b reading) int { return int(a.at - b.at) })
	return list
}

// usageFigures show the cores that were busy and the memory, by reading.
func (r *Report) usageFigures() []plot.Figure {
	var cores, memory []plot.Series
	points := 0
	for i, t := range r.compared() {
		busy := plot.Series{Name: t.Name, Group: i}
		used := plot.Series{Name: t.Name, Group: i}
		for _, c := range valid(r.run.Cells) {
			if c.Topology != t.Name || c.Scenario != r.main() || c.Load != "closed" {
				continue
			}
			start := c.Started.Sub(r.Started).Seconds()
			list := readings(c.Usage)
			for j, now := range list {
				at := start + now.at.Seconds()
				used.Points = append(used.Points, plot.Point{X: at, Y: float64(now.pss) / (1 << 20)})
				if j == 0 || now.at <= list[j-1].at {
					continue
				}
				share := float64(now.cpu-list[j-1].cpu) / float64(now.at-list[j-1].at)
				busy.Points = append(busy.Points, plot.Point{X: at, Y: max(0, share)})
			}
		}
		points += len(busy.Points)
		cores, memory = append(cores, busy), append(memory, used)
	}
	if points == 0 {
		return nil
	}
	return []plot.Figure{
		plot.UseOverTime("cpu-over-time", "CPU use over the run: "+r.main(), "cores", "cores", cores),
		plot.UseOverTime("memory-over-time", "Memory over the run (PSS): "+r.main(), "MiB", "MiB", memory),
	}
}

// tierFigures show the use of each tier of the topology that serves most, if it has several.
func (r *Report) tierFigures() []plot.Figure {
	ranked := r.ranked()
	if len(ranked) == 0 || len(ranked[0].Roles) < 2 {
		return nil // the figures of all topologies show as much
	}
	t := ranked[0]
	use := page.NewUse(appFirst(t.Roles))
	for _, c := range valid(r.cells[t.Name]) {
		if c.Scenario == r.main() && c.Load == "closed" {
			use.Add(c.Started.Sub(r.Started).Seconds(), c.Usage)
		}
	}
	return use.Figures(t.Name)
}
