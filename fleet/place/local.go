package place

import (
	"context"
	"fmt"
	"strconv"

	"bench/fleet"
)

// Local is a number of workers on this machine.
type Local struct {
	N       int
	options Options
}

func parseLocal(rest string, o Options) (fleet.Place, error) {
	n, err := strconv.Atoi(rest)
	if err != nil || n < 1 || n > mostWorkers {
		return nil, fmt.Errorf("%q is not a number from 1 to %d", rest, mostWorkers)
	}
	return Local{n, o}, nil
}

// Workers implements fleet.Place.
func (l Local) Workers() []string {
	names := make([]string, l.N)
	for i := range names {
		names[i] = "local-" + strconv.Itoa(i+1)
	}
	return names
}

// Start implements fleet.Place.
func (l Local) Start(_ context.Context, _ int) (fleet.Stream, error) {
	return startProcess(l.options.Env, append([]string{l.options.Program}, l.options.Args...), l.options.Heard)
}
