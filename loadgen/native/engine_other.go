//go:build !linux

package native

import (
	"context"
	"errors"

	"bench/loadgen"
)

const available = false

// Run implements loadgen.Engine.
func (e Engine) Run(_ context.Context, p loadgen.Plan, _ *loadgen.Recorder) error {
	if err := e.refuse(p); err != nil {
		return err
	}
	return errors.ErrUnsupported
}
