package hosts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"bench/fleet"
	"bench/results"
	"bench/servers"
	"bench/targets"
)

// The duties of a host's worker.
const (
	dutyLook     = "look"      // says what the host is
	dutyGive     = "give"      // takes a piece of a bundle
	dutySettle   = "settle"    // unpacks the bundle, and gets ready to boot
	dutyRoom     = "room"      // makes a folder and holds ports for a boot
	dutyStart    = "start"     // starts a part of a cluster
	dutyAsk      = "ask"       // asks a part for something it counts
	dutyAwait    = "await"     // waits for the end of a part
	dutyStop     = "stop-part" // ends a part
	dutyExchange = "exchange"  // sends one request, of a generator's host
)

// nothing is an order or a reply that says no more than its name.
type nothing struct{}

// looked is what a host is.
type looked struct {
	Addresses []string     `json:"addresses"`
	Host      results.Host `json:"host"`
}

// piece is a piece of a bundle.
type piece struct {
	Hash string `json:"hash"`
	At   int64  `json:"at"`
	Data []byte `json:"data"`
}

// settling is an app that a host is to serve.
type settling struct {
	Bundle bundle      `json:"bundle"`
	App    targets.App `json:"app"`
	// What records leave out of an app.
	Dir          string            `json:"dir"` // in the project
	HealthHeader map[string]string `json:"health_header"`
	Secrets      map[string]string `json:"secrets"`

	Tools   []string `json:"tools"`
	Tree    bool     `json:"tree"`    // each boot gets a copy of the project
	Overlay bool     `json:"overlay"` // settings are replaced
	Address string   `json:"address"` // where the others reach the host
}

// settled is a host that is ready to boot.
type settled struct {
	Host  servers.Host         `json:"host"`
	Notes []results.Diagnostic `json:"notes"`
}

type roomOrder struct {
	Ports int `json:"ports"`
}

// room is a folder and ports for one boot.
type room struct {
	ID     int    `json:"id"`
	Folder string `json:"folder"`
	Ports  []int  `json:"ports"`
}

type startOrder struct {
	Room      int               `json:"room"`
	Blueprint servers.Blueprint `json:"blueprint"`
}

// question asks a part for something by its name.
type question struct {
	Room int    `json:"room"`
	What string `json:"what"`
}

// answered is whatever a part was asked for.
type answered struct {
	Workers  int                         `json:"workers"`
	Usage    []results.Usage             `json:"usage"`
	Counters servers.Counters            `json:"counters"`
	Peaks    map[string]results.Counters `json:"peaks"`
	Evidence map[string][]byte           `json:"evidence"`
	Dead     bool                        `json:"dead"`
	Why      string                      `json:"why"`
}

// exchangeOrder is a request as it is sent, and exchanged the response as it came.
type exchangeOrder struct {
	Address string        `json:"address"`
	Request []byte        `json:"request"`
	Within  time.Duration `json:"within_ns"`
}

type exchanged struct {
	Response []byte `json:"response"`
}

// reply is a value, or why there is none.
type reply[T any] struct {
	Value T      `json:"value"`
	Fault *fault `json:"fault,omitempty"`
}

// fault is an error that travels with what it is, so that bench ends as if it had happened here.
type fault struct {
	Kind string             `json:"kind"`
	Text string             `json:"text"`
	Boot *servers.BootError `json:"boot,omitempty"`
}

var faults = []struct {
	kind string
	is   func(error) bool
	make func(*fault) error
}{
	{"boot", as[*servers.BootError], func(f *fault) error { f.Boot.Err = errors.New(f.Text); return f.Boot }},
	{"config", as[*servers.ConfigError], func(f *fault) error { return &servers.ConfigError{Err: errors.New(f.Text)} }},
	{"", func(error) bool { return true }, func(f *fault) error {
		return fmt.Errorf("%w: %s", fleet.ErrNotStarted, f.Text)
	}},
}

func as[E error](err error) bool {
	var target E
	return errors.As(err, &target)
}

func faultOf(err error) *fault {
	f := &fault{Text: err.Error()}
	for _, row := range faults {
		if row.is(err) {
			f.Kind = row.kind
			break
		}
	}
	if boot := (*servers.BootError)(nil); errors.As(err, &boot) {
		copied := *boot
		f.Text, copied.Err, f.Boot = boot.Err.Error(), nil, &copied
	}
	return f
}

func (f *fault) err() error {
	for _, row := range faults {
		if f != nil && row.kind == f.Kind && (f.Kind != "boot" || f.Boot != nil) {
			return row.make(f)
		}
	}
	return nil
}

// duty is a function of an order as a duty.
func duty[Q, A any](do func(context.Context, Q) (A, error)) fleet.Duty {
	return func(ctx context.Context, data []byte) (any, error) {
		var order Q
		if err := json.Unmarshal(data, &order); err != nil {
			return nil, fmt.Errorf("reading an order as %T: %w", order, err)
		}
		value, err := do(ctx, order)
		if err != nil {
			return reply[A]{Fault: faultOf(err)}, nil
		}
		return reply[A]{Value: value}, nil
	}
}

// ask has a worker carry out a duty.
func ask[A any](ctx context.Context, f *fleet.Fleet, worker int, what string, order any) (A, error) {
	r, err := fleet.Ask[reply[A]](ctx, f, worker, what, order)
	switch {
	case f.Why(worker) != nil:
		err = fmt.Errorf("%w: %w", fleet.ErrLost, f.Why(worker))
	case err == nil:
		err = r.Fault.err()
	}
	return r.Value, err
}
