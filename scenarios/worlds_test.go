package scenarios_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"bench/internal/proof"
	"bench/internal/worlds"
	"bench/scenarios"

	"gonum.org/v1/gonum/stat"
)

// world is one that searches are tried on. The truth is that of internal/worlds: Erlang's closed form, or a simulation
// of hours, which TestTruthsOfWorlds repeats.
type world struct {
	worlds.World
	truth float64
	// What the search is held to in full: the share of intervals that hold the truth, and the median error.
	covers, median float64
}

const (
	coversAtLeast = 0.85
	medianAtMost  = 0.05
)

// queueOf is M/G/c with lognormal service times and 1 % of requests over a limit.
func queueOf(cv, mean float64, workers int, limit, truth float64) world {
	return world{World: worlds.World{
		Name:    fmt.Sprintf("M/G/%d, %g ms, cv %g, 1 %% over %g ms", workers, mean*1e3, cv, limit*1e3),
		Workers: workers, Mean: mean, Service: worlds.Lognormal{CV: cv}, Limit: limit, Share: 0.01,
	}, truth: truth}
}

func otherWorlds() []world {
	markov := worlds.World{
		Name: "M/M/2", Workers: 2, Mean: 0.004, Service: worlds.Exponential{}, Limit: 0.1, Share: 0.01,
	}
	stalls, slow, spoilt, rare := markov, markov, markov, markov
	stalls.Name, stalls.Stall, stalls.Limit = "stands still for 120 ms every 5 s", worlds.Stall{Every: 5, For: 0.12}, 0.15
	slow.Name, slow.SlowFor, slow.SlowBy = "slow for its first 10 s", 10, 1.5
	spoilt.Name, spoilt.Spoils, spoilt.SpoiltBy = "spoilt by an overload until booted again", 0.5, 1.4
	rare.Name, rare.Service = "5 % of requests take ten times as long", worlds.TwoKinds{Rare: 0.05, Longer: 10}
	all := []world{
		queueOf(0, 0.004, 1, 0.1, 226.94), queueOf(0, 0.004, 2, 0.1, 476.39), queueOf(0, 0.004, 4, 0.1, 975.88),
		queueOf(1, 0.004, 1, 0.1, 201.43), queueOf(1, 0.004, 2, 0.1, 452.18), queueOf(1, 0.004, 4, 0.1, 950.72),
		queueOf(2, 0.004, 1, 0.2, 169.51), queueOf(2, 0.004, 2, 0.2, 430.53), queueOf(2, 0.004, 4, 0.2, 933.60),
		queueOf(4, 0.001, 1, 0.25, 715.18), queueOf(4, 0.001, 2, 0.1, 1446.4), queueOf(4, 0.001, 4, 0.1, 3489.6),
		queueOf(3, 0.02, 4, 0.5, 149.51),
		{World: markov, truth: markov.Erlang()},
		{World: stalls, truth: 427.68},
		{World: slow, truth: markov.Erlang()},
		{World: spoilt, truth: markov.Erlang()},
		{World: rare, truth: 432.7},
	}
	for i := range all {
		w := &all[i]
		w.covers, w.median = coversAtLeast, medianAtMost
		// Known misses, with what chance may add: a quarter of an hour is too short for so few and so long episodes.
		switch w.truth {
		case 715.18:
			w.covers, w.median = 0.55, 0.11 // measured: 0.68 and 0.084
		case 149.51:
			w.covers, w.median = 0.7, 0.085 // measured: 0.80 and 0.067
		case 169.51, 1446.4:
			w.median = 0.065 // measured: 0.053 each
		}
	}
	return all
}

// searchWorld is what bench does to a server, in virtual time: it lets it settle, measures one connection and a closed
// loop, and searches.
func searchWorld(t *testing.T, w *worlds.World, seed uint64) (scenarios.Range, time.Duration) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	const settling = 10
	many := max(16, 2*w.Workers)
	boot, number := w.Boot(random), 1
	boot.Closed(many, settling)
	var alone, rates []float64
	boot.Alone(2, func(took float64) { alone = append(alone, took) })
	for range 3 {
		rates = append(rates, boot.Closed(many, 1))
	}
	mean, sd := stat.MeanStdDev(alone, nil)
	fast, scatter := stat.MeanStdDev(rates, nil)
	o := options()
	o.Goals, o.Guess, o.Budget, o.Longest, o.Enough = 1, 0.93*fast, time.Minute, 15*time.Minute, 0.24
	o.Bound, o.Doubt, o.Variability = fast, max(0.02, scatter/fast/math.Sqrt(3)), sd/mean
	s, spent := search(t, o, func(trial scenarios.Trial) scenarios.Outcome {
		settled := 0
		if trial.Boot != number {
			boot, number = w.Boot(random), trial.Boot
			for as := false; !as && settled < settling; settled++ {
				as = boot.Closed(many, 1) >= 0.9*fast
			}
		}
		b := tried(boot, trial)
		boot.Idle(1)
		return scenarios.Outcome{
			Trial: trial, Goals: [][]scenarios.Batches{{b}}, Settled: time.Duration(settled) * time.Second,
		}
	})
	return s.Range(0), spent
}

