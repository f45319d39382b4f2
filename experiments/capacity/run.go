package capacity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bench/experiments"
	"bench/reports/capacity/model"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
)

// bootTimeout is how long a configuration may take to be ready.
const bootTimeout = time.Minute

// trusted is the share of the generator's ceiling up to which a search goes.
const trusted = 0.5

// Run carries out a search.
func Run(ctx context.Context, env experiments.Env, spec Spec) (experiments.Result, error) {
	started := time.Now()
	plan, err := spec.Plan()
	if err != nil {
		return experiments.Result{}, err
	}
	for _, w := range plan.Diagnostics {
		env.Warn(w)
	}
	stack, err := env.Open(ctx, plan.Project, plan.Topologies(), bootTimeout)
	if err != nil {
		return experiments.Result{}, err
	}
	defer stack.Close()
	if err := plan.setWorkers(stack); err != nil {
		return experiments.Result{}, err
	}
	m := env.Manifest(ctx, stack)
	m.Kind, m.Profile, m.Seed = results.KindCapacity, plan.profile, plan.search.Seed
	m.Plan, m.Diagnostics = plan.Lines(), append(m.Diagnostics, plan.Diagnostics...)
	m.Scenarios = []results.ScenarioRecord{plan.search.Scenario.Record()}
	for _, o := range plan.search.Objectives {
		m.Objectives = append(m.Objectives, o.String())
	}
	if m.Topologies, err = stack.Arms(plan.arms()); err != nil {
		return experiments.Result{}, err
	}
	return experiments.Conduct(ctx, env, experiments.Task{
		Manifest: m, Spec: plan.record, Request: spec, Findings: results.CapacityFindings{},
		Started: started, Estimate: plan.Estimate(),
		Measure: func(ctx context.Context, run *experiments.Run) error {
			s := &search{plan: plan, run: run, stack: stack, runner: run.Runner(stack)}
			err := s.measure(ctx)
			run.Beside(stack.Close())
			return err
		},
	})
}

// Configurations are the configurations to be searched, in order.
func (p Plan) Configurations() []scenarios.Configuration { return p.configurations }

// Topologies are those of the configurations.
func (p Plan) Topologies() (all []servers.Topology) {
	for _, config := range p.configurations {
		all = append(all, config.Arm.Topology)
	}
	return all
}

func (p Plan) arms() (arms []scenarios.Arm) {
	for _, config := range p.configurations {
		arms = append(arms, config.Arm)
	}
	return arms
}

// Lines describe the plan, a sentence a line.
func (p Plan) Lines() (lines []string) {
	for _, config := range p.configurations {
		line := fmt.Sprintf("%s: service times, then the maximum throughput that meets %s, by trials of %v in total, "+
			"confirmed in %d boots if time allows", config.Arm.Topology, p.record.SLO, p.search.Budget, p.search.Boots)
		if p.search.Longest > p.search.Budget {
			line += fmt.Sprintf("; up to %v if service times vary much", p.search.Longest)
		}
		if config.HeldOut {
			line += "; predicted beforehand"
		}
		lines = append(lines, line)
	}
	if p.soaks() {
		lines = append(lines, p.soakLine())
	}
	return lines
}

// Estimate is roughly how long it will take.
func (p Plan) Estimate() (sum time.Duration) {
	const around, check = 30 * time.Second, 15 * time.Second
	for _, config := range p.configurations {
		sum += p.search.Budget + around
		if config.HeldOut {
			sum += time.Duration(len(model.Shares)) * check
		}
	}
	if p.soaks() {
		sum += p.soakTime() + around
	}
	if p.configurations[len(p.configurations)-1].HeldOut {
		sum += time.Duration(2*len(checkedTargets)) * check
	}
	return sum
}

// search is a search under way.
type search struct {
	plan   Plan
	found  results.CapacityFindings
	run    *experiments.Run
	runner *scenarios.Runner
	stack  *experiments.Stack
	learnt validation
}

func (s *search) measure(ctx context.Context) error {
	if err := s.shared(); err != nil {
		return err
	}
	for _, config := range s.plan.configurations {
		if !config.HeldOut {
			if err := s.configuration(ctx, config); err != nil {
				return err
			}
		}
	}
	if s.plan.soaks() {
		return s.confirm(ctx)
	}
	if !s.plan.configurations[len(s.plan.configurations)-1].HeldOut {
		return nil
	}
	predictions, checks, err := s.predict()
	if err != nil {
		return err
	}
	for _, config := range s.plan.configurations {
		if !config.HeldOut {
			continue
		}
		if err := s.configuration(ctx, config); err != nil {
			return err
		}
		if err := s.shares(ctx, config, predictions[config.Arm.Name]); err != nil {
			return err
		}
	}
	return s.check(ctx, checks)
}

// shared measures what the servers and the generator do to each other on one machine, before any server is running.
// On hosts of a fleet they are apart.
func (s *search) shared() error {
	m := s.run.Out.Manifest()
	if len(m.Fleet) > 0 {
		return s.update(func(c *results.CapacityFindings) { c.Contention = 1 })
	}
	if m.Generator == nil {
		return experiments.Misusef("the engine %v cannot be calibrated, which a search needs: use the native engine",
			s.run.Engine)
	}
	s.plan.search.Most = trusted * m.Generator.Ceiling
	contention := scenarios.Contention(m.Host.Cores)
	return s.update(func(c *results.CapacityFindings) { c.Contention = contention })
}

// configuration searches one and records what was found, even if the search was cut short.
func (s *search) configuration(ctx context.Context, config scenarios.Configuration) error {
	found, err := s.runner.Capacity(ctx, s.plan.search, config)
	if len(found.Goals) == 0 {
		return err
	}
	return errors.Join(err, s.update(func(c *results.CapacityFindings) {
		c.Configurations = append(c.Configurations, found)
	}))
}

// update records something that was found.
func (s *search) update(change func(*results.CapacityFindings)) error {
	change(&s.found)
	return s.run.Out.SetFindings(s.found)
}

// know adds a topology to the manifest, unless it is already there.
func (s *search) know(arm scenarios.Arm) error {
	m := s.run.Out.Manifest()
	for _, t := range m.Topologies {
		if t.Name == arm.Name {
			return nil
		}
	}
	fresh, err := s.stack.Arms([]scenarios.Arm{arm})
	if err != nil {
		return err
	}
	m.Topologies = append(m.Topologies, fresh...)
	return s.run.Out.SetManifest(m)
}
