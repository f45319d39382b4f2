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

// Loads that a fit uses: near the crossing, and not so overloaded that nearly every request is
// slow.
const (
	fitWithin = 0.2
	fitMost   = 0.5 // share
	// Shorter trials only show where to look: they end before a long queue has built up.
	leastFitted = 2 * time.Second
	fewTrials   = 5
	fitRounds   = 30
	confidence  = 0.9
)

// interval is the interval of the crossing with the confidence above.
func (c crossing) interval() (low, high float64) {
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(c.free)}.Quantile(0.5 + confidence/2)
	return c.rate * math.Exp(-t*c.se), c.rate * math.Exp(t*c.se)
}

// fitted is the crossing of one objective of a goal, by a regression of the share's logarithm
// on that of the rate, with all trials near the rate given. The tail of a queue is
// exponential in the rate that is left, P(W > t) ≈ C exp(−(cµ−λ)t) (Kingman's heavy-traffic
// limit; exact for M/M/c), so theory expects a straight line, and trials a little above the limit,
// with their many slow requests, contribute more than those right at it with few.
//
// The model is quasi-Poisson with a logarithmic link; the standard error is the largest of three:
// the model's own with its dispersion, the sandwich over trials, since the seconds within a trial
// depend on each other, and the sandwich over boots (Liang and Zeger, "Longitudinal data
// analysis using generalized linear models", 1986).
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
	x         float64 // logarithm of the rate, relative to where the crossing is expected
	part, all float64
	allowed   float64
	boot      int
}

// line is log(share) = a + bx, with the information matrix at its maximum: 11, 12, 22.
type line struct {
	a, b float64
	h    [3]float64
}

func (l line) mean(p point) float64 { return p.all * math.Exp(l.a+l.b*p.x) }
func (l line) det() float64         { return l.h[0]*l.h[2] - l.h[1]*l.h[1] }

// regress finds where the line through the points meets what is allowed, with its variance by
// the delta method: g' H⁻¹ V H⁻¹ g / b², with g = (1, at) and V that of the scores.
func regress(points []point, near float64) (crossing, bool) {
	l, ok := maximize(points)
	if !ok || l.b <= 0 {
		return crossing{}, false
	}
	at := (math.Log(points[0].allowed) - l.a) / l.b
	g0, g1 := (l.h[2]-l.h[1]*at)/l.det(), (l.h[0]*at-l.h[1])/l.det()
	var byTrial, byBoot, pearson float64
	boots := map[int]float64{}
	for _, p := range points {
		residual := p.part - l.mean(p)
		d := residual * (g0 + g1*p.x) / l.b
		pearson += residual * residual / l.mean(p)
		byTrial += d * d
		boots[p.boot] += d
	}
	for _, boot := range slices.Sorted(maps.Keys(boots)) { // sorted, so that sums are reproducible
		byBoot += boots[boot] * boots[boot]
	}
	free := len(points) - 2
	dispersed := pearson / float64(free) * (g0*g0*l.h[0] + 2*g0*g1*l.h[1] + g1*g1*l.h[2]) / (l.b * l.b)
	variance := max(byTrial*float64(len(points))/float64(free), dispersed)
	if n := float64(len(boots)); n > 2 && byBoot*n/(n-2) > variance {
		variance, free = byBoot*n/(n-2), min(free, len(boots)-1)
	}
	c := crossing{near * math.Exp(at), math.Sqrt(variance), free}
	low, high := c.interval()
	return c, math.Abs(at) <= fitWithin && c.se > 0 && math.Log(high/low) <= 2*fitWithin
}

// maximize fits the line by Newton's method.
func maximize(points []point) (l line, ok bool) {
	var part, all float64
	for _, p := range points {
		part, all = part+p.part, all+p.all
	}
	if part == 0 {
		return l, false
	}
	l.a = math.Log(part / all)
	for range fitRounds {
		var u0, u1 float64
		l.h = [3]float64{}
		for _, p := range points {
			mu := l.mean(p)
			u0, u1 = u0+p.part-mu, u1+(p.part-mu)*p.x
			l.h[0], l.h[1], l.h[2] = l.h[0]+mu, l.h[1]+mu*p.x, l.h[2]+mu*p.x*p.x
		}
		if !(l.det() > 0) {
			return l, false
		}
		da, db := (l.h[2]*u0-l.h[1]*u1)/l.det(), (l.h[0]*u1-l.h[1]*u0)/l.det()
		// Do not trust a step of the logarithm beyond 5.
		limit := max(1, math.Abs(da)/5, math.Abs(db)/50)
		l.a, l.b = l.a+da/limit, l.b+db/limit
		if math.Abs(da) < 1e-9 && math.Abs(db) < 1e-9 {
			return l, true
		}
	}
	return l, true
}
