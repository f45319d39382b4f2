// Package native runs a loadgen.Plan on raw sockets. Each shard is one thread with its own epoll
// set and every k-th request of the plan; a request in steady state costs two system calls and
// a share of a third, and no allocation, lock, channel or log.
//
// It speaks HTTP/1.1 over TCP, on Linux. Everything else (https, another system) is left to the
// net/http-based engine in loadgen/vegeta.
package native

import (
	"cmp"
	"fmt"
	"strings"

	"bench/loadgen"
)

// Engine runs plans. The zero value is ready to use.
type Engine struct {
	// Shards is the number of threads; zero means one for every four cores, because one can send
	// far more requests than a Django server on the other three can answer.
	Shards int
	// Timer says how a shard waits for the next due time. The zero value is Sleep.
	Timer Timer
	// Pin lists the cores that the shards are bound to, in turn; empty: the kernel chooses.
	Pin []int
}

func (Engine) String() string { return "native" }

// Mode is how the engine waits for due times.
func (e Engine) Mode() string { return string(cmp.Or(e.Timer, Sleep)) }

// Timer is how a shard waits until a request is due.
type Timer string

const (
	// Sleep leaves the core to others until the due time. A sleeping core wakes up some tens
	// of microseconds late.
	Sleep Timer = "sleep"
	// Hybrid sleeps until shortly before and then polls. It uses up a core and is for machines
	// that have one to spare: taken from the servers, it would change what is measured.
	Hybrid Timer = "hybrid"
	// Spin always polls.
	Spin Timer = "spin"
	// Auto is Hybrid while the machine has a core to spare, and Sleep otherwise.
	Auto Timer = "auto"
)

// Timers are the ways to wait.
var Timers = []Timer{Auto, Sleep, Hybrid, Spin}

// Unsupported says why this engine cannot run a plan; empty if it can.
func (Engine) Unsupported(p loadgen.Plan) string {
	switch {
	case !available:
		return "the native engine needs Linux"
	case strings.HasPrefix(p.URL, "https:"):
		return "the native engine does not speak TLS"
	}
	return ""
}

// shardsFor is the number of shards that run a plan on a machine with this number of cores.
func (e Engine) shardsFor(p loadgen.Plan, cores int) int {
	shards := e.Shards
	if shards == 0 {
		shards = max(1, cores/4)
	}
	return max(1, min(shards, p.Connections(), maxShards))
}

const maxShards = 128

// refuse returns why a plan cannot be run, if it cannot.
func (e Engine) refuse(p loadgen.Plan, guard loadgen.Guard) error {
	if err := p.Validate(); err != nil {
		return fmt.Errorf("native engine: %w", err)
	}
	if err := guard.Check(p.URL); err != nil {
		return err
	}
	if why := e.Unsupported(p); why != "" {
		return fmt.Errorf("%s; use the engine vegeta", why)
	}
	return nil
}
