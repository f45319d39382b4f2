package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"bench/fleet/link"
	"bench/loadgen"
)

// Config is what a fleet is made of.
type Config struct {
	Place   Place
	Version string
	Binary  string // SHA-256 of this program: a worker of another is refused
	Dir     string // where what the workers record is kept until the load has been measured
	// Engine says how the workers send, in the form that they understand.
	Engine json.RawMessage
	Clock  Clock // this machine's monotonic clock; nil: the kernel's
}

// Fleet is workers that have joined a run. It is a loadgen.Measurer.
type Fleet struct {
	config Config
	hub    *hub
	live   *live
	jobs   int
}

// Errors of workers, each of which has an exit code of its own.
var (
	// ErrNotStarted means that a worker could not be started, or did not join.
	ErrNotStarted = errors.New("a worker could not be started")
	// ErrUnfit means that a worker cannot take part: another program, or a clock too far to be compared.
	ErrUnfit = errors.New("a worker is unfit")
	// ErrLost means that a worker is gone that had joined.
	ErrLost = errors.New("a worker is lost")
)

// Open starts the workers and waits until all have joined. On error nothing is left running.
func Open(ctx context.Context, c Config) (*Fleet, error) {
	if c.Clock == nil {
		c.Clock = Monotonic
	}
	f := &Fleet{config: c, live: new(live)}
	hub, err := newHub(c.Place.Workers(), c.Dir, f.live)
	if err != nil {
		return nil, err
	}
	f.hub = hub
	if err := f.each(func(m *member) error { return f.enlist(ctx, m) }); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// each does something with every worker at once. Errors carry the worker's name; those of one cause are one.
func (f *Fleet) each(do func(*member) error) error {
	errs := make([]error, len(f.hub.members))
	var all sync.WaitGroup
	for i, m := range f.hub.members {
		all.Go(func() { errs[i] = do(m) })
	}
	all.Wait()
	return gather(f.hub.members, errs)
}

// gather joins the errors of workers: the first of each text, with the names of those that say the same.
func gather(members []*member, errs []error) (joined error) {
	names, firsts := map[string][]string{}, []error{}
	for i, err := range errs {
		if err == nil {
			continue
		}
		if names[err.Error()] == nil {
			firsts = append(firsts, err)
		}
		names[err.Error()] = append(names[err.Error()], members[i].name)
	}
	for _, err := range firsts {
		joined = errors.Join(joined, fmt.Errorf("%s: %w", workers(names[err.Error()]), err))
	}
	return joined
}

// workers is a list of names in a text: "worker a", "workers a, b, c and 61 more".
func workers(names []string) string {
	const most = 3
	if len(names) == 1 {
		return "worker " + names[0]
	}
	if len(names) > most {
		return fmt.Sprintf("workers %s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return "workers " + strings.Join(names, ", ")
}

// enlist starts a worker, invites it and waits until it has joined.
func (f *Fleet) enlist(ctx context.Context, m *member) error {
	stream, err := f.config.Place.Start(ctx, m.index)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotStarted, err)
	}
	m.stream = stream
	invitation, err := encode(Invitation{Run: f.hub.run, Worker: m.token, Password: m.password})
	if err != nil {
		return err
	}
	go f.attend(m, append(invitation, '\n'))
	select {
	case m.hello = <-m.joined:
	case <-m.life.Done():
		return fmt.Errorf("%w: %w", ErrNotStarted, context.Cause(m.life))
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(readyWithin):
		return fmt.Errorf("%w: it did not join within %v", ErrNotStarted, readyWithin)
	}
	if m.hello.Binary != f.config.Binary {
		return fmt.Errorf("%w: it is bench %s (%.12s), this is bench %s (%.12s): "+
			"all workers have to be the same program; install this one there",
			ErrUnfit, m.hello.Version, m.hello.Binary, f.config.Version, f.config.Binary)
	}
	return nil
}

// attend invites a worker, and relays between it and the hub until either ends. The hub pings from the first
// moment, so that it is not connected before the worker is there to answer.
func (f *Fleet) attend(m *member, invitation []byte) {
	_, err := m.stream.Write(invitation)
	if err == nil {
		_, err = io.ReadFull(m.stream, make([]byte, len(present)))
	}
	if err != nil {
		m.lose(ended(m.stream))
		return
	}
	conn, err := f.hub.dial()
	if err != nil {
		m.lose(err)
		return
	}
	defer conn.Close()
	link.Relay(conn, m.stream, m.stream)
	m.lose(ended(m.stream)) // before the engine notices, which knows no reasons
}

// ended is why a stream ended.
func ended(stream Stream) error {
	if err := stream.End(leaveWithin); err != nil {
		return fmt.Errorf("it ended: %w", err)
	}
	return errors.New("it ended")
}

// leaveWithin is how long a worker has for an orderly end.
const leaveWithin = 2 * time.Second

// Ask has a worker, by its position in the place, carry out a duty.
func Ask[T any](ctx context.Context, f *Fleet, worker int, duty string, order any) (T, error) {
	return askWithin[T](ctx, replyWithin, f.hub.members[worker], duty, order)
}

// Lost is closed when a worker is gone, and Why is the reason.
func (f *Fleet) Lost(worker int) <-chan struct{} { return f.hub.members[worker].life.Done() }

// Why is why a worker is gone; nil while it is there.
func (f *Fleet) Why(worker int) error { return context.Cause(f.hub.members[worker].life) }

// Close ends the workers and the hub. What is still running after two seconds is killed.
func (f *Fleet) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), leaveWithin)
	defer cancel()
	err := f.each(func(m *member) error {
		if m.stream == nil {
			return nil
		}
		_, asked := ask[answer](ctx, m, "leave", answer{})
		if ended := m.stream.End(leaveWithin); asked == nil && ended != nil {
			return fmt.Errorf("ending it: %w", ended)
		}
		return nil
	})
	if place, ok := f.config.Place.(io.Closer); ok {
		err = errors.Join(err, place.Close())
	}
	f.hub.close()
	_ = os.Remove(f.config.Dir) // unless something is kept in it
	return err
}

