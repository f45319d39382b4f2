package fleet

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bench/internal/proof"
	"bench/loadgen"
	"bench/results"
)

// witness is an engine that tells the test what it recorded, apart from the recorder.
type witness struct {
	script
	mu  sync.Mutex
	saw *results.Histogram // response times
	ok  uint64
}

func (w *witness) Run(ctx context.Context, p loadgen.Plan, guard loadgen.Guard, rec *loadgen.Recorder) error {
	return script{real: true, saw: func(q loadgen.Sample) {
		if q.Class == results.OK {
			us, _ := results.Micros(q.End - q.Due)
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ok++
			_ = w.saw.RecordValue(us)
		}
	}}.Run(ctx, p, guard, rec)
}

// pipe is a stream that can stall: then nothing passes, either way, as if the process were stopped or the
// network cut.
type pipe struct {
	*thread
	stalled chan struct{} // closed when it stalls
	ended   chan struct{} // closed at its end
	stall   sync.Once
	end     sync.Once
}

func (p *pipe) pass(through func([]byte) (int, error), data []byte) (int, error) {
	select {
	case <-p.stalled:
		<-p.ended
		return 0, os.ErrClosed
	default:
		return through(data)
	}
}

func (p *pipe) Read(data []byte) (int, error) {
	n, err := p.thread.Read(data)
	_, stalled := p.pass(func([]byte) (int, error) { return 0, nil }, nil)
	if stalled != nil {
		return 0, stalled
	}
	return n, err
}

func (p *pipe) Write(data []byte) (int, error) { return p.pass(p.thread.Write, data) }

func (p *pipe) End(after time.Duration) error {
	p.end.Do(func() { close(p.ended) })
	return p.thread.End(after)
}

// trial is one load with faults.
type trial struct {
	fleet     *Fleet
	dir       string
	random    *rand.Rand
	pipes     []*pipe
	witnesses []*witness
	killed    map[int]bool
}

// faults are what may happen in the middle of a load. Each says what it is, and does it.
var faults = []struct {
	name string
	do   func(*trial)
}{
	{"nothing", func(*trial) {}},
	{"kill", func(f *trial) { i := f.victim(); f.pipes[i].kill() }},
	{"stop", func(f *trial) { i := f.victim(); f.pipes[i].stall.Do(func() { close(f.pipes[i].stalled) }) }},
	{"partition", func(f *trial) {
		for range 2 {
			i := f.victim()
			f.pipes[i].stall.Do(func() { close(f.pipes[i].stalled) })
		}
	}},
	{"hub", func(f *trial) {
		for i := range f.pipes {
			f.killed[i] = true
		}
		f.fleet.hub.server.Shutdown()
	}},
	{"doubled", func(f *trial) { f.double() }},
}

func (f *trial) victim() int {
	i := f.random.IntN(len(f.pipes))
	f.killed[i] = true
	return i
}

// double lets the hub hear every delta so far once more, and out of order: also those that have not come yet.
func (f *trial) double() {
	for i, m := range f.fleet.hub.members {
		files, _ := filepath.Glob(filepath.Join(f.dir, "*", fmt.Sprintf("w%d-*.jsonl", i)))
		for _, file := range files {
			data, _ := os.ReadFile(file)
			lines := slices.DeleteFunc(strings.Split(string(data), "\n"), func(l string) bool { return l == "" })
			f.random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
			for _, line := range lines {
				_ = heard["delta"](m, []byte(line))
			}
		}
	}
}

// Under every fault, in any order of messages and with clocks up to ten minutes apart, a load ends, names
// exactly whom it lost, and its percentiles are those of the requests that the others sent.
func TestFaultedLoads(t *testing.T) {
	atOnce := proof.Size(2, 12) // the race detector makes everything ten times as slow
	var trials sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for seed := range proof.Size(len(faults), 500) {
		fault := faults[seed%len(faults)]
		f := &trial{dir: t.TempDir(), random: rand.New(rand.NewPCG(uint64(seed), 9)), killed: map[int]bool{}}
		room <- struct{}{}
		trials.Go(func() {
			defer func() { <-room }()
			if err := f.start(t); err != nil {
				t.Errorf("%s %d: %v", fault.name, seed, err)
				return
			}
			f.run(t, fmt.Sprint(fault.name, " ", seed), fault.do)
		})
	}
	trials.Wait()
}

// start opens a fleet of workers whose clocks are apart.
func (f *trial) start(t *testing.T) (err error) {
	size := 2 + f.random.IntN(proof.Size(1, 4))
	f.pipes, f.witnesses = make([]*pipe, size), make([]*witness, size)
	offsets := make([]time.Duration, size)
	for i := range size {
		f.witnesses[i] = &witness{saw: results.NewHistogram()}
		offsets[i] = time.Duration(f.random.Int64N(int64(20*time.Minute))) - 10*time.Minute
	}
	place := here{n: size, worker: func(i int) Worker {
		w := workerOf(f.dir, f.witnesses[i])
		w.Clock = func() time.Duration { return Monotonic() + offsets[i] }
		return w
	}, between: func(i int, s Stream) Stream {
		f.pipes[i] = &pipe{thread: s.(*thread), stalled: make(chan struct{}), ended: make(chan struct{})}
		return f.pipes[i]
	}}
	f.fleet, err = Open(t.Context(), Config{
		Version: "test", Binary: "same", Dir: filepath.Join(f.dir, "hub"), Place: place,
	})
	return err
}

func (f *trial) run(t *testing.T, name string, fault func(*trial)) {
	p := testPlan(300, 2500*time.Millisecond)
	after := time.Duration(300+f.random.IntN(1500)) * time.Millisecond
	timer := time.AfterFunc(time.Hour, func() { fault(f) })
	began := time.Now()
	m, err := f.fleet.Measure(t.Context(), p, loadgen.Watch{Start: func() { timer.Reset(after) }})
	timer.Stop()
	_ = f.fleet.Close() // those that are gone say why
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if took := time.Since(began); took > tooLong {
		t.Errorf("%s: it took %v; want %v at most", name, took, tooLong)
	}
	f.check(t, name, m)
}

// tooLong is what no load may take that lost somebody: in the full proof, on a machine of its own, the figure
// of METHOD; elsewhere, what only a load takes that waits for somebody who is gone.
var tooLong = time.Duration(proof.Size(60, 10)) * time.Second

func (f *trial) check(t *testing.T, name string, m loadgen.Measurement) {
	want, ok := results.NewHistogram(), uint64(0)
	for i, w := range m.Workers {
		if lost := w.Lost != ""; lost != f.killed[i] {
			t.Errorf("%s: worker %d: lost %q; want that to be %v", name, i, w.Lost, f.killed[i])
		}
		if w.Lost == "" {
			want.Merge(f.witnesses[i].saw)
			ok += f.witnesses[i].ok
		} else if !strings.Contains(m.Fault, "was lost") || m.Grade != results.Invalid {
			t.Errorf("%s: %s, %q; want an invalid load that says who was lost", name, m.Grade, m.Fault)
		}
	}
	if got := results.Total(m.Intervals, results.Response); !got.Equals(want) || m.Counts.OK != ok {
		t.Errorf("%s: p99 %d of %d, %d ok; want %d of %d, %d ok", name, results.Percentile(got, 99), got.TotalCount(),
			m.Counts.OK, results.Percentile(want, 99), want.TotalCount(), ok)
	}
}
