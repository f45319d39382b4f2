//go:build !linux

package native

import (
	"context"
	"errors"
	"time"

	"bench/loadgen"
	"bench/results"
)

const available = false

// HasCore reports that nothing is known of cores here.
func HasCore(int) bool { return true }

// Run implements loadgen.Engine.
func (e Engine) Run(_ context.Context, p loadgen.Plan, guard loadgen.Guard, _ *loadgen.Recorder) error {
	if err := e.refuse(p, guard); err != nil {
		return err
	}
	return errors.ErrUnsupported
}

// Calibrate has nothing to measure here.
func (Engine) Calibrate(context.Context) (results.Calibration, error) {
	return results.Calibration{}, errors.ErrUnsupported
}

// Null is a server with known service times, on Linux.
type Null struct {
	Service func(i uint64) time.Duration
	Workers int
}

// Start fails here.
func (*Null) Start() error { return errors.ErrUnsupported }

// URL is empty here.
func (*Null) URL() string { return "" }

// Close has nothing to stop here.
func (*Null) Close() error { return nil }
