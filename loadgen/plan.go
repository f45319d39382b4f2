package loadgen

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"bench/loadgen/pacing"
	"bench/results"
	"bench/targets"
)

// Mode is what starts a request: the clock, or the response to the previous one.
type Mode string

const (
	Open   Mode = results.OpenLoop   // requests are due when the pacer says, whatever the server does
	Closed Mode = results.ClosedLoop // each connection sends its next request when the previous response has arrived
)

// Conns says how requests use connections.
type Conns struct {
	// Max is the maximum number of connections; in a closed loop, the number used.
	Max int `json:"max"`
	// New opens a connection for each request instead of keeping them alive.
	New bool `json:"new,omitempty"`
	// Fixed opens all of them before the clock starts, even in an open loop, which otherwise
	// opens one when a request is due and none is idle.
	Fixed bool `json:"fixed,omitempty"`
	// Requests closes a connection after this number; zero keeps it as long as the server does.
	Requests int `json:"requests,omitempty"`
	// Sources are the local addresses that connections are opened from, in turn: each has its own
	// range of ports. Without any, the kernel chooses.
	Sources []netip.Addr `json:"sources,omitempty"`
}

// Preopened reports whether the connections of a plan are opened before its clock starts. That takes a
// request on each, so a closed loop of a given number of requests opens them as it needs them.
func (p Plan) Preopened() bool {
	return !p.Conns.New && (p.Mode == Closed && p.Requests == 0 || p.Conns.Fixed)
}

// UserAgent is what a request says it comes from, unless its target says something else.
const UserAgent = "bench"

// LongestLoad bounds every load.
const LongestLoad = 24 * time.Hour

// LateGrace is how long after the plan's end a request that fell due within it may still be
// sent, so that a late wake-up at the very end loses nothing.
const LateGrace = 100 * time.Millisecond

// How connections are opened before the clock starts: OpensAtOnce at a time, because a server's
// listen queue may hold as few as ten, and with OpenTimeout for the first response on each,
// because it is for the load to find out whether a server responds at all (ADR 5).
const (
	OpensAtOnce = 4
	OpenTimeout = time.Second
)

// ProofTarget is a target that can safely be requested once more, to prove that a connection is
// open; nil if there is none.
func (p Plan) ProofTarget() *targets.Target {
	for i := range p.Mix.Targets {
		if t := &p.Mix.Targets[i]; t.Method == "GET" {
			return t
		}
	}
	return nil
}

// Plan is a load as plain data. It holds no state and can be run again, or elsewhere.
type Plan struct {
	URL      string        // scheme and host of the server
	Mix      targets.Mix   // what is requested
	Mode     Mode          //
	Pacer    pacing.Pacer  // open loop only
	Duration time.Duration // requests are due, or start, within it
	Requests uint64        // arrivals, at most; 0: as many as the duration has
	Conns    Conns
	Timeout  time.Duration // of a request, from its sending
	// Drain is how long responses are waited for after Duration; requests still without one
	// count as in flight. Zero: long enough for the timeout of the last request.
	Drain time.Duration
	// MaxErrors is the share of failed requests above which a load is invalid, and a server that can
	// never be connected to ends it early. Zero: neither.
	MaxErrors float64
	Seed      uint64
	Slow      []SlowClients // slow clients, in addition to the load
	Part      Part          // the part of all this to send; the zero value is the whole
	// Incidents are the times at which something is done to the servers on purpose. From the first one on,
	// failures are what is measured, and no fault of the measurement; and moments are recorded.
	Incidents []time.Duration
}

// Validate reports everything that is wrong with the plan. It never changes the plan.
func (p Plan) Validate() error {
	var errs []error
	if err := CheckServer(p.URL); err != nil {
		errs = append(errs, fmt.Errorf("plan: %w", err))
	}
	if err := p.Mix.Validate(); err != nil {
		errs = append(errs, err)
	}
	switch p.Mode {
	case Open:
		if p.Pacer == nil {
			errs = append(errs, errors.New("plan: an open loop needs a pacer"))
		}
		if replay, is := p.Pacer.(pacing.Replay); is && !(replay.Speed > 0 && replay.Speed <= 1e6) {
			errs = append(errs, fmt.Errorf(
				"plan: replay at %g times its speed: want more than 0 and at most 1000000", replay.Speed))
		}
	case Closed:
		if p.Pacer != nil {
			errs = append(errs, errors.New("plan: a closed loop has no pacer: the responses pace it"))
		}
	default:
		errs = append(errs, fmt.Errorf("plan: mode %q: want open or closed", p.Mode))
	}
	if p.Duration <= 0 || p.Duration > LongestLoad {
		errs = append(errs, fmt.Errorf(
			"plan: duration %v: want more than 0 and at most 24h; every load is bounded", p.Duration))
	}
	if p.Timeout <= 0 || p.Timeout > time.Hour {
		errs = append(errs, fmt.Errorf("plan: timeout %v: want more than 0 and at most 1h", p.Timeout))
	}
	if p.Conns.Max < 1 || p.Conns.Max > 1<<20 {
		errs = append(errs, fmt.Errorf("plan: %d connections: want 1 to %d", p.Conns.Max, 1<<20))
	}
	if p.Conns.Requests < 0 {
		errs = append(errs, fmt.Errorf("plan: %d requests per connection: want 1 or more", p.Conns.Requests))
	}
	if p.Conns.New && (p.Conns.Fixed || p.Conns.Requests > 0) {
		errs = append(errs, errors.New("plan: with a new connection for each request, none can be opened beforehand or kept"))
	}
	if !(p.MaxErrors >= 0 && p.MaxErrors <= 1) {
		errs = append(errs, fmt.Errorf("plan: a share of errors of %g: want 0 to 1", p.MaxErrors))
	}
	errs = append(errs, p.Part.validate(p.Conns.Max))
	for _, s := range p.Slow {
		errs = append(errs, s.Validate())
	}
	return errors.Join(errs...)
}

