package jobs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bench/fleet/link"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Errors of jobs.
var (
	// ErrUnknown means that there is no such job.
	ErrUnknown = errors.New("there is no such job")
	// ErrNotOver means that a job has left nothing yet.
	ErrNotOver = errors.New("it is not over")
)

// Client is the connection of a token's holder to the queue. It is made again whenever it was lost.
type Client struct {
	name    string
	lost    time.Duration // silence after which a machine is lost
	conn    *nats.Conn
	js      jetstream.JetStream
	records jetstream.KeyValue
	results jetstream.ObjectStore
}

// dialer connects the engine's client by a token.
type dialer struct {
	token  link.Token
	failed error // the last time
}

func (d *dialer) Dial(string, string) (net.Conn, error) {
	conn, err := d.token.Dial(context.Background())
	d.failed = err
	return conn, err
}

// answerWithin is how long an answer of the queue is waited for.
const answerWithin = 10 * time.Second

// Connect connects to the queue that a token is for.
func Connect(ctx context.Context, token link.Token) (*Client, error) {
	d := &dialer{token: token}
	conn, err := nats.Connect("nats://127.0.0.1", // an address, although nobody dials it: a name would be looked up
		nats.SetCustomDialer(d), nats.UserInfo(token.Name, token.Password), nats.CustomInboxPrefix(inbox(token.Name)),
		nats.MaxReconnects(-1), nats.ReconnectWait(time.Second), nats.Timeout(answerWithin),
		nats.PingInterval(beatEvery), nats.MaxPingsOutstanding(2),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // whoever waits for it sees it
	if err != nil {
		if d.failed != nil {
			err = d.failed
		}
		return nil, fmt.Errorf("connecting to the queue: %w", err)
	}
	c := &Client{name: token.Name, lost: missed * beatEvery, conn: conn}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if c.js, err = jetstream.New(conn); err == nil {
		c.records, err = c.js.KeyValue(ctx, records)
	}
	if err == nil {
		c.results, err = c.js.ObjectStore(ctx, results)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connecting to the queue: %w", err)
	}
	return c, nil
}

// Close ends the connection.
func (c *Client) Close() { c.conn.Close() }

// Add puts a command line into the queue.
func (c *Client) Add(ctx context.Context, args []string) (Job, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	now := time.Now().UTC().Truncate(time.Millisecond)
	j := Job{ID: newID(now), Args: args, By: c.name, Added: now, State: Waiting}
	_, err := c.put(ctx, j, 0)
	if err == nil {
		_, err = c.js.Publish(ctx, subject, []byte(j.ID), jetstream.WithMsgID(j.ID))
	}
	if err != nil {
		return j, fmt.Errorf("adding a job: %w", err)
	}
	return j, nil
}

// put writes what is known of a job, if nobody else has done so since the revision.
func (c *Client) put(ctx context.Context, j Job, revision uint64) (uint64, error) {
	data, err := json.Marshal(j)
	if err != nil {
		return 0, err
	}
	return c.records.Update(ctx, j.ID, data, revision)
}

// get reads what is known of a job.
func (c *Client) get(ctx context.Context, id string) (j Job, revision uint64, err error) {
	entry, err := c.records.Get(ctx, id)
	if errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrInvalidKey) {
		return j, 0, fmt.Errorf("job %s: %w; bench jobs list names those that there are", id, ErrUnknown)
	}
	if err == nil {
		err = json.Unmarshal(entry.Value(), &j)
	}
	if err != nil {
		return j, 0, fmt.Errorf("asking for job %s: %w", id, err)
	}
	return j, entry.Revision(), nil
}

// Job is what is known of a job.
func (c *Client) Job(ctx context.Context, id string) (Job, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	j, _, err := c.get(ctx, id)
	return j, err
}

