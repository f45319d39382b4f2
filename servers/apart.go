package servers

import (
	"errors"
	"fmt"
	"os"

	"bench/internal/proc"
)

// Halves divides the cores that bench may use: the first half, rounded up, for servers, the others for the load
// generator.
func Halves() (servers, generator []int, err error) {
	cores, err := proc.Cores()
	if err != nil {
		return nil, nil, fmt.Errorf("finding the cores that bench may use: %w", err)
	}
	if len(cores) < 2 {
		return nil, nil, errors.New("servers and load generator need a core each: there is only one")
	}
	half := (len(cores) + 1) / 2
	return cores[:half], cores[half:], nil
}

// Pin keeps the cluster's processes, and all that they start, on some cores.
func (c *Cluster) Pin(cores []int) error {
	members, err := c.Members()
	if err != nil {
		return err
	}
	if len(members) == 0 {
		return fmt.Errorf("%s was not started by bench, which therefore cannot choose its cores", c.blueprint.Topology)
	}
	for _, m := range members {
		if err := proc.Pin(m.PID, cores); err != nil {
			return fmt.Errorf("keeping %s on cores %v: %w", m, cores, err)
		}
	}
	return nil
}

// PinBench keeps bench itself, and so the load generator, on some cores until restore is called.
func PinBench(cores []int) (restore func() error, err error) {
	before, err := proc.Cores()
	if err != nil {
		return nil, err
	}
	if err := proc.Pin(os.Getpid(), cores); err != nil {
		return nil, fmt.Errorf("keeping bench on cores %v: %w", cores, err)
	}
	return func() error { return proc.Pin(os.Getpid(), before) }, nil
}
