package scenarios_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"bench/internal/proof"
	"bench/scenarios"
)

func options() scenarios.SearchOptions {
	return scenarios.SearchOptions{
		Goals: 2, Guess: 500, Least: 1, Most: 20_000, Width: 0.05, Boots: 3,
		Targets: scenarios.DefaultTargets(), Budget: 110 * time.Second,
	}
}

// search runs a search against a simulated server and returns it with the time of its trials.
func search(
	t *testing.T, o scenarios.SearchOptions, server func(scenarios.Trial) scenarios.Outcome,
) (*scenarios.Search, time.Duration) {
	t.Helper()
	s, err := scenarios.NewSearch(o)
	if err != nil {
		t.Fatal(err)
	}
	var spent time.Duration
	for range 1000 {
		trial, more := s.Next()
		if !more {
			return s, spent
		}
		if trial.Rate < o.Least*0.999 || trial.Rate > o.Most*1.001 {
			t.Fatalf("trial at %g, outside of %g to %g", trial.Rate, o.Least, o.Most)
		}
		spent += trial.LeadIn + trial.Duration
		s.Add(server(trial))
	}
	t.Fatal("the search does not end")
	return nil, 0
}

// wall is a server that meets the first goal below its limit and the second one below 1.1 times
// that; every boot and every trial has a limit of its own around the true one.
func wall(limit, bootSpread, trialSpread float64, seed uint64) func(scenarios.Trial) scenarios.Outcome {
	random := rand.New(rand.NewPCG(seed, 0))
	boots := map[int]float64{}
	return func(t scenarios.Trial) scenarios.Outcome {
		if boots[t.Boot] == 0 {
			boots[t.Boot] = limit * math.Exp(bootSpread*random.NormFloat64())
		}
		now := boots[t.Boot] * math.Exp(trialSpread*random.NormFloat64())
		return scenarios.Outcome{Trial: t, Goals: [][]scenarios.Batches{steep(t, now), steep(t, 1.1*now)}}
	}
}

// steep is the share of slow requests of a queue near its limit: it doubles every 3 %.
func steep(t scenarios.Trial, limit float64) []scenarios.Batches {
	b := scenarios.Batches{Allowed: 0.01}
	share := min(1, 0.01*math.Pow(t.Rate/limit, math.Ln2/math.Log(1.03)))
	for range int(t.Duration.Seconds()) {
		b.Part, b.All = append(b.Part, share*1000), append(b.All, 1000)
	}
	return []scenarios.Batches{b}
}

func TestSearchFindsTheLimit(t *testing.T) {
	proof.WithoutRace(t)
	for _, row := range []struct {
		says         string
		limit        float64
		boot, trial  float64
		change       func(*scenarios.SearchOptions)
		width        float64 // at most, in nine of ten searches
		covers       float64 // share of searches whose interval holds the limit
		lower, upper bool    // which ends exist
	}{
		{says: "near the guess", limit: 480, width: 0.22, covers: 1, lower: true, upper: true},
		{says: "far above the guess", limit: 9000, width: 0.22, covers: 1, lower: true, upper: true},
		{says: "far below the guess", limit: 3.3, width: 0.22, covers: 1, lower: true, upper: true},
		{says: "a little noise", limit: 520, boot: 0.005, trial: 0.01, width: 0.22, covers: 0.85, lower: true, upper: true},
		{says: "much noise: a wider interval, not a false one", limit: 520, boot: 0.01, trial: 0.03, width: 0.3, covers: 0.75,
			lower: true, upper: true},
		{says: "below the lowest rate", limit: 0.5, width: 1, covers: 1, upper: true},
		{says: "beyond the generator", limit: 1e6, width: 1, covers: 1, lower: true},
		{says: "exactly at the guess", limit: 500, width: 0.22, covers: 1, lower: true, upper: true},
	} {
		runs := proof.Size(20, 100)
		covered, narrow := 0, 0
		for seed := range uint64(runs) {
			o := options()
			s, spent := search(t, o, wall(row.limit, row.boot, row.trial, seed))
			r := s.Range(0)
			if (r.Low > 0) != row.lower || (r.High > 0) != row.upper {
				t.Fatalf("%s: [%g, %g]", row.says, r.Low, r.High)
			}
			if r.Low < row.limit && (r.High == 0 || row.limit <= r.High*1.0000001) {
				covered++
			}
			if r.High == 0 || r.Low == 0 || r.High/r.Low-1 <= row.width {
				narrow++
			}
			if row.lower && row.upper && r.N < o.Boots && spent < o.Budget {
				t.Errorf("%s: seed %d: confirmed in %d boots", row.says, seed, r.N)
			}
			if spent > o.Budget+10*time.Second {
				t.Errorf("%s: seed %d: %v of trials", row.says, seed, spent)
			}
			if wide := s.Range(1); row.lower && row.upper && wide.High < r.Low {
				t.Errorf("%s: seed %d: the looser goal ends at %g, below %g", row.says, seed, wide.High, r.Low)
			}
		}
		if float64(covered) < row.covers*float64(runs) {
			t.Errorf("%s: %d of %d intervals hold the limit", row.says, covered, runs)
		}
		if float64(narrow) < 0.9*float64(runs) {
			t.Errorf("%s: %d of %d intervals are as narrow as %g", row.says, narrow, runs, row.width)
		}
	}
}

