package results

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"bench/internal/proof"
)

func TestParseObjective(t *testing.T) {
	for _, row := range []struct {
		text   string
		want   Objective
		column int // of the error; 0 for none
	}{
		{"p99 < 250ms", Objective{"p99", 99, 250_000}, 0},
		{"P99 < 250 ms", Objective{"p99", 99, 250_000}, 0},
		{"Errors < 1 %", Objective{Metric: "errors", Limit: 0.01}, 0},
		{"p99.9<1.5s", Objective{"p99.9", 99.9, 1_500_000}, 0},
		{"mean < 1ms", Objective{"mean", 0, 1000}, 0},
		{"errors < 0.1%", Objective{"errors", 0, 0.001}, 0},
		{"errors<0.001", Objective{"errors", 0, 0.001}, 0},
		{"p99 250ms", Objective{}, 10},
		{"p100 < 1s", Objective{}, 1},
		{"latency < 1s", Objective{}, 1},
		{"p99 < fast", Objective{}, 7},
		{"p99 < -1s", Objective{}, 7},
		{"p99 < 2h", Objective{}, 7},
		{"errors < 0", Objective{}, 10},
		{"errors < NaN", Objective{}, 10},
		{"pNaN < 1s", Objective{}, 1},
	} {
		got, err := ParseObjective(row.text)
		var parse *ParseError
		switch {
		case row.column == 0 && (err != nil || got.Metric != row.want.Metric || got.Quantile != row.want.Quantile ||
			math.Abs(got.Limit-row.want.Limit) > 1e-9):
			t.Errorf("ParseObjective(%q) = %+v, %v; want %+v", row.text, got, err, row.want)
		case row.column > 0 && (!errors.As(err, &parse) || parse.Column != row.column):
			t.Errorf("ParseObjective(%q) = %v; want an error at column %d", row.text, err, row.column)
		}
	}
}

func TestParseObjectivesCountsColumnsFromTheStart(t *testing.T) {
	list, err := ParseObjectives("p99<100ms,errors<0.1%")
	if err != nil || len(list) != 2 {
		t.Fatalf("ParseObjectives = %v, %v", list, err)
	}
	_, err = ParseObjectives("p99<100ms,p50<x")
	var parse *ParseError
	if !errors.As(err, &parse) || parse.Column != 15 {
		t.Errorf("ParseObjectives = %v; want an error at column 15", err)
	}
}

