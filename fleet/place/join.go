package place

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"bench/fleet"
	"bench/fleet/link"
)

// Joining is what workers need to come by themselves.
type Joining struct {
	Listen string        // the address by which they reach this machine
	Tokens string        // the folder that their tokens are written into
	Wait   time.Duration // how long they may take
	Say    func(text string)
}

// Join is workers that somebody else starts, on machines that no ssh reaches, with a token each. Of the hub
// they see only their own connection.
type Join struct {
	N       int
	options Joining

	begin    sync.Once
	listener *link.Listener
	failure  error
	come     map[string]chan net.Conn // by the name of a token
	met      sync.Map                 // names that have come: a token lets in one process, once
}

func parseJoin(rest string, o Options) (fleet.Place, error) {
	n, err := strconv.Atoi(rest)
	if err != nil || n < 1 || n > mostWorkers {
		return nil, fmt.Errorf("%q is not a number from 1 to %d", rest, mostWorkers)
	}
	j := &Join{N: n, options: o.Join, come: map[string]chan net.Conn{}}
	for _, name := range j.Workers() {
		j.come[name] = make(chan net.Conn, 1)
	}
	return j, nil
}

// Validate reports what nobody could join.
func (j *Join) Validate() error {
	if j.options.Wait <= 0 {
		return fmt.Errorf("--join-wait %v: want a time above 0", j.options.Wait)
	}
	return link.CheckAddress(j.options.Listen)
}

// Workers implements fleet.Place.
func (j *Join) Workers() []string {
	names := make([]string, j.N)
	for i := range names {
		names[i] = "worker-" + strconv.Itoa(i+1)
	}
	return names
}

func (j *Join) token(name string) string { return filepath.Join(j.options.Tokens, name+".json") }

// open listens, and writes a token for each worker.
func (j *Join) open() error {
	id, err := link.NewIdentity()
	if err != nil {
		return err
	}
	if j.listener, err = link.Listen(j.options.Listen, id); err != nil {
		return err
	}
	var tokens []link.Token
	for _, name := range j.Workers() {
		t := j.listener.Token(name, "worker")
		if err := t.WriteFile(j.token(name)); err != nil {
			return err
		}
		tokens = append(tokens, t)
	}
	go j.listener.Serve(tokens, j.meet)
	j.options.Say(fmt.Sprintf("waiting up to %v for %d workers: copy each token of %s to its machine, and run there: "+
		"bench worker --join worker-1.json", j.options.Wait, j.N, j.options.Tokens))
	return nil
}

// meet gives a connection to whoever waits for that worker.
func (j *Join) meet(t link.Token, conn net.Conn) {
	if _, again := j.met.LoadOrStore(t.Name, true); again {
		return
	}
	over := make(chan struct{})
	j.come[t.Name] <- &guest{Conn: conn, over: over}
	<-over
}

// guest is a connection that is kept until somebody closes it.
type guest struct {
	net.Conn
	over  chan struct{}
	close sync.Once
}

func (g *guest) Close() error {
	g.close.Do(func() { close(g.over) })
	return g.Conn.Close()
}

// Start implements fleet.Place: it waits for the worker.
func (j *Join) Start(ctx context.Context, index int) (fleet.Stream, error) {
	j.begin.Do(func() { j.failure = j.open() })
	if j.failure != nil {
		return nil, j.failure
	}
	name := j.Workers()[index]
	select {
	case conn := <-j.come[name]:
		return &joined{Conn: conn}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-time.After(j.options.Wait):
		return nil, fmt.Errorf("it has not come within %v (--join-wait); on its machine, run "+
			"bench worker --join with its token, and see whether that reaches %s", j.options.Wait, j.options.Listen)
	}
}

// Close ends the listener, and removes the tokens, which are of no use any more.
func (j *Join) Close() error {
	if j.listener == nil {
		return nil
	}
	for _, conns := range j.come {
		select {
		case conn := <-conns:
			_ = conn.Close() // it came after everything was over
		default:
		}
	}
	err := j.listener.Close()
	for _, name := range j.Workers() {
		if e := os.Remove(j.token(name)); !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	_ = os.Remove(j.options.Tokens) // unless something else is in it
	return err
}

// joined is the stream of a worker that came by itself.
type joined struct {
	net.Conn
	end sync.Once
	err error
}

// End implements fleet.Stream. The worker's process is somebody else's: nothing but its connection can end.
func (j *joined) End(after time.Duration) error {
	j.end.Do(func() {
		if conn, secure := j.Conn.(*guest).Conn.(*tls.Conn); secure {
			_ = conn.CloseWrite()
		}
		_ = j.SetReadDeadline(time.Now().Add(after))
		_, j.err = io.Copy(io.Discard, j.Conn)
		_ = j.Close()
	})
	return j.err
}
