package scenarios

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"bench/internal/strict"
	"bench/loadgen"
	"bench/results"
	"bench/servers"
)

// Incident is something that is done to the servers, or added to the load, while a load runs. It is a
// description: comparable, and it prints and parses back.
type Incident struct {
	At   When
	Kind string // a row of IncidentKinds
	What string // in the form of the kind
	For  When   // how long it lasts; zero: to the end of the load, or it is over at once
	Line int    // of the file that it was read from; 0: of none
}

// Timeline is the incidents of a load, in the order in which they are written.
type Timeline []Incident

// When is a time within a load: a share of its length, or a time since its start.
type When struct {
	Share float64
	Since time.Duration
}

// ParseWhen reads a share such as 40%, or a time such as 2s.
func ParseWhen(text string) (w When, err error) {
	if percent, is := strings.CutSuffix(text, "%"); is {
		share, err := strconv.ParseFloat(strings.TrimSpace(percent), 64)
		if err == nil && share >= 0 && share < 100 {
			return When{Share: share / 100}, nil
		}
	} else if w.Since, err = time.ParseDuration(text); err == nil && w.Since >= 0 && w.Since <= loadgen.LongestLoad {
		return w, nil
	}
	const want = "want a share below 100%, such as 40%, or a time such as 2s"
	return When{}, fmt.Errorf("%q is not a time within a load: %s", text, want)
}

// Of is the time within a load of that length.
func (w When) Of(load time.Duration) time.Duration {
	return w.Since + time.Duration(w.Share*float64(load)).Round(time.Millisecond)
}

func (w When) String() string {
	if w.Share > 0 {
		return strconv.FormatFloat(math.Round(w.Share*1e8)/1e6, 'f', -1, 64) + "%"
	}
	return w.Since.String()
}

func (i Incident) String() string {
	text := fmt.Sprintf("at %s %s %s", i.At, i.Kind, i.What)
	if i.For != (When{}) {
		text += " for " + i.For.String()
	}
	return strings.TrimSpace(text)
}

// ParseIncident reads an incident as String prints it; "at" may be left out.
func ParseIncident(text string) (i Incident, err error) {
	words := strings.Fields(text)
	if len(words) > 0 && words[0] == "at" {
		words = words[1:]
	}
	if len(words) < 2 {
		return i, fmt.Errorf("incident %q: want 'at TIME KIND …', such as 'at %s'", text, IncidentKinds[0].Example)
	}
	if i.At, err = ParseWhen(words[0]); err != nil {
		return i, fmt.Errorf("incident %q: at: %w", text, err)
	}
	i.Kind, words = words[1], words[2:]
	if at := len(words) - 2; at >= 0 && words[at] == "for" {
		if i.For, err = ParseWhen(words[at+1]); err != nil {
			return i, fmt.Errorf("incident %q: for: %w", text, err)
		}
		words = words[:at]
	}
	i.What = strings.Join(words, " ")
	if _, err = i.deed(); err != nil {
		return i, fmt.Errorf("incident %q: %w", text, err)
	}
	return i, nil
}

// incidentOf reads an incident from a file, where it is a mapping.
func incidentOf(e strict.Entry) (i Incident, err error) {
	wrong := func(line int, format string, args ...any) error {
		return fmt.Errorf("line %d: %w", line, fmt.Errorf(format, args...))
	}
	line := e.Line
	i.Line = line
	at, length := e.Take("at"), e.Take("for")
	if i.At, err = ParseWhen(at); err != nil {
		return i, wrong(line, "at: %w", err)
	}
	if length != "" {
		if i.For, err = ParseWhen(length); err != nil {
			return i, wrong(line, "for: %w", err)
		}
	}
	if len(e.Pairs) != 1 {
		return i, wrong(line, "an incident has at, one of %s, and for if it lasts", strings.Join(incidentNames(), ", "))
	}
	i.Kind, i.What = e.Pairs[0].Key, strings.Join(strings.Fields(e.Pairs[0].Text), " ")
	if _, err := i.deed(); err != nil {
		return i, wrong(e.Pairs[0].Line, "%w", err)
	}
	return i, nil
}

// ParseTimeline reads the incidents of a file.
func ParseTimeline(entries []strict.Entry) (t Timeline, err error) {
	var errs []error
	for _, e := range entries {
		i, err := incidentOf(e)
		t, errs = append(t, i), append(errs, err)
	}
	if len(t) > mostIncidents {
		errs = append(errs, fmt.Errorf("%d incidents: want at most %d", len(t), mostIncidents))
	}
	return t, errors.Join(errs...)
}

// mostIncidents bounds a timeline.
const mostIncidents = 100

// Check reports an incident that cannot be done to a cluster of this blueprint, such as one to a process
// that is not there, or that lies beyond the end of a load.
func (t Timeline) Check(b servers.Blueprint, load time.Duration) error {
	var errs []error
	for _, i := range t {
		deed, err := i.deed()
		if err == nil && i.At.Of(load) >= load {
			err = fmt.Errorf("the load ends after %v", load)
		}
		if err == nil {
			err = deed.check(b)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("timeline%s: %s: %w", i.place(), i, err))
		}
	}
	return errors.Join(errs...)
}

// place is where the incident stands in its file.
func (i Incident) place() string {
	if i.Line == 0 {
		return ""
	}
	return fmt.Sprintf(", line %d", i.Line)
}

// OfLoad reports whether all incidents concern the load alone, so that servers that bench did not start
// can have them.
func (t Timeline) OfLoad() bool {
	return !slices.ContainsFunc(t, func(i Incident) bool {
		deed, err := i.deed()
		_, ofLoad := deed.(clients)
		return err != nil || !ofLoad
	})
}

// Add adds the timeline to a plan: its clients, and the times at which something happens.
func (t Timeline) Add(p *loadgen.Plan) error {
	for _, i := range t {
		deed, err := i.deed()
		if err != nil {
			return err
		}
		at := i.At.Of(p.Duration)
		p.Incidents = append(p.Incidents, at)
		if c, is := deed.(clients); is {
			slow := c.SlowClients
			slow.From, slow.For = at, i.For.Of(p.Duration)
			p.Slow = append(p.Slow, slow)
		}
	}
	return nil
}

// Clients are those that a load gets in addition, all populations together.
func (t Timeline) Clients() (sum int) {
	for _, i := range t {
		if deed, err := i.deed(); err == nil {
			if c, is := deed.(clients); is {
				sum += c.SlowClients.Clients
			}
		}
	}
	return sum
}

// Happened are the incidents of a load that carries out its timeline itself, as one of clients alone does.
func (t Timeline) Happened(load time.Duration) (list []results.Incident) {
	for _, i := range t {
		r := i.record(load)
		r.At = r.Planned
		if length := i.For.Of(load); length > 0 {
			r.Until = min(r.At+length.Seconds(), load.Seconds())
		}
		list = append(list, r)
	}
	return list
}

// record is an incident before it was done.
func (i Incident) record(load time.Duration) results.Incident {
	return results.Incident{Kind: i.Kind, Text: i.String(), Planned: i.At.Of(load).Seconds()}
}
