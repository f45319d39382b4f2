// Package vegeta runs a loadgen.Plan with the vegeta library. Vegeta paces, keeps the pool of
// workers and sends with net/http; when a request was due, when it was sent and how it ended
// is measured here, at the transport, because vegeta's own latency starts when a worker picks
// up a request and so leaves out the time it waited for one.
package vegeta

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bench/loadgen"
	"bench/loadgen/http1"
	"bench/loadgen/pacing"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Engine runs plans with vegeta. The zero value is ready to use.
type Engine struct {
	// TLS says whom to trust and how to identify oneself over https; nil: as the system does.
	TLS *tls.Config
	// HTTP1 keeps to HTTP/1.1 also where a server offers HTTP/2 over https. With HTTP/2, one connection
	// carries many requests at once, so that fewer are opened than the plan allows.
	HTTP1 bool
}

func (Engine) String() string { return "vegeta" }

// Unsupported says what in a plan this engine cannot do; empty if it can do everything.
func (Engine) Unsupported(p loadgen.Plan) string {
	if p.Mix.Dynamic() || p.Conns.Fixed || p.Conns.Requests > 0 || len(p.Conns.Sources) > 0 {
		return "sessions, feeds and connections that are fixed, counted or bound to an address need the native engine, " +
			"and so Linux and http://"
	}
	if len(p.Slow) > 0 && !strings.HasPrefix(p.URL, "http://") {
		return "slow clients speak only http"
	}
	return ""
}

