package native

import (
	"fmt"
	"time"

	"bench/loadgen"
	"bench/results"
)

// consume continues reading the response.
func (s *shard) consume(c *conn, data []byte) {
	now := s.now()
	if c.firstByte == 0 {
		c.firstByte = now
		c.body.reset()
		c.parser.Reset(c.request.head)
	}
	for len(data) > 0 && !c.parser.Complete() {
		piece, rest, err := c.parser.Next(data)
		if err != nil {
			s.why = err
			s.finish(c, results.BadBody, now, true)
			return
		}
		if len(piece) > 0 {
			c.body.add(&c.request.check, piece)
		}
		data = rest
	}
	if c.parser.Complete() {
		s.answered(c, now, len(data) > 0)
	}
}

// answered ends a request whose response is complete. Bytes beyond the response do not belong
// to it, and make the connection unusable.
func (s *shard) answered(c *conn, now time.Duration, more bool) {
	class := results.OK
	switch k := &c.request.check; {
	case !k.expect.StatusOK(c.parser.Status):
		class = results.HTTPError
	case !c.body.ok(k, s.sum[:]):
		class = results.BadBody
	}
	if c.served++; more {
		s.stray()
	}
	if fastest := &s.fastest[c.request.target]; *fastest == 0 || now-c.sent < *fastest {
		*fastest = now - c.sent
	}
	// A response that came before the whole request was sent leaves the rest unwritten.
	over := c.parser.Close || c.hungUp || more || s.plan.Conns.New || len(c.unwritten) > 0 ||
		s.plan.Conns.Requests > 0 && c.served >= s.plan.Conns.Requests
	s.finish(c, class, now, over)
}

// ended handles the end of the server's data.
func (s *shard) ended(c *conn, now time.Duration) {
	switch {
	case c.request == nil:
		s.idle.remove(c)
		s.shut(c)
		s.lost(now, results.OK, false)
	case c.firstByte == 0:
		s.broken(c, now, c.request.again && loadgen.Untaken(c.fd))
	case c.parser.End():
		s.answered(c, now, false)
	default:
		s.finish(c, results.Reset, now, true)
	}
}

// broken deals with a connection that failed. If it had been used before, and the server cannot have
// worked on this request (loadgen.TooSoonToWork says how that is known), it is sent again, once, on a
// new connection, and keeps its due and sent times.
func (s *shard) broken(c *conn, now time.Duration, untouched bool) {
	switch {
	case c.request == nil:
		s.idle.remove(c)
		s.shut(c)
		s.lost(now, results.OK, false)
	case untouched && c.served > 0 && c.firstByte == 0 && !c.retried && c.request.again && !s.proving:
		t := c.task
		t.retried, s.why = true, nil
		s.busy.remove(c)
		s.shut(c)
		s.rec.StaleRetry(t.request.target)
		s.connect(t)
	default:
		s.finish(c, results.Reset, now, true)
	}
}

// finish ends the request on a connection, and the connection too if it cannot be reused.
func (s *shard) finish(c *conn, class results.Class, now time.Duration, over bool) {
	s.count(now)
	s.busy.remove(c)
	if s.proving {
		s.unproven = s.unproven || over
	} else {
		s.record(c, class, now)
	}
	s.why = nil
	v := c.visit
	c.request, c.visit, c.firstByte = nil, nil, 0
	ended := v == nil || s.proceed(v, class, now)
	if over {
		s.shut(c)
		s.lost(now, class, ended)
		return
	}
	s.free(c, now, ended)
}

func (s *shard) record(c *conn, class results.Class, now time.Duration) {
	status, app := uint16(0), time.Duration(0)
	if c.firstByte > 0 && c.parser.Complete() { // before the first byte the parser holds the previous response
		status, app = uint16(c.parser.Status), c.parser.App
	}
	connected := c.connected
	if c.state == connecting {
		connected = now
	}
	q := loadgen.Sample{
		Target: c.request.target, Due: c.due, Sent: c.sent, End: now, FirstByte: c.firstByte, Connected: connected,
		App: app, Class: class, Status: status,
	}
	if s.rec.Record(q) {
		s.rec.Explain(q, s.reason(c, class))
	}
}

// stray counts bytes that belong to no response.
func (s *shard) stray() {
	if !s.proving {
		s.rec.Stray()
	}
}

// reason is why a request ended as it did. It is asked once for each way in which requests end.
func (s *shard) reason(c *conn, class results.Class) string {
	switch {
	case s.why != nil:
		return s.why.Error()
	case len(c.parser.Location) > 0 && class <= results.HTTPError:
		return "to " + string(c.parser.Location)
	case class == results.BadBody:
		return c.body.problem(&c.request.check)
	case class == results.Timeout && c.state == connecting:
		return fmt.Sprintf("no connection within %v", s.plan.Timeout)
	case class == results.Timeout && c.firstByte > 0:
		return fmt.Sprintf("no complete response within %v", s.plan.Timeout)
	case class == results.Timeout:
		return fmt.Sprintf("no response within %v", s.plan.Timeout)
	case class == results.Reset && c.firstByte > 0:
		return "the server closed the connection within the response"
	case class == results.Reset:
		return "the server closed the connection before a response"
	}
	return ""
}
