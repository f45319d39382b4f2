package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bench/fleet/link"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The engine's client closes connections in the background.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/nats-io/nats.go.(*Conn).doReconnect"))
}

// beat is how often the machines of tests are heard of.
const beat = 60 * time.Millisecond

// serve serves a queue for anna and the machines a and b until the function it returns is called.
func serve(t *testing.T, dir string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, over := make(chan struct{}), make(chan error, 1)
	q := Queue{
		Dir: dir, Address: "127.0.0.1:0", Users: []string{"anna"}, Machines: []string{"a", "b"}, Keep: time.Hour, Beat: beat,
	}
	go func() { over <- q.Serve(ctx, func(string) { close(ready) }) }()
	select {
	case <-ready:
	case err := <-over:
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func connect(t *testing.T, dir, name string) *Client {
	t.Helper()
	token, err := link.ReadToken(TokenFile(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	c, err := Connect(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	c.lost = missed * beat
	t.Cleanup(c.Close)
	return c
}

// queue is a queue of its own, with its first user.
func queue(t *testing.T) (dir string, anna *Client) {
	t.Helper()
	dir = t.TempDir()
	serve(t, dir)
	return dir, connect(t, dir, "anna")
}

// machine is a worker of the test.
type machine struct {
	*Client
	said chan string
	stop func() // as Ctrl-C does
}

// command carries out a command line.
type command func(ctx context.Context, args []string, dir string) (Result, error)

// work has a machine carry out jobs by run.
func work(t *testing.T, dir, name string, run command) machine {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	m := machine{Client: connect(t, dir, name), said: make(chan string, 100)}
	over := make(chan struct{})
	w := Worker{Dir: t.TempDir(), Run: run, Say: func(text string) { m.said <- text }, Beat: beat}
	go func() { defer close(over); _ = w.Work(ctx, m.Client) }()
	m.stop = sync.OnceFunc(func() { cancel(); <-over })
	t.Cleanup(m.stop)
	return m
}

// hears waits until a machine has said something.
func (m machine) hears(t *testing.T, part string) {
	t.Helper()
	for deadline := time.After(10 * time.Second); ; {
		select {
		case text := <-m.said:
			if strings.Contains(text, part) {
				return
			}
		case <-deadline:
			t.Fatalf("%s did not say %q", m.name, part)
		}
	}
}

// writes is a command line that leaves a file with what it was asked.
func writes(_ context.Context, args []string, dir string) (Result, error) {
	file := filepath.Join(dir, "output.txt")
	err := os.WriteFile(file, []byte(strings.Join(args, " ")), 0o600)
	return Result{Exit: 3, Said: "slower", Kept: []string{file}}, err
}

// stays is a command line that goes on until it is ended.
func stays(ctx context.Context, _ []string, _ string) (Result, error) {
	<-ctx.Done()
	return Result{}, nil
}

func add(t *testing.T, c *Client, args ...string) Job {
	t.Helper()
	j, err := c.Add(t.Context(), args)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func wait(t *testing.T, c *Client, id string) Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	j, err := c.Wait(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// Jobs are carried out one after the other, in turn, by one machine each, and what they leave can be fetched.
func TestJobsAreCarriedOut(t *testing.T) {
	t.Parallel()
	dir, anna := queue(t)
	var want []string
	for i := range 3 {
		want = append(want, add(t, anna, "compare", fmt.Sprint(i)).ID)
		time.Sleep(2 * time.Millisecond) // by whose clock they are listed
	}
	var under, most, runs int
	var mu sync.Mutex
	count := func(by int) {
		mu.Lock()
		defer mu.Unlock()
		under += by
		most, runs = max(most, under), runs+max(by, 0)
	}
	work(t, dir, "a", func(ctx context.Context, args []string, dir string) (Result, error) {
		count(1)
		defer count(-1)
		return writes(ctx, args, dir)
	})
	for i, id := range want {
		j := wait(t, anna, id)
		if j.State != Done || j.Exit != 3 || j.Said != "slower" || j.Machine != "a" || j.By != "anna" || len(j.Lost) != 0 {
			t.Errorf("%+v; want it done by a, with exit code 3", j)
		}
		to := t.TempDir()
		files, err := anna.Fetch(t.Context(), j, to)
		if err != nil || len(files) != 1 {
			t.Fatalf("%v, %v; want one file", files, err)
		}
		if text, _ := os.ReadFile(files[0]); string(text) != fmt.Sprint("compare ", i) {
			t.Errorf("%s holds %q", files[0], text)
		}
	}
	if most != 1 || runs != len(want) {
		t.Errorf("%d runs, %d at once; want %d, one at a time", runs, most, len(want))
	}
	all, err := anna.List(t.Context())
	var ids []string
	for _, j := range all {
		ids = append(ids, j.ID)
	}
	if err != nil || !slices.Equal(ids, want) {
		t.Errorf("%v, %v; want %v", ids, err, want)
	}
}

// The job of a machine that is lost goes to another one, which says so; the first one ends what it does.
func TestAJobOfALostMachine(t *testing.T) {
	t.Parallel()
	dir, anna := queue(t)
	id := add(t, anna, "compare").ID
	a := work(t, dir, "a", stays)
	a.hears(t, "job "+id)
	a.conn.Close() // as if it were cut off
	a.hears(t, "out of reach")
	for { // until whoever asks is told, too
		all, err := anna.List(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		if all[0].State == Waiting && slices.Equal(all[0].Lost, []string{"a"}) {
			break
		}
		time.Sleep(beat / 4)
	}
	b := work(t, dir, "b", writes)
	b.hears(t, "was with a, which was lost")
	if j := wait(t, anna, id); j.Machine != "b" || !slices.Equal(j.Lost, []string{"a"}) || j.State != Done {
		t.Errorf("%+v; want it done by b, after a was lost", j)
	}
}

// A machine that is told to end gives its job back at once, and is not counted as lost.
func TestAJobThatIsGivenBack(t *testing.T) {
	t.Parallel()
	dir, anna := queue(t)
	id := add(t, anna, "compare").ID
	a := work(t, dir, "a", stays)
	a.hears(t, "job "+id)
	a.stop()
	work(t, dir, "b", writes)
	if j := wait(t, anna, id); j.Machine != "b" || len(j.Lost) != 0 {
		t.Errorf("%+v; want it done by b, and nobody lost", j)
	}
}

// A job that is cancelled ends where it runs, or never begins.
func TestCancelledJobs(t *testing.T) {
	t.Parallel()
	dir, anna := queue(t)
	first, second, third := add(t, anna, "compare"), add(t, anna, "compare"), add(t, anna, "gate")
	if _, err := anna.Cancel(t.Context(), second.ID); err != nil {
		t.Fatal(err)
	}
	a := work(t, dir, "a", func(ctx context.Context, args []string, dir string) (Result, error) {
		if args[0] == "gate" {
			return writes(ctx, args, dir)
		}
		return stays(ctx, args, dir)
	})
	a.hears(t, "job "+first.ID)
	if _, err := anna.Cancel(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	a.hears(t, "cancelled")
	if j := wait(t, anna, third.ID); j.State != Done {
		t.Errorf("%+v; want the third job done", j)
	}
	for _, id := range []string{first.ID, second.ID} {
		if j, err := anna.Job(t.Context(), id); err != nil || j.State != Cancelled {
			t.Errorf("%+v, %v; want it cancelled", j, err)
		}
	}
	if _, err := anna.Cancel(t.Context(), "nothing"); !errors.Is(err, ErrUnknown) {
		t.Errorf("Cancel = %v; want that there is no such job", err)
	}
}

// A job that costs one machine after the other is abandoned.
func TestAJobThatLosesMachines(t *testing.T) {
	t.Parallel()
	dir, anna := queue(t)
	id := add(t, anna, "compare").ID
	for range mostLost {
		a := work(t, dir, "a", stays)
		a.hears(t, "job "+id+" of")
		a.conn.Close()
		a.stop()
	}
	b := work(t, dir, "b", writes)
	b.hears(t, "abandoned")
	if j := wait(t, anna, id); j.State != Abandoned || len(j.Lost) != mostLost {
		t.Errorf("%+v; want it abandoned", j)
	}
}

// What waits, and who may come, outlives the queue's process.
func TestAQueueThatIsStartedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stop := serve(t, dir)
	first := connect(t, dir, "anna")
	id := add(t, first, "compare").ID
	before, _ := link.ReadToken(TokenFile(dir, "anna"))
	first.Close()
	stop()
	serve(t, dir)
	after, err := link.ReadToken(TokenFile(dir, "anna"))
	if err != nil || after.Password != before.Password || after.Certificate != before.Certificate {
		t.Errorf("the token has changed: %v", err)
	}
	work(t, dir, "a", writes)
	if j := wait(t, connect(t, dir, "anna"), id); j.State != Done {
		t.Errorf("%+v; want it done", j)
	}
}

// A machine cannot add jobs, and a user cannot take them, or hear what others are answered.
func TestWhatTokensAllow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serve(t, dir)
	for _, row := range []struct {
		name, subject string
	}{
		{"a", subject}, {"a", "$JS.API.STREAM.PURGE." + stream}, {"a", "$JS.API.STREAM.DELETE." + stream},
		{"anna", "$JS.API.CONSUMER.MSG.NEXT." + stream + "." + consumer}, {"anna", "$JS.API.STREAM.PURGE." + stream},
		{"anna", "$JS.API.STREAM.DELETE.KV_" + records}, {"anna", "$O." + results + ".M.x"},
	} {
		c := connect(t, dir, row.name)
		if err := c.conn.Publish(row.subject, nil); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.conn.Flush(), c.conn.LastError()); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s may publish on %s", row.name, row.subject)
		}
	}
	c := connect(t, dir, "anna")
	if _, err := c.conn.SubscribeSync("_INBOX_a.>"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.conn.Flush(), c.conn.LastError()); !errors.Is(err, nats.ErrPermissionViolation) {
		t.Error("anna may hear what a is answered")
	}
}

// Two workers on one machine would disturb each other.
func TestOneWorkerOnAMachine(t *testing.T) {
	w := Worker{Dir: t.TempDir()}
	unlock, err := w.lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.lock(); err == nil || !strings.Contains(err.Error(), "another worker") {
		t.Errorf("lock = %v; want a second one refused", err)
	}
	unlock()
	if unlock, err = w.lock(); err != nil {
		t.Error(err)
	} else {
		unlock()
	}
}

// Names that no token can have are refused, and one that two roles would have.
func TestNamesOfTokens(t *testing.T) {
	for _, names := range [][]string{{""}, {"../a"}, {"a b"}, {"a.b"}, {"queue"}, {"anna"}} {
		q := Queue{Dir: t.TempDir(), Address: "127.0.0.1:0", Users: []string{"anna"}, Machines: names}
		if err := q.Serve(t.Context(), func(string) {}); err == nil || !strings.Contains(err.Error(), "want ") {
			t.Errorf("machines %q: %v; want them refused, and what is wanted", names, err)
		}
	}
}
