//go:build !linux

package loadgen

import "bench/results"

// monitor sees nothing here: the kernel's accounts it reads are Linux's.
type monitor struct{}

func (*monitor) start([]int)            {}
func (*monitor) stop() []results.Health { return nil }
