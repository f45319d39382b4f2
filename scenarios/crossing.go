package scenarios

import (
	"maps"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

// crossing is where an objective's share meets what is allowed, fitted over trials.
type crossing struct {
	rate float64
	se   float64 // of its logarithm
	free int     // degrees of freedom
}

// Loads that a fit takes part of: near the crossing, and not so overloaded that nearly every
// request is slow.
const (
	fitWithin = 0.2
	fitMost   = 0.5 // share
	// Shorter trials only say where to look: they end before a long queue has built up.
	leastFitted = 2 * time.Second
	fewTrials   = 5
	fitRounds   = 30
	confidence  = 0.9
)

// low and high are the ends of the interval with the confidence above.
func (c crossing) interval() (low, high float64) {
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(c.free)}.Quantile(0.5 + confidence/2)
	return c.rate * math.Exp(-t*c.se), c.rate * math.Exp(t*c.se)
}

// fitted is the crossing of one objective of a goal, by a regression of the share's logarithm
// on that of the rate, with all trials near the rate given. The tail of a queue is
// exponential in the rate that is left, P(W > t) ≈ C exp(−(cµ−λ)t) (Kingman's heavy-traffic
// limit; exact for M/M/c), so a straight line is what theory expects, and trials a little off
// the limit, with their many slow requests, tell more of it than those right at it with few.
//
// The model is a quasi-Poisson one with a logarithmic link; the standard error is the
// greatest of the model's own with its dispersion, the sandwich over trials, since the seconds
// within one depend on each other, and that over boots (Liang and Zeger, "Longitudinal data analysis using generalized linear
// models", 1986).
func fitted(trials []Outcome, goal, objective int, near float64) (crossing, bool) {
	var points []point
	for _, o := range trials {
		if o.Beyond || o.Duration < leastFitted || math.Abs(math.Log(o.Rate/near)) > fitWithin {
			continue
		}
		b := o.Goals[goal][objective]
		p := point{x: math.Log(o.Rate / near), allowed: b.Allowed, boot: o.Boot}
		for i := range b.All {
			p.part, p.all = p.part+b.Part[i], p.all+b.All[i]
		}
		if p.all > 0 && (p.part <= fitMost*p.all || b.Allowed > fitMost) {
			points = append(points, p)
		}
	}
	if len(points) < fewTrials || points[0].allowed <= 0 {
		return crossing{}, false
	}
	return regress(points, near)
}

// point is one trial of a regression.
type point struct {
	x         float64 // logarithm of the rate, from where it is looked for
	part, all float64
	allowed   float64
	boot      int
}

func regress(points []point, near float64) (crossing, bool) {
	var part, all float64
	for _, p := range points {
		part, all = part+p.part, all+p.all
	}
	if part == 0 {
		return crossing{}, false
	}
	a, b := math.Log(part/all), 0.0
	var h [3]float64 // of the information: 11, 12, 22
	for range fitRounds {
		var u0, u1 float64
		h = [3]float64{}
		for _, p := range points {
			mu := p.all * math.Exp(a+b*p.x)
			u0, u1 = u0+p.part-mu, u1+(p.part-mu)*p.x
			h[0], h[1], h[2] = h[0]+mu, h[1]+mu*p.x, h[2]+mu*p.x*p.x
		}
		det := h[0]*h[2] - h[1]*h[1]
		if !(det > 0) {
			return crossing{}, false
		}
		da, db := (h[2]*u0-h[1]*u1)/det, (h[0]*u1-h[1]*u0)/det
		// A step of the logarithm beyond 5 is a leap in the dark.
		limit := max(1, math.Abs(da)/5, math.Abs(db)/50)
		a, b = a+da/limit, b+db/limit
		if math.Abs(da) < 1e-9 && math.Abs(db) < 1e-9 {
			break
		}
	}
	at := (math.Log(points[0].allowed) - a) / b
	// The variance of at, by the delta method: g' H⁻¹ V H⁻¹ g / b², with g = (1, at) and V that
	// of the scores.
	det := h[0]*h[2] - h[1]*h[1]
	g0, g1 := (h[2]-h[1]*at)/det, (h[0]*at-h[1])/det
	var byTrial, pearson float64
	boots := map[int]float64{}
	for _, p := range points {
		mu := p.all * math.Exp(a+b*p.x)
		d := (p.part - mu) * (g0 + g1*p.x) / b
		pearson += (p.part - mu) * (p.part - mu) / mu
		byTrial += d * d
		boots[p.boot] += d
	}
	var byBoot float64
	for _, boot := range slices.Sorted(maps.Keys(boots)) { // in an order, so that sums are the same each time
		byBoot += boots[boot] * boots[boot]
	}
	free := len(points) - 2
	variance := byTrial * float64(len(points)) / float64(free)
	dispersed := pearson / float64(free) * (g0*g0*h[0] + 2*g0*g1*h[1] + g1*g1*h[2]) / (b * b)
	variance = max(variance, dispersed)
	if n := float64(len(boots)); n > 2 && byBoot*n/(n-2) > variance {
		variance, free = byBoot*n/(n-2), min(free, len(boots)-1)
	}
	c := crossing{near * math.Exp(at), math.Sqrt(variance), free}
	low, high := c.interval()
	ok := b > 0 && math.Abs(at) <= fitWithin && c.se > 0 && math.Log(high/low) <= 2*fitWithin
	return c, ok
}
