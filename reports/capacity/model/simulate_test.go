package model

import (
	"math"
	"math/rand/v2"
	"testing"
)

// kinds are kinds of requests, one for each value of the shape, by which the work and the wait are
// multiplied.
func kinds(work, wait float64, shape []float64) (all []Kind) {
	for _, v := range shape {
		all = append(all, Kind{Weight: 1, Work: work * v, Wait: wait * v})
	}
	return all
}

// exponential is a sample of the exponential distribution with mean 1, by quantiles.
func exponential() []float64 {
	const n = 2000
	var shape []float64
	sum := 0.0
	for i := range n {
		v := -math.Log(1 - (float64(i)+0.5)/n)
		shape, sum = append(shape, v), sum+v
	}
	for i := range shape {
		shape[i] *= n / sum
	}
	return shape
}

func within(t *testing.T, says string, got, want, by float64) {
	t.Helper()
	if !(math.Abs(got/want-1) <= by) {
		t.Errorf("%s: %.5g, want %.5g within %g %%", says, got, want, by*100)
	}
}

// The special cases for which there is a theoretical result.
func TestSimulationAgainstTheory(t *testing.T) {
	const count = 100_000
	for _, row := range []struct {
		workers int
		rho     float64
	}{{1, 0.5}, {1, 0.8}, {2, 0.7}, {4, 0.8}, {8, 0.85}} {
		// A wait occupies a worker but not a core: M/M/c.
		s := System{Configuration: Configuration{Queues: 1, Workers: row.workers, Threads: 1}, Cores: 1, Slowdown: 1,
			Kinds: kinds(0, 0.01, exponential())}
		rate := row.rho * float64(row.workers) / 0.01
		out := s.Simulate(rate, count, 1)
		want := ErlangC(rate*0.01, row.workers)*0.01/(float64(row.workers)-rate*0.01) + 0.01
		within(t, "M/M/c: mean", out.Mean(), want, 0.05)
	}
	// M/D/1, from work on a core: Pollaczek and Khinchine.
	s := System{Configuration: Configuration{Queues: 1, Workers: 1, Threads: 1}, Cores: 2, Slowdown: 1,
		Kinds: kinds(0.01, 0, []float64{1})}
	within(t, "M/D/1: mean", s.Simulate(70, count, 1).Mean(), 0.01*(1+0.7/2/(1-0.7)), 0.03)
	// M/G/1 with processor sharing is insensitive to the distribution: S/(1−ρ).
	s = System{Configuration: Configuration{Queues: 1, Workers: 1}, Cores: 1, Slowdown: 1,
		Kinds: kinds(0.01, 0, exponential())}
	within(t, "M/M/1 shared: mean", s.Simulate(60, count, 1).Mean(), 0.01/(1-0.6), 0.03)
	s.Kinds = kinds(0.01, 0, []float64{0.2, 1.8})
	within(t, "M/G/1 shared: mean", s.Simulate(60, count, 1).Mean(), 0.01/(1-0.6), 0.03)
	// Many workers on two cores are M/M/2 with processor sharing. Its mean is that of M/M/2, since the
	// number in the system does not depend on the order of service.
	s = System{Configuration: Configuration{Queues: 1, Workers: 40, Threads: 1}, Cores: 2, Slowdown: 1,
		Kinds: kinds(0.01, 0, exponential())}
	within(t, "M/M/2 shared: mean", s.Simulate(140, count, 1).Mean(), ErlangC(1.4, 2)*0.01/0.6+0.01, 0.03)
	// Two cores that slow each other down.
	s = System{Configuration: Configuration{Queues: 1, Workers: 2, Threads: 1}, Cores: 2, Slowdown: 1.5,
		Kinds: kinds(0.01, 0, []float64{1})}
	within(t, "two cores that slow each other down by half: bound", s.Bound(), 2/0.015, 1e-9)
	// A lone request has a core at full speed; near the bound both cores are always busy.
	within(t, "two cores that slow each other down by half: alone", s.Simulate(0.01, 2000, 1).Mean(), 0.01, 0.001)
	below, above := s.Simulate(0.9*s.Bound(), count, 1).Quantile(0.5), s.Simulate(1.05*s.Bound(), count, 1).Quantile(0.5)
	if below > 0.2 || above < 1 {
		t.Errorf("two cores that slow each other down by half: median %g s below the bound, %g s above it", below, above)
	}
}

