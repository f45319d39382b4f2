package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
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
	"bench/loadgen/pacing"
	"bench/results"
	"bench/targets"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// here is a place whose workers are goroutines of the test.
type here struct {
	n      int
	worker func(index int) Worker
	// between, if there is one, is what a worker's stream passes through.
	between func(index int, s Stream) Stream
}

func (h here) Workers() (names []string) {
	for i := range h.n {
		names = append(names, fmt.Sprint("here-", i+1))
	}
	return names
}

func (h here) Start(_ context.Context, index int) (Stream, error) {
	ctx, cancel := context.WithCancel(context.Background())
	fromHub, toWorker := io.Pipe()
	fromWorker, toHub := io.Pipe()
	s := &thread{Reader: fromWorker, in: toWorker, out: toHub, cancel: cancel, over: make(chan struct{})}
	go func() {
		defer close(s.over)
		s.err = h.worker(index).Serve(ctx, fromHub, toHub)
		_ = toHub.Close()
		_ = fromHub.Close()
	}()
	if h.between != nil {
		return h.between(index, s), nil
	}
	return s, nil
}

// thread is the stream to a worker of the test's own.
type thread struct {
	io.Reader
	in     *io.PipeWriter
	out    *io.PipeWriter
	cancel context.CancelFunc
	over   chan struct{}
	err    error
}

// kill ends a worker as the kernel would: nothing that it has not yet said is said.
func (t *thread) kill() {
	_, _ = t.out.Close(), t.in.Close()
	t.cancel()
}

func (t *thread) Write(data []byte) (int, error) { return t.in.Write(data) }

func (t *thread) End(after time.Duration) error {
	_ = t.in.Close()
	select {
	case <-t.over:
	case <-time.After(after):
		t.cancel()
		<-t.over
	}
	return t.err
}

// script is an engine that records what it would have measured, if every request took a time that follows
// from its number: at once, in the order in which they ended, or in real time.
type script struct {
	real  bool
	fails error
	saw   func(loadgen.Sample) // may be nil
}

func (script) String() string { return "script" }

func (e script) Run(ctx context.Context, p loadgen.Plan, guard loadgen.Guard, rec *loadgen.Recorder) error {
	if err := errors.Join(e.fails, guard.Check(p.URL)); err != nil {
		return err
	}
	shard := rec.Shard(p.Part)
	start := rec.Start(0)
	schedule := pacing.NewSchedule(p.Pacer)
	var samples []loadgen.Sample
	n := p.Part.Nth(0)
	for ; n < p.Arrivals(); n = p.Part.After(n) {
		due := schedule.Due(n)
		if wait := time.Until(start.Add(due)); e.real && wait > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
		}
		if ctx.Err() != nil {
			break
		}
		if q := sample(p, n, due); e.real {
			shard.Record(q)
			if e.saw != nil {
				e.saw(q)
			}
		} else {
			samples = append(samples, q)
		}
	}
	slices.SortFunc(samples, func(a, b loadgen.Sample) int { return int(a.End - b.End) })
	for _, q := range samples {
		shard.Record(q)
	}
	shard.Drop(n, time.Since(start))
	return nil
}

// sample is request n of a plan. Its times vary over four orders of magnitude, and some requests fail.
func sample(p loadgen.Plan, n uint64, due time.Duration) loadgen.Sample {
	random := rand.New(rand.NewPCG(n, 7))
	late := time.Duration(random.IntN(200)) * time.Microsecond
	q := loadgen.Sample{Target: p.Mix.Index(n), Due: due, Sent: due + late, Status: 200}
	q.End = q.Sent + time.Duration(1e5*random.ExpFloat64()*(1+99*float64(n%2)))
	if random.IntN(50) == 0 {
		q.Class, q.Status = results.HTTPError, 503
	}
	return q
}

func testPlan(rate float64, d time.Duration) loadgen.Plan {
	return loadgen.Plan{
		URL: "http://127.0.0.1:1", Mode: loadgen.Open, Pacer: pacing.Poisson{Of: pacing.Constant{PerSecond: rate}, Seed: 3},
		Mix: targets.Mix{Targets: []targets.Target{
			{Name: "a", Method: "GET", Path: "/a", Weight: 1}, {Name: "b", Method: "GET", Path: "/b", Weight: 3},
		}},
		Duration: d, Timeout: time.Second, Conns: loadgen.Conns{Max: 64}, Seed: 5,
	}
}

