package page

import (
	"fmt"
	"strings"
	"time"

	"bench/results"
)

// Machine writes what a run was measured on: 2 cores, 24 GiB, Debian 12.
func Machine(h results.Host) string {
	var parts []string
	if h.Cores > 0 {
		parts = append(parts, Count(h.Cores, "core"))
	}
	if h.Memory > 0 {
		parts = append(parts, fmt.Sprintf("%.0f GiB", float64(h.Memory)/(1<<30)))
	}
	if h.OS != "" {
		parts = append(parts, h.OS)
	}
	return strings.Join(parts, ", ")
}

// Date writes when a run began: 26 Nov 2026, 23:21 UTC.
func Date(at time.Time) string { return at.UTC().Format("2 Jan 2006, 15:04 UTC") }
