package scenarios

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"bench/internal/proof"
	"bench/loadgen"
	"bench/results"
	"bench/servers"
)

// A simulated server. A request waits for one of its workers, then for wait, which nobody else delays,
// and then for its work on cores that all share equally (at most a core each).
type world struct {
	name       string
	workers    int // 0: a thread per connection
	cores      int
	wait, work law
	capacity   float64 // responses per second, by a formula
}

// law is a distribution with a known mean.
type law struct {
	mean float64
	draw func(*rand.Rand) float64
}

func constant(mean float64) law { return law{mean, func(*rand.Rand) float64 { return mean }} }

func uniform(mean float64) law {
	return law{mean, func(r *rand.Rand) float64 { return mean * (0.5 + r.Float64()) }}
}

func exponential(mean float64) law {
	return law{mean, func(r *rand.Rand) float64 { return mean * r.ExpFloat64() }}
}

func lognormal(mean, cv float64) law {
	sigma2 := math.Log1p(cv * cv)
	return law{mean, func(r *rand.Rand) float64 {
		return math.Exp(math.Log(mean) - sigma2/2 + math.Sqrt(sigma2)*r.NormFloat64())
	}}
}

// lattice has two values, far apart: a mix of pages.
func lattice(mean float64) law {
	return law{mean, func(r *rand.Rand) float64 {
		if r.IntN(3) == 0 {
			return 2.6 * mean
		}
		return 0.2 * mean
	}}
}

func (l law) of(r *rand.Rand) float64 {
	if l.draw == nil {
		return 0
	}
	return l.draw(r)
}

// closedNetwork is the throughput of n customers that think for a mean time and share one processor
// equally: exact mean value analysis, whatever the distributions (Baskett, Chandy, Muntz and Palacios
// 1975).
func closedNetwork(n int, think, work float64) (throughput float64) {
	queue := 0.0
	for customers := 1; customers <= n; customers++ {
		response := work * (1 + queue)
		throughput = float64(customers) / (think + response)
		queue = throughput * response
	}
	return throughput
}

type stage uint8

const (
	queued stage = iota
	waiting
	working
	gone
)

type customer struct {
	stage stage
	sent  float64
	left  float64 // of the stage, in seconds of time or of work
}

// run is a closed loop that stops sending after d seconds. It returns the time
// that all cores together worked until the last response, and when that came.
func (w world) run(r *rand.Rand, connections int, d float64, ended func(sent, end float64)) (worked, last float64) {
	all := make([]customer, connections)
	var queue []int
	now, held := 0.0, 0
	enter := func(i int) {
		held++
		all[i].stage, all[i].left = waiting, w.wait.of(r)
	}
	arrive := func(i int) {
		all[i] = customer{sent: now}
		if w.workers > 0 && held >= w.workers {
			queue = append(queue, i)
			return
		}
		enter(i)
	}
	for i := range all {
		arrive(i)
	}
	for {
		busy := 0
		for i := range all {
			if all[i].stage == working {
				busy++
			}
		}
		rate := min(1, float64(w.cores)/math.Max(1, float64(busy)))
		next, step := -1, math.Inf(1)
		for i := range all {
			c := &all[i]
			if after := c.left / rate; c.stage == working && after < step {
				next, step = i, after
			}
			if c.stage == waiting && c.left < step {
				next, step = i, c.left
			}
		}
		if next < 0 {
			return worked, now
		}
		now += step
		worked += step * math.Min(float64(w.cores), float64(busy))
		for i := range all {
			switch all[i].stage {
			case waiting:
				all[i].left -= step
			case working:
				all[i].left -= step * rate
			}
		}
		if all[next].stage == waiting {
			if work := w.work.of(r); work > 0 {
				all[next].stage, all[next].left = working, work
				continue
			}
		}
		ended(all[next].sent, now)
		all[next].stage = gone
		held--
		if len(queue) > 0 {
			enter(queue[0])
			queue = queue[1:]
		}
		if now < d {
			arrive(next)
		}
	}
}