// tried is how a trial goes.
func tried(boot *worlds.Boot, trial scenarios.Trial) scenarios.Batches {
	seconds := int(trial.Duration.Seconds())
	b := scenarios.Batches{
		Part: make([]float64, seconds), All: make([]float64, seconds),
		Allowed: boot.Share, Limit: time.Duration(boot.Limit * float64(time.Second)),
	}
	lead := trial.LeadIn.Seconds()
	boot.Load(trial.Rate, lead+trial.Duration.Seconds(), func(a worlds.Answer) {
		if second := int(math.Floor(a.Arrived - lead)); second >= 0 {
			b.All[second]++
			if a.Took > boot.Limit {
				b.Part[second]++
			}
		}
	})
	return b
}

// A search is held against servers that nobody has told it of, whose truth does not come from its own code. In full,
// 100 searches each; the short form only finds gross mistakes: with a coverage of 0.8 it fails one time in a
// thousand for a world, and with one of 0.2, as before there were such worlds, in eight of ten.
func TestSearchAgainstOtherWorlds(t *testing.T) {
	proof.WithoutRace(t)
	runs := proof.Size(8, 100)
	for _, w := range otherWorlds() {
		t.Run(w.Name, func(t *testing.T) {
			t.Parallel()
			var errs, times, widths []float64
			var mean float64
			above, below := 0, 0
			for seed := range uint64(runs) {
				r, spent := searchWorld(t, &w.World, seed)
				if r.Low == 0 || r.High == 0 {
					t.Errorf("seed %d: no interval: %+v", seed, r)
					continue
				}
				if r.Low > w.truth {
					above++
				}
				if r.High < w.truth {
					below++
				}
				e := math.Log(r.Value / w.truth)
				mean += e / float64(runs)
				errs, times = append(errs, math.Abs(e)), append(times, spent.Seconds())
				widths = append(widths, r.High/r.Low-1)
			}
			slices.Sort(errs)
			slices.Sort(times)
			slices.Sort(widths)
			covered, n := len(errs)-above-below, len(errs)
			t.Logf("truth %.1f/s, %.2f of the bound; %d of %d intervals hold it, %d above, %d below; error %+.1f %% on "+
				"average, %.1f %% at the median; %.0f %% wide; %.0f s, %.0f s at most", w.truth, w.truth/w.Bound(), covered, n,
				above, below, 100*mean, 100*errs[n/2], 100*widths[n/2], times[n/2], times[n-1])
			if !proof.Full {
				if covered < 3 {
					t.Errorf("%d of %d 90 %% intervals hold the truth", covered, n)
				}
				return
			}
			if share := float64(covered) / float64(n); share < w.covers {
				t.Errorf("%.2f of the 90 %% intervals hold the truth; want %.2f", share, w.covers)
			}
			if errs[n/2] > w.median {
				t.Errorf("a median error of %.3f; want %.3f", errs[n/2], w.median)
			}
		})
	}
}

// The truths above, again by simulation, where there is no closed form.
func TestTruthsOfWorlds(t *testing.T) {
	proof.WithoutRace(t)
	for _, w := range otherWorlds() {
		if w.SlowFor > 0 || w.Spoils > 0 || !proof.Full && w.Name != "M/M/2" {
			continue
		}
		t.Run(w.Name, func(t *testing.T) {
			t.Parallel()
			seconds := max(1000, float64(proof.Size(1, 3_000_000))*w.Mean)
			if got := w.Capacity(seconds); math.Abs(math.Log(got/w.truth)) > 0.02 {
				t.Errorf("%.2f by simulation; the table says %.2f", got, w.truth)
			}
		})
	}
}
