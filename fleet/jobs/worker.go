package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Worker carries out jobs on this machine, one at a time.
type Worker struct {
	Dir string // for what jobs leave until it is sent; one worker at a time uses it
	// Run carries out a command line, and leaves in a folder what is to be kept of it.
	Run func(ctx context.Context, args []string, dir string) (Result, error)
	Say func(text string) // to whoever looks on
	// Beat is how often the queue hears of a job; 0: often enough. A test wants it sooner.
	Beat time.Duration
}

// Result is how a command line ended.
type Result struct {
	Exit int
	Said string   // its last words, if it failed
	Kept []string // files to be kept, by path
}

// Why a machine ends the work on a job.
var (
	errTaken  = errors.New("it was cancelled, or another machine has it by now")
	errCutOff = errors.New("the queue was out of reach for so long that another machine may have it by now")
)

// Work takes jobs until ctx ends. A job that is then under way goes back to the queue.
func (w Worker) Work(ctx context.Context, c *Client) error {
	if w.Beat == 0 {
		w.Beat = beatEvery
	}
	unlock, err := w.lock()
	if err != nil {
		return err
	}
	defer unlock()
	for ctx.Err() == nil {
		err := w.next(ctx, c)
		switch {
		case errors.Is(err, errBroken):
			return err
		case c.conn.IsClosed():
			return errors.Join(err, nats.ErrConnectionClosed)
		}
		if err != nil && ctx.Err() == nil {
			w.Say(fmt.Sprintf("%v; trying again", err))
			select {
			case <-ctx.Done():
			case <-time.After(w.Beat):
			}
		}
	}
	return nil
}

// lock makes sure that one worker at a time measures on this machine.
func (w Worker) lock() (unlock func(), err error) {
	if err := os.MkdirAll(w.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("carrying out jobs: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(w.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("carrying out jobs: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("carrying out jobs: another worker does so on this machine already (%s: %w): "+
			"two at a time would disturb each other", f.Name(), err)
	}
	return func() { _ = f.Close() }, nil
}

// errBroken means that this machine cannot carry out anything.
var errBroken = errors.New("this machine cannot carry out jobs")

// next waits for a job for a while, and carries it out.
func (w Worker) next(ctx context.Context, c *Client) error {
	waiting, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	queue, err := c.js.Consumer(waiting, stream, consumer)
	if err != nil {
		return fmt.Errorf("asking the queue for a job: %w", err)
	}
	msg, err := queue.Next(jetstream.FetchContext(waiting))
	switch {
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return nil // there is none
	case err != nil:
		return fmt.Errorf("asking the queue for a job: %w", err)
	}
	t := &turn{Worker: w, client: c, msg: msg}
	if err := t.take(ctx); err != nil || t.job.Over() {
		return err
	}
	return t.carryOut(ctx)
}

// turn is a job in the hands of this machine.
type turn struct {
	Worker
	client   *Client
	msg      jetstream.Msg
	job      Job
	revision uint64
}

// take takes a job on, unless nobody is to work on it any more: then it is over.
func (t *turn) take(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	id := string(t.msg.Data())
	j, revision, err := t.client.get(ctx, id)
	if errors.Is(err, ErrUnknown) {
		t.job = Job{ID: id, State: Cancelled} // its time is over
		return t.msg.Term()
	}
	if err != nil {
		return errors.Join(err, t.msg.NakWithDelay(t.Beat))
	}
	t.job, t.revision = j, revision
	if j.Over() {
		return t.msg.Ack()
	}
	if j.State == Running {
		t.job.Lost = append(t.job.Lost, j.Machine)
		t.Say(fmt.Sprintf("job %s was with %s, which was lost", id, j.Machine))
	}
	t.job.State, t.job.Machine, t.job.Started = Running, t.client.name, time.Now().UTC().Truncate(time.Second)
	if len(t.job.Lost) == mostLost {
		t.job.State, t.job.Ended, t.job.Machine = Abandoned, t.job.Started, ""
		t.job.Said = fmt.Sprintf("%d machines were lost while they worked on it", mostLost)
		t.Say(fmt.Sprintf("job %s is abandoned: %s", id, t.job.Said))
		return errors.Join(t.put(ctx), t.msg.Ack())
	}
	return t.put(ctx)
}

// put says how the job is, unless it is somebody else's by now.
func (t *turn) put(ctx context.Context) error {
	revision, err := t.client.put(ctx, t.job, t.revision)
	if isConflict(err) {
		j, now, failed := t.client.get(ctx, t.job.ID)
		if failed != nil {
			return failed
		}
		if j.State != Running || j.Machine != t.job.Machine || !slices.Equal(j.Lost, t.job.Lost) {
			return errTaken
		}
		revision, err = t.client.put(ctx, t.job, now) // an answer of the queue had been lost
	}
	if err == nil {
		t.revision = revision
	}
	return err
}

// isConflict reports whether something else was written since a revision.
func isConflict(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence
}

// carryOut carries the job out, and says what became of it.
func (t *turn) carryOut(ctx context.Context) error {
	dir := filepath.Join(t.Dir, t.job.ID)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return errors.Join(fmt.Errorf("%w: %w", errBroken, err), t.giveBack())
	}
	defer os.RemoveAll(dir) // what is kept is with the queue
	t.Say(fmt.Sprintf("job %s of %s: %s", t.job.ID, t.job.By, t.job.Command()))
	working, end := context.WithCancelCause(ctx)
	beating := make(chan struct{})
	go func() { defer close(beating); t.beat(working, end) }()
	result, err := t.Run(working, t.job.Args, dir)
	if working.Err() == nil {
		result = t.keep(working, result)
	}
	cause := context.Cause(working)
	end(nil)
	<-beating
	switch {
	case errors.Is(cause, errTaken), errors.Is(cause, errCutOff):
		t.Say(fmt.Sprintf("job %s was ended: %v", t.job.ID, cause))
		return nil
	case cause != nil:
		t.Say(fmt.Sprintf("job %s goes back to the queue: %v", t.job.ID, cause))
		return t.giveBack()
	case err != nil:
		return errors.Join(fmt.Errorf("%w: %w", errBroken, err), t.giveBack())
	}
	return t.report(result)
}

