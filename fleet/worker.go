package fleet

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bench/fleet/link"
	"bench/loadgen"
	"bench/results"

	"github.com/nats-io/nats.go"
)

// Worker carries out parts of loads for a hub.
type Worker struct {
	Version string
	Binary  string // SHA-256 of the program: a hub wants its own
	Dir     string // of what was measured and not yet collected
	// Guard is the worker's own permission. No message extends it.
	Guard loadgen.Guard
	// Engine makes the engine that a job asks for.
	Engine func(json.RawMessage) (loadgen.Engine, error)
	// Duties are what it may be asked to do beside loads, by name.
	Duties map[string]Duty
	// Clock is the worker's monotonic clock; nil: this machine's.
	Clock Clock
}

// Duty does something that a hub asks for, and answers with a value that JSON can write. Several may be under
// way at once; the context ends with the worker.
type Duty func(ctx context.Context, order []byte) (any, error)

// errHubGone is why a worker ended without having been told to.
var errHubGone = errors.New("the hub is gone")

// Serve reads an invitation from a stream, and works for the hub at the other end of it until that says
// goodbye, or is gone: then the load ends at once, and what was measured stays in the worker's folder.
func (w Worker) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	line, err := firstLine(ctx, lines)
	if errors.Is(err, io.EOF) {
		err = errors.New("there is none: the load was abandoned, or its token has been used before")
	}
	if err != nil {
		return fmt.Errorf("reading the invitation: %w", err)
	}
	i, err := decode[Invitation](bytes.TrimSpace(line))
	if err != nil {
		return fmt.Errorf("reading the invitation: %w", err)
	}
	if _, err := io.WriteString(out, present); err != nil {
		return fmt.Errorf("answering the invitation: %w", err)
	}
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		link.Relay(far, lines, out)
	}()
	defer near.Close()
	return w.work(ctx, i, near)
}

