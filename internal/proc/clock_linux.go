package proc

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpuClock reads the CPU time of all threads of a process, including ended ones, in nanoseconds.
// The clock's ID is computed as in clock_getcpuclockid(3): ^pid << 3 | CPUCLOCK_SCHED.
func cpuClock(pid int) (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|2), &ts); err != nil {
		return 0, err
	}
	return time.Duration(ts.Nano()), nil
}
