package results

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"bench/internal/proof"
)

// Quantiles are within 0.1 % of those of an exact sort, the maximum is exact, and what is written
// reads back the same, even with the library alone.
func TestQuantilesAgainstAnExactSort(t *testing.T) {
	proof.WithoutRace(t)
	n := 10_000_000
	if testing.Short() {
		n = 100_000
	}
	random := rand.New(rand.NewPCG(1, 2))
	values, h := make([]int64, n), NewHistogram()
	for i := range values {
		// Log-normal around 5 ms with a long tail, as latencies are; some below a millisecond.
		us, clamped := Micros(time.Duration(5e6 * math.Exp(1.5*random.NormFloat64())))
		if clamped {
			t.Fatalf("%v was clamped", us)
		}
		values[i] = us
		if err := h.RecordValue(us); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(values)
	for _, q := range []float64{1, 25, 50, 75, 90, 99, 99.9, 99.99, 99.999} {
		exact := values[min(n-1, int(math.Ceil(q/100*float64(n)))-1)]
		if got := Percentile(h, q); math.Abs(float64(got-exact)) > math.Max(1, 0.001*float64(exact)) {
			t.Errorf("quantile %g %% = %d µs; the exact value is %d", q, got, exact)
		}
	}
	if top := values[n-1]; !h.ValuesAreEquivalent(h.Max(), top) || math.Abs(float64(h.Max()-top)) > 0.001*float64(top) {
		t.Errorf("max = %d µs; want %d", h.Max(), top)
	}
	encoded, err := h.Encode(hdr.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	back, err := decodeHistogram(encoded)
	if err != nil {
		t.Fatal(err)
	}
	again := NewHistogram()
	back.MergeInto(again)
	plain, err := hdr.Decode(encoded)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []*Histogram{again, plain} {
		if !other.Equals(h) {
			t.Error("the histogram read back with other counts")
		}
	}
}
