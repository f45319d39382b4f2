package compare

import (
	"strings"
	"testing"

	"bench/results"
)

func TestLimitOfADatabaseIsNamed(t *testing.T) {
	for _, row := range []struct {
		says        string
		concurrency int
		counters    results.Counters
		want        string
	}{
		{"no database", 4, nil, ""},
		{"far from it", 4, results.Counters{results.ConnectionLimitMax: 100, results.ConnectionsMax: 5}, ""},
		{"reached", 120, results.Counters{results.ConnectionLimitMax: 100, results.ConnectionsMax: 97}, "and it had 97"},
		{"refused, one thread per connection", 0, results.Counters{
			results.ConnectionLimitMax: 100, results.ConnectionsMax: 97, results.RefusedConnections: 12,
		}, "refused 12. One thread per connection"},
	} {
		load := Load{Server: results.Server{Counters: map[string]results.Counters{"db": row.counters}}}
		got := databaseLimit(Topology{Concurrency: row.concurrency}, load)
		if row.want == "" && got != "" || !strings.Contains(got, row.want) {
			t.Errorf("%s: %q; want %q", row.says, got, row.want)
		}
	}
}