// cellOf is what bench would record of a closed loop on the world.
func (w world) cellOf(r *rand.Rand, connections int, d float64, concurrency int) *results.Cell {
	plan := loadgen.Plan{
		URL: "http://127.0.0.1:1", Mix: testScenario().Mix, Mode: loadgen.Closed, Timeout: time.Hour,
		Duration: time.Duration(d * float64(time.Second)), Conns: loadgen.Conns{Max: connections},
	}
	rec := loadgen.NewRecorder(plan)
	shard := rec.Shard(loadgen.Part{})
	at := func(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
	worked, last := w.run(r, connections, plan.Duration.Seconds(), func(sent, end float64) {
		shard.Record(loadgen.Sample{Due: at(sent), Sent: at(sent), End: at(end)})
	})
	out := rec.Close()
	c := &results.Cell{
		Mode: results.ClosedLoop, Connections: connections, Duration: plan.Duration.Seconds(), Elapsed: last,
		Successful: out.Within.OK, Counts: out.Counts, Intervals: out.Intervals, Loop: out.Loop,
	}
	processes := max(1, w.workers)
	c.Usage = []results.Usage{{Tier: "app", Processes: processes},
		{Tier: "app", Processes: processes, At: at(last), CPU: at(worked)}}
	limit(c, concurrency, max(2, w.cores))
	return c
}

func throughputWorlds(connections int) (worlds []world) {
	const s = 0.003
	c := float64(connections)
	for _, times := range []struct {
		name string
		of   func(float64) law
	}{{"constant", constant}, {"uniform", uniform}, {"exponential", exponential}, {"lattice", lattice}} {
		name, of := times.name, times.of
		worlds = append(worlds,
			world{name: "one interpreter, " + name, cores: 1, work: of(s), capacity: 1 / s},
			world{name: "a thread per connection on 2 cores, " + name, cores: 2, work: of(s), capacity: 2 / s},
			world{name: "2 workers, " + name, workers: 2, cores: 2, work: of(s), capacity: 2 / s},
			world{name: "2 workers that wait, " + name, workers: 2, cores: 2, wait: of(0.02), capacity: 2 / 0.02},
			world{name: "16 threads that wait, " + name, workers: 16, cores: 2, wait: of(0.02), capacity: 16 / 0.02},
			world{name: "threads that sleep, " + name, cores: 2, wait: of(0.02), capacity: c / 0.02})
		if name != "constant" { // whose steady state depends on how it begins
			worlds = append(worlds,
				world{name: "an interpreter and sleep, saturated, " + name, cores: 1, wait: of(0.02), work: of(s),
					capacity: closedNetwork(connections, 0.02, s)},
				world{name: "an interpreter and sleep, half busy, " + name, cores: 1, wait: of(0.02),
					work: of(0.01 / c), capacity: closedNetwork(connections, 0.02, 0.01/c)})
		}
	}
	return worlds
}

// The throughput of simulated servers whose capacity is known by a formula is unbiased within 2 %,
// with ten times as many responses as connections. The simulator is independent of the estimator, and
// so is the formula.
func TestThroughputIsUnbiased(t *testing.T) {
	proof.WithoutRace(t)
	repeats := proof.Size(40, 400) // a bias of 2 % is three standard errors, or twelve, of exponential times
	const connections = 64
	for _, w := range throughputWorlds(connections) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(5, 13))
			var estimates, before []float64
			limits := map[string]int{}
			for range repeats {
				c := w.cellOf(r, connections, 10*connections/w.capacity*(0.9+0.2*r.Float64()), w.workers)
				estimates = append(estimates, c.Throughput()/w.capacity)
				before = append(before, float64(c.Successful)/c.Duration/w.capacity)
				limits[c.Loop.Limit]++
			}
			mean, se := meanAndError(estimates)
			was, _ := meanAndError(before)
			t.Logf("%s: %+.1f %% ± %.1f (responses within the duration: %+.1f %%), by %v",
				w.name, 100*(mean-1), 100*se, 100*(was-1), limits)
			if math.Abs(mean-1) > 0.02+2*se {
				t.Errorf("the throughput is off by %+.1f %% ± %.1f %% on average; want at most 2 %%", 100*(mean-1), 100*se)
			}
		})
	}
}

