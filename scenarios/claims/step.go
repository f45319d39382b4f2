package claims

import (
	"context"
	"fmt"
	"strings"
	"time"

	"bench/results"
	"bench/scenarios"
)

// Step is something that is done to an arm in every block, in the order of the file.
type Step struct {
	Name string
	Kind string
	Does Doer
}

// Alone reports whether the step wants servers to which no other claim does anything: since it disturbs them, or asks
// what they use.
func (s Step) Alone() bool {
	alone, is := s.Does.(interface{ Alone() bool })
	return is && alone.Alone()
}

// Doer is what a kind of step does.
type Doer interface {
	// About describes it, for plans and reports.
	About() string
	// Lasts is how long it takes where its times are stretched by a factor.
	Lasts(stretch float64) time.Duration
	// Scenarios are those whose requests it sends: they warm an arm up.
	Scenarios() []scenarios.Scenario
	// Do does it to an arm that is up.
	Do(ctx context.Context, v *scenarios.Visited, on Occasion) (Seen, error)
}

// Occasion is what differs from one time that a step is done to another.
type Occasion struct {
	Step    string
	Stretch float64 // of its times
	Seed    uint64  // the same for all arms of a block
	Host    string  // the Host header of all requests; "": the server's own address
}

// Seen is what a step has seen in addition to its cells.
type Seen struct {
	Values map[string]float64 // by measure
	Checks []Check
}

// Check is an entry of a matrix.
type Check struct {
	Name   string
	Passed bool
	Saw    string // where it did not pass
}

// stepFile is a step as YAML: a name, and a kind with its keys.
type stepFile struct {
	Name string    `yaml:"name"`
	Load *loadFile `yaml:"load"`
	Idle *idleFile `yaml:"idle"`
	Wire *wireFile `yaml:"wire"`

	Requests []requestFile `yaml:"requests"`
}

// kind is a kind of step.
type kind struct {
	name string
	// of reads the step's keys; nil: it is of another kind.
	of func(r *reader, key string, f stepFile) (Doer, error)
	// gives are the measures that it gives; nil: those of a cell.
	gives []string
}

// kinds is the table of all kinds of steps.
var kinds = []kind{
	{"load", readLoad, nil},
	{"idle", readIdle, idleGives},
	{"requests", readRequests, []string{}},
	{"wire", readWire, wireGives},
}

// measures lists the measures that a kind gives.
func (k kind) measures() []string {
	if k.gives != nil {
		return k.gives
	}
	var names []string
	for _, m := range results.Measures {
		if m.Of != nil {
			names = append(names, m.Name)
		}
	}
	return append(names, results.ConnectionMemory)
}

func kindNamed(name string) kind {
	for _, k := range kinds {
		if k.name == name {
			return k
		}
	}
	return kind{}
}

func kindNames() (names []string) {
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

func (r *reader) steps(list []stepFile) (steps []Step, err error) {
	if len(list) == 0 {
		return nil, r.errorf("steps", "there are none: want at least one that is done to every arm")
	}
	seen := map[string]bool{}
	for i, f := range list {
		key := fmt.Sprintf("steps[%d]", i)
		if f.Name == "" || f.Name != results.FileName(f.Name) {
			return nil, r.errorf(key+".name", "%q: want letters, digits, dots and dashes", f.Name)
		}
		if seen[f.Name] {
			return nil, r.errorf(key+".name", "%s is the name of two steps", f.Name)
		}
		seen[f.Name] = true
		step, err := r.step(key, f)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, nil
}

func (r *reader) step(key string, f stepFile) (step Step, err error) {
	var found []string
	for _, k := range kinds {
		does, err := k.of(r, key+"."+k.name, f)
		if err != nil {
			return step, err
		}
		if does != nil {
			found = append(found, k.name)
			step = Step{Name: f.Name, Kind: k.name, Does: does}
		}
	}
	if len(found) != 1 {
		return step, r.errorf(key, "it is of %d kinds (%s): want one of %s", len(found), strings.Join(found, ", "),
			strings.Join(kindNames(), ", "))
	}
	return step, nil
}

// duration reads a time of a step.
func (r *reader) duration(key, text string, least, most time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < least || d > most {
		return 0, r.errorf(key, "%q: want a duration from %v to %v, such as 2s", text, least, most)
	}
	return d, nil
}

// ShortestStretch is the least by which the times of steps are stretched: a test that would take too long makes its
// loads shorter.
const ShortestStretch = 0.8

func stretched(d time.Duration, by float64) time.Duration {
	return time.Duration(float64(d) * by).Round(time.Millisecond)
}
