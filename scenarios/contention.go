package scenarios

import (
	"runtime"
	"sync"
	"time"

	"bench/stats"
)

// How the slowdown of busy cores is measured.
const (
	contentionSlice  = 15 * time.Millisecond
	contentionRounds = 25
	contentionMemory = 1 << 18 // words: an interpreter's working set does not fit the nearest cache
)

// Contention is how many times as long work takes on a core when all cores are busy as when only
// one is: cores may share caches or memory, or be two threads of one core. One core and all cores
// work in turn, for a few milliseconds each, and the median of the ratios counts: on a shared
// machine the CPU speed changes by more than this within minutes, but not from slice to slice. It
// takes about a second.
func Contention(cores int) float64 {
	if cores < 2 {
		return 1
	}
	// Long enough for the scheduler to use every core, and for each to be warm.
	work := make([]spinner, cores)
	for i := range work {
		work[i].memory = make([]uint64, contentionMemory)
	}
	together(work)
	var ratios []float64
	for range contentionRounds {
		one := together(work[:1])
		all := together(work)
		ratios = append(ratios, one/all)
	}
	return max(1, stats.Median(ratios))
}

// together lets all spinners work for a slice and returns their mean speed.
func together(work []spinner) float64 {
	var wait sync.WaitGroup
	for i := range work {
		wait.Go(work[i].spin)
	}
	wait.Wait()
	var speed float64
	for i := range work {
		speed += work[i].speed
	}
	return speed / float64(len(work))
}

// spinner behaves like an interpreter, as far as a core is concerned: it follows data through
// memory and branches on it.
type spinner struct {
	memory []uint64
	speed  float64 // steps per second of CPU time
	state  uint64
}

func (s *spinner) spin() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began, used := time.Now(), threadCPU()
	steps := 0
	for x := s.state | 1; time.Since(began) < contentionSlice; steps += 2000 {
		for range 2000 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
			at := &s.memory[x%uint64(len(s.memory))]
			if *at += x; *at&3 == 0 {
				x += *at
			}
		}
		s.state = x
	}
	if took := threadCPU() - used; took > 0 {
		s.speed = float64(steps) / took.Seconds()
	}
}
