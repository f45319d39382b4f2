package native

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// watchCores tracks, until the function it returns is called, whether there are idle cores for
// the shards to poll on.
func (r *run) watchCores(shards int) func() {
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(coresEvery)
		defer tick.Stop()
		before, at := idleTime(), time.Now()
		for {
			select {
			case <-done:
				return
			case now := <-tick.C:
				idle := idleTime()
				cores := (idle - before).Seconds() / now.Sub(at).Seconds()
				if r.spare.Load() {
					cores += float64(shards) // the cores used for polling would otherwise be idle
				}
				// A quarter of a core more than needed, so as not to take the last of it.
				r.spare.Store(cores >= float64(shards)+0.25)
				before, at = idle, now
			}
		}
	})
	return func() { close(done); watching.Wait() }
}

const coresEvery = 250 * time.Millisecond

// idleTime is the time that all cores together have been idle.
func idleTime() time.Duration {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(data), "\n")
	fields := strings.Fields(line)
	if len(fields) < 6 {
		return 0
	}
	idle, _ := strconv.ParseInt(fields[4], 10, 64)
	iowait, _ := strconv.ParseInt(fields[5], 10, 64)
	return time.Duration(idle+iowait) * (time.Second / 100) // USER_HZ is 100 on every Linux
}
