package pacing

import (
	"testing"
	"time"
)

func TestReplayIsAPacer(t *testing.T) {
	p := Replay{Times: []time.Duration{0, time.Second, 1500 * time.Millisecond}, Speed: 2}
	early, all := Count(p, 600*time.Millisecond), Count(p, time.Hour)
	if p.Due(1) != 500*time.Millisecond || early != 2 || all != 3 || p.Rate(time.Second/2) != 3 {
		t.Errorf("Due(1) = %v, Count = %d and %d, Rate = %g", p.Due(1), early, all, p.Rate(time.Second/2))
	}
}
