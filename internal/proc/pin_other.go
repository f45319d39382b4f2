//go:build !linux

package proc

import "errors"

// Cores are the cores that this process may use: unknown here.
func Cores() ([]int, error) { return nil, errors.ErrUnsupported }

// Pin keeps all threads of a process on some cores; not here.
func Pin(int, []int) error { return errors.ErrUnsupported }
