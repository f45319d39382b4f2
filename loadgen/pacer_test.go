package loadgen

import (
	"math"
	"testing"
	"time"
)

func mustPacer(t testing.TB, text string) Pacer {
	t.Helper()
	p, err := ParsePacer(text)
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
		{"a rate that does not divide a second keeps its error below a nanosecond", "constant 3/s", 9_000_000, 3_000_000 * time.Second},
		{"a fractional rate waits for whole requests", "constant 0.5/s", 3, 6 * time.Second},
		{"a ramp from 0.001 to 100 over 10 s has sent half its 500 after 7.07 s", "ramp 0.001/s 100/s over 10s", 250, 7071003 * time.Microsecond},
		{"a ramp is constant behind its end", "ramp 100/s 200/s over 10s", 1700, 11 * time.Second},
		{"a falling ramp slows down", "ramp 200/s 100/s over 10s", 1500, 10 * time.Second},
		{"steps hold the first rate", "steps 10/s 1s 20/s 1s", 5, 500 * time.Millisecond},
		{"steps hold the second rate", "steps 10/s 1s 20/s 1s", 20, 1500 * time.Millisecond},
		{"the last step goes on for ever", "steps 10/s 1s 20/s 1s", 50, 3 * time.Second},
		{"a spike begins at its time", "spike 10/s 100/s at 1s for 2s", 10, time.Second},
		{"a spike ends at its time", "spike 10/s 100/s at 1s for 2s", 210, 3 * time.Second},
		{"the base goes on behind a spike", "spike 10/s 100/s at 1s for 2s", 220, 4 * time.Second},
		{"bursts pause while they are off", "bursty 10/s on 1s off 4s", 10, 5 * time.Second},
		{"and go on after", "bursty 10/s on 1s off 4s", 25, 10500 * time.Millisecond},
		{"a sine has sent its mean after a whole period", "sine 100/s 50/s per 10s", 1000, 10 * time.Second},
	} {
		got := mustPacer(t, row.pacer).Due(row.n)
		if diff := got - row.want; diff < -time.Microsecond || diff > time.Microsecond {
			t.Errorf("%s: %q.Due(%d) = %v; want %v", row.says, row.pacer, row.n, got, row.want)
		}
	}
}

var everyPacer = []string{
	"constant 300/s", "ramp 10/s 500/s over 30s", "ramp 500/s 10/s over 3s", "steps 100/s 10s 200/s 10s",
	"sine 300/s 299/s per 2s", "spike 100/s 1000/s at 1s for 2s", "bursty 1000/s on 100ms off 400ms",
	"poisson 7 constant 1000/s", "poisson 9 bursty 1000/s on 1s off 1s", "poisson 8 ramp 10/s 1000/s over 5s",
}

func TestDueNeverDecreasesAndCountInvertsIt(t *testing.T) {
	for _, text := range everyPacer {
		p := mustPacer(t, text)
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

func TestRateIsTheDerivativeOfTheCount(t *testing.T) {
	for _, text := range everyPacer {
		if text[0] == 'p' && text[1] == 'o' {
			continue // random: tested by its dispersion
		}
		p := mustPacer(t, text)
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

func TestPacerStringParsesBack(t *testing.T) {
	for _, text := range everyPacer {
		p := mustPacer(t, text)
		again := mustPacer(t, p.String())
		if p.String() != again.String() || p.Due(777) != again.Due(777) {
			t.Errorf("%s: read back as %s", p, again)
		}
	}
}

func TestParsePacerRefuses(t *testing.T) {
	for _, text := range []string{
		"", "constant", "constant 0/s", "constant -1/s", "constant NaN/s", "constant 1e99/s", "ramp 1/s 2/s", "ramp 1/s 2/s over 0s",
		"steps", "steps 1/s", "sine 10/s 10/s per 1s", "poisson constant 1/s", "poisson 1 poisson 2 constant 1/s", "jitter 1/s", "constant 5/d",
	} {
		if p, err := ParsePacer(text); err == nil {
			t.Errorf("ParsePacer(%q) = %v; want an error", text, p)
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
			p, err := NewPoisson(Constant{perSecond}, seed)
			if err != nil {
				t.Fatal(err)
			}
			schedule := NewSchedule(p)
			whole := schedule.Due(n-1) / window // the last window is cut
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
		t.Logf("index of dispersion at %v: %.4f ± %.4f, %d seeds of %d arrivals", window, index, math.Sqrt(2/windows), seeds, n)
	}
}

func TestPoissonGapsAreExponential(t *testing.T) {
	schedule := NewSchedule(mustPacer(t, "poisson 3 constant 1/s"))
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

func TestPoissonIsAPureFunctionOfN(t *testing.T) {
	p := mustPacer(t, "poisson 9 constant 50/s")
	schedule := NewSchedule(p)
	for _, n := range []uint64{0, 1, 255, 256, 257, 1023, 1024, 70000, 3, 5_000_000, 256} {
		if a, b := p.Due(n), schedule.Due(n); a != b {
			t.Errorf("Due(%d) = %v in one order, %v in another", n, a, b)
		}
	}
}

func FuzzParsePacer(f *testing.F) {
	for _, text := range everyPacer {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePacer(text)
		if err != nil {
			return
		}
		again, err := ParsePacer(p.String())
		if err != nil {
			t.Fatalf("%q reads as %q, which does not parse: %v", text, p, err)
		}
		if again.String() != p.String() {
			t.Fatalf("%q reads as %q, then as %q", text, p, again)
		}
	})
}

func TestLength(t *testing.T) {
	for _, row := range []struct {
		pacer Pacer
		want  time.Duration
	}{
		{Constant{5}, 0},
		{Ramp{1, 5, 30 * time.Second}, 30 * time.Second},
		{Steps{{5, time.Second}, {10, 2 * time.Second}}, 3 * time.Second},
		{Spike{1, 9, 10 * time.Second, 2 * time.Second}, 14 * time.Second},
		{Replay{Times: []time.Duration{0, time.Second, 4 * time.Second}, Speed: 2}, 2*time.Second + time.Millisecond},
		{Replay{Speed: 1}, 0},
		{Poisson{Of: Ramp{1, 5, time.Minute}}, time.Minute},
	} {
		if got := Length(row.pacer); got != row.want {
			t.Errorf("%v: %v; want %v", row.pacer, got, row.want)
		}
	}
}
