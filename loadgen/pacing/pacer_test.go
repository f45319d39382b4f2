package pacing

import (
	"math"
	"strings"
	"testing"
	"time"
)

func mustParse(t testing.TB, text string) Pacer {
	t.Helper()
	p, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDue(t *testing.T) {
	for _, row := range []struct {
		says  string
		pacer string
		n     uint64
		want  time.Duration
	}{
		{"the first request of a constant rate is due at once", "constant 100/s", 0, 0},
		{"the 100th of 100/s is due after a second", "constant 100/s", 100, time.Second},
		{"a rate that does not divide a second keeps its error below a nanosecond",
			"constant 3/s", 9_000_000, 3_000_000 * time.Second},
		{"a fractional rate waits for whole requests", "constant 0.5/s", 3, 6 * time.Second},
		{"a ramp from 0.001 to 100 over 10 s has sent half its 500 after 7.07 s",
			"ramp 0.001/s 100/s over 10s", 250, 7071003 * time.Microsecond},
		{"a ramp is constant after its end", "ramp 100/s 200/s over 10s", 1700, 11 * time.Second},
		{"a falling ramp slows down", "ramp 200/s 100/s over 10s", 1500, 10 * time.Second},
		{"steps hold the first rate", "steps 10/s 1s 20/s 1s", 5, 500 * time.Millisecond},
		{"steps hold the second rate", "steps 10/s 1s 20/s 1s", 20, 1500 * time.Millisecond},
		{"the last step continues indefinitely", "steps 10/s 1s 20/s 1s", 50, 3 * time.Second},
		{"a spike starts at its time", "spike 10/s 100/s at 1s for 2s", 10, time.Second},
		{"a spike ends at its time", "spike 10/s 100/s at 1s for 2s", 210, 3 * time.Second},
		{"the base rate continues after a spike", "spike 10/s 100/s at 1s for 2s", 220, 4 * time.Second},
		{"bursts pause while they are off", "bursty 10/s on 1s off 4s", 10, 5 * time.Second},
		{"and continue afterwards", "bursty 10/s on 1s off 4s", 25, 10500 * time.Millisecond},
		{"a sine has sent its mean after a whole period", "sine 100/s 50/s per 10s", 1000, 10 * time.Second},
	} {
		got := mustParse(t, row.pacer).Due(row.n)
		if diff := got - row.want; diff < -time.Microsecond || diff > time.Microsecond {
			t.Errorf("%s: %q.Due(%d) = %v; want %v", row.says, row.pacer, row.n, got, row.want)
		}
	}
}

// everyPacer is the examples of the table, each also with Poisson arrivals, and those also
// staggered, and a few more that have found mistakes.
func everyPacer(t testing.TB) map[string]Pacer {
	t.Helper()
	all := map[string]Pacer{}
	add := func(text string) { all[text] = mustParse(t, text) }
	for _, k := range Kinds() {
		add(k.Example)
		if _, draws := all[k.Example].(Random); draws {
			continue
		}
		add("poisson 7 " + k.Example)
		add("staggered 3ms second poisson 7 " + k.Example)
	}
	for _, text := range []string{
		"ramp 500/s 10/s over 3s", "sine 300/s 299/s per 2s", "spike 100/s 1000/s at 1s for 2s",
		"bursty 1000/s on 100ms off 400ms", "poisson 9 bursty 1000/s on 1s off 1s", "poisson 8 ramp 10/s 1000/s over 5s",
	} {
		add(text)
	}
	return all
}

func TestDueNeverDecreasesAndCountInvertsIt(t *testing.T) {
	for text, p := range everyPacer(t) {
		schedule := NewSchedule(p)
		last := time.Duration(-1)
		for n := range uint64(5000) {
			due := schedule.Due(n)
			if due < last {
				t.Fatalf("%s: Due(%d) = %v after %v", text, n, due, last)
			}
			last = due
		}
		if n := Count(p, last); n > 4999 || schedule.Due(n) < last || (n > 0 && schedule.Due(n-1) >= last) {
			t.Errorf("%s: Count(Due(4999)) = %d", text, n)
		}
	}
}

func TestCurveGoesThroughTheDueTimes(t *testing.T) {
	for text, p := range everyPacer(t) {
		curve, is := p.(Curve)
		for n := uint64(0); is && n < 2000; n++ {
			at, between, next := curve.At(float64(n)), curve.At(float64(n)+0.5), curve.At(float64(n+1))
			if at != p.Due(n) || between < at || next < between {
				t.Fatalf("%s: request %d is due at %v, the curve goes through %v, %v, %v", text, n, p.Due(n), at, between, next)
			}
		}
	}
}

func TestRateIsTheDerivativeOfTheCount(t *testing.T) {
	for text, p := range everyPacer(t) {
		if _, random := p.(Random); random {
			continue // its dispersion is tested instead
		}
		var sum float64
		const step = time.Millisecond
		for at := time.Duration(0); at < 4*time.Second; at += step {
			sum += p.Rate(at+step/2) * step.Seconds()
		}
		if got := float64(Count(p, 4*time.Second)); math.Abs(got-sum) > 1.5 {
			t.Errorf("%s: %v due within 4 s; the rate adds up to %.2f", text, got, sum)
		}
	}
}

func TestStringParsesBack(t *testing.T) {
	for text, p := range everyPacer(t) {
		again := mustParse(t, p.String())
		if p.String() != again.String() || p.Due(777) != again.Due(777) {
			t.Errorf("%s: read back as %s", p, again)
		}
		if name := firstWord(p.String()); name != firstWord(text) {
			t.Errorf("%s: prints as %s", text, name)
		}
	}
}

// A schedule returns what the pacer does, in any order, without allocating.
func TestScheduleAgreesWithThePacer(t *testing.T) {
	for text, p := range everyPacer(t) {
		schedule := NewSchedule(p)
		for _, n := range []uint64{0, 1, 15, 16, 255, 256, 257, 1023, 1024, 70000, 3, 5_000_000, 256} {
			if a, b := p.Due(n), schedule.Due(n); a != b {
				t.Errorf("%s: Due(%d) = %v by the pacer, %v by the schedule", text, n, a, b)
			}
		}
		n := uint64(0)
		if allocs := testing.AllocsPerRun(600, func() { schedule.Due(n); n++ }); allocs != 0 {
			t.Errorf("%s: reading a due time in order allocates %v times", text, allocs)
		}
	}
}

func TestWithSeed(t *testing.T) {
	for text, p := range everyPacer(t) {
		_, random := p.(Random)
		same, other := WithSeed(p, 1), WithSeed(p, 2)
		drawn := firstWord(text) == "poisson" || strings.Contains(text, " poisson ")
		if moved := same.Due(500) != other.Due(500); moved != drawn || drawn && !random {
			t.Errorf("%s: two seeds give %v and %v", text, same.Due(500), other.Due(500))
		}
	}
}

func TestLength(t *testing.T) {
	for _, row := range []struct {
		text string
		want time.Duration
	}{
		{"constant 5/s", 0},
		{"ramp 1/s 5/s over 30s", 30 * time.Second},
		{"steps 5/s 1s 10/s 2s", 3 * time.Second},
		{"spike 1/s 9/s at 10s for 2s", 14 * time.Second},
		{"poisson 0 ramp 1/s 5/s over 1m", time.Minute},
		{"staggered 3ms first ramp 1/s 5/s over 1m", time.Minute + 3*time.Millisecond},
		{"staggered 3ms first constant 5/s", 0},
	} {
		if got := Length(mustParse(t, row.text)); got != row.want {
			t.Errorf("%s: %v; want %v", row.text, got, row.want)
		}
	}
	for _, row := range []struct {
		replay Replay
		want   time.Duration
	}{
		{Replay{Times: []time.Duration{0, time.Second, 4 * time.Second}, Speed: 2}, 2*time.Second + time.Millisecond},
		{Replay{Speed: 1}, 0},
	} {
		if got := Length(row.replay); got != row.want {
			t.Errorf("%v: %v; want %v", row.replay, got, row.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"", "want one of: constant RATE; ramp"},
		{"jitter 1/s", "want one of: constant RATE; ramp"},
		{"constant", "the text ends too soon; want constant RATE, such as: constant 300/s"},
		{"constant 0/s", "outside 0.00001/s"},
		{"constant -1/s", "outside 0.00001/s"},
		{"constant NaN/s", "outside 0.00001/s"},
		{"constant 1e99/s", "outside 0.00001/s"},
		{"constant 5/d", "want a number of requests per second"},
		{"constant 5/s 6/s", `"6/s" is left over`},
		{"ramp 1/s 2/s", "want ramp RATE RATE over TIME"},
		{"ramp 1/s 2/s in 3s", `"in" where "over" belongs`},
		{"ramp 1/s 2/s over 0s", "outside 1ms"},
		{"steps", "ends too soon"},
		{"steps 1/s", "ends too soon"},
		{"sine 10/s 10/s per 1s", "the amplitude must be below the mean"},
		{"poisson constant 1/s", `"constant" is not a seed: want a whole number from 0; want poisson SEED PACER`},
		{"poisson 1 constant", "want constant RATE"},
		{"poisson 1 poisson 2 constant 1/s", `poisson arrivals of "poisson": want a pacer whose rate is a curve`},
		{"poisson 1 staggered 1ms first constant 1/s", "poisson arrivals of"},
		{"staggered 1ms third constant 1/s", `"third" where "first" or "second" belongs`},
		{"staggered 2h first constant 1/s", "outside"},
		{"staggered 1ms first staggered 1ms first constant 1/s", "staggered of staggered"},
	} {
		p, err := Parse(row.text)
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("Parse(%q) = %v, %v; want an error with %q", row.text, p, err, row.want)
		}
	}
}

// The variance of the number of arrivals in a window is its mean for a Poisson process, at
// every window length (index of dispersion 1), and 0 for a regular stream.
func TestPoissonIndexOfDispersion(t *testing.T) {
	if testing.Short() {
		t.Skip("four million arrivals")
	}
	const seeds, n, perSecond = 4, 1_000_000, 1000
	for _, window := range []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond} {
		mean := perSecond * window.Seconds()
		var square, windows float64
		for seed := range uint64(seeds) {
			schedule := NewSchedule(Poisson{Constant{perSecond}, seed})
			whole := schedule.Due(n-1) / window // the last window is incomplete
			counts := make([]float64, whole)
			for i := range uint64(n) {
				if w := schedule.Due(i) / window; w < whole {
					counts[w]++
				}
			}
			for _, count := range counts {
				square += (count - mean) * (count - mean)
			}
			windows += float64(whole)
		}
		index := square / windows / mean
		// A standard error is sqrt(2/windows), 0.7 % for the longest window; the seeds are
		// fixed, so this cannot flake.
		if math.Abs(index-1) > 0.02 {
			t.Errorf("index of dispersion at %v = %.4f; want 1 ± 0.02", window, index)
		}
		t.Logf("index of dispersion at %v: %.4f ± %.4f, %d seeds of %d arrivals", window, index, math.Sqrt(2/windows),
			seeds, n)
	}
}

