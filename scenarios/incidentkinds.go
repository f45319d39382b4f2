package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bench/loadgen"
	"bench/servers"
)

// IncidentKind is a kind of incident: a row of IncidentKinds.
type IncidentKind struct {
	Name    string
	Syntax  string // of what follows the name
	Example string // of an incident, after "at"
	Means   string
	lasts   bool // it is undone when its time is over
	parse   func(words []string) (deed, error)
}

// IncidentKinds is the table of all kinds.
var IncidentKinds = []IncidentKind{
	{"kill", "PROCESSES", "40% kill server[1]", "ends processes at once (SIGKILL)", false,
		func(words []string) (deed, error) { return toProcesses(words, syscall.SIGKILL) }},
	{"signal", "SIGNAL PROCESSES", "40% signal HUP server", "sends processes a signal", false, parseSignal},
	{"stop", "PROCESSES", "40% stop proxy.worker for 1s", "keeps processes from running (SIGSTOP), then lets them go on",
		true, func(words []string) (deed, error) { return toProcesses(words, syscall.SIGSTOP) }},
	{"touch", "FILE", "40% touch reload", "renews the time of a file in the servers' folders", false, parseTouch},
	{"config", "PROCESSES [NAME=VALUE …]", "40% config proxy connections=64",
		"gives processes their files anew, as other parameters of the topology make them, and has them read", false,
		parseConfig},
	{"slow-clients", "KIND N [every TIME]", "25% slow-clients headers 200 for 50%",
		"adds clients that send headers or bodies byte by byte, or read so (headers, bodies, readers)", true,
		parseSlowClients},
	{"connections", "idle N", "25% connections idle 5000", "adds connections that send nothing", true,
		parseConnections},
}

func incidentNames() (names []string) {
	for _, k := range IncidentKinds {
		names = append(names, k.Name)
	}
	return names
}

// deed is what an incident does.
type deed interface {
	// check reports why it cannot be done to a cluster of this blueprint.
	check(servers.Blueprint) error
}

// onServers is a deed that is done to a running cluster. It returns what it was done to, and how to undo
// it, if it lasts.
type onServers interface {
	deed
	do(subject) (on []string, undo func() error, err error)
}

// subject is what deeds are done to: a cluster.
type subject interface {
	Signal(servers.Address, syscall.Signal) ([]servers.Member, error)
	Resume([]servers.Member) error
	Touch(file string) ([]string, error)
	Reconfigure(servers.Address, []servers.Setting) ([]servers.Member, error)
}

// deed reads what the incident does.
func (i Incident) deed() (deed, error) {
	at := slices.IndexFunc(IncidentKinds, func(k IncidentKind) bool { return k.Name == i.Kind })
	if at < 0 {
		return nil, fmt.Errorf("%q is not a kind of incident: want one of %s", i.Kind, strings.Join(incidentNames(), ", "))
	}
	kind := IncidentKinds[at]
	if !kind.lasts && i.For != (When{}) {
		return nil, fmt.Errorf("%s: it is over at once, and takes no for", i.Kind)
	}
	d, err := kind.parse(strings.Fields(i.What))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w (%s %s: %s)", i.Kind, i.What, err, kind.Name, kind.Syntax, kind.Means)
	}
	return d, nil
}

// signal is a signal to processes.
type signal struct {
	to   servers.Address
	what syscall.Signal
}

func toProcesses(words []string, what syscall.Signal) (deed, error) {
	if len(words) != 1 {
		return nil, errors.New("want one address of processes")
	}
	to, err := servers.ParseAddress(words[0])
	return signal{to, what}, err
}

func parseSignal(words []string) (deed, error) {
	if len(words) != 2 {
		return nil, errors.New("want a signal and an address of processes")
	}
	what, err := servers.ParseSignal(words[0])
	if err != nil {
		return nil, err
	}
	return toProcesses(words[1:], what)
}

func (s signal) check(b servers.Blueprint) error {
	_, _, err := b.Find(s.to)
	return err
}

func (s signal) do(to subject) (on []string, undo func() error, err error) {
	members, err := to.Signal(s.to, s.what)
	on = named(members)
	if s.what == syscall.SIGSTOP {
		undo = func() error { return to.Resume(members) }
	}
	return on, undo, err
}

func named(members []servers.Member) (names []string) {
	for _, m := range members {
		names = append(names, m.String())
	}
	return names
}

// config gives processes other files, and tells them to read these.
type config struct {
	of       servers.Address
	settings []servers.Setting
}

func parseConfig(words []string) (deed, error) {
	if len(words) == 0 {
		return nil, errors.New("want an address of processes")
	}
	var c config
	var err error
	if c.of, err = servers.ParseAddress(words[0]); err != nil {
		return nil, err
	}
	for _, word := range words[1:] {
		s, err := servers.ParseSetting(word)
		if err != nil {
			return nil, err
		}
		c.settings = append(c.settings, s)
	}
	return c, nil
}

func (c config) check(b servers.Blueprint) error { return b.Reloads(c.of, c.settings) }

func (c config) do(to subject) ([]string, func() error, error) {
	members, err := to.Reconfigure(c.of, c.settings)
	return named(members), nil, err
}

// touch renews the time of a file.
type touch struct{ file string }

func parseTouch(words []string) (deed, error) {
	if len(words) != 1 {
		return nil, errors.New("want the name of one file")
	}
	return touch{words[0]}, nil
}

func (t touch) check(b servers.Blueprint) error {
	if names := b.Touchable(); !slices.Contains(names, t.file) {
		return fmt.Errorf("%s has no file %q: it has %s", b.Topology.Short(), t.file, strings.Join(names, ", "))
	}
	return nil
}

func (t touch) do(to subject) ([]string, func() error, error) {
	on, err := to.Touch(t.file)
	return on, nil, err
}

// clients are added to the load, which starts and stops them itself.
type clients struct{ loadgen.SlowClients }

// everyByte is how often a slow client sends or reads a byte, unless told otherwise.
const everyByte = time.Second

func parseSlowClients(words []string) (deed, error) {
	every := everyByte
	if len(words) == 4 && words[2] == "every" {
		var err error
		if every, err = time.ParseDuration(words[3]); err != nil {
			return nil, fmt.Errorf("every: %q: want a time such as 1s", words[3])
		}
		words = words[:2]
	}
	kinds := map[string]loadgen.SlowKind{
		"headers": loadgen.SlowHeaders, "bodies": loadgen.SlowBody, "readers": loadgen.SlowRead,
	}
	if len(words) != 2 || kinds[words[0]] == "" {
		return nil, errors.New("want headers, bodies or readers, and a number")
	}
	return someClients(kinds[words[0]], words[1], every)
}

func parseConnections(words []string) (deed, error) {
	if len(words) != 2 || words[0] != string(loadgen.SlowIdle) {
		return nil, errors.New("want idle, and a number")
	}
	return someClients(loadgen.SlowIdle, words[1], everyByte)
}

func someClients(kind loadgen.SlowKind, number string, every time.Duration) (deed, error) {
	n, err := strconv.Atoi(number)
	if err != nil {
		return nil, fmt.Errorf("%q is not a number", number)
	}
	c := clients{loadgen.SlowClients{Kind: kind, Clients: n, Every: every}}
	return c, c.Validate()
}

func (clients) check(servers.Blueprint) error { return nil }
