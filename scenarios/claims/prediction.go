package claims

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bench/results"
)

// predictionFile is a prediction as YAML.
type predictionFile struct {
	Name    string  `yaml:"name"`
	Says    string  `yaml:"says"`
	Measure string  `yaml:"measure"`
	Of      string  `yaml:"of"`
	To      string  `yaml:"to"`
	During  string  `yaml:"during"`
	AtLeast *string `yaml:"at_least"`
	AtMost  *string `yaml:"at_most"`
	Within  *string `yaml:"within"`
	Passes  string  `yaml:"passes"` // the checks of a matrix that it is about: all, or a name
}

// mostPredictions bounds what a claim may rest on.
const mostPredictions = 50

func (r *reader) predictions(f claimFile, steps []Step) (list []results.Prediction, err error) {
	if len(f.Predictions) == 0 {
		return nil, r.errorf("predictions", "there are none: want what follows if the claim is true, "+
			"such as {name: twice, measure: throughput, of: two, to: one, during: busy, at_least: 1.5}")
	}
	seen := map[string]bool{}
	for i, p := range f.Predictions {
		key := fmt.Sprintf("predictions[%d]", i)
		if p.Name == "" || p.Name != results.FileName(p.Name) {
			return nil, r.errorf(key+".name", "%q: want letters, digits, dots and dashes", p.Name)
		}
		if seen[p.Name] {
			return nil, r.errorf(key+".name", "%s is the name of two predictions", p.Name)
		}
		seen[p.Name] = true
		more, err := r.prediction(key, p, steps)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	if len(list) > mostPredictions {
		return nil, r.errorf("predictions", "%d with those of sweeps: want at most %d", len(list), mostPredictions)
	}
	return list, nil
}

// prediction reads one prediction, which a sweep makes several.
func (r *reader) prediction(key string, f predictionFile, steps []Step) (list []results.Prediction, err error) {
	if strings.TrimSpace(f.Says) == "" {
		return nil, r.errorf(key+".says", "it is missing: want what the prediction says, in words")
	}
	for name, arm := range map[string]string{"of": f.Of, "to": f.To} {
		if r.arm[arm] == nil && (name == "of" || arm != "") {
			return nil, r.errorf(key+"."+name, "%q is not an arm: %s", arm, oneOf(r.armNames()))
		}
	}
	if len(r.arm[f.To]) > 1 {
		return nil, r.errorf(key+".to", "%s is swept: want a single arm to compare to, and the sweep in of", f.To)
	}
	if f.Of == f.To {
		return nil, r.errorf(key+".to", "%s is compared to itself, which decides nothing: want another arm", f.Of)
	}
	at := slices.IndexFunc(steps, func(s Step) bool { return s.Name == f.During })
	if at < 0 {
		return nil, r.errorf(key+".during", "%q is not a step: %s", f.During, oneOf(stepNames(steps)))
	}
	if _, counts := steps[at].Does.(wire); counts && (!r.relay[f.Of] || f.To != "" && !r.relay[f.To]) {
		return nil, r.errorf(key+".during", "the step %s counts bytes, which takes arms with relay: true", f.During)
	}
	p := results.Prediction{Name: f.Name, Says: f.Says, Of: f.Of, To: f.To, During: f.During}
	if err := r.measure(key, f, steps[at], &p); err != nil {
		return nil, err
	}
	return r.swept(p), nil
}

// swept is a prediction for each arm that its name stands for.
func (r *reader) swept(p results.Prediction) (list []results.Prediction) {
	for _, arm := range r.arm[p.Of] {
		each := p
		each.Of = arm.name
		if arm.param != "" {
			each.Sweep, each.Param, each.At = p.Name, arm.param, float64(arm.value)
			each.Name = fmt.Sprintf("%s-%d", p.Name, arm.value)
		}
		list = append(list, each)
	}
	return list
}

// measure reads what a prediction is about, and its bounds.
func (r *reader) measure(key string, f predictionFile, step Step, p *results.Prediction) error {
	if f.Passes != "" {
		return r.matrix(key, f, step, p)
	}
	m, known := results.MeasureNamed(f.Measure)
	k := kindNamed(step.Kind)
	if !known {
		return r.errorf(key+".measure", "%q is not a measure: %s", f.Measure, oneOf(k.measures()))
	}
	if !slices.Contains(k.measures(), f.Measure) {
		return r.errorf(key+".measure", "the step %s, of the kind %s, gives no %s: %s", step.Name, k.name, f.Measure,
			oneOf(k.measures()))
	}
	if l, is := step.Does.(load); is && m.Percentile > 0 && l.requests() > 0 {
		if beyond := l.requests() * (1 - m.Percentile/100); beyond < results.FewestBeyond {
			return r.errorf(key+".measure", "the step %s sends about %.0f requests in the shortest preset, too few for a %s: "+
				"want at least %.0f (more per second, or longer)", step.Name, l.requests(), f.Measure,
				results.FewestBeyond/(1-m.Percentile/100))
		}
	}
	if l, is := step.Does.(load); is && m.Name == results.ConnectionMemory && l.Timeline.Clients() == 0 {
		return r.errorf(key+".measure", "the step %s adds no connections: want a timeline such as "+
			"[{at: 0s, connections: idle 1000}]", step.Name)
	}
	p.Measure = f.Measure
	return r.bounds(key, f, m, p)
}

// bounds reads what a measure is held against, from which the rule follows.
func (r *reader) bounds(key string, f predictionFile, m results.Measure, p *results.Prediction) (err error) {
	compared := f.To != ""
	switch {
	case f.Within != nil && (f.AtLeast != nil || f.AtMost != nil):
		return r.errorf(key, "it has within and at_least or at_most: want one question for a prediction")
	case f.Within != nil && !compared:
		return r.errorf(key+".within", "there is nothing to be equivalent to: want an arm in to")
	case f.Within != nil:
		p.Rule = results.EquivalenceRule
		return r.within(key+".within", *f.Within, m, p)
	case f.AtLeast == nil && f.AtMost == nil:
		return r.errorf(key, "it cannot be decided: want at_least, at_most or within")
	case (m.Unit == results.Number || m.Event) && !compared:
		p.Rule = results.CountRule
	default:
		p.Rule = results.DifferenceRule
	}
	if p.AtLeast, err = r.bound(key+".at_least", f.AtLeast, m, compared); err != nil {
		return err
	}
	if p.AtMost, err = r.bound(key+".at_most", f.AtMost, m, compared); err != nil {
		return err
	}
	if p.AtLeast != nil && p.AtMost != nil && *p.AtLeast > *p.AtMost {
		return r.errorf(key+".at_least", "%g is more than at_most, %g: nothing can be both", *p.AtLeast, *p.AtMost)
	}
	return nil
}

// bound reads a limit: of a ratio, or in the unit of the measure.
func (r *reader) bound(key string, text *string, m results.Measure, compared bool) (*float64, error) {
	if text == nil {
		return nil, nil
	}
	if !compared {
		v, err := m.Unit.Parse(*text)
		if err != nil {
			return nil, r.errorf(key, "%v", err)
		}
		return &v, nil
	}
	v, err := strconv.ParseFloat(*text, 64)
	if err != nil || !(v > 0 && v < 1e9) {
		return nil, r.errorf(key, "%q is not a ratio of the two arms: want a number such as 1.5", *text)
	}
	return &v, nil
}

// within reads a margin of equivalence: 5%, or in the unit of the measure.
func (r *reader) within(key, text string, m results.Measure, p *results.Prediction) (err error) {
	if digits, percent := strings.CutSuffix(text, "%"); percent {
		p.Within, err = strconv.ParseFloat(strings.TrimSpace(digits), 64)
		p.Within, p.Relative = p.Within/100, true
		if err != nil || !(p.Within > 0 && p.Within < 1) {
			return r.errorf(key, "%q is not a margin: want a share such as 5%%", text)
		}
		return nil
	}
	if p.Within, err = m.Unit.Parse(text); err != nil {
		return r.errorf(key, "%v, or a share such as 5%%", err)
	}
	if p.Within == 0 {
		return r.errorf(key, "no two measurements are exactly the same: want a margin such as 5%%")
	}
	return nil
}

// allChecks stands for all checks of a step.
const allChecks = "all"

func (r *reader) matrix(key string, f predictionFile, step Step, p *results.Prediction) error {
	if f.Measure != "" || f.To != "" || f.AtLeast != nil || f.AtMost != nil || f.Within != nil {
		return r.errorf(key+".passes", "checks pass or fail: want no measure, bound or other arm beside it")
	}
	checker, is := step.Does.(interface{ Checks() []string })
	if !is {
		return r.errorf(key+".passes", "the step %s, of the kind %s, has no checks", step.Name, step.Kind)
	}
	if f.Passes != allChecks && !slices.Contains(checker.Checks(), f.Passes) {
		return r.errorf(key+".passes", "%q is not a check of the step %s: %s", f.Passes, step.Name,
			oneOf(append(checker.Checks(), allChecks)))
	}
	p.Rule = results.MatrixRule
	if f.Passes != allChecks {
		p.Check = f.Passes
	}
	return nil
}

func (r *reader) armNames() (names []string) {
	for name := range r.arm {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func stepNames(steps []Step) (names []string) {
	for _, s := range steps {
		names = append(names, s.Name)
	}
	return names
}
