package native

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"bench/loadgen"

	"golang.org/x/sys/unix"
)

const available = true

// startLead is the time between the decision to start and the start of the clock, in which
// every shard reaches its loop, so that the first request is not late.
const startLead = 2 * time.Millisecond

// Run implements loadgen.Engine.
func (e Engine) Run(ctx context.Context, p loadgen.Plan, guard loadgen.Guard, rec *loadgen.Recorder) error {
	if err := e.refuse(p, guard); err != nil {
		return err
	}
	address, err := guard.Resolve(ctx, p.URL)
	if err != nil {
		return err
	}
	requests, err := prepare(p)
	if err != nil {
		return fmt.Errorf("native engine: preparing the requests: %w", err)
	}
	if err := p.CheckRoom(address); err != nil {
		return err
	}
	k := e.shardsFor(p, runtime.NumCPU())
	defer hold(k)()
	r := &run{
		engine: e, plan: p, address: address, socket: guard.Socket, requests: requests, shards: k,
		start: make(chan time.Time), opened: make(chan struct{}, k),
	}
	if p.Mode == loadgen.Open {
		r.arrivals = p.Arrivals()
	}
	shards := make([]*shard, k)
	for w := range shards {
		s, err := newShard(r, w, p.Part.Part(w, k), rec)
		if err != nil {
			r.failed = err
		}
		shards[w] = s
	}
	stopped := make(chan struct{})
	unhook := context.AfterFunc(ctx, func() { defer close(stopped); r.stop(shards) })
	if e.Timer == Auto {
		defer r.watchCores(k)()
	}
	err = r.drive(shards, rec)
	if !unhook() {
		<-stopped // it writes to the shards' files, which must not be closed and reused meanwhile
	}
	for _, s := range shards {
		if s != nil {
			s.close()
		}
	}
	return err
}

// run is one plan being run: what the shards share, read-only.
type run struct {
	engine   Engine
	plan     loadgen.Plan
	address  netip.AddrPort
	socket   string // in the file system, in place of an address; usually empty
	requests []request
	arrivals uint64 // of an open loop, in all parts of the plan
	shards   int
	failed   error

	opened  chan struct{}  // one from each shard when its connections are open
	start   chan time.Time // the clock, to each shard
	stopped atomic.Bool
	spare   atomic.Bool // the machine has a core to spare
}

// remote is the server's address in the kernel's form. It is not shared: it caches a form of itself.
func (r *run) remote() unix.Sockaddr {
	if r.socket != "" {
		return &unix.SockaddrUnix{Name: r.socket}
	}
	return sockaddr(r.address)
}

// drive runs the shards: each opens its connections, then all start on one clock.
func (r *run) drive(shards []*shard, rec *loadgen.Recorder) error {
	if r.failed != nil {
		return r.failed
	}
	errs := make([]error, len(shards))
	var running sync.WaitGroup
	for i, s := range shards {
		running.Go(func() { errs[i] = s.work() })
	}
	for range shards {
		<-r.opened
	}
	start := rec.Start(startLead)
	for range shards {
		r.start <- start
	}
	running.Wait()
	return errors.Join(errs...)
}

func (r *run) stop(shards []*shard) {
	r.stopped.Store(true)
	for _, s := range shards {
		if s != nil {
			s.wake()
		}
	}
}