// Measure carries out a plan on all workers.
func (f *Fleet) Measure(ctx context.Context, p loadgen.Plan, watch loadgen.Watch) (loadgen.Measurement, error) {
	if err := p.Validate(); err != nil {
		return loadgen.Measurement{}, err
	}
	f.jobs++
	f.live.reset()
	r := &run{Fleet: f, plan: p, parts: p.Split(len(f.hub.members)), shares: make([]*share, len(f.hub.members))}
	for _, step := range []func(context.Context, *member) error{r.compareClocks, r.handOver, r.awaitReady} {
		if err := f.each(func(m *member) error { return step(ctx, m) }); err != nil {
			return loadgen.Measurement{}, r.abandon(err)
		}
	}
	if watch.Start != nil {
		watch.Start()
	}
	lead := r.lead()
	start := time.Now().Add(lead)
	r.start = f.config.Clock() + lead
	if err := f.each(func(m *member) error { return r.goAhead(ctx, m) }); err != nil {
		return loadgen.Measurement{}, r.abandon(err)
	}
	unfollow := f.live.follow(start, watch.Second)
	r.finish(ctx)
	unfollow()
	m := r.measurement(ctx.Err() != nil)
	return m, r.clean(m)
}

// How long before the common start it is announced: long enough for the slowest worker to hear of it.
const (
	leastLead = 200 * time.Millisecond
	leadTrips = 10 // of the worst round trip
)

// lead is how long before the common start it is announced. One worker has nobody to start with.
func (r *run) lead() time.Duration {
	if len(r.shares) == 1 {
		return leadTrips * r.worst
	}
	return max(leastLead, leadTrips*r.worst)
}

// run is one plan being carried out.
type run struct {
	*Fleet
	plan   loadgen.Plan
	parts  []loadgen.Plan
	shares []*share
	start  time.Duration // on the hub's clock

	mu    sync.Mutex
	worst time.Duration // round trip
}

// Beyond degradedBound, what a worker measured in a second may belong to another; beyond mostBound, its load
// is not the same load.
const (
	degradedBound = 5 * time.Millisecond
	mostBound     = 50 * time.Millisecond
)

// offset compares a worker's clock with the hub's.
func (f *Fleet) offset(ctx context.Context, m *member) (Offset, time.Duration, error) {
	return compare(ctx, f.config.Clock, func(ctx context.Context) (came, left time.Duration, err error) {
		reading, err := ask[clockReading](ctx, m, "clock", answer{})
		return reading.Came, reading.Left, err
	})
}

