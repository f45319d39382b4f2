package claims

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"bench/results"
	"bench/scenarios"
	"bench/servers"
	"bench/targets"
)

// armFile is an arm as YAML.
type armFile struct {
	Name     string            `yaml:"name"`
	Topology string            `yaml:"topology"`
	Sweep    map[string][]int  `yaml:"sweep"` // a parameter with its values: an arm for each
	WSGI     string            `yaml:"wsgi"`
	Env      map[string]string `yaml:"env"`
	Relay    bool              `yaml:"relay"`
}

// swept is one of the arms that a name stands for.
type swept struct {
	name  string
	param string // "": the only one
	value int
}

// arms reads the arms; a sweep becomes several.
func (r *reader) arms(list []armFile) (arms []Arm, err error) {
	if len(list) == 0 {
		return nil, r.errorf("arms", "there are none: want at least one topology")
	}
	r.arm, r.relay = map[string][]swept{}, map[string]bool{}
	for i, f := range list {
		key := fmt.Sprintf("arms[%d]", i)
		if f.Name == "" || f.Name != results.FileName(f.Name) {
			return nil, r.errorf(key+".name", "%q: want letters, digits, dots and dashes", f.Name)
		}
		if r.arm[f.Name] != nil {
			return nil, r.errorf(key+".name", "%s is the name of two arms", f.Name)
		}
		t, err := servers.ParseTopology(f.Topology)
		var d servers.Definition
		if err == nil {
			d, err = servers.Define(t)
		}
		if err != nil {
			return nil, r.errorf(key+".topology", "%v", err)
		}
		if !t.Boots() {
			return nil, r.errorf(key+".topology", "%s: want a topology that bench boots", t)
		}
		if r.relay[f.Name] = f.Relay; f.Relay && len(d.Processes) < 2 {
			return nil, r.errorf(key+".relay", "%s has nothing behind its entry: want a topology with a proxy", t)
		}
		arm := Arm{Arm: scenarios.Arm{Name: f.Name, Topology: t}, WSGI: f.WSGI, Env: f.Env, Relay: f.Relay}
		more, err := r.sweep(key, f, arm)
		if err != nil {
			return nil, err
		}
		arms = append(arms, more...)
	}
	return arms, nil
}

// mostSwept bounds the arms that a sweep makes: each takes a boot in every block.
const mostSwept = 8

// sweep makes the arms that a name stands for, and checks their parameters.
func (r *reader) sweep(key string, f armFile, arm Arm) (arms []Arm, err error) {
	if len(f.Sweep) > 1 {
		return nil, r.errorf(key+".sweep", "%d parameters: want one, with its values", len(f.Sweep))
	}
	arms, r.arm[f.Name] = []Arm{arm}, []swept{{name: f.Name}}
	for param, values := range f.Sweep {
		if len(values) < 2 || len(values) > mostSwept {
			return nil, r.errorf(key+".sweep", "%d values of %s: want 2 to %d", len(values), param, mostSwept)
		}
		arms, r.arm[f.Name] = nil, nil
		for i, v := range values {
			if i > 0 && v <= values[i-1] {
				return nil, r.errorf(key+".sweep", "%s: want its values in ascending order", param)
			}
			each := arm
			each.Name = fmt.Sprintf("%s-%s-%d", f.Name, param, v)
			each.Topology = arm.Topology.With(param, strconv.Itoa(v))
			arms = append(arms, each)
			r.arm[f.Name] = append(r.arm[f.Name], swept{each.Name, param, v})
		}
	}
	for _, each := range arms {
		d, err := servers.Define(each.Topology)
		if err == nil {
			_, err = d.Defaults(servers.ThisHost())
		}
		if err != nil {
			return nil, r.errorf(key+".topology", "%v", err)
		}
	}
	return arms, nil
}

// StepsOf are the steps that are done to an arm: those that a prediction about it speaks of, in their order.
func (c Claim) StepsOf(arm Arm) (steps []Step) {
	for _, s := range c.Steps {
		if slices.ContainsFunc(c.Predictions, func(p results.Prediction) bool {
			return p.During == s.Name && (p.Of == arm.Name || p.To == arm.Name)
		}) {
			steps = append(steps, s)
		}
	}
	return steps
}

// App is the app that an arm runs, made from the project's own.
func (a Arm) App(own targets.App) targets.App {
	if a.WSGI != "" { // whatever that is, it has neither settings nor static files
		own.WSGI, own.Settings, own.Static = a.WSGI, "", targets.Static{}
	}
	if len(a.Env) > 0 {
		env := maps.Clone(own.Env)
		if env == nil {
			env = map[string]string{}
		}
		maps.Copy(env, a.Env)
		own.Env = env
	}
	return own
}
