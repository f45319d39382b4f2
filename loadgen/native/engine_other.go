//go:build !linux

package native

import (
	"context"
	"errors"

	"bench/loadgen"
	"bench/results"
)

const available = false

// Run implements loadgen.Engine.
func (e Engine) Run(_ context.Context, p loadgen.Plan, _ *loadgen.Recorder) error {
	if err := e.refuse(p); err != nil {
		return err
	}
	return errors.ErrUnsupported
}

// Calibrate has nothing to measure here.
func (Engine) Calibrate(context.Context) (results.Calibration, error) {
	return results.Calibration{}, errors.ErrUnsupported
}