// CheckServer reports what keeps a text from being the URL of a server.
func CheckServer(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return fmt.Errorf("URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return fmt.Errorf("URL %q: want http://HOST:PORT or https://HOST:PORT", text)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("URL %q: port %s: want 1 to 65535", text, port)
		}
	}
	return nil
}

// Arrivals is the number of arrivals of an open-loop plan in all its parts: requests, or
// sessions.
func (p Plan) Arrivals() uint64 {
	arrivals := pacing.Count(p.Pacer, p.Duration)
	if p.Requests > 0 {
		arrivals = min(arrivals, p.Requests)
	}
	return arrivals
}

// Intended is the number of an open-loop plan's arrivals that are its part's.
func (p Plan) Intended() uint64 { return p.Part.Share(p.Arrivals()) }

// Connections is the number of the plan's connections that are its part's.
func (p Plan) Connections() int { return int(p.Part.Share(uint64(p.Conns.Max))) }

// ErrTooFew means that the machine has too few files or ports for a plan.
var ErrTooFew = errors.New("too few files or ports")

// Split divides the plan's part among the given number of senders.
func (p Plan) Split(parts int) []Plan {
	all := make([]Plan, parts)
	for i := range all {
		all[i] = p
		all[i].Part = p.Part.Part(i, parts)
	}
	return all
}

// DrainTime is how long responses are waited for after Duration. By default it is the timeout
// and a little more, so that the last request can time out.
func (p Plan) DrainTime() time.Duration {
	if p.Drain > 0 {
		return p.Drain
	}
	return p.Timeout + 500*time.Millisecond
}

// String describes the load without the mix.
func (p Plan) String() string {
	conns := fmt.Sprintf("%d connections", p.Connections())
	switch {
	case p.Conns.New:
		conns += ", a new one for each request"
	case p.Conns.Requests > 0:
		conns += fmt.Sprintf(", %d requests on each", p.Conns.Requests)
	}
	if p.Part.Of > 1 {
		conns += ", " + p.Part.String()
	}
	if p.Mode == Open {
		return fmt.Sprintf("open loop, %v for %v, up to %s", p.Pacer, p.Duration, conns)
	}
	if p.Requests > 0 {
		return fmt.Sprintf("closed loop of %d requests, at most %v, %s", p.Requests, p.Duration, conns)
	}
	return fmt.Sprintf("closed loop for %v, %s", p.Duration, conns)
}

// MarshalJSON writes the pacer in the form that pacing.Parse reads.
func (p Plan) MarshalJSON() ([]byte, error) {
	var pacer string
	var arrivals *pacing.Replay
	if replay, is := p.Pacer.(pacing.Replay); is {
		arrivals = &replay
	} else if p.Pacer != nil {
		pacer = p.Pacer.String()
	}
	return json.Marshal(planRecord{
		URL: p.URL, Mix: p.Mix, Mode: p.Mode, Pacer: pacer, Replay: arrivals, Duration: p.Duration.String(),
		Conns: p.Conns, Timeout: p.Timeout.String(), Drain: p.Drain.String(), Seed: p.Seed, Slow: p.Slow, Part: p.Part,
		Requests: p.Requests, MaxErrors: p.MaxErrors, Incidents: p.Incidents,
	})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Plan) UnmarshalJSON(data []byte) error {
	var r planRecord
	if err := json.Unmarshal(data, &r); err != nil {
		return err
	}
	*p = Plan{
		URL: r.URL, Mix: r.Mix, Mode: r.Mode, Conns: r.Conns, Seed: r.Seed, Slow: r.Slow, Part: r.Part,
		Requests: r.Requests, MaxErrors: r.MaxErrors, Incidents: r.Incidents,
	}
	var errs [4]error
	p.Duration, errs[0] = time.ParseDuration(r.Duration)
	p.Timeout, errs[1] = time.ParseDuration(r.Timeout)
	p.Drain, errs[2] = time.ParseDuration(r.Drain)
	if r.Pacer != "" {
		p.Pacer, errs[3] = pacing.Parse(r.Pacer)
	}
	if r.Replay != nil {
		p.Pacer = *r.Replay
	}
	return errors.Join(errs[:]...)
}

type planRecord struct {
	URL      string         `json:"url"`
	Mix      targets.Mix    `json:"mix"`
	Mode     Mode           `json:"mode"`
	Pacer    string         `json:"pacer,omitempty"`
	Replay   *pacing.Replay `json:"replay,omitempty"`
	Duration string         `json:"duration"`
	Conns    Conns          `json:"connections"`
	Timeout  string         `json:"timeout"`
	Drain    string         `json:"drain"`
	Seed     uint64         `json:"seed"`
	Slow     []SlowClients  `json:"slow,omitempty"`
	Part     Part           `json:"part,omitzero"`

	Requests  uint64  `json:"requests,omitempty"`
	MaxErrors float64 `json:"max_errors,omitempty"`

	Incidents []time.Duration `json:"incidents_ns,omitempty"`
}
