package proc

import (
	"slices"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// Reading is what one process of a group has used since it started.
type Reading struct {
	PID     int
	CPU     time.Duration // its own, and its children's that it has waited for
	PSS     int64         // bytes; shared pages count in proportion, so sums over processes are correct
	Threads int
}

// ReadAll reads processes, as far as the kernel still knows them.
func ReadAll(members []Member) (readings []Reading) {
	for _, m := range members {
		if now, err := member(m.PID); err == nil && now.Started == m.Started {
			readings = append(readings, reading(now))
		}
	}
	return readings
}

func reading(m Member) Reading {
	r := Reading{PID: m.PID, Threads: m.Threads}
	// The times of /proc/PID/stat have a resolution of 10 ms, the process clock of nanoseconds.
	own, err := cpuClock(m.PID)
	if err != nil {
		own = m.CPU
	}
	r.CPU = own + m.Reaped
	if process, err := procfs.NewProc(m.PID); err == nil {
		if rollup, err := process.ProcSMapsRollup(); err == nil {
			r.PSS = int64(rollup.Pss)
		}
	}
	return r
}

// ticks converts the kernel's USER_HZ, which is 100 on every Linux that Go runs on.
func ticks(n uint64) time.Duration { return time.Duration(n) * 10 * time.Millisecond }

// groupAlive reports whether the group has a member that is not a zombie: an orphan stays one
// until the init process of a container reaps it.
func groupAlive(group int) bool {
	if syscall.Kill(-group, 0) != nil {
		return false
	}
	all, err := All()
	return err != nil || slices.ContainsFunc(all, func(m Member) bool { return m.Group == group && !m.dead() })
}
