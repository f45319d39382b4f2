package results

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bench/internal/proof"
)

// HdrHistogram's reference implementation in Java (version 2.2.2, getValueAtPercentile) read twenty
// histograms of 1 to 33,333 values from testdata/java-percentiles.txt: each line holds the number of
// values, what Java says of the percentiles below, and the histogram.
func TestPercentilesAgainstHdrHistogramInJava(t *testing.T) {
	text, err := os.ReadFile("testdata/java-percentiles.txt")
	if err != nil {
		t.Fatal(err)
	}
	percents := []float64{1, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100}
	lines := 0
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		packed, err := decodeHistogram([]byte(fields[len(fields)-1]))
		if err != nil {
			t.Fatal(err)
		}
		h := NewHistogram()
		packed.MergeInto(h)
		for i, got := range Percentiles(h, percents...) {
			want, err := strconv.ParseInt(fields[1+i], 10, 64)
			if err != nil || got != want || Percentile(h, percents[i]) != want {
				t.Errorf("p%g of %s values = %d; Java says %d", percents[i], fields[0], got, want)
			}
		}
		lines++
	}
	if lines != 20 {
		t.Errorf("%d histograms; want 20", lines)
	}
}

// Below 2048 µs a histogram holds every microsecond apart, so that percentiles are exactly those of
// the sorted values.
func TestPercentilesAreNearestRanks(t *testing.T) {
	proof.WithoutRace(t)
	random := rand.New(rand.NewPCG(5, 6))
	for n := 1; n <= 400; n++ {
		h, values := NewHistogram(), make([]int64, n)
		for i := range values {
			values[i] = random.Int64N(2048)
			_ = h.RecordValue(values[i])
		}
		slices.Sort(values)
		for percent := 1; percent <= 100; percent++ {
			if got, want := Percentile(h, float64(percent)), values[(n*percent+99)/100-1]; got != want {
				t.Fatalf("p%d of %d values = %d; the value of rank ⌈np⌉ is %d", percent, n, got, want)
			}
		}
	}
	if got := Percentile(NewHistogram(), 99); got != 0 {
		t.Errorf("p99 of nothing = %d", got)
	}
}

// The cases in which rounding p·n hid the slowest requests.
func TestPercentilesKeepTheSlowestRequests(t *testing.T) {
	for _, row := range []struct {
		fast, slow int
		us         int64
	}{{352, 4, 1_200_000}, {59, 1, 200_000}} {
		h := NewHistogram()
		_ = h.RecordValues(571, int64(row.fast))
		_ = h.RecordValues(row.us, int64(row.slow))
		if p99 := Summarize(h).P99; math.Abs(float64(p99-row.us)) > 0.001*float64(row.us) {
			t.Errorf("%d requests, %d of them of %d µs: p99 = %d µs; want that", row.fast+row.slow, row.slow, row.us, p99)
		}
	}
}
