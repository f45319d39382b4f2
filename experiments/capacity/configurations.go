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

// addConfigurations reads the topology and the sweep.
func (p *Plan) addConfigurations(s Spec) error {
	base, err := experiments.OneTopology(s.Topology, s.Profile)
	if err != nil {
		return err
	}
	if ofMachines(base) && !strings.HasPrefix(s.Sweep, "backends=") {
		return experiments.Misusef("--topology %s: with cpu= each backend is a machine of its own: "+
			"give their number with --machines N", base)
	}
	if s.Sweep != "" {
		return p.sweep(s, base)
	}
	if s.Validate != "" {
		return experiments.Misusef("--validate needs --sweep: configurations to learn from")
	}
	p.configurations = []scenarios.Configuration{{Arm: scenarios.Arm{Name: base.Short(), Topology: base}}}
	return nil // setWorkers sets its value
}

// sweep makes a configuration of each value of the swept parameter, and of each held-out one.
func (p *Plan) sweep(s Spec, base servers.Topology) error {
	parameter, list, found := strings.Cut(s.Sweep, "=")
	if !found || !base.Boots() {
		return experiments.Misusef("--sweep %q: want PARAMETER=V,V,V of a topology that bench boots", s.Sweep)
	}
	values, err := parseValues("--sweep", list)
	if err != nil {
		return err
	}
	if _, known := capacity.At(results.Configuration{}, parameter, 1); s.Validate != "" && !known {
		return experiments.Misusef("--validate: bench does not know how %s affects the workers: "+
			"it can predict workers, backends and threads", parameter)
	}
	heldOut, err := s.heldOut(values)
	if err != nil {
		return err
	}
	p.record.Sweep = parameter
	for i, v := range slices.Concat(values, heldOut) {
		if i >= len(values) && slices.Contains(values, v) {
			return experiments.Misusef("--validate %d: --sweep already measures it", v)
		}
		if most := 2 * slices.Max(values); v > most {
			return experiments.Misusef("--validate %d is too large: predictions reach up to %d, "+
				"twice the largest measured value", v, most)
		}
		p.configurations = append(p.configurations, scenarios.Configuration{
			Arm: armAt(base, parameter, v), Value: v, HeldOut: i >= len(values),
		})
	}
	return nil
}

// heldOut are the values to predict, given those that are measured.
func (s Spec) heldOut(values []int) ([]int, error) {
	switch s.Validate {
	case "":
		return nil, nil
	case Auto:
		return heldOutValues(values), nil
	}
	return parseValues("--validate", s.Validate)
}

// setWorkers records the number of workers of a topology that was not swept, if it has such a
// parameter: the report can then recommend a different number.
func (p *Plan) setWorkers(st *experiments.Stack) error {
	t := p.configurations[0].Arm.Topology
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
	_, p.configurations[0].Value, _ = b.Queueing()
	p.record.Sweep = "workers"
	return nil
}

// armAt is a topology at a value of a parameter.
func armAt(base servers.Topology, parameter string, value int) scenarios.Arm {
	name := fmt.Sprintf("%s-%s=%d", base.Short(), parameter, value)
	return scenarios.Arm{Name: name, Topology: base.With(parameter, strconv.Itoa(value))}
}

func parseValues(flag, list string) (values []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		v, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || v < 1 {
			return nil, experiments.Misusef("%s: %q is not a whole number above zero", flag, text)
		}
		if slices.Contains(values, v) {
			return nil, experiments.Misusef("%s: %d is given twice", flag, v)
		}
		values = append(values, v)
	}
	return values, nil
}

// heldOutValues are one between the two largest values, if any, and one half as large again as the
// largest.
func heldOutValues(values []int) (heldOut []int) {
	sorted := slices.Sorted(slices.Values(values))
	last := sorted[len(sorted)-1]
	if n := len(sorted); n > 1 {
		if between := (sorted[n-2] + last) / 2; between > sorted[n-2] && between < last {
			heldOut = append(heldOut, between)
		}
	}
	return append(heldOut, last+max(1, last/2))
}
