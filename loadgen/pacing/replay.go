package pacing

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Replay repeats recorded arrival times, Speed times as fast.
type Replay struct {
	Times []time.Duration // since the first, in order
	Speed float64
}

// Due is never, for requests beyond the recorded ones.
func (p Replay) Due(n uint64) time.Duration {
	if n >= uint64(len(p.Times)) {
		return math.MaxInt64
	}
	return time.Duration(float64(p.Times[n]) / p.Speed)
}

// Rate is the mean rate over the second around the given time.
func (p Replay) Rate(at time.Duration) float64 {
	first, _ := slices.BinarySearch(p.Times, time.Duration(float64(at-time.Second/2)*p.Speed))
	last, _ := slices.BinarySearch(p.Times, time.Duration(float64(at+time.Second/2)*p.Speed))
	return float64(last - first)
}

// Length is part of Bounded: the last request is part of it.
func (p Replay) Length() time.Duration {
	if len(p.Times) == 0 {
		return 0
	}
	return time.Duration(float64(p.Times[len(p.Times)-1])/p.Speed) + time.Millisecond
}

// String describes the replay. It does not contain the times, so Parse does not read it, and
// Replay is not among the Kinds; a plan written as JSON contains the times separately.
func (p Replay) String() string {
	return fmt.Sprintf("replay of %d arrivals at %g times their speed", len(p.Times), p.Speed)
}

// maxArrivals limits the length of a recording.
const maxArrivals = 50_000_000

var logTime = regexp.MustCompile(`\[(\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\]`)

// ParseArrivals reads arrival times, one per line: an access log in the common or combined
// format, or lines that start with seconds (like nginx's $msec) or an RFC 3339 time. Arrivals
// in the same second, which is the resolution of an access log, are spread evenly over it.
// Times that go back a little, as in logs written at the end of each request, are sorted.
func ParseArrivals(r io.Reader) ([]time.Duration, error) {
	var at []float64 // seconds
	whole := true
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		seconds, err := arrivalTime(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if len(at) == maxArrivals {
			return nil, fmt.Errorf("line %d: more than %d arrivals", number, maxArrivals)
		}
		whole = whole && seconds == math.Trunc(seconds)
		at = append(at, seconds)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(at) == 0 {
		return nil, errors.New("no arrival times")
	}
	slices.Sort(at)
	if whole {
		spread(at)
	}
	times := make([]time.Duration, len(at))
	for i, s := range at {
		times[i] = time.Duration((s - at[0]) * float64(time.Second))
	}
	return times, nil
}

// spread spreads the times of each whole second evenly over it.
func spread(at []float64) {
	for i := 0; i < len(at); {
		j := i
		for j < len(at) && at[j] == at[i] {
			j++
		}
		second := at[i]
		for k := i; k < j; k++ {
			at[k] = second + float64(k-i)/float64(j-i)
		}
		i = j
	}
}

func arrivalTime(line string) (seconds float64, err error) {
	if found := logTime.FindStringSubmatch(line); found != nil {
		t, err := time.Parse("02/Jan/2006:15:04:05 -0700", found[1])
		return float64(t.Unix()), err
	}
	first, _, _ := strings.Cut(line, " ")
	if s, err := strconv.ParseFloat(first, 64); err == nil && s >= 0 && s < 1e11 {
		return s, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, first); err == nil {
		return float64(t.UnixNano()) / 1e9, nil
	}
	return 0, fmt.Errorf("no time in %.60q: want [22/Nov/2026:18:00:00 +0000], seconds, or an RFC 3339 time", line)
}
