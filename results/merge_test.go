package results

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"bench/internal/proof"
)

// recordings are what several workers recorded of one load: each is slower than the one before it.
func recordings(n int, length time.Duration) (all [][]Interval) {
	random := rand.New(rand.NewPCG(4, 4))
	for w := range n {
		var one []Interval
		for second := range 8 {
			h := NewHistogram()
			for range 200 + 50*w {
				_ = h.RecordValue(int64(1000 * random.ExpFloat64() * float64(1+w*w*w*w*20)))
			}
			count := uint64(h.TotalCount())
			one = append(one, Interval{
				Start: time.Duration(second) * length, Length: length, Counts: Counts{Intended: count, Sent: count, OK: count},
				Hists: map[Series]*Packed{{Response, "page"}: Pack(h)},
			})
		}
		all = append(all, one)
	}
	return all
}

// textOf is a record as it travels, which names every count and bucket.
func textOf(t *testing.T, intervals []Interval) string {
	t.Helper()
	data, err := json.Marshal(intervals)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// In whatever order and grouping recordings are merged, the result is the same.
func TestMergingIsFreeOfOrder(t *testing.T) {
	proof.WithoutRace(t)
	random := rand.New(rand.NewPCG(1, 1))
	for parts := 1; parts <= 16; parts++ {
		all := recordings(parts, time.Second)
		want := textOf(t, Merge(all...))
		shuffled := slices.Clone(all)
		random.Shuffle(parts, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		cut := random.IntN(parts + 1)
		grouped := Merge(Merge(shuffled[:cut]...), Merge(shuffled[cut:]...))
		if textOf(t, Merge(shuffled...)) != want || textOf(t, grouped) != want {
			t.Errorf("%d recordings, shuffled or cut at %d, merge to something else", parts, cut)
		}
	}
}

// A long run's intervals grow longer, at another time in every worker. Merged ones have the longest length,
// and lose nothing.
func TestMergingIntervalsOfUnlikeLengths(t *testing.T) {
	short, long := recordings(1, time.Second)[0], recordings(2, 4*time.Second)[1]
	merged := Merge(short, long)
	if want := TotalCounts(short).Plus(TotalCounts(long)); TotalCounts(merged) != want {
		t.Errorf("counts %+v; want %+v", TotalCounts(merged), want)
	}
	if len(merged) != len(long) || merged[1].Start != 4*time.Second || merged[1].Length != 4*time.Second ||
		merged[1].Counts != TotalCounts(short[4:]).Plus(long[1].Counts) {
		t.Errorf("%d intervals, the second from %v for %v with %+v",
			len(merged), merged[1].Start, merged[1].Length, merged[1].Counts)
	}
	if textOf(t, merged) != textOf(t, Merge(long, short)) {
		t.Error("in the other order they merge to something else")
	}
}

// The canary: where workers differ, the mean of their p99s is wrong by more than half, and the merged one is not.
func TestTheMeanOfPercentilesIsWrong(t *testing.T) {
	all := recordings(4, time.Second)
	var mean float64
	for _, one := range all {
		mean += float64(Percentile(Total(one, Response), 99)) / float64(len(all))
	}
	together := NewHistogram()
	for _, one := range all {
		together.Merge(Total(one, Response))
	}
	truth, merged := Percentile(together, 99), Percentile(Total(Merge(all...), Response), 99)
	if merged != truth {
		t.Errorf("p99 of the merged record is %d µs; want %d", merged, truth)
	}
	if off := mean/float64(truth) - 1; off > -0.5 && off < 0.5 {
		t.Errorf("the mean of the p99s, %.0f µs, is off by %.0f %% only: this test shows nothing", mean, 100*off)
	}
}

// An interval survives its journey, and what cannot be one is refused.
func TestIntervalsTravel(t *testing.T) {
	all := recordings(1, time.Second)[0]
	text := textOf(t, all)
	var back []Interval
	if err := json.Unmarshal([]byte(text), &back); err != nil || textOf(t, back) != text {
		t.Errorf("it came back as something else, %v", err)
	}
	for _, change := range [][2]string{
		{`"length_ns":1000000000`, `"length_ns":0`}, {`"start_ns":1000000000`, `"start_ns":1`},
		{`"start_ns":1000000000`, `"start_ns":-1000000000`}, {`"intended":`, `"intended":1`},
		{`"kind":"response"`, `"kind":"other"`}, {`"data":"HISTF`, `"data":"HISTX`},
	} {
		if !strings.Contains(text, change[0]) {
			t.Fatalf("no %s in the text", change[0])
		}
		if json.Unmarshal([]byte(strings.Replace(text, change[0], change[1], 1)), &back) == nil {
			t.Errorf("%s instead of %s was accepted", change[1], change[0])
		}
	}
}

// Whatever arrives, an interval is read or refused; what is read can be written again.
func FuzzInterval(f *testing.F) {
	data, err := json.Marshal(recordings(1, time.Second)[0][0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		var iv Interval
		if json.Unmarshal(data, &iv) != nil {
			return
		}
		if _, err := json.Marshal(iv); err != nil {
			t.Errorf("%s was read, but cannot be written: %v", data, err)
		}
	})
}
