package claims

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"bench/reports/page"
	"bench/results"
	"bench/stats"
)

// rule decides on a prediction.
type rule struct {
	name  string
	judge func(q question) Prediction
}

// rules is the table of decision rules.
var rules = []rule{
	{results.DifferenceRule, difference},
	{results.EquivalenceRule, equivalence},
	{results.CountRule, count},
	{results.MatrixRule, matrix},
}

// question is a prediction with the values that decide on it.
type question struct {
	results.Prediction
	of, to map[int]float64 // by block
	checks []results.ClaimCheck
}

// judge decides on a prediction of a claim.
func (e evidence) judge(c results.Claim, p results.Prediction) Prediction {
	q := question{Prediction: p, of: e.of(topology(c, p.Of), p.During, p.Measure)}
	if p.To != "" {
		q.to = e.of(topology(c, p.To), p.During, p.Measure)
	}
	for _, check := range e.Checks {
		named := p.Check == "" || check.Name == p.Check
		if check.Topology == topology(c, p.Of) && check.Step == p.During && named {
			q.checks = append(q.checks, check)
		}
	}
	i := slices.IndexFunc(rules, func(r rule) bool { return r.name == p.Rule })
	if i < 0 {
		return q.open("its rule is unknown to this version: " + p.Rule)
	}
	return rules[i].judge(q)
}

func (q question) open(why string) Prediction {
	return Prediction{Prediction: q.Prediction, Answer: Open, Figure: page.Unknown, Why: why}
}

// difference holds a ratio of two arms, or a value of one, against a bound: it holds if the whole confidence
// interval keeps to it, and fails if none of it does.
func difference(q question) Prediction {
	effect, format := stats.Interval{}, page.Factor
	if q.To != "" {
		effect = stats.Ratio(q.to, q.of)
	} else {
		effect, format = stats.Estimate(q.of), formatOf(q.Measure)
	}
	if !effect.Known() {
		return q.open(fmt.Sprintf("%s: an interval takes at least two", page.Count(effect.N, "valid block")))
	}
	p := Prediction{Prediction: q.Prediction, Effect: effect, Figure: page.Interval(effect, format)}
	least, most := q.bounds()
	p.Answer = within(effect.Low, effect.High, least, most)
	p.Why = boundText(q, format)
	return p
}

// bounds are those of the prediction; infinite where it has none.
func (q question) bounds() (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	if q.AtLeast != nil {
		low = *q.AtLeast
	}
	if q.AtMost != nil {
		high = *q.AtMost
	}
	return low, high
}

// within says whether an interval keeps to bounds.
func within(low, high float64, least, most float64) string {
	switch {
	case low >= least && high <= most:
		return Holds
	case high < least || low > most:
		return Fails
	}
	return Open
}

// equivalence tests that two arms differ by less than a margin, by two one-sided tests on the differences of
// the blocks: of logarithms, if the margin is a share.
func equivalence(q question) Prediction {
	var differences []float64
	margin := q.Within
	for _, block := range slices.Sorted(maps.Keys(q.of)) {
		of, other := q.of[block], q.to[block]
		if _, both := q.to[block]; !both || q.Relative && !(of > 0 && other > 0) {
			continue
		}
		if q.Relative {
			differences = append(differences, math.Log(of/other))
			margin = math.Log1p(q.Within)
			continue
		}
		differences = append(differences, of-other)
	}
	effect, answer := stats.Equivalence(differences, margin)
	if !effect.Known() {
		return q.open(fmt.Sprintf("%s: a test takes at least two", page.Count(effect.N, "valid block")))
	}
	p := Prediction{Prediction: q.Prediction, Effect: effect, Answer: answers[answer]}
	format := signed(formatOf(q.Measure))
	if q.Relative {
		for _, v := range []*float64{&p.Effect.Value, &p.Effect.Low, &p.Effect.High} {
			*v = math.Exp(*v)
		}
		format = page.Change
		p.Why = fmt.Sprintf("margin ±%s", page.Percent(q.Within))
	} else {
		p.Why = "margin ±" + formatOf(q.Measure)(q.Within)
	}
	p.Figure = fmt.Sprintf("%s [%s, %s]", format(p.Effect.Value), format(p.Effect.Low), format(p.Effect.High))
	return p
}