func TestPoissonGapsAreExponential(t *testing.T) {
	schedule := NewSchedule(mustParse(t, "poisson 3 constant 1/s"))
	const n = 200_000
	// Kolmogorov-Smirnov distance to 1−exp(−x), on a histogram fine enough to bound it.
	const bins = 2000
	var counts [bins + 1]int
	last := 0.0
	for i := range uint64(n) {
		due := schedule.Due(i).Seconds()
		bin := int((1 - math.Exp(-(due - last))) * bins)
		counts[min(bin, bins)]++
		last = due
	}
	worst, sum := 0.0, 0
	for i := range bins {
		sum += counts[i]
		worst = max(worst, math.Abs(float64(sum)/n-float64(i+1)/bins))
	}
	// 1.95/sqrt(n) is the critical value at 0.1 %; the seed is fixed, so this cannot flake.
	if limit := 1.95 / math.Sqrt(n); worst > limit {
		t.Errorf("distance of the gaps to the exponential distribution = %.5f; want below %.5f", worst, limit)
	}
}

func FuzzParse(f *testing.F) {
	for text := range everyPacer(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(p.String())
		if err != nil {
			t.Fatalf("%q reads as %q, which does not parse: %v", text, p, err)
		}
		if again.String() != p.String() {
			t.Fatalf("%q reads as %q, then as %q", text, p, again)
		}
	})
}