func TestObjectiveMet(t *testing.T) {
	h := NewHistogram()
	for us := int64(1); us <= 1000; us++ {
		_ = h.RecordValue(us)
	}
	var good, bad, none Counts
	good.Add(OK, 1000)
	bad.Add(OK, 999)
	bad.Add(Dropped, 1)
	none.Add(HTTPError, 5)
	var hung Counts
	hung.Add(OK, 500)
	hung.Add(Timeout, 400)
	hung.Add(InFlight, 100)
	for _, row := range []struct {
		says, text string
		counts     Counts
		want       bool
	}{
		{"below the limit", "p99 < 991us", good, true},
		{"the limit itself is missed", "p50 < 500us", good, false},
		{"no errors", "errors < 1%", good, true},
		{"a dropped request is an error", "errors < 0.1%", bad, false},
		{"one request in a thousand without a response does not affect p99", "p99 < 995us", bad, true},
		{"unless as many are slow as allowed", "p99 < 991us", bad, false},
		{"a failed request is slower than any maximum", "max < 1s", bad, false},
		{"the maximum", "max < 1.1ms", good, true},
		{"a mean below the limit", "mean < 502us", good, true},
		{"failed requests count as twice the limit in a mean", "mean < 501us", bad, false},
		{"but not p99.95", "p99.95 < 1s", bad, false},
		{"requests that never got a response are slower than a limit beyond their timeout", "p99 < 2s", hung, false},
		{"and their mean is no shorter than it", "mean < 900us", hung, false},
		{"without a response no limit is met", "p99 < 1s", none, false},
	} {
		o, err := ParseObjective(row.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.Judge(h, row.counts); (got.Verdict == Met) != row.want || got.Met != row.want {
			t.Errorf("%s: %s is %+v; want met = %v", row.says, o, got, row.want)
		}
	}
}

func TestMicrosClampsAndCounts(t *testing.T) {
	for _, row := range []struct {
		in      time.Duration
		want    int64
		clamped bool
	}{
		{0, 0, false}, {499, 0, false}, {500, 1, false}, {time.Hour, HighestMicros, false},
		{time.Hour + time.Second, HighestMicros, true}, {-time.Second, 0, true},
	} {
		if got, clamped := Micros(row.in); got != row.want || clamped != row.clamped {
			t.Errorf("Micros(%v) = %d, %v; want %d, %v", row.in, got, clamped, row.want, row.clamped)
		}
		if err := NewHistogram().RecordValue(row.want); err != nil {
			t.Errorf("the histogram refuses %d: %v", row.want, err)
		}
	}
}

func TestCountsCheck(t *testing.T) {
	var c Counts
	for class := range Class(Classes) {
		c.Add(class, uint64(class)+1)
	}
	if err := c.Check(); err != nil || c.Intended != 36 || c.Sent != 36-7 {
		t.Errorf("Check of one of each = %v, %+v", err, c)
	}
	c.OK++
	if c.Check() == nil {
		t.Error("Check accepts counts that do not add up")
	}
}

func FuzzParseObjective(f *testing.F) {
	for _, text := range []string{"p99 < 250ms", "errors < 0.1%", "mean<1s", "p99.99 < 1h", "p50 < 5m", "max < 1m30s",
		"mean < 10s", "mean < 10m"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := ParseObjective(text)
		if err != nil {
			return
		}
		again, err := ParseObjective(o.String())
		if err != nil || again.Metric != o.Metric || math.Abs(again.Limit-o.Limit) > 1e-3*o.Limit+1e-9 {
			t.Fatalf("%q reads as %v, then as %v (%v)", text, o, again, err)
		}
	})
}

// Shares of intervals add up to the share of the whole.
func TestSharesAddUp(t *testing.T) {
	interval := func(micros []int64, wrong uint64) Interval {
		h := NewHistogram()
		var c Counts
		for _, v := range micros {
			_ = h.RecordValue(v)
			c.Add(OK, 1)
		}
		c.Add(HTTPError, wrong)
		return Interval{Counts: c, Hists: map[Series]*Packed{{Kind: Response, Target: "a"}: Pack(h)}}
	}
	intervals := []Interval{interval([]int64{1000, 2000, 300_000}, 0), interval([]int64{1000, 1000, 1000, 99_000}, 1)}
	for _, row := range []struct {
		objective   string
		part, whole float64
		allowed     float64
	}{
		{"p99<100ms", 2, 8, 0.01}, // one is slow, one failed
		{"p50<1s", 1, 8, 0.5},     // a failed request is slower than any limit
		{"errors<10%", 1, 8, 0.1},
		{"max<200ms", 2, 8, 0},
		{"mean<100ms", 405_000 + 200_000, 800_000, 1},
	} {
		o, err := ParseObjective(row.objective)
		if err != nil {
			t.Fatal(err)
		}
		var part, whole float64
		for _, iv := range intervals {
			p, w := o.Share(iv)
			part, whole = part+p, whole+w
		}
		if math.Abs(part-row.part) > 0.001*row.part || whole != row.whole || math.Abs(o.Allowed()-row.allowed) > 1e-9 {
			t.Errorf("%s: %g of %g, %g allowed; want %g of %g, %g",
				row.objective, part, whole, o.Allowed(), row.part, row.whole, row.allowed)
		}
	}
}

