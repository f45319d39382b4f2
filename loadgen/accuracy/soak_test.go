package accuracy

import (
	"strings"
	"testing"
	"time"
)

// A load that grows is found out, by a little or at its end, and one that is too short is not judged.
func TestMemoryOfALongLoadIsJudgedFromItsFirstMinute(t *testing.T) {
	const most = 10 * time.Minute
	grow := func(start, perMinute float64, until time.Duration) (seen []resident) {
		for at := time.Second; at <= until; at += time.Second {
			warm := min(1, at.Seconds()/20) // what a load takes in its first seconds is no growth
			seen = append(seen, resident{at, int64((start*warm + perMinute*at.Minutes()) * (1 << 20))})
		}
		return seen
	}
	for _, row := range []struct {
		says string
		seen []resident
		want string
	}{
		{"flat", grow(20, 0, most), "ok"},
		{"as it was: 2 MB a minute", grow(22, 2, most), "MISSED"},
		{"by a little", grow(20, 0.2, most), "MISSED"},
		{"within the limit", grow(20, 0.05, most), "ok"},
		{"flat, but much", grow(65, 0, most), "MISSED"},
		{"short", grow(20, 2, 90*time.Second), ""},
		{"short, but much", grow(65, 0, 20*time.Second), "MISSED"},
		{"shorter than a second", nil, ""},
		{"a jump at the end", append(grow(20, 0, most), resident{most + time.Second, 22 << 20}), "MISSED"},
	} {
		load := Report{Count: 1e8}
		for _, r := range row.seen {
			load.MaxRSS = max(load.MaxRSS, r.bytes)
		}
		if got := soakRow(1e8, load, row.seen); got.Verdict != row.want {
			t.Errorf("%s: %+v; want %q", row.says, got, row.want)
		}
	}
	unanswered := soakRow(5, Report{}, grow(20, 0, most))
	if unanswered.Verdict != "MISSED" || !strings.Contains(unanswered.Setting, "0 of 5") {
		t.Errorf("no request was answered: %+v", unanswered)
	}
}
