package results

// Rules by which a prediction is decided.
const (
	DifferenceRule  = "difference"  // a ratio, or a value, against a bound, by its confidence interval
	EquivalenceRule = "equivalence" // a difference within a margin, by two one-sided tests
	CountRule       = "count"       // an exact number against a bound, in every block
	MatrixRule      = "matrix"      // checks that all pass
)

// Rules lists all rules.
func Rules() []string { return []string{DifferenceRule, EquivalenceRule, CountRule, MatrixRule} }

// Verdicts on a claim.
const (
	Confirmed  = "confirmed" // all its predictions hold
	Refuted    = "refuted"   // none does
	Depends    = "depends"   // some hold, and others are shown not to
	NotDecided = "undecided"
)

// ClaimVerdicts lists all verdicts on a claim.
func ClaimVerdicts() []string { return []string{Confirmed, Refuted, Depends, NotDecided} }

// TurningFigure stands in the text of a verdict for where a sweep turns from one answer to the other.
const TurningFigure = "turning"

// FewestBeyond is the number of requests that must lie beyond a percentile for it to be more than chance.
const FewestBeyond = 10

// ClaimsSpec is what a run of claims was asked to test.
type ClaimsSpec struct {
	Preset string  `json:"preset"`
	Claims []Claim `json:"claims"`
}

// Claim is a statement about deployment, as one or more predictions.
type Claim struct {
	Name        string       `json:"name"`
	Claim       string       `json:"claim"`  // a sentence
	Source      string       `json:"source"` // who says so
	About       string       `json:"about,omitempty"`
	Arms        []ClaimArm   `json:"arms"`
	Steps       []ClaimStep  `json:"steps"`
	Predictions []Prediction `json:"predictions"`
	// Verdicts are the texts of the verdicts, by verdict. A prediction's name in braces stands for its figure.
	Verdicts map[string]string `json:"verdicts"`
}

// ClaimArm is an arm of a claim's experiment.
type ClaimArm struct {
	Name     string `json:"name"`     // in the claim
	Topology string `json:"topology"` // name of its record in the manifest, and of its cells
	Ref      string `json:"ref"`      // with the parameters that the claim gives
}

// ClaimStep is something that is done to an arm in every block.
type ClaimStep struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	About string `json:"about"` // in words
}

// Prediction is a part of a claim that measurements can decide.
type Prediction struct {
	Name    string `json:"name"`
	Says    string `json:"says"` // in words
	Rule    string `json:"rule"`
	Measure string `json:"measure,omitempty"`
	Of      string `json:"of"`           // an arm
	To      string `json:"to,omitempty"` // the arm that it is compared to
	During  string `json:"during"`       // a step
	// Bounds: of a ratio if there is an arm to compare to, else in the unit of the measure.
	AtLeast *float64 `json:"at_least,omitempty"`
	AtMost  *float64 `json:"at_most,omitempty"`
	// Within is a margin of equivalence: a share of the other arm's value if Relative, else in the measure's unit.
	Within   float64 `json:"within,omitempty"`
	Relative bool    `json:"relative,omitempty"`
	Check    string  `json:"check,omitempty"` // of a matrix; empty: all of them
	// Sweep names the predictions that differ in one parameter alone, whose value is At.
	Sweep string  `json:"sweep,omitempty"`
	Param string  `json:"param,omitempty"`
	At    float64 `json:"at,omitempty"`
}

// ClaimsFindings is what a run of claims found in addition to its cells.
type ClaimsFindings struct {
	Observations []Observation  `json:"observations,omitempty"`
	Checks       []ClaimCheck   `json:"checks,omitempty"`
	Skipped      []SkippedClaim `json:"skipped,omitempty"`
}

// Observation is a value of a measure that no cell holds.
type Observation struct {
	Topology string  `json:"topology"` // as in the cells
	Step     string  `json:"step"`
	Block    int     `json:"block"`
	Measure  string  `json:"measure"`
	Value    float64 `json:"value"`
}

// ClaimCheck is one entry of a matrix of checks.
type ClaimCheck struct {
	Topology string `json:"topology"`
	Step     string `json:"step"`
	Block    int    `json:"block"`
	Name     string `json:"name"`
	Passed   bool   `json:"passed"`
	Saw      string `json:"saw,omitempty"` // where it did not
}

// SkippedClaim is a claim that could not be tested, or not to its end.
type SkippedClaim struct {
	Claim string `json:"claim"`
	Why   string `json:"why"`
	Hint  string `json:"hint,omitempty"`
}

// Claims is a run of claims without its cells.
type Claims struct {
	ClaimsSpec
	ClaimsFindings
}