// List is what is known of all jobs, in the order in which they were added.
func (c *Client) List(ctx context.Context) (all []Job, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	now, err := c.now(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing jobs: %w", err)
	}
	watch, err := c.records.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return nil, fmt.Errorf("listing jobs: %w", err)
	}
	defer watch.Stop()
	for entry := range watch.Updates() {
		if entry == nil { // that was all
			break
		}
		var j Job
		if err := json.Unmarshal(entry.Value(), &j); err != nil {
			return nil, fmt.Errorf("listing jobs: %s: %w", entry.Key(), err)
		}
		all = append(all, j.seen(now.Sub(entry.Created()) > c.lost))
	}
	slices.SortFunc(all, func(a, b Job) int { return cmp.Or(a.Added.Compare(b.Added), strings.Compare(a.ID, b.ID)) })
	return all, ctx.Err()
}

// seen is a job as it is, if nothing was heard of it for too long: then its machine is lost.
func (j Job) seen(silent bool) Job {
	if j.State == Running && silent {
		j.State, j.Lost, j.Machine = Waiting, append(j.Lost, j.Machine), ""
	}
	return j
}

// now is the queue's time: whose clocks differ from it does not matter then.
func (c *Client) now(ctx context.Context) (time.Time, error) {
	s, err := c.js.Stream(ctx, "KV_"+records)
	if err != nil {
		return time.Time{}, err
	}
	return s.CachedInfo().TimeStamp, nil
}

// Cancel takes a job out of the queue, or ends it where it runs.
func (c *Client) Cancel(ctx context.Context, id string) (Job, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	for {
		j, revision, err := c.get(ctx, id)
		if err != nil || j.Over() {
			return j, err
		}
		j.State = Cancelled
		_, err = c.put(ctx, j, revision)
		if !isConflict(err) { // otherwise, a machine has just said that it works on it
			return j, err
		}
	}
}

// Wait waits until a job is over.
func (c *Client) Wait(ctx context.Context, id string) (Job, error) {
	watch, err := c.records.Watch(ctx, id)
	if err != nil {
		return Job{}, fmt.Errorf("waiting for job %s: %w", id, err)
	}
	defer watch.Stop()
	for {
		select {
		case <-ctx.Done():
			return Job{}, fmt.Errorf("waiting for job %s: %w", id, context.Cause(ctx))
		case entry := <-watch.Updates():
			var j Job
			if entry == nil {
				if j, err = c.Job(ctx, id); err != nil {
					return j, err
				}
			} else if err := json.Unmarshal(entry.Value(), &j); err != nil {
				return j, fmt.Errorf("waiting for job %s: %w", id, err)
			}
			if j.Over() {
				return j, nil
			}
		}
	}
}

// Fetch writes the files that a job left into a folder, and returns their paths.
func (c *Client) Fetch(ctx context.Context, j Job, dir string) (files []string, err error) {
	if !j.Over() {
		return nil, fmt.Errorf("job %s is %s: %w; bench jobs fetch --wait waits for it", j.ID, j.State, ErrNotOver)
	}
	for _, name := range j.Kept {
		if name != filepath.Base(name) || strings.HasPrefix(name, ".") {
			return files, fmt.Errorf("job %s left %q, which is not the name of a file", j.ID, name)
		}
		file := filepath.Join(dir, name)
		if err := c.fetch(ctx, j.ID+"/"+name, file); err != nil {
			return files, fmt.Errorf("fetching %s of job %s: %w", name, j.ID, err)
		}
		files = append(files, file)
	}
	return files, nil
}

func (c *Client) fetch(ctx context.Context, object, file string) error {
	from, err := c.results.Get(ctx, object)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// keep stores a file that a job left.
func (c *Client) keep(ctx context.Context, id, file string) error {
	from, err := os.Open(file)
	if err != nil {
		return err
	}
	defer from.Close()
	_, err = c.results.Put(ctx, jetstream.ObjectMeta{Name: id + "/" + filepath.Base(file)}, from)
	return err
}
