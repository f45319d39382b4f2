package scenarios

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"bench/internal/proof"
	"bench/results"
	"bench/servers"
	"bench/targets"
)

// drawn is a check in which each of three targets makes the queries that are drawn, response by response.
func drawn(draw func(target int) int) (c BootCheck) {
	names := []string{"home", "products", "search"}
	for _, arm := range []*CheckedArm{&c.Base, &c.Head} {
		arm.responses = map[string]response{}
		for target, name := range names {
			for round := 0; round <= mostRounds; round++ {
				arm.note(name, response{status: 200, length: 10, queries: draw(target)}, round)
			}
		}
	}
	return c
}

// moved reports whether all of head's boots had more queries of a target than all of base's.
func moved(counters Counters) bool {
	for _, c := range counters.All() {
		if c.Name == "queries" && c.Head > c.Base {
			return true
		}
	}
	return false
}

// Equal versions whose responses do not all take as many queries are not found to take more: with one boot
// of each, and without regard to how they vary, 63 of 200 were.
func TestVaryingQueriesAreNoMoreQueries(t *testing.T) {
	const boots = 8 // what three targets need (gate.BootsFor)
	random := rand.New(rand.NewPCG(1, 2))
	gates := proof.Size(2000, 20000) // a rate of 1 % is found by 2,000 with a probability of 99.99 %
	most := proof.Alarms{Runs: gates, Allowed: 0.0005}.Most()
	for says, world := range map[string]func() func(target int) int{
		"from response to response, 3 to 7": func() func(int) int {
			return func(int) int { return 3 + random.IntN(5) }
		},
		"from boot to boot": func() func(int) int {
			var of [2][3]int
			for arm := range of {
				for target := range of[arm] {
					of[arm][target] = 3 + random.IntN(2)
				}
			}
			asked := 0
			return func(target int) int { asked++; return of[(asked-1)/(3*(mostRounds+1))][target] }
		},
		"one response in ten takes one more": func() func(int) int {
			return func(int) int { return 3 + random.IntN(10)/9 }
		},
	} {
		alarms := 0
		for range gates {
			var counters Counters
			for boot := 1; ; boot++ {
				counters.Add(drawn(world()))
				if !moved(counters) {
					break
				}
				if boot == boots {
					alarms++
					break
				}
			}
		}
		t.Logf("%s: %d of %d", says, alarms, gates)
		if alarms > most {
			t.Errorf("%s: %d of %d equal versions are found to take more queries", says, alarms, gates)
		}
	}
}

// Twelve more queries are found, whether or not the number varies, and one more where it does not.
func TestMoreQueriesAreFound(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for says, row := range map[string]struct{ vary, more int }{"constant": {1, 1}, "3 to 7": {5, 12}} {
		var counters Counters
		for range 8 {
			c := drawn(func(int) int { return 3 + random.IntN(row.vary) })
			more := c.Head.responses["products"]
			more.queries += row.more
			c.Head.responses["products"] = more
			counters.Add(c)
		}
		var found []results.Counter
		for _, c := range counters.All() {
			if c.Base != c.Head {
				found = append(found, c)
			}
		}
		if len(found) != 1 || found[0].Target != "products" || found[0].Boots != 8 || found[0].Varies != (row.vary > 1) {
			t.Errorf("%s: %+v", says, found)
		}
	}
}

// A check on servers: what fails at times is flaky, what always fails is broken, and the counters are those of
// the right responses of a warm server.
func TestCheckOnServers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/broken", r.URL.Path == "/flaky" && rand.IntN(2) == 0:
			w.Header().Set(QueriesHeader, "99")
			w.WriteHeader(http.StatusInternalServerError)
		default:
			w.Header().Set(QueriesHeader, strconv.Itoa(3))
		}
	}))
	defer server.Close()
	site := &servers.Site{Scratch: t.TempDir(), Locks: t.TempDir(), Timeout: 5 * time.Second}
	app := targets.App{Health: "/"}
	p := PairedRun{
		Topology: servers.Topology{Name: string(servers.Running), Params: server.URL},
		Scenario: Scenario{Name: "s", Connections: 2, Timeout: time.Second},
		Arms: [2]PairedArm{
			{Name: results.Base, Site: site, Checked: app}, {Name: results.Head, Site: site, Checked: app},
		},
	}
	for _, name := range []string{"home", "flaky", "broken"} {
		p.Scenario.Mix.Targets = append(p.Scenario.Mix.Targets,
			targets.Target{Name: name, Method: "GET", Path: "/" + name, Weight: 1})
	}
	var c BootCheck
	for range 6 { // of 2⁸ checks, one sees an arm that flakes always or never
		var err error
		c, err = new(Runner).CheckArms(t.Context(), p, 1)
		if err := errors.Join(err, c.Base.NotBooted, c.Head.NotBooted); err != nil {
			t.Fatal(err)
		}
		if len(c.Base.Flaky)+len(c.Head.Flaky) == 2 {
			break
		}
	}
	for arm, got := range []CheckedArm{c.Base, c.Head} {
		if got.Asked != 3*(mostRounds+1) || len(got.Broken) != 1 || got.Broken["broken"] == "" || got.Flaky["flaky"] == "" ||
			got.Failed < mostRounds+2 {
			t.Errorf("arm %d: %+v", arm, got)
		}
	}
	var counters Counters
	counters.Add(c)
	for _, c := range counters.All() {
		if c.Name == "queries" && (c.Base != 3 || c.Head != 3 || c.Varies) {
			t.Errorf("%+v; want three queries of each right response", c)
		}
	}
}
