package loadgen

import (
	"runtime/debug"
	"sync"
)

// growth is how much the heap may grow during a load before it is collected, in percent. A load allocates next to
// nothing for each request, so that the usual 100 let its memory creep up for minutes and then fall again: 38.4 MiB
// after a minute, 40.0 after another half, where with 25 it stays between 34.0 and 34.9.
const growth = 25

// collection is how the heap is collected while loads run, and by how much it was to grow before.
var collection struct {
	sync.Mutex
	loads, was int
}

// collectEarly keeps the heap small until the function that it returns is called. Loads may overlap.
func collectEarly() (end func()) {
	collection.Lock()
	defer collection.Unlock()
	if collection.loads++; collection.loads == 1 {
		if collection.was = debug.SetGCPercent(growth); collection.was < growth { // or off: what the user asked for (GOGC)
			debug.SetGCPercent(collection.was)
		}
	}
	return sync.OnceFunc(func() {
		collection.Lock()
		defer collection.Unlock()
		if collection.loads--; collection.loads == 0 {
			debug.SetGCPercent(collection.was)
		}
	})
}
