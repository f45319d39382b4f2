package scenarios

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadCPU is the CPU time of this thread.
func threadCPU() time.Duration {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now) != nil {
		return 0
	}
	return time.Duration(now.Nano())
}