// beat tells the queue that this machine works on the job. If somebody else does by now, or may, it ends that.
func (t *turn) beat(ctx context.Context, end context.CancelCauseFunc) {
	tick := time.NewTicker(t.Beat)
	defer tick.Stop()
	for heard := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asking, cancel := context.WithTimeout(ctx, t.Beat)
		err := t.put(asking)
		cancel()
		switch {
		case err == nil:
			heard = time.Now()
			_ = t.msg.InProgress() // it was heard of just now
		case errors.Is(err, errTaken):
			end(errTaken)
		case time.Since(heard) > (missed-1)*t.Beat:
			end(errCutOff)
		}
	}
}

// giveBack lets another machine have the job at once.
func (t *turn) giveBack() error {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	t.job.State, t.job.Machine = Waiting, ""
	if err := t.put(ctx); err != nil {
		return fmt.Errorf("giving job %s back: %w", t.job.ID, err)
	}
	return errors.Join(t.msg.Nak(), t.client.conn.FlushWithContext(ctx))
}

// keep sends what the job left. What cannot be kept is reported instead.
func (t *turn) keep(ctx context.Context, r Result) Result {
	ctx, cancel := context.WithTimeout(ctx, keepWithin)
	defer cancel()
	var kept []string
	for _, file := range r.Kept {
		if err := t.client.keep(ctx, t.job.ID, file); err != nil {
			r.Said = fmt.Sprintf("%s could not be kept: %v", filepath.Base(file), err)
			continue
		}
		kept = append(kept, filepath.Base(file))
	}
	r.Kept = kept
	return r
}

// keepWithin is how long sending a run may take.
const keepWithin = 5 * time.Minute

// report says that the job is done.
func (t *turn) report(r Result) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	t.job.State, t.job.Ended = Done, time.Now().UTC().Truncate(time.Second)
	t.job.Exit, t.job.Said, t.job.Kept = r.Exit, r.Said, r.Kept
	if err := t.put(ctx); err != nil {
		return fmt.Errorf("reporting job %s: %w", t.job.ID, err)
	}
	t.Say(fmt.Sprintf("job %s is done: exit code %d", t.job.ID, r.Exit))
	return t.msg.DoubleAck(ctx)
}
