package compare

import (
	"fmt"

	"bench/reports/page"
	"bench/results"
)

// nearlyAll is the share of a database's connections from which its limit counts as reached: some are reserved.
const nearlyAll = 0.95

// databaseLimit says that a load reached the number of connections that the database allows; empty: it did not,
// or there was none.
func databaseLimit(t Topology, l Load) string {
	allowed, most := l.Server.Total(results.ConnectionLimitMax), l.Server.Total(results.ConnectionsMax)
	refused := l.Server.Total(results.RefusedConnections)
	if allowed == 0 || refused == 0 && most < nearlyAll*allowed {
		return ""
	}
	text := fmt.Sprintf("Its database allows %s at once (max_connections), and it had %.0f.",
		page.Count(int(allowed), "connection"), most)
	if refused > 0 {
		text = fmt.Sprintf("Its database allows %s at once (max_connections), and refused %.0f.",
			page.Count(int(allowed), "connection"), refused)
	}
	switch {
	case t.EventLoop:
		return text + " Nothing limits how many requests ask for one at the same time: put a pool in between."
	case t.Concurrency == 0:
		return text + " One thread per connection asks for one each: limit the threads, or put a pool in between."
	}
	return text + " Fewer workers × threads, a pool, or a higher limit end that."
}
