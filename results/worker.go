package results

import "time"

// Worker is one of several load generators that sent a load together.
type Worker struct {
	Name  string `json:"name"`
	Host  string `json:"host"`
	Cores int    `json:"cores"`
	// ClockOffset is how far its monotonic clock was ahead of the hub's, and ClockBound how far that
	// may be wrong: half of the shortest round trip. ClockDrift is by how much they drew apart, per second.
	ClockOffset time.Duration `json:"clock_offset_ns"`
	ClockBound  time.Duration `json:"clock_bound_ns"`
	ClockDrift  float64       `json:"clock_drift"`
	// StartLate is how long after the common start its clock started.
	StartLate time.Duration `json:"start_late_ns"`
	Counts    Counts        `json:"counts"`
	Response  Summary       `json:"response_us"`
	CPU       float64       `json:"cpu_seconds"`
	MaxRSS    int64         `json:"max_rss_bytes"`
	Grade     Grade         `json:"grade"`
	// Lost is why nothing more came from it, if it was lost. Its figures are then those of the seconds that had
	// arrived, and are not in the totals.
	Lost string `json:"lost,omitempty"`
}