// Run implements loadgen.Engine.
func (e Engine) Run(ctx context.Context, p loadgen.Plan, guard loadgen.Guard, rec *loadgen.Recorder) error {
	if err := p.Validate(); err != nil {
		return fmt.Errorf("vegeta engine: %w", err)
	}
	if err := guard.Check(p.URL); err != nil {
		return err
	}
	if why := (Engine{}).Unsupported(p); why != "" {
		return fmt.Errorf("vegeta engine: %s", why)
	}
	address, err := guard.Resolve(ctx, p.URL)
	if err != nil {
		return err
	}
	if err := p.CheckRoom(address); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &run{engine: e, plan: p, guard: guard, shard: rec.Shard(p.Part), ctx: ctx,
		fastest: make([]atomic.Int64, len(p.Mix.Targets))}
	if p.Mode == loadgen.Open {
		r.intended = p.Intended()
		// Two readers of one schedule: the pacer runs ahead of the responses, and a reader that
		// served both would draw the blocks of a random schedule again and again.
		r.pacing, r.recording = pacing.NewSchedule(p.Pacer), pacing.NewSchedule(p.Pacer)
	}
	transport := r.transport()
	defer transport.CloseIdleConnections()

	attacker := vegeta.NewAttacker(
		vegeta.Client(&http.Client{
			Transport: r,
			// A redirect is a response; following it would measure two requests as one.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
		vegeta.Workers(uint64(r.firstWorkers())),
		vegeta.MaxWorkers(uint64(p.Connections())),
		vegeta.MaxBody(0),
	)
	r.base = transport
	r.openConnections()
	defer r.closeUnused()
	r.start = rec.Start(0)
	stop := context.AfterFunc(ctx, func() { attacker.Stop() })
	defer stop()
	// Responses are waited for until the drain time is over; then requests are abandoned.
	drain := time.AfterFunc(p.Duration+p.DrainTime(), cancel)
	defer drain.Stop()

	for range attacker.Attack(r.target, r, 0, "") {
		// The samples are taken in RoundTrip; vegeta's results only pace its workers.
	}
	if p.Mode == loadgen.Open {
		r.shard.Drop(p.Part.Nth(r.started.Load()), time.Since(r.start))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	return nil
}

// run is one plan being run.
type run struct {
	engine   Engine
	plan     loadgen.Plan
	guard    loadgen.Guard
	ctx      context.Context
	base     http.RoundTripper
	start    time.Time
	intended uint64 // open loop only

	opened  chan net.Conn  // opened before the start, not yet used
	fastest []atomic.Int64 // response of each target so far, in nanoseconds; 0: none yet

	started  atomic.Uint64 // requests picked up
	inFlight atomic.Int64

	pacing *pacing.Schedule // used only by vegeta's pacing goroutine

	mu        sync.Mutex // guards what follows
	shard     *loadgen.Shard
	recording *pacing.Schedule
	over      bool // the record is closed: net/http may still be dialing for a request that went another way
}

func (r *run) firstWorkers() int {
	if r.plan.Mode == loadgen.Closed {
		return r.plan.Connections()
	}
	return min(r.plan.Connections(), 16)
}

func (r *run) transport() *http.Transport {
	dial := r.guard.Dialer(net.Dialer{})
	transport := &http.Transport{
		Proxy: nil, // a proxy from the environment would be a host that nobody named
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			select {
			case conn := <-r.opened:
				return r.watch(conn), nil
			default:
			}
			before := time.Now()
			conn, err := dial(ctx, network, address)
			if err == nil {
				r.mu.Lock()
				if !r.over {
					r.shard.Opened(time.Since(before))
				}
				r.mu.Unlock()
				conn = r.watch(conn)
			}
			return conn, err
		},
		MaxIdleConns:           r.plan.Connections(),
		MaxIdleConnsPerHost:    r.plan.Connections(),
		MaxConnsPerHost:        r.plan.Connections(),
		DisableKeepAlives:      r.plan.Conns.New,
		MaxResponseHeaderBytes: http1.MaxHead,
		DisableCompression:     true, // bodies are compared and counted as sent
		ForceAttemptHTTP2:      !r.engine.HTTP1,
		TLSClientConfig:        r.engine.TLS.Clone(),
	}
	if r.engine.HTTP1 {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	return transport
}

// Pace implements vegeta.Pacer with the plan's schedule. It waits itself rather than let vegeta
// sleep: vegeta's sleep cannot be interrupted, and at 5 requests an hour Ctrl-C would take
// minutes.
func (r *run) Pace(elapsed time.Duration, hits uint64) (wait time.Duration, stop bool) {
	if r.plan.Mode == loadgen.Closed {
		limit := r.plan.Requests
		return 0, elapsed >= r.plan.Duration || r.ctx.Err() != nil || limit > 0 && hits >= r.plan.Part.Share(limit)
	}
	if hits >= r.intended || elapsed > r.plan.Duration+loadgen.LateGrace {
		return 0, true
	}
	due := r.pacing.Due(r.plan.Part.Nth(hits))
	if due < elapsed && r.inFlight.Load() >= int64(r.plan.Connections()) {
		r.mu.Lock()
		r.shard.Waited()
		r.mu.Unlock()
	}
	if wait = due - time.Since(r.start); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.ctx.Done():
			return 0, true
		}
	}
	return 0, r.ctx.Err() != nil
}

// Rate implements vegeta.Pacer.
func (r *run) Rate(elapsed time.Duration) float64 {
	if r.plan.Mode == loadgen.Closed {
		return 0
	}
	return r.plan.Pacer.Rate(elapsed)
}

// target implements vegeta.Targeter. Vegeta's ticks are interchangeable, so the i-th request
// picked up is request i of the plan's part. Its number travels to the transport in the URL's
// fragment, which is never sent.
func (r *run) target(t *vegeta.Target) error {
	// Vegeta offers a tick of a closed loop ahead, and a worker may take it when the loop is over.
	if r.plan.Mode == loadgen.Closed && (r.ctx.Err() != nil || time.Since(r.start) >= r.plan.Duration) {
		return vegeta.ErrNoTargets
	}
	n := r.plan.Part.Nth(r.started.Add(1) - 1)
	target := r.plan.Mix.At(n)
	*t = vegeta.Target{
		Method: target.Method,
		URL:    r.plan.URL + target.RequestURI() + "#" + strconv.FormatUint(n, 10),
		Header: target.Header,
		Body:   target.Body,
	}
	return nil
}