func (r *run) compareClocks(ctx context.Context, m *member) error {
	offset, worst, err := r.offset(ctx, m)
	if err != nil {
		return err
	}
	if offset.Bound > mostBound {
		return fmt.Errorf("%w: a message takes %v there and back, so that its clock is known to ±%v only: want %v; "+
			"use hosts that are nearer", ErrUnfit, 2*offset.Bound, offset.Bound, mostBound)
	}
	r.mu.Lock()
	r.worst = max(r.worst, worst)
	r.mu.Unlock()
	r.shares[m.index], err = m.begin(r.jobs, offset)
	return err
}

// handOver gives a worker its part, and makes sure that it has understood it.
func (r *run) handOver(ctx context.Context, m *member) error {
	part := r.parts[m.index]
	data, err := encode(part)
	if err != nil {
		return err
	}
	got, err := ask[accepted](ctx, m, "plan", job{r.jobs, part, r.config.Engine})
	if err == nil && got.Digest != digest(data) {
		err = fmt.Errorf("%w: it understood another plan", ErrUnfit)
	}
	return err
}

func (r *run) awaitReady(ctx context.Context, m *member) error {
	s := r.shares[m.index]
	select {
	case <-s.ready:
		return nil
	case <-s.over:
		if err := s.done.Failure.err(); err != nil {
			return err
		}
		return errors.New("it ended before the start")
	case <-m.life.Done():
		return context.Cause(m.life)
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(r.openWithin(m)):
		return fmt.Errorf("%w: its connections are not open after %v; use fewer of them", ErrUnfit, r.openWithin(m))
	}
}

// openEach is how long a worker may take for each connection, on top of readyWithin.
const openEach = 5 * time.Millisecond

func (r *run) openWithin(m *member) time.Duration {
	return readyWithin + time.Duration(r.parts[m.index].Connections())*openEach
}

func (r *run) goAhead(ctx context.Context, m *member) error {
	_, err := ask[answer](ctx, m, "go", startAt{r.start + r.shares[m.index].before.Ahead})
	return err
}

// finish waits until every worker has ended its part or is lost. If one is lost or ends early, or ctx ends,
// the others stop: what they would measure from then on is another load.
func (r *run) finish(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	_ = r.each(func(m *member) error {
		s := r.shares[m.index]
		deadline := time.After(time.Duration(r.start-r.config.Clock()) + r.plan.Duration + r.plan.DrainTime() + readyWithin)
		stopped := ctx.Done()
		for {
			select {
			case <-s.over:
				if s.done.Failure != nil || s.done.Measurement.Hopeless != "" {
					stop()
				}
				r.compareAgain(m, s)
				return nil
			case <-m.life.Done():
				stop()
				return nil
			case <-deadline:
				m.lose(errors.New("it did not end in time"))
			case <-stopped:
				stopped, deadline = nil, time.After(stopWithin)
				_, _ = ask[answer](context.Background(), m, "stop", answer{}) // if it is gone, that is noticed
			}
		}
	})
}

// stopWithin is how long a worker may take to end a load that is to stop.
const stopWithin = 5 * time.Second

// compareAgain compares a clock once more, to see how far it has drifted. Without it, nothing is known of that.
func (r *run) compareAgain(m *member, s *share) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveWithin)
	defer cancel()
	if after, _, err := r.offset(ctx, m); err == nil {
		s.after = after
	}
}

// abandon ends a load that has not begun.
func (r *run) abandon(err error) error {
	_ = r.each(func(m *member) error {
		s := r.shares[m.index]
		if s == nil {
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), leaveWithin)
		defer cancel()
		_, _ = ask[answer](ctx, m, "stop", answer{}) // it may be the one that failed
		return s.spool.remove()
	})
	return err
}

// clean removes what was kept of the workers' records, unless some of it is nowhere else.
func (r *run) clean(m loadgen.Measurement) error {
	var errs []error
	for i, s := range r.shares {
		if m.Workers[i].Lost == "" {
			errs = append(errs, s.spool.remove())
		}
	}
	return errors.Join(errs...)
}
