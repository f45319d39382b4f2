package scenarios

import (
	"cmp"
	"math"
	"time"
)

// crossing is what trials say about the rate at which an objective's share meets what is allowed: a distribution
// over a grid of its logarithm.
type crossing struct {
	x, p     []float64 // logarithms of rates, and their probabilities
	slope    float64   // of the share's logarithm against the rate's, at the most likely line
	episodes float64   // independent ones that the slow requests amount to
}

// prior is what is known of a crossing before the trials that decide.
type prior struct {
	near, spread float64 // logarithm of a rate, and how far off it may be: one standard deviation
	bound, doubt float64 // logarithm of the rate that keeps all workers busy, and its standard error; 0: unknown
	variability  float64 // coefficient of variation of service times
	limit        float64 // of the response time, in seconds; 0: none
}

// How trials become evidence.
const (
	// fitMost is the share of slow requests beyond which a trial was an overload: a queue that only grows tells
	// how long it was let grow, and that the limit is below, but not by how much.
	fitMost        = 0.3
	overloadsCount = 1.5 // episodes that an overload counts as
	// Before their counts are seen, an episode of slow requests is taken to be as many as arrive in usualEpisode times
	// the limit, because a queue that makes requests wait that long takes as long to drain. That is worth as much as
	// usualBlocks blocks of counts. Objectives without a limit are taken to have usualLimit, in seconds.
	usualEpisode, usualBlocks, usualLimit = 4.0, 6.0, 0.05
	// varied is the square of the service times' coefficient of variation that makes an episode twice as long.
	varied = 8.0

	// Shorter trials only say where to look: they end before a long queue has built up.
	leastFitted = 4 * time.Second
	confidence  = 0.9

	// leastHalf is by how much an interval is wider to each side, in quadrature, than the counts make it: no queue's
	// shares lie on a straight line.
	leastHalf = 0.025

	gridWithin = 0.7  // of the logarithm of the rate, to each side
	gridStep   = 0.01 // of it
	flattest   = 1.0  // slope: queues are worse than proportional
	steepest   = 200.0
	slopes     = 16
	usualSlope = 14.0 // of a queue with some variability, if no bound is known
	// leftSpread is how far off the share of the bound that is left at a crossing may be from what theory says, as a
	// standard deviation of its logarithm.
	leftSpread = 0.5
	// subexponential is the square of the coefficient of variation at which heavy tails leave twice that: the theory
	// is of light ones.
	subexponential = 24.0
	// Slopes of queues with lognormal service times, as multiples of what the bound makes expected.
	lessSteep, slopeSpread = 0.72, 0.45
	// beyondDoubt is how improbable a contradiction of the bound can become, in logarithms: the bound was
	// measured, too.
	beyondDoubt = 3.0
)

// observed is one trial of an objective, by the second and in all.
type observed struct {
	x         float64 // logarithm of the rate
	part, all []float64
	slow, of  float64
	limit     float64 // in seconds; 0: none
}

func newObserved(rate float64, b Batches) observed {
	t := observed{x: math.Log(rate), part: b.Part, all: b.All, limit: b.Limit.Seconds()}
	for i := range b.All {
		t.slow, t.of = t.slow+b.Part[i], t.of+b.All[i]
	}
	return t
}

func (t observed) overload() bool { return t.slow > fitMost*t.of }

// line is a share against a rate: share = 1 − exp(−allowed' e^(slope (x−at))), which meets the allowed share at a
// rate, rises with a power of the rate, and does not exceed 1.
type line struct{ at, slope, allowed float64 }

func (l line) share(x float64) float64 {
	return -math.Expm1(math.Log1p(-l.allowed) * math.Exp(min(50, l.slope*(x-l.at))))
}

// deviance of the trials from a line, as of Poisson counts, but for a constant.
func (l line) deviance(trials []observed) (sum float64) {
	for _, e := range trials {
		if e.overload() {
			continue
		}
		q := max(l.share(e.x), 1e-12)
		sum += 2 * (e.of*q - e.slow*math.Log(q))
	}
	return sum
}

// crossed is the distribution of the crossing, given trials near it.
//
// The tail of a queue is exponential in the rate that is left, P(W > t) ≈ C exp(−(cµ−λ)t) (Kingman's heavy-traffic
// limit; exact for M/M/c), so that a line through the logarithms of share and rate is what theory expects, and
// trials a little off the limit tell more of it than those right at it. Slow requests come in episodes: their
// counts scatter dispersion times as much as Poisson's, and that much less they weigh (quasi-likelihood; Wedderburn
// 1974). Few episodes leave a skewed distribution, with a long side towards lower rates: what has not yet happened
// may. It is taken as it is, not replaced by a symmetric one.
func crossed(trials []observed, allowed float64, pr prior) crossing {
	c := crossing{}
	over := make([]float64, 0, len(trials)) // logarithms of rates
	for _, e := range trials {
		if e.overload() {
			over = append(over, e.x)
		}
	}
	n := int(2*gridWithin/gridStep) + 1
	logs := make([][slopes]float64, n)
	best, at := math.Inf(1), line{}
	cost := make([][slopes]float64, n)
	for i := range n {
		c.x = append(c.x, pr.near-gridWithin+gridStep*float64(i))
		for j := range slopes {
			l := line{c.x[i], slopeAt(j), allowed}
			cost[i][j] = l.deviance(trials)
			if d := cost[i][j] - 2*pr.of(l, over); d < best {
				best, at = d, l
			}
		}
	}
	dispersion, free := dispersed(trials, at, pr.variability)
	var part float64
	for _, e := range trials {
		if !e.overload() {
			part += e.slow
		}
	}
	c.slope, c.episodes = at.slope, part/dispersion
	// Again with what is now known of the dispersion, a Student-like tail for not knowing it well.
	best = math.Inf(1)
	for i := range n {
		for j := range slopes {
			best = min(best, cost[i][j])
		}
	}
	top := math.Inf(-1)
	for i := range n {
		for j := range slopes {
			d := (cost[i][j] - best) / dispersion
			logs[i][j] = -(free+1)/2*math.Log1p(d/free) + pr.of(line{c.x[i], slopeAt(j), allowed}, over)
			top = max(top, logs[i][j])
		}
	}
	c.p = make([]float64, n)
	var total, slope float64
	for i := range n {
		for j := range slopes {
			p := math.Exp(logs[i][j] - top)
			c.p[i] += p
			slope += p * math.Log(slopeAt(j))
		}
		total += c.p[i]
	}
	for i := range c.p {
		c.p[i] /= total
	}
	c.slope = math.Exp(slope / total)
	return c
}

