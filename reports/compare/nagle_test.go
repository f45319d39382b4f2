package compare

import (
	"strings"
	"testing"
	"time"

	"bench/results"
)

// Behind a proxy that keeps its connections, a delayed acknowledgement is there on new connections as well. It is
// told from a page that takes 40 ms by the app without the proxy.
func TestDelayBehindAProxy(t *testing.T) {
	late := func(i int) int64 { return 1_000 + int64(i%2)*41_000 }
	for _, row := range []struct {
		says    string
		slow    []string // topologies whose new connections wait as long
		delayed map[string]string
	}{
		{"the app delays without the proxy, but not on new connections", []string{"nginx-uvicorn"}, map[string]string{
			"uvicorn": "uvicorn sends some responses", "nginx-uvicorn": "The app behind the proxy of nginx-uvicorn sends",
		}},
		{"the page takes as long on new connections, too", []string{"nginx-uvicorn", "uvicorn"}, nil},
	} {
		run := madeUpRun(6, []arm{
			{"uvicorn", 0, 300, late, map[string]time.Duration{"python": 450 * time.Millisecond}, 1},
			{"nginx-uvicorn", 0, 300, late, map[string]time.Duration{"python": 450 * time.Millisecond}, 1},
		})
		server := results.Roles{"python": results.AppRole, "uvicorn": results.ServerRole}
		run.Manifest.Topologies[0].Roles = server
		run.Manifest.Topologies[1].Roles = results.Roles{
			"python": results.AppRole, "uvicorn": results.ServerRole, "nginx": results.ProxyRole,
		}
		kept := map[string][]results.Interval{}
		for _, c := range run.Cells {
			kept[c.Topology+c.Load] = c.Intervals
			for _, name := range row.slow {
				if c.Topology == name && c.NewConns {
					c.Intervals = kept[name+strings.TrimSuffix(c.Load, results.NewSuffix)]
				}
			}
		}
		r := build(t, run)
		for _, topology := range r.Topologies {
			note, shown := r.nagleNote(topology)
			want, wanted := row.delayed[topology.Name]
			if shown != wanted || !strings.HasPrefix(note.Text, want) {
				t.Errorf("%s: %s: %v %q; want %q", row.says, topology.Name, shown, note.Text, want)
			}
		}
	}
}
