package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"bench/results"
)

// member is a worker as the hub sees it.
type member struct {
	hub      *hub
	index    int
	name     string // for people
	token    string // for the engine
	password string
	dir      string
	live     *live

	life   context.Context // ends when it is lost, with why
	lose   context.CancelCauseFunc
	joined chan hello
	hello  hello
	stream Stream

	mu    sync.Mutex
	share *share // of the job under way; nil: none
}

func newMember(h *hub, index int, name, dir string, live *live) *member {
	m := &member{
		hub: h, index: index, name: name, token: "w" + strconv.Itoa(index), password: rand.Text(), dir: dir, live: live,
		joined: make(chan hello, 1),
	}
	m.life, m.lose = context.WithCancelCause(context.Background())
	return m
}

// share is what has come of a worker's part of a job.
type share struct {
	number  int
	ready   chan struct{} // closed when its connections are open
	isReady bool
	over    chan struct{} // closed when its last word is in done
	done    *done
	spool   *spool
	digests map[int]string // of the deltas that came, by number
	sum     results.Sum
	before  Offset // its clock, before and after
	after   Offset
}

// begin expects a job.
func (m *member) begin(number int, clock Offset) (*share, error) {
	spool, err := openSpool(m.dir, fmt.Sprintf("hub-%s-%s-%d", m.hub.run, m.token, number))
	if err != nil {
		return nil, err
	}
	s := &share{
		number: number, before: clock, ready: make(chan struct{}), over: make(chan struct{}), spool: spool,
		digests: map[int]string{},
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.share = s
	return s, nil
}

// heard are the things that a worker tells.
var heard = map[string]func(*member, []byte) error{
	"join": (*member).hearJoin, "ready": ofJob((*member).hearReady), "delta": ofJob((*member).hearDelta),
	"done": ofJob((*member).hearDone),
}

// ofJob hears messages about the job under way, one at a time.
func ofJob[T interface{ number() int }](hear func(*member, T, []byte) error) func(*member, []byte) error {
	return func(m *member, data []byte) error {
		message, err := decode[T](data)
		if err != nil {
			return err
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.share == nil || m.share.number != message.number() {
			return fmt.Errorf("there is no job %d under way", message.number())
		}
		return hear(m, message, data)
	}
}

func (m *member) hearJoin(data []byte) error {
	h, err := decode[hello](data)
	if err != nil {
		return err
	}
	select {
	case m.joined <- h:
		return nil
	default:
		return errors.New("it has joined already")
	}
}

func (m *member) hearReady(delta, []byte) error {
	if s := m.share; !s.isReady {
		s.isReady = true
		close(s.ready)
	}
	return nil
}

// hearDelta keeps a delta, and only then says so. One that came before is not counted again.
func (m *member) hearDelta(d delta, data []byte) error {
	s := m.share
	if _, known := s.digests[d.Number]; known {
		return nil
	}
	if err := s.spool.add(data); err != nil {
		return err
	}
	s.digests[d.Number] = digest(data)
	s.sum.Add(d.Intervals)
	m.live.add(d.Intervals)
	return nil
}

func (m *member) hearDone(d done, _ []byte) error {
	if s := m.share; s.done == nil {
		s.done = &d
		close(s.over)
	}
	return nil
}

// check compares what came with what the worker says it sent.
func (s *share) check() error {
	d := s.done
	if d.Deltas != len(s.digests) || d.Digest != digestOf(s.digests) {
		return fmt.Errorf("it sent %d deltas, %d came, or others", d.Deltas, len(s.digests))
	}
	if total := results.TotalCounts(s.sum.Intervals()); total != d.Measurement.Counts {
		return fmt.Errorf("its deltas add up to %+v, it counted %+v", total, d.Measurement.Counts)
	}
	return nil
}
