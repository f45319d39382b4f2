package native

import (
	"runtime"
	"sync"
)

// processors are those of Go's scheduler: as many as it has by itself, and one for each thread that blocks
// without notifying it.
var processors struct {
	sync.Mutex
	own, held int
}

// hold makes n more processors for threads that block, and returns the function that takes them back.
// Without them, as many threads as there are cores would leave none for the rest of the program.
func hold(n int) (release func()) {
	adjust := func(by int) {
		processors.Lock()
		defer processors.Unlock()
		if processors.held == 0 {
			processors.own = runtime.GOMAXPROCS(0)
		}
		processors.held += by
		runtime.GOMAXPROCS(processors.own + processors.held)
	}
	adjust(n)
	return sync.OnceFunc(func() { adjust(-n) })
}
