//go:build !linux

package scenarios

import "time"

// threadCPU is the wall-clock time: only on Linux is a thread's CPU time read.
func threadCPU() time.Duration { return time.Duration(time.Now().UnixNano()) }
