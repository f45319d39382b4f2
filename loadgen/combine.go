package loadgen

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"bench/results"
)

// Combine adds up what the senders of all parts of a plan recorded. It is a sum in every field, so that
// their order does not matter; no percentile is ever averaged.
func Combine(parts ...Outcome) (sum Outcome) {
	var recordings [][]results.Interval
	for _, o := range parts {
		recordings = append(recordings, o.Intervals)
		sum.Counts, sum.Within = sum.Counts.Plus(o.Counts), sum.Within.Plus(o.Within)
		for i, n := range o.Thirds {
			sum.Thirds[i] += n
		}
		sum.Loop = sum.Loop.Plus(o.Loop)
		sum.Opened += o.Opened
		sum.Clamped += o.Clamped
		sum.Waited += o.Waited
		sum.Limited += o.Limited
		sum.Strays += o.Strays
		sum.Spun += o.Spun
		sum.UnderWay += o.UnderWay
		sum.Targets = combineTargets(sum.Targets, o.Targets)
		sum.Reasons = combineReasons(sum.Reasons, o.Reasons)
	}
	sum.Intervals, sum.Moments = results.Merge(recordings...), combineMoments(parts)
	return sum
}

// combineTargets adds outcomes to those of the same names, and keeps the order of the names.
func combineTargets(sum, more []TargetOutcome) []TargetOutcome {
	for _, t := range more {
		at := slices.IndexFunc(sum, func(known TargetOutcome) bool { return known.Name == t.Name })
		if at < 0 {
			at, sum = len(sum), append(sum, TargetOutcome{Name: t.Name, Statuses: map[int]uint64{}})
		}
		sum[at].Counts = sum[at].Counts.Plus(t.Counts)
		for code, n := range t.Statuses {
			sum[at].Statuses[code] += n
		}
	}
	return sum
}

// combineMoments adds up the moments of the same time, in the order of time.
func combineMoments(parts []Outcome) []results.Moment {
	byTime := map[time.Duration]results.Moment{}
	for _, o := range parts {
		for _, m := range o.Moments {
			sum := byTime[m.At].Plus(m)
			sum.At = m.At
			byTime[m.At] = sum
		}
	}
	return slices.SortedFunc(maps.Values(byTime), func(a, b results.Moment) int { return cmp.Compare(a.At, b.At) })
}

// combineReasons adds reasons to those of the same ending, the most frequent first.
func combineReasons(sum, more []results.Reason) []results.Reason {
	for _, r := range more {
		at := slices.IndexFunc(sum, func(known results.Reason) bool {
			return known.Class == r.Class && known.Status == r.Status
		})
		if at < 0 {
			sum = append(sum, r)
			continue
		}
		sum[at].Count += r.Count
		if r.Request < sum[at].Request { // any of the first ones will do, but always the same
			sum[at].Request, sum[at].Text = r.Request, r.Text
		}
	}
	slices.SortStableFunc(sum, func(a, b results.Reason) int {
		return cmp.Or(-cmp.Compare(a.Count, b.Count), strings.Compare(a.Class, b.Class), cmp.Compare(a.Status, b.Status))
	})
	return sum
}
