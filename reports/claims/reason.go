package claims

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"bench/results"
)

// turning is between which values of a swept parameter the answer changes; empty if no sweep turns once.
func turning(predictions []Prediction) string {
	var texts []string
	for _, sweep := range sweeps(predictions) {
		if text := turn(sweep); text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "; ")
}

// sweeps are the predictions that differ in one parameter alone, by its values.
func sweeps(predictions []Prediction) (list [][]Prediction) {
	var names []string
	for _, p := range predictions {
		if p.Sweep != "" && !slices.Contains(names, p.Sweep) {
			names = append(names, p.Sweep)
		}
	}
	for _, name := range names {
		var sweep []Prediction
		for _, p := range predictions {
			if p.Sweep == name {
				sweep = append(sweep, p)
			}
		}
		slices.SortStableFunc(sweep, func(a, b Prediction) int { return cmp.Compare(a.At, b.At) })
		list = append(list, sweep)
	}
	return list
}

// turn is where a sweep changes from one decided answer to the other, if it does once.
func turn(sweep []Prediction) string {
	var last *Prediction
	text := ""
	for i := range sweep {
		p := &sweep[i]
		if p.Answer == Open {
			continue
		}
		if last != nil && last.Answer != p.Answer {
			if text != "" {
				return ""
			}
			text = fmt.Sprintf("between %s %g and %g", p.Param, last.At, p.At)
		}
		last = p
	}
	return text
}

// reason is the text of the verdict with its figures.
func reason(c results.Claim, j Claim) string {
	text := c.Verdicts[j.Verdict]
	if text == "" {
		return undecidedBecause(j.Predictions)
	}
	pairs := []string{"{" + results.TurningFigure + "}", cmp.Or(j.Turning, "at no single point")}
	for _, p := range j.Predictions {
		pairs = append(pairs, "{"+p.Name+"}", p.Figure)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// undecidedBecause names the predictions that are open.
func undecidedBecause(predictions []Prediction) string {
	var parts []string
	for _, p := range predictions {
		if p.Answer == Open {
			parts = append(parts, strings.TrimSuffix(fmt.Sprintf("%s: %s (%s)", p.Name, p.Figure, p.Why), " ()"))
		}
	}
	if len(parts) == 0 {
		return "No prediction could be tested."
	}
	return "Open: " + strings.Join(parts, "; ") + "."
}
