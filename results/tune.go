package results

// TuneSpec is what a tuning run was asked for.
type TuneSpec struct {
	SLO         string   `json:"slo"`
	Topology    string   `json:"topology"` // without the parameters that are tuned
	Params      []string `json:"params"`   // those that are tuned, each with its values
	Baseline    string   `json:"baseline"` // the setting that the others are compared to
	Rule        bool     `json:"rule"`     // the baseline is the server's own rule of thumb, and not its default
	Connections int      `json:"connections"`
	Finals      int      `json:"finals"`               // blocks of the last round
	Exhaustive  bool     `json:"exhaustive,omitempty"` // nothing was eliminated
}

// TuneFindings is the course of the race.
type TuneFindings struct {
	Rounds []TuneRound `json:"rounds"`
}

// TuneRound is one round of the race: every setting that was left was measured once, the last round
// in several blocks.
type TuneRound struct {
	Blocks  int      `json:"blocks"`
	Arms    []string `json:"arms"`
	Kept    []string `json:"kept"` // for the next round; of the last, the one that is recommended
	Elapsed float64  `json:"elapsed_s"`
}

// Tune is a tuning run without its cells.
type Tune struct {
	TuneSpec
	TuneFindings
}

// Loads of a tuning run, before the number of their connections: final-c16.
const (
	RaceLoad  = "race"
	FinalLoad = "final"
)

// Misses reports whether a load is shown to miss one of the objectives.
func (c *Cell) Misses(objectives []Objective) bool {
	counted := c.Counted()
	h, counts := Total(counted, Response), TotalCounts(counted)
	for _, o := range objectives {
		if o.Judge(h, counts).Verdict == Missed {
			return true
		}
	}
	return counts.OK == 0
}