// workerOf is a worker of the test with an engine.
func workerOf(dir string, engine loadgen.Engine) Worker {
	return Worker{
		Version: "test", Binary: "same", Dir: dir,
		Engine: func(json.RawMessage) (loadgen.Engine, error) { return engine, nil },
	}
}

func open(t *testing.T, p Place) *Fleet {
	t.Helper()
	f, err := Open(t.Context(), Config{Place: p, Version: "test", Binary: "same", Dir: filepath.Join(t.TempDir(), "hub")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// sameIntervals says how two records differ in any count or bucket.
func sameIntervals(got, want []results.Interval) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d intervals; want %d", len(got), len(want))
	}
	for i := range want {
		g, w := got[i], want[i]
		if g.Start != w.Start || g.Length != w.Length || g.Counts != w.Counts || len(g.Hists) != len(w.Hists) {
			return fmt.Sprintf("interval %d: %v %v %+v; want %v %v %+v",
				i, g.Start, g.Length, g.Counts, w.Start, w.Length, w.Counts)
		}
		for _, series := range slices.Collect(maps.Keys(w.Hists)) {
			if g.Hists[series] == nil {
				return fmt.Sprintf("interval %d: no %v", i, series)
			}
			a, b := results.NewHistogram(), results.NewHistogram()
			g.Hists[series].MergeInto(a)
			w.Hists[series].MergeInto(b)
			if !a.Equals(b) {
				return fmt.Sprintf("interval %d: %v has other buckets", i, series)
			}
		}
	}
	return ""
}

// recordedAlone is what one recorder makes of all samples of a plan.
func recordedAlone(t *testing.T, p loadgen.Plan) loadgen.Measurement {
	t.Helper()
	m, err := loadgen.Local{Engine: script{}}.Measure(t.Context(), p, loadgen.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What several workers measured together equals what one recorder would have made of all samples, in every
// bucket, count and target, however many they are.
func TestWorkersTogetherEqualOneRecorder(t *testing.T) {
	p := testPlan(1000, 2*time.Second)
	want := recordedAlone(t, p)
	for _, n := range []int{1, proof.Size(3, 16)} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			dir := t.TempDir()
			f := open(t, here{n: n, worker: func(int) Worker { return workerOf(dir, script{}) }})
			m, err := f.Measure(t.Context(), p, loadgen.Watch{})
			if err != nil {
				t.Fatal(err)
			}
			if problem := sameIntervals(m.Intervals, want.Intervals); problem != "" {
				t.Error(problem)
			}
			if m.Counts != want.Counts || m.Within != want.Within || m.Thirds != want.Thirds || len(m.Workers) != n {
				t.Errorf("%+v within %+v, thirds %v, of %d workers; want %+v within %+v, %v",
					m.Counts, m.Within, m.Thirds, len(m.Workers), want.Counts, want.Within, want.Thirds)
			}
			for i, target := range m.Targets {
				w := want.Targets[i]
				if target.Name != w.Name || target.Counts != w.Counts || !maps.Equal(target.Statuses, w.Statuses) {
					t.Errorf("target %+v; want %+v", target, w)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// The permission of a worker is its own: that of the hub's process, or of a message, does not count.
func TestAWorkersGuardDecides(t *testing.T) {
	p := testPlan(100, time.Second)
	p.URL = "http://192.0.2.1:80" // an address for documentation: nobody has it
	f := open(t, here{n: 3, worker: func(i int) Worker {
		w := workerOf(t.TempDir(), script{})
		if i != 1 {
			w.Guard.Hosts = []string{"192.0.2.1"}
		}
		return w
	}})
	_, err := f.Measure(t.Context(), p, loadgen.Watch{})
	if !errors.Is(err, loadgen.ErrRefused) || !strings.Contains(err.Error(), "worker here-2: ") {
		t.Errorf("Measure = %v; want the target refused by the second worker", err)
	}
}

// A worker of another program does not take part.
func TestAnotherProgramIsRefused(t *testing.T) {
	place := here{n: 2, worker: func(i int) Worker {
		w := workerOf(t.TempDir(), script{})
		if i == 1 {
			w.Binary, w.Version = "other", "0.9"
		}
		return w
	}}
	_, err := Open(t.Context(), Config{Place: place, Version: "test", Binary: "same", Dir: t.TempDir()})
	if !errors.Is(err, ErrUnfit) || !strings.Contains(err.Error(), "worker here-2: ") {
		t.Errorf("Open = %v; want the second worker to be refused", err)
	}
}

// Errors of workers keep what they are, so that the exit code is theirs; one that many have is said once.
func TestErrorsOfWorkers(t *testing.T) {
	p := testPlan(100, time.Second)
	f := open(t, here{n: 5, worker: func(int) Worker {
		return workerOf(t.TempDir(), script{fails: fmt.Errorf("%w: 64 files", loadgen.ErrTooFew)})
	}})
	_, err := f.Measure(t.Context(), p, loadgen.Watch{})
	const who = "workers here-1, here-2, here-3 and 2 more: "
	if !errors.Is(err, loadgen.ErrTooFew) || !strings.HasPrefix(err.Error(), who) ||
		strings.Count(err.Error(), "64 files") != 1 {
		t.Errorf("Measure = %v; want that all of them have too few files, once", err)
	}
}

// All workers start at the same instant, however far their clocks are apart.
func TestStartWithClocksApart(t *testing.T) {
	offsets := []time.Duration{0, 10 * time.Minute, -10 * time.Minute, 3 * time.Hour}
	f := open(t, here{n: len(offsets), worker: func(i int) Worker {
		w := workerOf(t.TempDir(), script{})
		w.Clock = func() time.Duration { return Monotonic() + offsets[i] }
		return w
	}})
	m, err := f.Measure(t.Context(), testPlan(1000, time.Second), loadgen.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range m.Workers {
		if off := (w.ClockOffset - offsets[i]).Abs(); off > w.ClockBound {
			t.Errorf("worker %d: offset %v ± %v; the true one is %v", i, w.ClockOffset, w.ClockBound, offsets[i])
		}
	}
}

// A worker that dies is named, the others stop, and the figures are exactly those of what is left.
func TestALostWorker(t *testing.T) {
	p := testPlan(200, time.Minute)
	dir := t.TempDir()
	var killed sync.Once
	streams := make([]*thread, 3)
	f := open(t, here{n: 3, worker: func(int) Worker { return workerOf(dir, script{real: true}) },
		between: func(i int, s Stream) Stream { streams[i] = s.(*thread); return s }})
	began := time.Now()
	m, err := f.Measure(t.Context(), p, loadgen.Watch{Second: func(l loadgen.Live) {
		if l.Counts.OK > 0 {
			killed.Do(streams[1].kill)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took >= p.Duration {
		t.Errorf("it took %v: it was not ended", took)
	}
	if m.Grade != results.Invalid || m.Workers[1].Lost == "" || !strings.Contains(m.Fault, "here-2") {
		t.Errorf("%v, %q, %+v; want an invalid measurement that names the second worker", m.Grade, m.Fault, m.Workers[1])
	}
	if sum := m.Workers[0].Counts.Plus(m.Workers[2].Counts); m.Counts != sum || sum.OK == 0 {
		t.Errorf("counts %+v; want those of the others, %+v", m.Counts, sum)
	}
	if kept, _ := filepath.Glob(filepath.Join(f.config.Dir, "*.jsonl")); len(kept) != 1 {
		t.Errorf("kept: %v; want what the lost one had sent", kept)
	} else if of, err := ReadSpool(kept[0]); err != nil || results.TotalCounts(of) != m.Workers[1].Counts {
		t.Errorf("%s holds %+v, %v; want %+v", kept[0], results.TotalCounts(of), err, m.Workers[1].Counts)
	}
	_ = os.RemoveAll(f.config.Dir)
}

// A worker that nobody has invited yet ends when it is told to, and says by what: a pod that is deleted before bench
// attached to it has five seconds.
func TestWaitingWorkerIsStopped(t *testing.T) {
	t.Parallel()
	silent, hub := io.Pipe()
	defer hub.Close() // ends the reading
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("interrupted by SIGTERM")
	time.AfterFunc(10*time.Millisecond, func() { cancel(cause) })
	err := Worker{}.Serve(ctx, silent, io.Discard)
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), "reading the invitation") {
		t.Errorf("%v; want that it was interrupted while it read the invitation", err)
	}
}
