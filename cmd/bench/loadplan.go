package main

import (
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"bench/experiments"
	"bench/loadgen"
	"bench/loadgen/native"
	"bench/loadgen/pacing"
	"bench/scenarios"
	"bench/targets"
)

// longestSocket is the longest path of a Unix socket on Linux, in bytes.
const longestSocket = 107

// plan is what the URL and the flags describe, with notes on how they were understood.
func (o loadOptions) plan(rawURL string) (p loadgen.Plan, notes []string, err error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return p, nil, usagef("%q: want a URL http://HOST:PORT/PATH or https://", rawURL)
	}
	p = loadgen.Plan{
		URL: origin(u), Mode: loadgen.Closed, Duration: o.duration, Requests: o.requests,
		Conns:   loadgen.Conns{Max: o.connections, New: o.newConns, Fixed: o.fixedConns, Requests: o.perConn},
		Timeout: o.timeout, Seed: newSeed(o.seed),
	}
	if p.MaxErrors, err = parseShare(o.maxErrors); err != nil {
		return p, nil, usagef("--max-errors %q: want a share, such as 50%% or 0.5", o.maxErrors)
	}
	for _, core := range o.engine.pin {
		if o.workers.where == "" && !native.HasCore(core) {
			return p, nil, usagef("--pin %s: there is no such core for this process", strconv.Itoa(core))
		}
	}
	if len(o.socket) > longestSocket {
		return p, nil, usagef("--unix-socket: a path of %d bytes; the kernel takes %d at most", len(o.socket), longestSocket)
	}
	for _, text := range o.sources {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return p, nil, experiments.Misuse(fmt.Errorf("--source: %w", err))
		}
		p.Conns.Sources = append(p.Conns.Sources, addr)
	}
	if p.Slow, err = loadgen.ParseSlow(o.slow, o.slowEvery); err != nil {
		return p, nil, experiments.Misuse(fmt.Errorf("--slow: %w", err))
	}
	list, err := o.request.list(u, rawURL)
	if err != nil {
		return p, nil, err
	}
	p.Pacer, notes, err = o.pacing(p.Seed, &list)
	if err != nil {
		return p, nil, err
	}
	p.Mix = list.Mix.WithSeed(p.Seed)
	o.length(&p)
	timeline, err := o.timeline()
	if err == nil {
		err = timeline.Add(&p)
	}
	return p, notes, err
}

// timeline is what happens during the load: to servers that bench did not start, nothing can be done.
func (o loadOptions) timeline() (t scenarios.Timeline, err error) {
	for _, text := range o.incidents {
		i, err := scenarios.ParseIncident(text)
		if err != nil {
			return nil, experiments.Misuse(fmt.Errorf("--incident: %w", err))
		}
		t = append(t, i)
	}
	if !t.OfLoad() {
		return nil, usagef("--incident: bench did not start this server, and does nothing to its processes: " +
			"want slow-clients or connections here, and the others in a scenario of bench compare")
	}
	return t, nil
}

// length makes a plan as long as what it goes through, unless a duration was given.
func (o loadOptions) length(p *loadgen.Plan) {
	if p.Pacer != nil {
		p.Mode = loadgen.Open
	}
	if !o.wholePacer {
		return
	}
	if length := pacing.Length(p.Pacer); length > 0 {
		p.Duration = length
	}
	switch {
	case o.requests == 0:
	case p.Pacer == nil:
		p.Duration = loadgen.LongestLoad
	default:
		last := p.Pacer.Due(o.requests - 1)
		p.Duration = min(loadgen.LongestLoad, max(last, last+time.Millisecond)) // never, plus a little, is negative
	}
}

// origin is the server of a URL. A zone stays escaped, as URLs have it.
func origin(u *url.URL) string { return (&url.URL{Scheme: u.Scheme, Host: u.Host}).String() }

// parseShare reads "50%" or "0.5". No share at all becomes the smallest one: a plan's zero sets no limit.
func parseShare(text string) (float64, error) {
	digits, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	share, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if percent {
		share /= 100
	}
	if err != nil || !(share >= 0 && share <= 1) {
		return 0, strconv.ErrRange
	}
	return max(share, math.SmallestNonzeroFloat64), nil
}

// pacing is the pacer of an open loop; nil for a closed one.
func (o loadOptions) pacing(seed uint64, list *targets.List) (pacing.Pacer, []string, error) {
	number, _, _ := strings.Cut(o.rate, "/")
	zero, err := strconv.ParseFloat(number, 64)
	closed := err == nil && zero == 0 && strings.TrimSuffix(o.rate, "/s") == number || strings.EqualFold(o.rate, "max")
	switch {
	case o.arrivals != "constant" && (o.rate == "" || closed):
		return nil, nil, usagef(
			"--arrivals %s works with a --rate only; with --pacer, write --pacer 'poisson …'", o.arrivals)
	case o.replay.file == "" && (o.replay.speed != 1 || o.replay.requests):
		return nil, nil, usagef("--replay-speed and --replay-requests work with --replay only")
	case o.replay.file != "":
		return o.recording(list)
	case o.pacer != "":
		p, err := pacing.Parse(o.pacer)
		if err != nil {
			return nil, nil, experiments.Misuse(fmt.Errorf("--pacer: %w", err))
		}
		return p, list.Notes, nil
	case o.rate == "" && len(list.Times) > 0:
		note := fmt.Sprintf("%s: its %d requests are sent when the browser sent them; --rate changes that",
			o.request.targets, len(list.Times))
		return pacing.Replay{Times: list.Times, Speed: 1}, append(list.Notes, note), nil
	case o.rate == "" || closed:
		return nil, list.Notes, nil
	}
	p, err := o.steady(seed)
	return p, list.Notes, err
}

// steady is the pacer of --rate.
func (o loadOptions) steady(seed uint64) (pacing.Pacer, error) {
	rate, err := pacing.ParseRate(o.rate)
	if err != nil {
		return nil, experiments.Misuse(fmt.Errorf("--rate: %w; 0 or max: a closed loop", err))
	}
	switch constant := (pacing.Constant{PerSecond: rate}); o.arrivals {
	case "constant":
		return constant, nil
	case "poisson":
		return pacing.Poisson{Of: constant, Seed: seed}, nil
	}
	return nil, usagef("--arrivals %q: want constant or poisson", o.arrivals)
}