var answers = map[stats.Answer]string{stats.Yes: Holds, stats.No: Fails, stats.Open: Open}

// count holds an exact number against a bound, in every block: it has no scatter of its own, but what causes
// it may occur in some blocks only.
func count(q question) Prediction {
	if len(q.of) == 0 {
		return q.open("no valid block")
	}
	least, most := q.bounds()
	keeps := 0
	for _, v := range q.of {
		if v >= least && v <= most {
			keeps++
		}
	}
	all := slices.Sorted(maps.Values(q.of))
	format := formatOf(q.Measure)
	p := Prediction{Prediction: q.Prediction, Effect: average(q.of), Answer: Open, Figure: format(all[0])}
	if last := all[len(all)-1]; last != all[0] {
		p.Figure += " to " + format(last)
	}
	switch keeps {
	case len(all):
		p.Answer = Holds
	case 0:
		p.Answer = Fails
	}
	p.Why = fmt.Sprintf("%s, in %d of %s", boundText(q, format), keeps, page.Count(len(all), "block"))
	return p
}

// matrix wants all checks to pass, in every block.
func matrix(q question) Prediction {
	if len(q.checks) == 0 {
		return q.open("no check was made")
	}
	passed := map[string]bool{}
	for _, c := range q.checks {
		before, known := passed[c.Name]
		passed[c.Name] = c.Passed && (before || !known)
	}
	var failed []string
	for _, name := range slices.Sorted(maps.Keys(passed)) {
		if !passed[name] {
			failed = append(failed, name)
		}
	}
	p := Prediction{Prediction: q.Prediction, Answer: Holds, Why: "all pass"}
	p.Figure = fmt.Sprintf("%d of %s", len(passed)-len(failed), page.Count(len(passed), "check"))
	p.Effect = stats.Interval{Value: float64(len(passed) - len(failed)), N: len(passed)}
	p.Effect.Low, p.Effect.High = p.Effect.Value, p.Effect.Value
	if len(failed) > 0 {
		p.Answer, p.Why = Fails, "not: "+strings.Join(failed, ", ")
	}
	return p
}

// boundText is what a prediction asks for.
func boundText(q question, format func(float64) string) string {
	var parts []string
	if q.AtLeast != nil {
		parts = append(parts, "at least "+format(*q.AtLeast))
	}
	if q.AtMost != nil {
		parts = append(parts, "at most "+format(*q.AtMost))
	}
	return strings.Join(parts, " and ")
}

// formats writes values by their unit.
var formats = map[results.Unit]func(float64) string{
	results.PerSecond:    func(v float64) string { return page.Number(v) + "/s" },
	results.Microseconds: func(v float64) string { return page.Micros(int64(math.Round(v))) },
	results.Bytes:        sizeText,
	results.Number:       numberText,
}

func formatOf(measure string) func(float64) string {
	m, _ := results.MeasureNamed(measure)
	if format := formats[m.Unit]; format != nil {
		return format
	}
	return page.Number
}

// numberText writes a number of things, which is whole unless it is a mean.
func numberText(v float64) string {
	if v == math.Trunc(v) && v < 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return page.Number(v)
}

func sizeText(v float64) string {
	switch {
	case v < 1<<10:
		return page.Number(v) + " B"
	case v < 1<<20:
		return page.Number(v/(1<<10)) + " KiB"
	}
	return page.MiB(int64(v))
}

// signed writes a difference with its sign.
func signed(format func(float64) string) func(float64) string {
	return func(v float64) string {
		if v < 0 {
			return "−" + format(-v)
		}
		return "+" + format(v)
	}
}