// firstLine waits for a line no longer than somebody wants it. The reading itself cannot be called off: it ends with
// the stream, or with the process.
func firstLine(ctx context.Context, lines *bufio.Reader) ([]byte, error) {
	var line []byte
	read := make(chan error, 1)
	go func() {
		var err error
		line, err = lines.ReadSlice('\n')
		read <- err
	}()
	select {
	case err := <-read:
		return line, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// work joins the run and does what it is asked to until it ends.
func (w Worker) work(ctx context.Context, i Invitation, conn net.Conn) error {
	if w.Clock == nil {
		w.Clock = Monotonic
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	s := &session{Worker: w, invitation: i, ctx: ctx, end: end}
	nc, err := connectOver(conn, i.Worker, i.Password,
		nats.CustomInboxPrefix(inbox(i.Worker)), nats.ClosedHandler(s.closed))
	if err != nil {
		return fmt.Errorf("joining the run %s: %w", i.Run, err)
	}
	s.conn = nc
	defer nc.Close()
	if _, err := nc.Subscribe(subject(i.Run, i.Worker, "do", "*"), s.obey); err != nil {
		return fmt.Errorf("joining the run %s: %w", i.Run, err)
	}
	host, _ := os.Hostname()
	if err := s.tell("join", hello{w.Version, w.Binary, host, runtime.NumCPU()}); err != nil && !s.leaving.Load() {
		return fmt.Errorf("joining the run %s: %w", i.Run, err)
	}
	<-ctx.Done()
	s.working.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, errGoodbye) {
		return errors.Join(fmt.Errorf("working for run %s: %w", i.Run, cause), s.left())
	}
	return nil
}

// errGoodbye ends a worker that has done its work.
var errGoodbye = errors.New("goodbye")

// session is a worker that has joined a run.
type session struct {
	Worker
	invitation Invitation
	conn       *nats.Conn
	ctx        context.Context
	end        context.CancelCauseFunc
	working    sync.WaitGroup
	leaving    atomic.Bool

	mu   sync.Mutex
	task *task // the last one
}

// closed ends the session because its connection has ended.
func (s *session) closed(*nats.Conn) {
	if !s.leaving.Load() {
		s.end(errHubGone)
	}
	s.end(errGoodbye)
}

// orders are the things that a worker is asked to do. Each answers with a value.
var orders = map[string]func(*session, []byte) (any, error){
	"clock": (*session).readClock, "plan": (*session).accept, "go": (*session).start, "stop": (*session).stop,
	"leave": (*session).leave,
}

func (s *session) obey(msg *nats.Msg) {
	what := msg.Subject[strings.LastIndexByte(msg.Subject, '.')+1:]
	if order := orders[what]; order != nil {
		reply, err := order(s, msg.Data)
		s.reply(msg, reply, err)
	}
	if duty := s.Duties[what]; duty != nil {
		s.working.Go(func() {
			reply, err := duty(s.ctx, msg.Data)
			s.reply(msg, reply, err)
		})
	}
}

func (s *session) reply(msg *nats.Msg, reply any, err error) {
	leaving := errors.Is(err, errGoodbye)
	if leaving {
		s.leaving.Store(true) // the hub may close the connection before the flush returns
	}
	if err != nil && !leaving {
		reply = answer{failureOf(err)}
	}
	data, err := encode(reply)
	if err != nil { // too long, say
		data, err = encode(answer{failureOf(err)})
	}
	if err == nil {
		_ = msg.Respond(data) // a hub that is gone is noticed elsewhere
	}
	if leaving {
		_ = s.conn.FlushTimeout(tellAgain)
		s.end(errGoodbye)
	}
}

// tell tells the hub something, again and again until it says that it has heard it.
func (s *session) tell(what string, message any) error {
	data, err := encode(message)
	if err != nil {
		return err
	}
	return s.tellData(what, data)
}

// tellAgain is how long an answer is waited for. A message in flight may be lost with its answer, and
// whoever hears it twice counts it once.
const tellAgain = 2 * time.Second

func (s *session) tellData(what string, data []byte) error {
	to := subject(s.invitation.Run, s.invitation.Worker, "tell", what)
	for {
		msg, err := s.conn.Request(to, data, tellAgain)
		switch {
		case err == nil:
			a, err := decode[answer](msg.Data)
			return errors.Join(err, a.Failure.err())
		case s.conn.IsClosed():
			return errHubGone
		case errors.Is(err, nats.ErrTimeout), errors.Is(err, nats.ErrNoResponders):
		default:
			return fmt.Errorf("telling the hub %s: %w", what, err)
		}
	}
}

func (s *session) readClock([]byte) (any, error) {
	came := s.Clock()
	return clockReading{came, s.Clock()}, nil
}

// accept takes a job on and answers with what it understood; opening connections goes on in the background.
func (s *session) accept(data []byte) (any, error) {
	j, err := decode[job](data)
	if err != nil {
		return nil, err
	}
	plan, err := encode(j.Plan)
	if err != nil {
		return nil, err
	}
	engine, err := s.Engine(j.Engine)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.task != nil && !s.task.over() {
		return nil, errors.New("it is at work on another job")
	}
	spool, err := openSpool(filepath.Join(s.Dir, s.invitation.Run), fmt.Sprintf("%s-%d", s.invitation.Worker, j.Number))
	if err != nil {
		return nil, err
	}
	s.task = newTask(s, j, spool)
	s.working.Go(func() { s.task.run(loadgen.Local{Engine: engine, Guard: s.Guard}) })
	return accepted{digest(plan)}, nil
}

// start gives the instant at which the load starts.
func (s *session) start(data []byte) (any, error) {
	order, err := decode[startAt](data)
	if err != nil {
		return nil, err
	}
	t, err := s.current()
	if err != nil {
		return nil, err
	}
	select {
	case t.at <- s.Clock.at(order.At):
		return answer{}, nil
	default:
		return nil, errors.New("it has been given a start already")
	}
}

func (s *session) stop([]byte) (any, error) {
	t, err := s.current()
	if err == nil {
		t.cancel()
	}
	return answer{}, err
}

// leave ends the worker, after this answer.
func (s *session) leave([]byte) (any, error) { return answer{}, errGoodbye }

func (s *session) current() (*task, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.task == nil {
		return nil, errors.New("it has no job")
	}
	return s.task, nil
}

// left says where the deltas are that the hub may not have.
func (s *session) left() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.task == nil || s.task.collected {
		return nil
	}
	return fmt.Errorf("what was measured until then is in %s", s.task.spool.path())
}

// task is one job being carried out.
type task struct {
	*session
	job       job
	ctx       context.Context
	cancel    context.CancelFunc
	at        chan time.Time // the common start
	spool     *spool
	queue     chan []byte // deltas that the hub has yet to hear
	digests   map[int]string
	finished  chan struct{}
	collected bool
}

// mostDeltas bounds how many deltas may wait for a hub that is slow to answer. Beyond it the recorder keeps
// what is new until there is room: the load itself goes on.
const mostDeltas = 1 << 12

func newTask(s *session, j job, spool *spool) *task {
	t := &task{
		session: s, job: j, at: make(chan time.Time, 1), spool: spool, queue: make(chan []byte, mostDeltas),
		digests: map[int]string{}, finished: make(chan struct{}),
	}
	t.ctx, t.cancel = context.WithCancel(s.ctx)
	return t
}

func (t *task) over() bool {
	select {
	case <-t.finished:
		return true
	default:
		return false
	}
}

func (t *task) run(local loadgen.Local) {
	defer close(t.finished)
	defer t.cancel()
	var sending sync.WaitGroup
	sending.Go(t.send)
	m, err := local.Measure(t.ctx, t.job.Plan, loadgen.Watch{Barrier: t.barrier, Delta: t.delta})
	if err == nil && t.session.ctx.Err() != nil { // not because the hub said so
		err = fmt.Errorf("it was stopped: %w", context.Cause(t.session.ctx))
	}
	close(t.queue)
	sending.Wait()
	last := done{
		Job: t.job.Number, Measurement: m, Start: t.Clock.shown(m.Start), Deltas: len(t.digests),
		Digest: digestOf(t.digests), Failure: failureOf(err),
	}
	last.Measurement.Intervals = nil
	if t.tell("done", last) == nil {
		t.collected = true
		_ = t.spool.remove() // the hub has it all
		_ = os.Remove(filepath.Dir(t.spool.path()))
	}
}

// barrier says that the connections are open, and waits for the common start.
func (t *task) barrier() time.Time {
	if err := t.tell("ready", delta{Job: t.job.Number}); err != nil {
		t.cancel()
	}
	select {
	case at := <-t.at:
		return at
	case <-t.ctx.Done():
		return time.Time{}
	}
}

// delta keeps what was recorded, and queues it for the hub.
func (t *task) delta(intervals []results.Interval) {
	if len(intervals) == 0 {
		return
	}
	number := len(t.digests)
	data, err := encode(delta{t.job.Number, number, intervals})
	if err == nil {
		err = t.spool.add(data)
	}
	if err != nil {
		t.end(err) // what cannot be kept is not measured
		return
	}
	t.digests[number] = digest(data)
	t.queue <- data
}

// send sends the deltas in turn until there are no more, or the hub is gone.
func (t *task) send() {
	for data := range t.queue {
		if err := t.tellData("delta", data); err != nil {
			t.end(err)
		}
	}
}
