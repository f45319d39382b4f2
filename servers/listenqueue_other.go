//go:build !linux

package servers

import "errors"

func listenQueues() (map[int]int, error) {
	return nil, errors.New("listen queues are known on Linux only")
}