func meanAndError(values []float64) (mean, standardError float64) {
	n := float64(len(values))
	for _, v := range values {
		mean += v / n
	}
	for _, v := range values {
		standardError += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(standardError / (n - 1) / n)
}

// What is known of a server only by its address is estimated from the course of the drain.
func TestThroughputOfUnknownServers(t *testing.T) {
	proof.WithoutRace(t)
	repeats := proof.Size(30, 300)
	const connections = 64
	for _, w := range throughputWorlds(connections) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(5, 14))
			var estimates []float64
			for range repeats {
				c := w.cellOf(r, connections, 10*connections/w.capacity, servers.UnknownConcurrency)
				c.Loop.Limit = results.LimitUnknown
				estimates = append(estimates, c.Throughput()/w.capacity)
			}
			mean, se := meanAndError(estimates)
			t.Logf("%s: %+.1f %% ± %.1f", w.name, 100*(mean-1), 100*se)
			if math.Abs(mean-1) > 0.06+2*se {
				t.Errorf("the throughput is off by %+.1f %% on average; want at most 6 %%", 100*(mean-1))
			}
		})
	}
}

// Where service times vary greatly, ten responses per connection are few: the long requests pile up.
func TestThroughputOfGreatlyVaryingTimes(t *testing.T) {
	proof.WithoutRace(t)
	repeats := proof.Size(60, 600)
	const connections = 64
	of := lognormal(0.003, 3)
	for _, w := range []world{
		{name: "one interpreter", cores: 1, work: of, capacity: 1 / 0.003},
		{name: "2 workers", workers: 2, cores: 2, work: of, capacity: 2 / 0.003},
		{name: "16 threads that wait", workers: 16, cores: 2, wait: of, capacity: 16 / 0.003},
		{name: "threads that sleep", cores: 2, wait: of, capacity: connections / 0.003},
	} {
		r := rand.New(rand.NewPCG(5, 15))
		var estimates, unknown, before []float64
		for range repeats {
			c := w.cellOf(r, connections, 10*connections/w.capacity, w.workers)
			estimates = append(estimates, c.Throughput()/w.capacity)
			before = append(before, float64(c.Successful)/c.Duration/w.capacity)
			c.Loop.Limit = results.LimitUnknown
			unknown = append(unknown, c.Throughput()/w.capacity)
		}
		mean, se := meanAndError(estimates)
		was, _ := meanAndError(before)
		blind, _ := meanAndError(unknown)
		t.Logf("%s: %+.1f %% ± %.1f; by the drain alone %+.1f %%; responses within the duration %+.1f %%",
			w.name, 100*(mean-1), 100*se, 100*(blind-1), 100*(was-1))
		if math.Abs(mean-1) > 0.06+2*se {
			t.Errorf("%s: off by %+.1f %% on average; want at most 6 %%", w.name, 100*(mean-1))
		}
	}
}

// A few requests that hang do not count as idle time of everything else.
func TestStuckRequestsDoNotSpoilAThroughput(t *testing.T) {
	for _, full := range []int{1, 2, 64} {
		l := &results.ClosedRecord{Limit: results.LimitWorkers, Full: full}
		for i := range 61 {
			l.Drain = append(l.Drain, results.Drained{End: int64(1000 * i)})
		}
		clean := *l
		for range 3 {
			l.Drain = append(l.Drain, results.Drained{End: 3_000_000, Failed: true})
		}
		rate := func(l *results.ClosedRecord) float64 {
			responses, seconds := l.Served(64, 1000, time.Second)
			return responses / seconds
		}
		if got, want := rate(l), rate(&clean); math.Abs(got/want-1) > 0.05 {
			t.Errorf("full from %d: %.0f/s with three stuck requests; want %.0f/s", full, got, want)
		}
	}
	// Nor do connections that the kernel tries again after a second: the server does not know of them.
	l := &results.ClosedRecord{Limit: results.LimitCPU, Full: 1, Drain: []results.Drained{
		{End: 1000}, {End: 1_002_000, Connected: 1_000_000},
	}}
	if responses, seconds := l.Served(10, 98, time.Second); responses != 100 || math.Abs(seconds-1.003) > 1e-9 {
		t.Errorf("%v responses in %v s; want 100 in 1.003", responses, seconds)
	}
}
