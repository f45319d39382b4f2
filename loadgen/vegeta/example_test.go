package vegeta_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/loadgen/vegeta"
	"bench/targets"
)

// The same plans that the native engine runs, also over TLS and on systems other than Linux.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "hello")
	}))
	defer server.Close()
	local := loadgen.Local{Engine: vegeta.Engine{}}
	m, err := local.Measure(context.Background(), loadgen.Plan{
		URL: server.URL, Mode: loadgen.Open, Pacer: pacing.Constant{PerSecond: 100}, Duration: 100 * time.Millisecond,
		Mix: targets.Mix{Targets: []targets.Target{{
			Name: "home", Method: "GET", Path: "/", Expect: targets.Expect{Contains: "hello"},
		}}},
		Conns:   loadgen.Conns{Max: 4},
		Timeout: time.Second,
	}, loadgen.Watch{})
	fmt.Println(m.Counts.OK, "of", m.Counts.Intended, m.Targets[0].Statuses, err)
	// Output:
	// 10 of 10 map[200:10] <nil>
}