// Value and verdict of an objective against a list of all requests, sorted, in which those without a
// successful response are slower than any other: the value is the one of nearest rank, and a limit is
// met if it is below it.
func TestObjectiveAgainstTheSortedPopulation(t *testing.T) {
	proof.WithoutRace(t)
	random := rand.New(rand.NewPCG(7, 8))
	verdicts := map[string]int{}
	for range 3000 {
		n, failing := 300+random.IntN(900), random.Float64()*0.02
		h, all := NewHistogram(), make([]float64, n)
		var counts Counts
		for i := range all {
			us := random.Int64N(2000)
			all[i] = float64(us)
			switch class := Class(random.IntN(Classes)); {
			case random.Float64() >= failing || class == OK:
				counts.Add(OK, 1)
				_ = h.RecordValue(us)
			case class == Timeout || class == InFlight:
				counts.Add(class, 1)
				_ = h.RecordValue(2000) // as long as it was waited for, a lower bound
				all[i] = math.Inf(1)
			default:
				counts.Add(class, 1)
				all[i] = math.Inf(1)
			}
		}
		slices.Sort(all)
		o := Objective{"p99", 99, float64(1960 + random.IntN(41))}
		want := all[(n*99+99)/100-1]
		got := o.Judge(h, counts)
		verdict := Missed
		if want < o.Limit {
			verdict = Met
		}
		if got.Verdict != verdict || (got.Value == nil) != math.IsInf(want, 1) || got.Value != nil && *got.Value != want {
			t.Fatalf("%d requests, %+v: %s %+v; the value of rank ⌈0.99n⌉ is %g", n, counts, o, got, want)
		}
		if !math.IsInf(want, 1) && got.Value == nil || got.Requests != uint64(n) {
			t.Fatalf("%+v", got)
		}
		verdicts[verdict]++
	}
	if verdicts[Met] < 200 || verdicts[Missed] < 200 {
		t.Errorf("%v: the test decides too little", verdicts)
	}
}

// Few requests meet nothing, and miss only what so few can miss.
func TestFewRequestsDecideLittle(t *testing.T) {
	for _, row := range []struct {
		says, text string
		fast, slow int64
		failed     uint64
		want       string
	}{
		// Of 60 requests, 1 % are slow at the limit: one or more with a probability of 1 − 0.99⁶⁰ = 45 %, three or
		// more with one of 2.2 %.
		{"one of 60 is slow", "p99 < 50ms", 59, 1, 0, Undecided},
		{"three of 60 are slow", "p99 < 50ms", 57, 3, 0, Missed},
		{"three of 60 fail", "p99 < 50ms", 57, 0, 3, Missed},
		{"none of 299 is slow", "p99 < 50ms", 299, 0, 0, Undecided},
		{"none of 300 is slow", "p99 < 50ms", 300, 0, 0, Met},
		{"three of 300 are slow: the 297th is not", "p99 < 50ms", 297, 3, 0, Met},
		{"four of 300 are slow", "p99 < 50ms", 296, 4, 0, Missed},
		{"none of 2,999 for p99.9", "p99.9 < 50ms", 2999, 0, 0, Undecided},
		{"none of 3,000 for p99.9", "p99.9 < 50ms", 3000, 0, 0, Met},
		{"thirty decide p90", "p90 < 50ms", 30, 0, 0, Met},
		{"five are too few for the median", "p50 < 50ms", 5, 0, 0, Undecided},
		{"but five slow ones miss it", "p50 < 50ms", 0, 5, 0, Missed}, // 2⁻⁵ = 3 %
		{"no error in 20", "errors < 0.1%", 20, 0, 0, Undecided},
		{"no error in 3,000", "errors < 0.1%", 3000, 0, 0, Met},
		{"one error in 20 of 0.1 %", "errors < 0.1%", 19, 0, 1, Missed}, // 1 − 0.999²⁰ = 2 %
		{"a mean needs no number", "mean < 50ms", 3, 0, 0, Met},
		{"nothing but failures", "p99 < 50ms", 0, 0, 1, Missed},
	} {
		o, err := ParseObjective(row.text)
		if err != nil {
			t.Fatal(err)
		}
		h := NewHistogram()
		_ = h.RecordValues(571, row.fast)
		_ = h.RecordValues(200_000, row.slow)
		var counts Counts
		counts.Add(OK, uint64(row.fast+row.slow))
		counts.Add(Reset, row.failed)
		if got := o.Judge(h, counts); got.Verdict != row.want || got.Met != (row.want == Met) {
			t.Errorf("%s: %s is %+v; want %s", row.says, o, got, row.want)
		}
	}
}
