package proc

import (
	"fmt"
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

// ReadGroup reads every process of the group.
func ReadGroup(group int) ([]Reading, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, fmt.Errorf("reading process group %d: %w", group, err)
	}
	all, err := fs.AllProcs()
	if err != nil {
		return nil, fmt.Errorf("reading process group %d: %w", group, err)
	}
	var readings []Reading
	for _, process := range all {
		stat, err := process.Stat()
		if err != nil || stat.PGRP != group {
			continue // ended meanwhile, or not ours
		}
		readings = append(readings, reading(process, stat))
	}
	return readings, nil
}

// ReadAll reads processes, as far as they still run.
func ReadAll(members []Member) (readings []Reading) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return nil
	}
	for _, m := range members {
		process, err := fs.Proc(m.PID)
		if err != nil {
			continue
		}
		if stat, err := process.Stat(); err == nil && stat.Starttime == m.Started {
			readings = append(readings, reading(process, stat))
		}
	}
	return readings
}

func reading(process procfs.Proc, stat procfs.ProcStat) Reading {
	r := Reading{PID: process.PID, Threads: stat.NumThreads}
	// utime and stime have a resolution of 10 ms, the process clock of nanoseconds.
	own, err := cpuClock(process.PID)
	if err != nil {
		own = ticks(stat.UTime + stat.STime)
	}
	r.CPU = own + ticks(uint(max(0, stat.CUTime+stat.CSTime)))
	if rollup, err := process.ProcSMapsRollup(); err == nil {
		r.PSS = int64(rollup.Pss)
	}
	return r
}

// ticks converts the kernel's USER_HZ, which is 100 on every Linux that Go runs on.
func ticks(n uint) time.Duration { return time.Duration(n) * 10 * time.Millisecond }

// groupAlive reports whether the group has a member that is not a zombie: an orphan stays one
// until the init process of a container reaps it.
func groupAlive(group int) bool {
	if syscall.Kill(-group, 0) != nil {
		return false
	}
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return true
	}
	all, err := fs.AllProcs()
	if err != nil {
		return true
	}
	for _, process := range all {
		if stat, err := process.Stat(); err == nil && stat.PGRP == group && stat.State != "Z" && stat.State != "X" {
			return true
		}
	}
	return false
}
