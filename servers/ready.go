package servers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// awaitReady returns when a real request was answered and every worker process has served
// one. A server that listens is not ready: the kernel completes connections for a process
// that is still importing its modules.
func (c *Cluster) awaitReady(ctx context.Context, started time.Time) error {
	client := &http.Client{
		Timeout:       2 * time.Second,
		Transport:     c.from,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if c.from == nil {
		client.Transport = &http.Transport{Proxy: nil, DisableKeepAlives: true, DialContext: c.dial}
	}
	defer client.CloseIdleConnections()
	first, err := c.awaitResponse(ctx, client)
	if err != nil {
		return err
	}
	c.Boot.FirstRequestMS = milliseconds(first)
	if err := c.awaitWorkers(ctx, client); err != nil {
		return err
	}
	c.Boot.BootMS = milliseconds(time.Since(started))
	return nil
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

const pollEvery = 10 * time.Millisecond

// awaitResponse polls the health path and returns how long the first successful response took.
func (c *Cluster) awaitResponse(ctx context.Context, client *http.Client) (time.Duration, error) {
	var last error
	var wrong steady
	for {
		before := time.Now()
		err := c.askHealth(ctx, client)
		if err == nil {
			return time.Since(before), nil
		}
		if ctx.Err() == nil { // a request that the deadline ended says nothing
			last = err
		}
		var status statusError
		if errors.As(err, &status) && wrong.add(status, time.Now()) {
			return 0, fmt.Errorf("%s has answered with %w for %v", c.blueprint.Health, err, status.patience())
		}
		select {
		case <-c.dead:
			return 0, c.deadErr
		case <-ctx.Done():
			return 0, fmt.Errorf("no successful response from %s within %w; last attempt: %w",
				c.blueprint.Health, context.Cause(ctx), cmp.Or(last, err))
		case <-time.After(pollEvery):
		}
	}
}

// unshared is a cookie that nobody set. A cache in front of the servers passes such a request on at once, where it
// would let others for the same page wait for each other.
const unshared = "bench=ready"

func (c *Cluster) askHealth(ctx context.Context, client *http.Client) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL()+c.blueprint.Health, nil)
	if err != nil {
		return err
	}
	for name, value := range c.blueprint.HealthHeader {
		request.Header.Set(name, value)
	}
	if request.Header.Get("Cookie") == "" {
		request.Header.Set("Cookie", unshared)
	}
	request.Host = request.Header.Get("Host") // net/http ignores the header; "": the address
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	return health(response, c.blueprint.Health)
}

// awaitWorkers sends requests until the probes show that every worker process has served
// one. Counting requests is not enough: one of two workers may serve five in a row.
func (c *Cluster) awaitWorkers(ctx context.Context, client *http.Client) error {
	expected := 0
	for _, p := range c.blueprint.Processes {
		if p.findsWorkers() { // others do not show which worker responded
			expected += p.Workers
		}
	}
	for {
		// An error does not count yet: the statistics may come up after the first worker.
		seen, last := c.workersSeen(ctx)
		if c.Boot.Workers = seen; last == nil && seen >= expected {
			return nil
		}
		var wave sync.WaitGroup
		for range 4 * expected {
			wave.Go(func() { _ = c.askHealth(ctx, client) })
		}
		wave.Wait()
		select {
		case <-c.dead:
			return c.deadErr
		case <-ctx.Done():
			late := fmt.Errorf("%d of %d worker processes had answered before the timeout: %w",
				seen, expected, context.Cause(ctx))
			return errors.Join(late, last)
		case <-time.After(pollEvery / 10):
		}
	}
}

// Workers counts the workers that have served a request.
func (c *Cluster) Workers(ctx context.Context) (int, error) { return c.workersSeen(ctx) }

// workersSeen counts the workers that have served a request, and remembers their process IDs,
// which separate their CPU time from their master's.
func (c *Cluster) workersSeen(ctx context.Context) (int, error) {
	if c.IsOnFleet() {
		return c.fleetWorkers(ctx)
	}
	seen := 0
	for i, p := range c.blueprint.Processes {
		if c.probes[i] == nil {
			continue
		}
		workers, err := c.probes[i].Workers(ctx)
		if err != nil {
			return seen, fmt.Errorf("%s: %w", p.Name, err)
		}
		pids := map[int]bool{}
		for _, worker := range workers {
			pids[worker.PID] = true
			if worker.Served {
				seen++
			}
		}
		c.workerPIDs[i] = pids
	}
	return seen, nil
}
