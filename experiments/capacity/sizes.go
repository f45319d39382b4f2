package capacity

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bench/experiments"
	"bench/reports/capacity"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
)

// addSizes reads the topology and the sweep.
func (p *Plan) addSizes(s Spec) error {
	base, err := experiments.OneTopology(s.Topology, s.Profile)
	if err != nil {
		return err
	}
	if ofMachines(base) && !strings.HasPrefix(s.Sweep, "backends=") {
		return experiments.Misusef("--topology %s: with cpu= each backend is a machine of its own; "+
			"say how many: --machines N", base)
	}
	if s.Sweep != "" {
		return p.sweep(s, base)
	}
	if s.Validate != "" {
		return experiments.Misusef("--validate needs --sweep: sizes to learn from")
	}
	p.sizes = []scenarios.Configuration{{Arm: scenarios.Arm{Name: base.Short(), Topology: base}}}
	return nil // sized sees to its value
}

// sweep makes a size of each value of the swept parameter, and of each that is to be predicted.
func (p *Plan) sweep(s Spec, base servers.Topology) error {
	parameter, list, found := strings.Cut(s.Sweep, "=")
	if !found || !base.Boots() {
		return experiments.Misusef("--sweep %q: want PARAMETER=V,V,V of a topology that bench boots", s.Sweep)
	}
	values, err := parseSizes("--sweep", list)
	if err != nil {
		return err
	}
	if _, known := capacity.At(results.Configuration{}, parameter, 1); s.Validate != "" && !known {
		return experiments.Misusef("--validate: bench does not know what %s does to the workers; "+
			"it predicts workers, backends and threads", parameter)
	}
	unseen, err := s.unseen(values)
	if err != nil {
		return err
	}
	p.record.Sweep = parameter
	for i, v := range slices.Concat(values, unseen) {
		if i >= len(values) && slices.Contains(values, v) {
			return experiments.Misusef("--validate %d: --sweep measures it already", v)
		}
		if most := 2 * slices.Max(values); v > most {
			return experiments.Misusef("--validate %d: beyond twice the greatest size that is measured, %d, "+
				"nothing is predicted", v, most)
		}
		p.sizes = append(p.sizes, scenarios.Configuration{
			Arm: sizedArm(base, parameter, v), Value: v, HeldOut: i >= len(values),
		})
	}
	return nil
}

// unseen are the sizes to predict, where those of values are measured.
func (s Spec) unseen(values []int) ([]int, error) {
	switch s.Validate {
	case "":
		return nil, nil
	case Auto:
		return unseenValues(values), nil
	}
	return parseSizes("--validate", s.Validate)
}

// sized gives a topology that was not swept its place among the numbers of workers, where it has
// such a parameter: an answer may then name another number.
func (p *Plan) sized(st *experiments.Stack) error {
	t := p.sizes[0].Arm.Topology
	if p.record.Sweep != "" || !t.Boots() {
		return nil
	}
	definition, err := servers.Define(t)
	if err != nil {
		return experiments.Misuse(err)
	}
	if !definition.Has("workers") {
		return nil
	}
	b, err := t.Canonical(st.Project.App, st.Site.Host)
	if err != nil {
		return experiments.Misuse(err)
	}
	_, p.sizes[0].Value, _ = b.Queueing()
	p.record.Sweep = "workers"
	return nil
}

// sizedArm is a topology at a value of a parameter.
func sizedArm(base servers.Topology, parameter string, value int) scenarios.Arm {
	name := fmt.Sprintf("%s-%s=%d", base.Short(), parameter, value)
	return scenarios.Arm{Name: name, Topology: base.With(parameter, strconv.Itoa(value))}
}

func parseSizes(flag, list string) (values []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		v, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || v < 1 {
			return nil, experiments.Misusef("%s: %q is no whole number above zero", flag, text)
		}
		if slices.Contains(values, v) {
			return nil, experiments.Misusef("%s: %d is given twice", flag, v)
		}
		values = append(values, v)
	}
	return values, nil
}

// unseenValues are one between the two greatest sizes, and one half as great again as the
// greatest.
func unseenValues(values []int) (unseen []int) {
	sorted := slices.Sorted(slices.Values(values))
	last := sorted[len(sorted)-1]
	if n := len(sorted); n > 1 {
		if between := (sorted[n-2] + last) / 2; between > sorted[n-2] && between < last {
			unseen = append(unseen, between)
		}
	}
	return append(unseen, last+max(1, last/2))
}
