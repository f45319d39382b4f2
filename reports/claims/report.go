package claims

import (
	"errors"
	"slices"

	"bench/results"
	"bench/stats"
)

// Schema of the report as JSON.
const Schema = "bench.claims/1"

// Report is the verdicts on all claims, with the evidence. It is computed from a run alone.
type Report struct {
	Schema      string               `json:"schema"`
	Preset      string               `json:"preset"`
	Claims      []Claim              `json:"claims"`
	Decided     int                  `json:"decided"`
	Status      string               `json:"status"`
	Elapsed     float64              `json:"elapsed_s"`
	Host        results.Host         `json:"host"`
	Seed        uint64               `json:"seed"`
	Diagnostics []results.Diagnostic `json:"diagnostics"`

	manifest results.Manifest
}

// Claim is a claim with its verdict.
type Claim struct {
	Name    string `json:"name"`
	Claim   string `json:"claim"`
	Source  string `json:"source"`
	About   string `json:"about,omitempty"`
	Verdict string `json:"verdict"` // confirmed, refuted, depends or undecided
	Reason  string `json:"reason"`
	Hint    string `json:"hint,omitempty"` // how an undecided claim can be decided
	Figure  string `json:"figure"`         // that of the first prediction, with its interval
	// Turning is between which values of a swept parameter the answer changes.
	Turning     string       `json:"turning,omitempty"`
	Predictions []Prediction `json:"predictions"`
	Values      []Value      `json:"values"`
	// Steps and Arms are the experiment.
	Steps []results.ClaimStep `json:"steps"`
	Arms  []results.ClaimArm  `json:"arms"`
}

// Answers to a prediction.
const (
	Holds = "holds"
	Fails = "fails" // it is shown not to hold
	Open  = "open"
)

// Prediction is a prediction with its answer.
type Prediction struct {
	results.Prediction
	Answer string         `json:"answer"`
	Effect stats.Interval `json:"effect"` // what the bounds are held against
	Figure string         `json:"figure"` // the same in words
	Why    string         `json:"why"`
}

// Value is what an arm did in a step, by a measure that predictions are about.
type Value struct {
	Arm     string         `json:"arm"`
	Step    string         `json:"step"`
	Measure string         `json:"measure"`
	Value   stats.Interval `json:"value"`
}

// Build judges a run.
func Build(run *results.Run) (*Report, error) {
	c, err := results.Decode[results.Claims](run.Manifest, results.KindClaims)
	if err != nil {
		return nil, err
	}
	if len(c.Claims) == 0 {
		return nil, errors.New("building the report: the manifest has no claims")
	}
	m := run.Manifest
	r := &Report{
		Schema: Schema, Preset: c.Preset, Status: m.Status, Elapsed: m.Elapsed, Host: m.Host, Seed: m.Seed,
		Diagnostics: results.Weighed(m.Diagnostics), manifest: m,
	}
	e := newEvidence(run, c.ClaimsFindings)
	for _, claim := range c.Claims {
		judged := judge(claim, e)
		if judged.Verdict != results.NotDecided {
			r.Decided++
		}
		r.Claims = append(r.Claims, judged)
	}
	return r, nil
}

// judge judges a claim.
func judge(c results.Claim, e evidence) Claim {
	j := Claim{
		Name: c.Name, Claim: c.Claim, Source: c.Source, About: c.About, Steps: c.Steps, Arms: c.Arms,
		Predictions: []Prediction{}, Values: []Value{},
	}
	for _, p := range c.Predictions {
		j.Predictions = append(j.Predictions, e.judge(c, p))
	}
	j.Values = e.values(c)
	if len(j.Predictions) > 0 {
		j.Figure = j.Predictions[0].Figure
	}
	j.Verdict, j.Turning = verdict(j.Predictions), turning(j.Predictions)
	j.Reason = reason(c, j)
	at := slices.IndexFunc(e.Skipped, func(s results.SkippedClaim) bool { return s.Claim == c.Name })
	if at >= 0 && j.Verdict == results.NotDecided {
		j.Reason, j.Hint = e.Skipped[at].Why, e.Skipped[at].Hint
	}
	return j
}

// verdict follows from the answers: a claim is confirmed if all its predictions hold, refuted if all are shown
// not to, and depends on something if both occur.
//
// Note: to confirm, every prediction has to pass its own test, so that the chance to confirm a false claim is at
// most that of one test (an intersection-union test; Berger, Technometrics 24, 1982). The same is true
// for refuting one.
func verdict(predictions []Prediction) string {
	count := map[string]int{}
	for _, p := range predictions {
		count[p.Answer]++
	}
	switch {
	case count[Holds] > 0 && count[Fails] > 0:
		return results.Depends
	case count[Open] > 0 || len(predictions) == 0:
		return results.NotDecided
	case count[Fails] > 0:
		return results.Refuted
	}
	return results.Confirmed
}
