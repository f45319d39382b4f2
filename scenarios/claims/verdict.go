package claims

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"bench/results"
)

// figureIn is the place of a prediction's figure in the text of a verdict.
var figureIn = regexp.MustCompile(`\{([^{}]*)\}`)

// verdicts checks the texts of the verdicts: each says what was found, with the figures of predictions.
func (r *reader) verdicts(c Claim) error {
	names := []string{results.TurningFigure}
	for _, p := range c.Predictions {
		names = append(names, p.Name)
	}
	for _, verdict := range slices.Sorted(maps.Keys(c.Verdicts)) {
		key := "verdicts." + verdict
		if !slices.Contains(results.ClaimVerdicts(), verdict) {
			return r.errorf(key, "it is not a verdict: %s", oneOf(results.ClaimVerdicts()))
		}
		for _, m := range figureIn.FindAllStringSubmatch(c.Verdicts[verdict], -1) {
			if !slices.Contains(names, m[1]) {
				return r.errorf(key, "{%s} is not a prediction: %s", m[1], oneOf(names))
			}
		}
	}
	want := []string{results.Confirmed, results.Refuted}
	if len(c.Predictions) > 1 {
		want = append(want, results.Depends)
	}
	for _, verdict := range want {
		if c.Verdicts[verdict] == "" {
			return r.errorf("verdicts", "%s has no text: want a sentence for each of %s", verdict,
				strings.Join(want, ", "))
		}
	}
	return nil
}
