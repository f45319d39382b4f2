package page

import "bench/stats"

// Finding is a figure that a run rests its answer on. Another run has the same one under the same name.
type Finding struct {
	Name     string
	Interval stats.Interval
	Format   func(float64) string
}
