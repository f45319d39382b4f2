package scenarios

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"bench/results"
)

// How long a soak is.
const (
	shortSoak = time.Minute
	longSoak  = 10 * time.Minute
)

// SoakTime is how long a rate has to hold before it is confirmed, for service times of a variability: a minute for
// constant and exponential ones, and longer as the time between independent slow episodes grows. In a queue whose
// service times have the coefficient of variation cv, that time grows with 1 + cv² (the heavy-traffic limit of the
// queue, reflected Brownian motion, relaxes in proportion to its variance: Whitt, "Planning queueing simulations",
// 1989).
func SoakTime(variability float64) time.Duration {
	times := min(max(1, (1+variability*variability)/2), float64(longSoak/shortSoak))
	return time.Duration(times * float64(shortSoak)).Round(time.Second)
}

// Soak offers a rate to a configuration for a duration, in a boot of its own that has been under load before. It is
// nil where the machine did not allow to measure it.
func (r *Runner) Soak(
	ctx context.Context, c Capacity, config Configuration, number int, rate float64, d time.Duration,
) (soak *results.Soak, err error) {
	s := &searchRun{Runner: r, Capacity: c, config: config, started: time.Now(), floor: time.Hour}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.ensure(ctx, 1); err != nil {
		return nil, err
	}
	if _, err := s.settle(ctx); err != nil {
		return nil, err
	}
	r.say(fmt.Sprintf("%s: confirming %.4g/s for %v", config.Arm.Name, rate, d))
	cell, err := s.once(ctx, fmt.Sprintf("%s-%d", results.SoakLoad, number), rate, d)
	if err != nil || cell == nil {
		return nil, err
	}
	soak = &results.Soak{Topology: config.Arm.Name, Rate: rate, Length: d.Seconds()}
	soak.Verdict, soak.Excess = c.verdict(cell)
	return soak, nil
}

// verdict is how a cell fared against the objectives, and by how many times the worst of them exceeds what it
// allows. The scatter of the seconds says whether that is more than chance.
func (c Capacity) verdict(cell *results.Cell) (verdict string, excess float64) {
	if isDead(cell) || cell.Counts.OK == 0 {
		return results.Missed, lethal
	}
	verdict, excess = results.Met, math.Inf(-1)
	for _, b := range judged(cell, c.Objectives) {
		over, se := b.Excess()
		switch {
		case over >= 0 && over > se:
			verdict = results.Missed
		case over >= 0 && verdict == results.Met:
			verdict = results.Undecided
		}
		excess = max(excess, min(over, lethal))
	}
	return verdict, excess
}
