package results

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"time"

	"bench/internal/proof"
	"bench/internal/simdisk"
)

var simulated = flag.Uint64("simulation", 0, "run the simulation of faults of this seed alone")

// story is what a program did to a run directory, as far as it was told.
type story struct {
	created  bool
	sealed   map[string]*Cell // Seal returned without an error
	tried    map[string]*Cell
	finished bool
	err      error
}

// withoutHistograms is a cell without what would take most of the time.
var withoutHistograms = sync.OnceValue(func() *Cell {
	c := sampleCell()
	for i := range c.Intervals {
		c.Intervals[i].Hists = nil
	}
	return c
})

func smallCell() *Cell {
	c := *withoutHistograms()
	return &c
}

// live lets a program write a run whose shape the seed decides, until the disk stops it.
func live(disk Disk, seed uint64) (s story) {
	random := rand.New(rand.NewPCG(seed, 0))
	s.sealed, s.tried = map[string]*Cell{}, map[string]*Cell{}
	defer func() {
		if p := recover(); p != nil {
			if _, expected := p.(simdisk.Stopped); !expected {
				panic(p)
			}
			s.err = fmt.Errorf("%v", p)
		}
	}()
	cells := 1 + random.IntN(4)
	m := Manifest{
		Kind: KindCompare, Name: "compare", Started: smallCell().Started, Topologies: []TopologyRecord{{Name: "uwsgi"}},
	}
	d, err := CreateOn(disk, "x", m)
	if err != nil {
		s.err = err
		return s
	}
	s.created = true
	for i := range cells {
		c := smallCell()
		c.Index, c.Block, c.Seed = i+1, i+1, random.Uint64()
		s.tried[CellName(c)] = c
		if err := d.Seal(c, map[string][]byte{"logs/a.log": []byte("x"), "conf/a/b": []byte("y")}); err != nil {
			s.err = err // the runner ends the run, and closes it as PARTIAL
			break
		}
		s.sealed[CellName(c)] = c
		if random.IntN(2) == 0 {
			m := d.Manifest()
			m.Measured = float64(i)
			if s.err = d.SetManifest(m); s.err != nil {
				break
			}
		}
	}
	if s.err != nil {
		_ = d.Finish(Partial, time.Second)
		return s
	}
	last := d.Manifest()
	last.Planned = cells
	if s.err = errors.Join(d.SetManifest(last), d.SetFindings(map[string]int{"n": cells})); s.err == nil {
		s.err = d.Finish(Complete, time.Second)
	}
	s.finished = s.err == nil
	return s
}

// told returns how the run that was loaded contradicts what the program was told, if it does.
func (s story) told(run *Run, err error) error {
	if err != nil {
		if !s.created && (errors.Is(err, ErrNotRun) || errors.Is(err, fs.ErrNotExist)) {
			return nil
		}
		return fmt.Errorf("the run cannot be read: %w", err)
	}
	found := map[string]bool{}
	for _, c := range run.Cells {
		name := CellName(c)
		found[name] = true
		want := s.tried[name]
		if want == nil || c.Seed != want.Seed || !reflect.DeepEqual(c.Counts, want.Counts) || len(c.Intervals) != 2 {
			return fmt.Errorf("cell %s was not written like that", name)
		}
	}
	for name := range s.sealed {
		if !found[name] {
			return fmt.Errorf("the sealed cell %s is lost", name)
		}
	}
	complete := run.Manifest.Status == Complete
	switch {
	case s.finished && !complete:
		return errors.New("the run was finished, and is not complete")
	case complete && len(found) != len(s.tried):
		return fmt.Errorf("the run is complete with %d of %d cells", len(found), len(s.tried))
	}
	return nil
}

// Whatever fails at whatever operation, what is left can be read, has every cell that was sealed, and claims
// no more than was done. A failure names its seed: -simulation replays it.
func TestSimulatedFaultsLoseNothing(t *testing.T) {
	proof.WithoutRace(t)
	t.Parallel()
	first, seeds := uint64(1), uint64(proof.Size(1, 60))
	if *simulated > 0 {
		first, seeds = *simulated, 1
	}
	runs := 0
	for seed := first; seed < first+seeds; seed++ {
		clean := simdisk.New(simdisk.Fails, 0, seed)
		if s := live(clean, seed); !s.finished {
			t.Fatalf("seed %d: without a fault: %v", seed, s.err)
		}
		for _, fault := range simdisk.All() {
			for at := 1; at <= clean.Operations(); at++ {
				disk := simdisk.New(fault, at, seed)
				s := live(disk, seed)
				run, err := LoadFrom(disk.Restart())
				if wrong := s.told(run, err); wrong != nil {
					t.Errorf("seed %d, %v at operation %d of %d: %v", seed, fault, at, clean.Operations(), wrong)
				}
				runs++
			}
		}
	}
	t.Logf("%d runs with a fault each: nothing lost, nothing wrong", runs)
}
