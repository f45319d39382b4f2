package loadgen

import "time"

// Thirds are the successful responses in each third of a plan's duration. A server that is still
// warming up gives more in the last third than in the middle one; in the first, a closed loop waits
// for its first responses.
type Thirds [3]uint64

// count counts a response that ended within the duration.
func (t *Thirds) count(end, duration time.Duration) {
	switch third := duration / 3; {
	case end <= third:
		t[0]++
	case end <= 2*third:
		t[1]++
	default:
		t[2]++
	}
}
