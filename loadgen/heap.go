package loadgen

import (
	"runtime/debug"
	"sync"
	"time"
)

// growth is how much the heap may grow during a long load before it is collected, in percent. A load allocates next to
// nothing for each request, so that the usual 100 let its memory creep up for minutes and then fall again: 38.4 MiB
// after a minute, 40.0 after another half, where with 25 it stays between 34.0 and 34.9. A short load is over before
// that matters, and would collect what its start has left: 4 µs of CPU time a request, in loads of 2 s at 1,600/s.
const (
	growth   = 25
	longLoad = 10 * time.Second
)

// collection is how the heap is collected while long loads run, and by how much it was to grow before.
var collection struct {
	sync.Mutex
	loads, was int
}

// collectEarly keeps the heap small once a load has become long, until the function that it returns is called. Loads
// may overlap.
func collectEarly() (end func()) {
	long, ended := false, false
	timer := time.AfterFunc(longLoad, func() {
		collection.Lock()
		defer collection.Unlock()
		if long = !ended; !long {
			return
		}
		if collection.loads++; collection.loads == 1 {
			if collection.was = debug.SetGCPercent(growth); collection.was < growth { // or off: what the user asked for (GOGC)
				debug.SetGCPercent(collection.was)
			}
		}
	})
	return func() {
		timer.Stop()
		collection.Lock()
		defer collection.Unlock()
		if ended = true; !long {
			return
		}
		long = false
		if collection.loads--; collection.loads == 0 {
			debug.SetGCPercent(collection.was)
		}
	}
}
