package results

import "fmt"

// Class is the outcome of a request. Every intended request ends in exactly one class.
type Class uint8

const (
	OK           Class = iota // the expected status and body
	HTTPError                 // a response with another status
	BadBody                   // the expected status, but a body that fails the check or breaks HTTP
	ConnectError              // no connection could be made
	Reset                     // the connection broke before the response was complete
	Timeout                   // no complete response within the timeout
	Dropped                   // due within the plan, but never sent
	InFlight                  // sent, and abandoned when the run ended
	classes
)

// Classes is the number of classes.
const Classes = int(classes)

var classNames = [Classes]string{
	"ok", "http_error", "bad_body", "connect_error", "reset", "timeout", "dropped", "in_flight",
}

func (c Class) String() string { return classNames[c] }

// Counts is the number of requests that ended in each class. Intended is always the exact sum
// of the classes; Sent excludes the dropped. StaleRetry counts requests sent again because a
// reused connection turned out to be closed; it is not part of the sum, since each of them
// still ended in a class.
type Counts struct {
	Intended     uint64 `json:"intended"`
	Sent         uint64 `json:"sent"`
	OK           uint64 `json:"ok"`
	HTTPError    uint64 `json:"http_error"`
	BadBody      uint64 `json:"bad_body"`
	ConnectError uint64 `json:"connect_error"`
	Reset        uint64 `json:"reset"`
	Timeout      uint64 `json:"timeout"`
	Dropped      uint64 `json:"dropped"`
	InFlight     uint64 `json:"in_flight"`
	StaleRetry   uint64 `json:"stale_retry"`
}

// Add counts n requests that ended in class c.
func (t *Counts) Add(c Class, n uint64) {
	t.Intended += n
	if c != Dropped {
		t.Sent += n
	}
	switch c {
	case OK:
		t.OK += n
	case HTTPError:
		t.HTTPError += n
	case BadBody:
		t.BadBody += n
	case ConnectError:
		t.ConnectError += n
	case Reset:
		t.Reset += n
	case Timeout:
		t.Timeout += n
	case Dropped:
		t.Dropped += n
	case InFlight:
		t.InFlight += n
	}
}

// OfClass is the number of requests that ended in a class.
type OfClass struct {
	Class Class
	Count uint64
}

// Classes are the counts by class, in their order.
func (t Counts) Classes() []OfClass {
	return []OfClass{
		{OK, t.OK}, {HTTPError, t.HTTPError}, {BadBody, t.BadBody}, {ConnectError, t.ConnectError},
		{Reset, t.Reset}, {Timeout, t.Timeout}, {Dropped, t.Dropped}, {InFlight, t.InFlight},
	}
}

// Plus returns the sum of two counts.
func (t Counts) Plus(u Counts) Counts {
	t.Intended += u.Intended
	t.Sent += u.Sent
	t.OK += u.OK
	t.HTTPError += u.HTTPError
	t.BadBody += u.BadBody
	t.ConnectError += u.ConnectError
	t.Reset += u.Reset
	t.Timeout += u.Timeout
	t.Dropped += u.Dropped
	t.InFlight += u.InFlight
	t.StaleRetry += u.StaleRetry
	return t
}

// Failed is the number of requests without a successful response, including dropped ones.
func (t Counts) Failed() uint64 { return t.Intended - t.OK }

// Check returns an error unless every intended request is in exactly one class.
func (t Counts) Check() error {
	for _, n := range t.fields() {
		if n >= mostRequests { // a sum of such numbers might come round to the right one
			return fmt.Errorf("%d requests of one class are impossible", n)
		}
	}
	ended := t.OK + t.HTTPError + t.BadBody + t.ConnectError + t.Reset + t.Timeout + t.Dropped + t.InFlight
	if t.Intended != ended {
		return fmt.Errorf("counts do not add up: %d intended, %d accounted for", t.Intended, ended)
	}
	if t.Sent != t.Intended-t.Dropped {
		return fmt.Errorf("counts do not add up: %d sent, but %d intended minus %d dropped", t.Sent, t.Intended, t.Dropped)
	}
	return nil
}
