package loadgen

import "time"

// A request on a reused connection that breaks before the first byte of a response may be sent again
// (RFC 9112, section 9.3.1) where the server cannot have worked on it: then the close was under way
// before the request came, and no user of a browser would have noticed. Where the server took the
// request and dropped it, the request has failed, and sending it again would hide that.
//
// Three signs tell the two apart, in this order:
//
//   - nothing of the request could be written: the connection was closed before;
//   - the kernel says that the request met a closed end (Untaken);
//   - the connection was reset so soon that no work can have been done (TooSoonToWork). A server that
//     closes with an unread request in its socket does that, and so may one that gives up.
//
// An orderly close after the request had arrived is none of them: the server had read it.

const (
	// alwaysTooSoon is a time in which no app is taken to have worked: a request that it answered as
	// soon would not be worth a load test.
	alwaysTooSoon = time.Millisecond
	// neverTooSoon is a time after which a server has begun to work, however long its responses take.
	neverTooSoon = 5 * time.Millisecond
)

// TooSoonToWork reports whether a connection was reset so soon after the request was sent that the
// server cannot have worked on it: in half the time of its fastest response (0: none yet). If a server
// works equally long on what it drops, a reset sooner than the n responses so far has one chance in
// n+1; half of that time makes it safe for small n, too.
func TooSoonToWork(after, fastest time.Duration) bool {
	return after < min(neverTooSoon, max(alwaysTooSoon, fastest/2))
}
