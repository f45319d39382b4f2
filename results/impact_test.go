package results

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// world is a load of known truth: requests every 10 ms, each answered after 2 ms but for an outage, in
// which they are lost, and a queue that it leaves, in which they wait until it has drained.
func world(outage, queue [2]time.Duration) *Cell {
	const length = 10 * time.Second
	c := &Cell{Duration: length.Seconds(), Incidents: []Incident{{Text: "at 4s kill a", At: 4}}}
	within := func(at time.Duration, span [2]time.Duration) bool { return at >= span[0] && at < span[1] }
	random := rand.New(rand.NewPCG(1, 2))
	moments := map[time.Duration]*Moment{}
	moment := func(at time.Duration) *Moment {
		at = at.Truncate(MomentLength)
		if moments[at] == nil {
			moments[at] = &Moment{At: at}
		}
		return moments[at]
	}
	for due := time.Duration(0); due < length; due += 10 * time.Millisecond {
		m := moment(due)
		m.Due++
		took := time.Duration(2+random.IntN(3)) * time.Millisecond
		switch {
		case within(due, outage):
			m.Lost++
			continue
		case within(due, queue):
			took = queue[1] - due
		}
		m.Worst = max(m.Worst, took)
		came := moment(due + took)
		if came.Came++; came.First == 0 || due+took < came.First {
			came.First = due + took
		}
		came.Last = max(came.Last, due+took)
	}
	for at := time.Duration(0); at < length+time.Second; at += MomentLength {
		if m := moments[at]; m != nil {
			c.Moments = append(c.Moments, *m)
		}
	}
	return c
}

func seconds2(a, b float64) [2]time.Duration { return [2]time.Duration{ofSeconds(a), ofSeconds(b)} }

// The gap and the recovery of a load of known truth are found to 10 ms, and a tenth of the window.
func TestImpactOnAKnownWorld(t *testing.T) {
	never := math.Inf(1)
	for _, row := range []struct {
		says           string
		outage, queue  [2]time.Duration
		lost           uint64
		gap, recovery  float64
		gapOff, recOff float64
	}{
		{"nothing", seconds2(0, 0), seconds2(0, 0), 0, 0.01, 0, 0.01, 0.001},
		{"an outage of 1.5 s", seconds2(4, 5.5), seconds2(0, 0), 150, 1.51, 1.5, 0.01, 0.06},
		{"one that begins later", seconds2(4.5, 5), seconds2(0, 0), 50, 0.51, 1, 0.01, 0.06},
		{"requests that wait, and none that is lost", seconds2(0, 0), seconds2(4, 4.8), 0, 0.81, 0.8, 0.01, 0.06},
		{"no recovery", seconds2(4, 10), seconds2(0, 0), 600, 6, never, 0.01, 0},
		{"recovery too late to be sure", seconds2(4, 9.5), seconds2(0, 0), 550, 5.51, never, 0.01, 0},
		{"an outage before anything was done", seconds2(1, 1.5), seconds2(0, 0), 0, 0.01, 0, 0.01, 0.001},
	} {
		impact := world(row.outage, row.queue).Impact()
		recovery := never
		if impact.Recovery != nil {
			recovery = *impact.Recovery
		}
		far := func(a, b, off float64) bool { return a != b && !(math.Abs(a-b) <= off) }
		if impact.Incidents[0].Lost != row.lost || far(impact.Gap, row.gap, row.gapOff) ||
			far(recovery, row.recovery, row.recOff) {
			t.Errorf("%s: lost %d, gap %.3f, recovery %.3f; want %d, %.2f, %.2f", row.says, impact.Incidents[0].Lost,
				impact.Gap, recovery, row.lost, row.gap, row.recovery)
		}
	}
}

func TestMomentsAreReadBack(t *testing.T) {
	want := world(seconds2(4, 5), seconds2(5, 5.2)).Moments
	data, err := writeMoments(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readMoments(data)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, %d moments; want the %d that were written", err, len(got), len(want))
	}
	for _, bad := range []string{"", "x", "0.010,1,2,0,0,0,0", "0.010,1,0,-5,0,0,0", "0.010,1,0,0,1,9,3",
		"0.020,1,0,0,0,0,0\n0.010,1,0,0,0,0,0"} {
		head := "at_s,due,lost,worst_us,came,first_us,last_us\n"
		if bad == "" {
			head = ""
		}
		if _, err := readMoments([]byte(head + bad + "\n")); err == nil {
			t.Errorf("%q was read as moments", bad)
		}
	}
}
