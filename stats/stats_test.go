package stats

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, row := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1}, 5}, {[]float64{5, 1, 3}, 3}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := Median(row.values); got != row.want {
			t.Errorf("Median(%v) = %g; want %g", row.values, got, row.want)
		}
	}
	values := []float64{3, 1, 2}
	if Median(values); values[0] != 3 {
		t.Error("Median sorted its argument")
	}
}

func TestDirection(t *testing.T) {
	for _, row := range []struct {
		says string
		i    Interval
		want int
	}{
		{"above 1", Interval{Low: 1.01, High: 1.2, Confidence: 0.95}, 1},
		{"below 1", Interval{Low: 0.8, High: 0.99, Confidence: 0.95}, -1},
		{"around 1", Interval{Low: 0.9, High: 1.1, Confidence: 0.95}, 0},
		{"at 1", Interval{Low: 1, High: 1.1, Confidence: 0.95}, 0},
		{"one replicate shows nothing", Interval{Value: 2, Low: 2, High: 2}, 0},
		{"at least 1.5, without an upper end", Interval{Low: 1.5, Confidence: 0.95}, 1},
		{"at least 0.5, without an upper end", Interval{Low: 0.5, Confidence: 0.95}, 0},
		{"at most 0.5, without a lower end", Interval{High: 0.5, Confidence: 0.95}, -1},
	} {
		if got := row.i.Direction(); got != row.want {
			t.Errorf("%s: %d; want %d", row.says, got, row.want)
		}
	}
}

func TestOneSidedIntervals(t *testing.T) {
	for _, row := range []struct {
		says      string
		low, high float64
		value     float64
		in, out   float64
	}{
		{"two ends", 4, 9, 6, 5, 10},
		{"no upper end", 4, 0, 4, 1e9, 3},
		{"no lower end", 0, 9, 9, 0, 10},
	} {
		i := Between(row.low, row.high, "a search")
		if i.Value != row.value || !i.Contains(row.in) || i.Contains(row.out) {
			t.Errorf("%s: %+v; want %g, containing %g but not %g", row.says, i, row.value, row.in, row.out)
		}
	}
}

func TestIntervalHasTheDocumentedKeys(t *testing.T) {
	got, err := json.Marshal(Interval{1, 0.5, 2, 0.95, "m", 6})
	const want = `{"value":1,"low":0.5,"high":2,"confidence":0.95,"method":"m","n":6}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

func TestMeanAbove(t *testing.T) {
	// t(0.95, 2) = 2.92; the values have mean 2 and standard error 1/√3.
	if mean, shown := MeanAbove([]float64{1, 2, 3}, 0.05); mean != 2 || !shown {
		t.Errorf("1, 2, 3: %g, %v; want 2, shown (t = 3.46 against 2.92)", mean, shown)
	}
	if _, shown := MeanAbove([]float64{1, 2, 3}, 0.01); shown {
		t.Error("1, 2, 3 at 1 %: shown; want not (t = 3.46 against 6.96)")
	}
	if _, shown := MeanAbove([]float64{5, 5}, 0.05); shown {
		t.Error("two values are enough to show a growth")
	}
}

func TestChanges(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	series := func(after float64) (values []float64) {
		for i := range 24 {
			level := 2.0
			if i >= 14 {
				level = after
			}
			values = append(values, level*(1+0.01*random.NormFloat64()))
		}
		return values
	}
	found := Changes(series(2.3), 4, 0.03)
	if len(found) != 1 || found[0].Index != 14 || math.Abs(found[0].After/found[0].Before-1.15) > 0.02 {
		t.Errorf("a step of 15 %% at 14: %+v", found)
	}
	if found := Changes(series(2.02), 4, 0.03); len(found) != 0 {
		t.Errorf("a step of 1 %%, too small to count: %+v", found)
	}
	if found := Changes([]float64{1, 1, 1, 2, 2, 2, 2}, 4, 0.03); found != nil {
		t.Errorf("two levels of four in seven values: %+v", found)
	}
}