// P(wait > t) of M/M/c is known, and therefore the share of slow responses.
func TestSimulatedTails(t *testing.T) {
	s := System{Configuration: Configuration{Queues: 1, Workers: 1, Threads: 1}, Cores: 1, Slowdown: 1,
		Kinds: kinds(0, 0.002, exponential())}
	out := s.Simulate(300, 400_000, 3)
	// M/M/1: responses are exponential with rate µ−λ = 200.
	within(t, "M/M/1: p99", out.Quantile(0.99), math.Log(100)/200, 0.03)
	within(t, "M/M/1: share over 15 ms", out.Share(0.015), math.Exp(-3), 0.05)
}

// A machine with 0.4 cores does 4 ms of work in every 10 ms. Ten milliseconds of work that begin at a
// random moment of a period take 19 ms on average: 22 ms less the time since the period began if at
// least 4 ms of it are left, 16 ms if 2 to 4 ms are left, and 22 ms if less.
//
// The simulation lasts a million seconds, so long that rounding makes the periods unequal; it must not
// get stuck.
func TestSimulatedQuota(t *testing.T) {
	s := System{Configuration: Configuration{Queues: 1, Workers: 1, Threads: 1, Machine: 0.4, Period: 0.010}, Cores: 2,
		Slowdown: 1, Kinds: kinds(0.01, 0, []float64{1})}
	within(t, "a lone request", s.Simulate(0.02, 20_000, 1).Mean(), 0.019, 0.01)
	within(t, "the bound", s.Bound(), 40, 1e-9)
	two := s
	two.Queues = 2
	within(t, "the bound of two machines", two.Bound(), 80, 1e-9)
	below, above := two.Simulate(76, 50_000, 1).Quantile(0.5), two.Simulate(84, 50_000, 1).Quantile(0.5)
	if below > 0.5 || above < 1 {
		t.Errorf("median of %g s below the bound, %g s above it", below, above)
	}
	// A quota that is never reached has no effect.
	s.Machine = 2
	free := s
	free.Machine = 0
	within(t, "a quota beyond need", s.Simulate(60, 20_000, 1).Mean(), free.Simulate(60, 20_000, 1).Mean(), 1e-6)
}

func TestErlangC(t *testing.T) {
	// Tabulated in, for example, Cooper, Introduction to Queueing Theory, 1981.
	for _, row := range []struct {
		load float64
		c    int
		want float64
	}{{0.5, 1, 0.5}, {1, 2, 1.0 / 3}, {8, 10, 0.4092}, {15, 20, 0.1604}, {2, 2, 1}} {
		if got := ErlangC(row.load, row.c); math.Abs(got-row.want) > 0.0005 {
			t.Errorf("ErlangC(%g, %d) = %.4f, want %.4f", row.load, row.c, got, row.want)
		}
	}
}

func TestUSLFindsTheTrueCoefficients(t *testing.T) {
	for _, row := range []struct {
		says         string
		sigma, kappa float64
	}{{"linear", 0, 0}, {"contention", 0.05, 0}, {"contention and coherence", 0.03, 0.002}} {
		random := rand.New(rand.NewPCG(1, 1))
		var points []USLPoint
		for _, n := range []float64{1, 2, 4, 8, 16} {
			x := 100 * n / (1 + row.sigma*(n-1) + row.kappa*n*(n-1)) * math.Exp(0.01*random.NormFloat64())
			points = append(points, USLPoint{N: n, Low: x * 0.98, High: x * 1.02})
		}
		u, ok := FitUSL(points, 1)
		if !ok || u.Sigma.Low > row.sigma || u.Sigma.High < row.sigma || u.Kappa.Low > row.kappa || u.Kappa.High < row.kappa {
			t.Errorf("%s: %+v", row.says, u)
		}
		if u.Sigma.Value < 0 || u.Kappa.Value < 0 {
			t.Errorf("%s: negative: %+v", row.says, u)
		}
	}
	if _, ok := FitUSL([]USLPoint{{1, 10, 11}, {2, 20, 21}}, 1); ok {
		t.Error("a fit of three coefficients to two points")
	}
}