// A server that stays slow after an overload until it is booted again must not be judged slow by
// what followed, nor fast by what came before.
func TestSearchAgainstHysteresis(t *testing.T) {
	overloaded := map[int]bool{}
	s, _ := search(t, options(), func(trial scenarios.Trial) scenarios.Outcome {
		limit := 500.0
		if overloaded[trial.Boot] {
			limit = 350
		}
		overloaded[trial.Boot] = overloaded[trial.Boot] || trial.Rate > 1.3*500
		return scenarios.Outcome{Trial: trial, Goals: [][]scenarios.Batches{steep(trial, limit), steep(trial, limit)}}
	})
	if r := s.Range(0); r.Low < 300 || r.Low >= 500 || r.High < 500 || r.High > 700 {
		t.Errorf("%+v; the limit is 500 in a fresh boot, and 350 after an overload", r)
	}
}

// True queues rather than a wall. The limit of M/M/c is known in closed form, that of M/D/2 from a
// simulation of four thousand seconds. A search gets a minute and a half.
func TestSearchAgainstQueues(t *testing.T) {
	proof.WithoutRace(t)
	exponential := func(r *rand.Rand) float64 { return r.ExpFloat64() }
	constant := func(*rand.Rand) float64 { return 1 }
	for _, row := range []struct {
		says    string
		workers int
		service time.Duration
		shape   func(*rand.Rand) float64
		limit   time.Duration
		share   float64
	}{
		{"M/M/1, 1 % over 50 ms", 1, 2 * time.Millisecond, exponential, 50 * time.Millisecond, 0.01},
		{"M/M/4, 1 % over 60 ms", 4, 8 * time.Millisecond, exponential, 60 * time.Millisecond, 0.01},
		{"M/M/2, 5 % over 30 ms", 2, 4 * time.Millisecond, exponential, 30 * time.Millisecond, 0.05},
		{"M/D/2, 1 % over 100 ms", 2, 4 * time.Millisecond, constant, 100 * time.Millisecond, 0.01},
	} {
		q := queue{row.workers, row.service.Seconds(), row.shape, row.limit.Seconds()}
		full := float64(row.workers) / q.service
		truth := bisect(func(rate float64) bool { return slowShare(rate, 1/q.service, q.workers, q.limit) < row.share }, 1,
			full*0.99999)
		if row.says[:3] == "M/D" {
			truth = bisect(func(rate float64) bool {
				share, _ := scenarios.BatchMeans(q.trial(rand.New(rand.NewPCG(1, 2)), rate, 4000))
				return share < row.share
			}, 0.8*full, full)
		}
		var errs []float64
		covered := 0
		const runs = 30
		for seed := range uint64(runs) {
			random := rand.New(rand.NewPCG(seed, 1))
			o := options()
			o.Goals, o.Guess, o.Bound, o.Doubt = 1, 0.8*full, full, 0.02
			s, _ := search(t, o, func(trial scenarios.Trial) scenarios.Outcome {
				slow, all := q.trial(random, trial.Rate, trial.Duration.Seconds())
				b := scenarios.Batches{Part: slow, All: all, Allowed: row.share, Limit: row.limit}
				return scenarios.Outcome{Trial: trial, Goals: [][]scenarios.Batches{{b}}}
			})
			r := s.Range(0)
			errs = append(errs, math.Log(math.Sqrt(r.Low*r.High)/truth))
			if r.Low <= truth && truth <= r.High {
				covered++
			}
		}
		var sum float64
		for i := range errs {
			sum += errs[i]
			errs[i] = math.Abs(errs[i])
		}
		slices.Sort(errs)
		t.Logf("%s: truth %.1f/s; mean error %+.2f %%, median %.2f %%, worst %.2f %%; %d of %d intervals hold the truth",
			row.says, truth, 100*sum/runs, 100*errs[runs/2], 100*errs[runs-1], covered, runs)
		if math.Abs(sum/runs) > 0.025 || errs[runs/2] > 0.03 || covered < runs*6/10 {
			t.Errorf("%s: want a mean error within 1.5 %%, a median within 3 %%, and 90 %% intervals that cover",
				row.says)
		}
	}
}

