package results

import (
	"maps"
	"slices"
	"strings"
)

// Server is what the servers and the kernel counted during a cell.
type Server struct {
	ListenOverflows uint64  `json:"listen_overflows"`
	ListenDrops     uint64  `json:"listen_drops"`
	RetransSegs     uint64  `json:"retransmitted_segments"`
	TCPTimeouts     uint64  `json:"tcp_timeouts"`
	StealSeconds    float64 `json:"steal_seconds"`
	// BusySeconds is the CPU time of the whole machine, whoever used it; 0 if bench may not use
	// all its CPUs.
	BusySeconds float64 `json:"busy_seconds"`
	// OthersSeconds is the part of it that neither the servers nor bench used; 0 where that is
	// unknown. The clocks' steps can make it slightly negative.
	OthersSeconds float64 `json:"others_seconds,omitempty"`

	// Counters are the servers' own, by the name of the process; replicas are added up.
	Counters map[string]Counters `json:"counters,omitempty"`
	// PerWorker is the number of requests of each worker process, if the server counts them.
	PerWorker map[string][]uint64 `json:"requests_per_worker,omitempty"`
}

// Counters are what a server counted, by name; servers/probe says what each means. A name that
// ends in _max is a peak: the greater of two is kept. All others add up.
type Counters map[string]float64

// Counters that bench itself uses; not every server has all of them.
const (
	Requests       = "requests"
	WorkSeconds    = "busy_seconds"     // time spent in requests, all workers together
	Respawns       = "respawns"         // worker processes that ended and were replaced
	ListenQueueMax = "listen_queue_max" // longest seen

	ConnectionsMax     = "connections_max"      // most at once, of a database's clients
	ConnectionLimitMax = "connection_limit_max" // how many a database allows
	RefusedConnections = "refused_connections"  // since there were too many
)

// IsPeak reports whether a counter is a peak.
func IsPeak(name string) bool { return strings.HasSuffix(name, "_max") }

// Merge adds other counters: the greater of two peaks, the sum of all others.
func (c Counters) Merge(other Counters) {
	for name, value := range other {
		if IsPeak(name) {
			c[name] = max(c[name], value)
		} else {
			c[name] += value
		}
	}
}

// Merge adds the servers' own counters of another cell or process.
func (s *Server) Merge(counters map[string]Counters, perWorker map[string][]uint64) {
	// Not in place: a copy of the record may share the maps.
	all := map[string]Counters{}
	for _, part := range []map[string]Counters{s.Counters, counters} {
		for process, values := range part {
			if all[process] == nil {
				all[process] = Counters{}
			}
			all[process].Merge(values)
		}
	}
	workers := maps.Clone(s.PerWorker)
	for process, requests := range perWorker {
		if workers == nil {
			workers = map[string][]uint64{}
		}
		sum := make([]uint64, max(len(workers[process]), len(requests)))
		copy(sum, workers[process])
		for i, n := range requests {
			sum[i] += n
		}
		workers[process] = sum
	}
	if len(all) > 0 {
		s.Counters = all
	}
	s.PerWorker = workers
}

// Total merges one counter over all processes: the sum, or the maximum of a peak.
func (s Server) Total(name string) float64 {
	total := Counters{}
	for _, process := range slices.Sorted(maps.Keys(s.Counters)) {
		total.Merge(Counters{name: s.Counters[process][name]})
	}
	return total[name]
}

// Worked is the number of requests that the workers have served, and the time they spent in
// them; known says whether a server counts that time.
func (s Server) Worked() (requests, seconds float64, known bool) {
	for _, process := range slices.Sorted(maps.Keys(s.Counters)) {
		if busy, counts := s.Counters[process][WorkSeconds]; counts {
			requests, seconds, known = requests+s.Counters[process][Requests], seconds+busy, true
		}
	}
	return requests, seconds, known
}

// Role is what a tier does for a request.
type Role string

// Roles of tiers.
const (
	AppRole      Role = "app"      // runs the app's own code
	ServerRole   Role = "server"   // takes the app's requests and manages its workers
	ProxyRole    Role = "proxy"    // is in front of the servers
	DatabaseRole Role = "database" // keeps the app's data
)

// AllRoles lists all roles.
func AllRoles() []Role { return []Role{AppRole, ServerRole, ProxyRole, DatabaseRole} }

// Roles are the roles of a topology's tiers, by the tier's name.
type Roles map[string]Role

// Has reports whether a tier has a role.
func (r Roles) Has(tier string, role Role) bool { return r[tier] == role }

// Sum adds up values by tier over the tiers of a role; known says whether there are any.
func (r Roles) Sum(byTier map[string]float64, role Role) (sum float64, known bool) {
	for _, tier := range slices.Sorted(maps.Keys(byTier)) {
		if r[tier] == role {
			sum, known = sum+byTier[tier], true
		}
	}
	return sum, known
}
