package results

import "testing"

// Cells that did not record their pacer had Poisson arrivals drawn from their seed.
func TestCellsWithoutAPacerGetTheOneTheyHad(t *testing.T) {
	for _, row := range []struct {
		says string
		cell Cell
		want string
	}{
		{"an open loop", Cell{Mode: OpenLoop, Load: "rate-47.3", Rate: 47.3, Seed: 1<<64 - 1},
			"poisson 18446744073709551615 constant 47.3/s"},
		{"the arm that a pair asks first", Cell{Mode: OpenLoop, Load: Alternate, Rate: 120, Seed: 7, Position: 1},
			"staggered 4.166666ms first poisson 7 constant 120/s"},
		{"and the other", Cell{Mode: OpenLoop, Load: Alternate, Rate: 120, Seed: 7, Position: 2},
			"staggered 4.166666ms second poisson 7 constant 120/s"},
		{"a closed loop has none", Cell{Mode: ClosedLoop, Load: Burst, Seed: 7}, ""},
		{"what is recorded stays", Cell{Mode: OpenLoop, Rate: 5, Pacer: "constant 5/s"}, "constant 5/s"},
	} {
		row.cell.upgradePacer()
		if row.cell.Pacer != row.want {
			t.Errorf("%s: %q; want %q", row.says, row.cell.Pacer, row.want)
		}
	}
}
