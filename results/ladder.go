package results

// LadderSpec is what a run of a ladder was asked for, and what of it could be booted.
type LadderSpec struct {
	Ladder  string         `json:"ladder"`
	Summary string         `json:"summary"`
	Rungs   []LadderRung   `json:"rungs"`             // the lowest first
	Detours []LadderDetour `json:"detours,omitempty"` // after those they start from
	Skipped []SkippedRung  `json:"skipped,omitempty"`
}

// LadderRung is one rung.
type LadderRung struct {
	Name     string `json:"name"`
	Adds     string `json:"adds"` // to the rung below
	Topology string `json:"topology"`
}

// LadderDetour is a step of the ladder that starts from elsewhere.
type LadderDetour struct {
	Name     string `json:"name"`
	From     string `json:"from"` // a rung or an earlier detour
	Step     string `json:"step"` // the rung whose addition it has
	Topology string `json:"topology"`
}

// SkippedRung is a rung or a detour that was not measured.
type SkippedRung struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
	Hint   string `json:"hint,omitempty"`
}
