package scenarios_test

import (
	"testing"

	"bench/scenarios"
)

func TestContentionIsAFactor(t *testing.T) {
	if got := scenarios.Contention(1); got != 1 {
		t.Errorf("one core slows itself down by %g", got)
	}
	if got := scenarios.Contention(2); !(got >= 1 && got < 4) {
		t.Errorf("two cores slow each other down by %g", got)
	}
}
