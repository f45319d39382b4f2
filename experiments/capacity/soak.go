package capacity

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"bench/experiments"
	"bench/reports/capacity"
	"bench/results"
	"bench/scenarios"
)

// autoSoak is the length of a soak that depends on the variability of service times.
const autoSoak time.Duration = -1

// parseSoak reads the length of a soak.
func parseSoak(text string) (time.Duration, error) {
	if text == Auto || text == "" {
		return autoSoak, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > 6*time.Hour {
		return 0, experiments.Misusef("--soak %q: want auto, 0, or a duration such as 2m, of at most 6h", text)
	}
	return d, nil
}

// How a rate is confirmed.
const (
	mostSoaks = 3   // rates that are tried
	backOff   = 0.9 // of a rate that misses the SLO, for the next one
)

// soaks reports whether the search ends with a soak. With held-out configurations, recommendations are tested
// anyway.
func (p Plan) soaks() bool {
	return p.soak != 0 && !p.configurations[len(p.configurations)-1].HeldOut
}

// soakTime is how long a soak is, where service times vary little.
func (p Plan) soakTime() time.Duration {
	if p.soak == autoSoak {
		return scenarios.SoakTime(0)
	}
	return p.soak
}

// soakLine says of a plan that it ends with a soak.
func (p Plan) soakLine() string {
	line := fmt.Sprintf("then the rate that was found is offered for %v to confirm it, and a lower one if it misses "+
		"the SLO", p.soakTime())
	if p.soak == autoSoak {
		line += fmt.Sprintf("; for up to %v if service times vary much (--soak limits that, --soak 0 leaves it out)",
			scenarios.SoakTime(math.Inf(1)))
	}
	return line
}

// confirm offers the rate that the report would state as certainly served for long, and lower ones if it misses the
// SLO. The configuration is the recommended one if it was measured, and else the one that serves most.
func (s *search) confirm(ctx context.Context) error {
	run, err := results.Load(s.run.Out.Path)
	if err != nil {
		return err
	}
	report, err := capacity.Build(run)
	if err != nil {
		return err
	}
	name, rate, variability := report.ToConfirm()
	at := slices.IndexFunc(s.plan.configurations, func(c scenarios.Configuration) bool { return c.Arm.Name == name })
	if at < 0 || rate <= 0 {
		return nil // nothing was found that could be confirmed
	}
	length := s.plan.soak
	if length == autoSoak {
		length = scenarios.SoakTime(variability)
	}
	for number := 1; number <= mostSoaks; number++ {
		soak, err := s.runner.Soak(ctx, s.plan.search, s.plan.configurations[at], number, rate, length)
		if err != nil || soak == nil {
			return err
		}
		if err := s.update(func(c *results.CapacityFindings) { c.Soaks = append(c.Soaks, *soak) }); err != nil {
			return err
		}
		if soak.Verdict != results.Missed {
			return nil
		}
		rate *= backOff
	}
	return nil
}