// slowShare is P(response > limit) of M/M/c (Gross and Harris, Fundamentals of Queueing
// Theory, section 2.3), using Erlang's C.
func slowShare(rate, mu float64, c int, limit float64) float64 {
	a := rate / mu
	b := 1.0
	for k := 1; k <= c; k++ {
		b = a * b / (float64(k) + a*b)
	}
	rho := a / float64(c)
	wait := b / (1 - rho*(1-b))
	spare := float64(c)*mu - rate
	if math.Abs(spare-mu) < 1e-9*mu {
		return math.Exp(-mu*limit) * (1 + wait*mu*limit)
	}
	return math.Exp(-mu*limit) + wait*mu/(spare-mu)*(math.Exp(-mu*limit)-math.Exp(-spare*limit))
}

func bisect(met func(float64) bool, low, high float64) float64 {
	for high-low > 1e-4*low {
		if middle := (low + high) / 2; met(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// queue is an M/G/c queue.
type queue struct {
	workers int
	service float64 // mean, in seconds
	shape   func(*rand.Rand) float64
	limit   float64
}

// trial simulates a trial that begins with an empty queue, including its lead-in, and counts slow
// responses and all responses by the second.
func (q queue) trial(random *rand.Rand, rate, seconds float64) (slow, all []float64) {
	free := make([]float64, q.workers) // when each worker becomes free
	slow, all = make([]float64, int(seconds)), make([]float64, int(seconds))
	leadIn := scenarios.LeadIn(time.Duration(seconds * float64(time.Second))).Seconds()
	for now := 0.0; ; {
		now += random.ExpFloat64() / rate
		if now >= seconds+leadIn {
			return slow, all
		}
		first := 0
		for worker, at := range free {
			if at < free[first] {
				first = worker
			}
		}
		done := max(now, free[first]) + q.service*q.shape(random)
		free[first] = done
		if now < leadIn {
			continue
		}
		batch := int(now - leadIn)
		all[batch]++
		if done-now > q.limit {
			slow[batch]++
		}
	}
}

func TestBadSearchesAreRefused(t *testing.T) {
	for _, change := range []func(*scenarios.SearchOptions){
		func(o *scenarios.SearchOptions) { o.Goals = 0 },
		func(o *scenarios.SearchOptions) { o.Targets = nil },
		func(o *scenarios.SearchOptions) { o.Least = 0 },
		func(o *scenarios.SearchOptions) { o.Most = 0.5 },
		func(o *scenarios.SearchOptions) { o.Most = math.Inf(1) },
		func(o *scenarios.SearchOptions) { o.Width = math.NaN() },
	} {
		o := options()
		change(&o)
		if _, err := scenarios.NewSearch(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}
