package claims

import (
	"context"
	"fmt"
	"time"

	"bench/results"
	"bench/scenarios"
)

// idleFile is a step of the kind idle as YAML.
type idleFile struct {
	For string `yaml:"for"`
}

// idleGives are the measures of an idle arm.
var idleGives = []string{"memory", "worker_memory", "threads"}

// idle reads what an arm uses while nobody asks it anything.
type idle struct{ wait time.Duration }

func readIdle(r *reader, key string, s stepFile) (Doer, error) {
	if s.Idle == nil {
		return nil, nil
	}
	wait, err := r.duration(key+".for", s.Idle.For, 0, time.Minute)
	if err != nil {
		return nil, err
	}
	return idle{wait}, nil
}

// About is part of Doer.
func (i idle) About() string { return fmt.Sprintf("no requests for %v", i.wait) }

// Alone is true: what a server uses depends on what it was asked before.
func (i idle) Alone() bool { return true }

// Lasts is part of Doer.
func (i idle) Lasts(float64) time.Duration { return i.wait }

// Scenarios is part of Doer.
func (i idle) Scenarios() []scenarios.Scenario { return nil }

// Do is part of Doer.
func (i idle) Do(ctx context.Context, v *scenarios.Visited, _ Occasion) (Seen, error) {
	select {
	case <-ctx.Done():
		return Seen{}, ctx.Err()
	case <-time.After(i.wait): // the length of the step, not a condition
	}
	usage, err := v.Cluster.Usage()
	if err != nil {
		return Seen{}, fmt.Errorf("reading what %s uses: %w", v.Arm.Name, err)
	}
	seen := Seen{Values: map[string]float64{}}
	roles := v.Cluster.Blueprint().Roles
	for _, name := range idleGives {
		m, _ := results.MeasureNamed(name)
		seen.Values[name] = m.Of(&results.Cell{Usage: usage}, roles)
	}
	return seen, nil
}