func slopeAt(j int) float64 {
	return flattest * math.Pow(steepest/flattest, float64(j)/(slopes-1))
}

// of is the logarithm of the prior's density at a line, with what overloads at some rates tell.
//
// How steep a line is follows from how far its crossing is from the bound: with the tail exp(−(1−ρ)t/τ) of a queue,
// the logarithm of an allowed share falls by itself over the last 1−ρ of the rate, so that the slope at the crossing
// is about −log(allowed) ρ/(1−ρ), a little less if service times vary.
func (pr prior) of(l line, overloads []float64) float64 {
	square := func(v float64) float64 { return v * v / 2 }
	p := -square((l.at - pr.near) / pr.spread)
	slope, spread := usualSlope, 1.0
	if pr.bound != 0 {
		left := pr.bound - l.at
		if left < 0 {
			p -= min(beyondDoubt, square(left/pr.doubt))
		}
		left = max(left, pr.doubt/2)
		if pr.limit > 0 {
			// Kingman's heavy-traffic limit, with Poisson arrivals.
			squared := pr.variability * pr.variability
			expected := -math.Log(l.allowed) * (1 + squared) * (1 + squared/subexponential) / (2 * pr.limit * math.Exp(pr.bound))
			p -= square(math.Log(-math.Expm1(-left)/min(expected, 0.9)) / math.Hypot(leftSpread, pr.doubt/left))
		}
		slope = lessSteep * -math.Log(l.allowed) / math.Expm1(left)
		spread = math.Hypot(slopeSpread, pr.doubt/(left+pr.doubt))
	}
	p -= square(math.Log(l.slope/slope)/spread) + math.Log(spread)
	for _, x := range overloads {
		p += overloadsCount * math.Log(max(1e-9, min(1, l.share(x)/fitMost)))
	}
	return p
}

// dispersed is how many times as much as Poisson's the counts scatter around a line, with its degrees of freedom.
// Counts of neighbouring seconds depend on each other, and more so the slower the queue: the blocks are those, of
// all lengths that leave enough of them, that scatter most (Flyvbjerg and Petersen 1989).
func dispersed(trials []observed, l line, variability float64) (dispersion, free float64) {
	const fewest = 8
	var requests, length float64
	for _, e := range trials {
		requests, length = requests+e.of, length+float64(len(e.all))
	}
	usual := max(1, usualEpisode*cmp.Or(trials[0].limit, usualLimit)*(1+variability*variability/varied)*requests/length)
	for seconds := 1; ; seconds *= 2 {
		sum, n, whole := scatter(trials, l, seconds)
		if seconds > 1 && n < fewest {
			return dispersion, free
		}
		weight := max(1, n-2)
		if v := (sparse*sum + usualBlocks*usual) / (weight + usualBlocks); v > dispersion {
			dispersion, free = max(1, v), weight+usualBlocks
		}
		if whole {
			return dispersion, free
		}
	}
}

// sparse corrects for that: most blocks without any slow request, and few with many, have a mean deviance that is
// at most 2/e of the variance of their counts in Poisson's. Pearson's sum of squares needs no correction, but a
// single episode where a steep line expects none makes it arbitrarily large.
const sparse = 1.5 * math.E / 2

// scatter is the deviance of blocks of a number of seconds, their number, and whether no trial has more than one.
func scatter(trials []observed, l line, seconds int) (sum, n float64, whole bool) {
	whole = true
	for _, e := range trials {
		if e.overload() {
			continue
		}
		q := max(l.share(e.x), 1e-12)
		blocks := max(1, len(e.all)/seconds) // of about that length
		whole = whole && blocks == 1
		for b := range blocks {
			var part, mean float64
			for k := b * len(e.all) / blocks; k < (b+1)*len(e.all)/blocks; k++ {
				part, mean = part+e.part[k], mean+e.all[k]*q
			}
			if sum, n = sum+2*(mean-part), n+1; part > 0 {
				sum += 2 * part * math.Log(part/mean)
			}
		}
	}
	return sum, n, whole
}

// quantile of the rate.
func (c crossing) quantile(q float64) float64 {
	var sum float64
	for i, p := range c.p {
		if sum+p >= q {
			return math.Exp(c.x[i] + gridStep*((q-sum)/p-0.5))
		}
		sum += p
	}
	return math.Exp(c.x[len(c.x)-1])
}

// interval holds the crossing with the confidence above.
func (c crossing) interval() (low, value, high float64) {
	value = c.quantile(0.5)
	widen := func(rate float64) float64 { return math.Hypot(math.Log(rate/value), leastHalf) }
	low = value * math.Exp(-widen(c.quantile((1-confidence)/2)))
	return low, value, value * math.Exp(widen(c.quantile((1+confidence)/2)))
}
