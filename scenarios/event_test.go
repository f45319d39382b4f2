package scenarios

import "testing"

// A cell that is measured again is one cell of the plan, and has a number of its own: what a run is said to
// have planned, the cells apart included, is what it has begun.
func TestRepetitionsAreNotPlannedCells(t *testing.T) {
	p := &progress{of: 2, spare: 3}
	first, second, apart := Cell{Index: 1}, Cell{Index: 2}, Cell{Index: 4}
	p.next(first, Arm{})
	if !p.repeats(&first, 0) || first.Index != 3 {
		t.Errorf("the repetition is number %d of 2; want a repetition, number 3", first.Index)
	}
	p.next(second, Arm{})
	p.of++
	if started := p.next(apart, Arm{}); started.Cell != 3 || p.at != 3 {
		t.Errorf("cell %d of %d began, %d in all; want the third of three", started.Cell, p.of, p.at)
	}
}
