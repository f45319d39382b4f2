package native_test

import (
	"context"
	"fmt"
	"time"

	"bench/loadgen"
	"bench/loadgen/native"
	"bench/loadgen/pacing"
	"bench/targets"
)

// Ten requests, one every ten milliseconds, to a null server.
func Example() {
	server := new(native.Null)
	if err := server.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	local := loadgen.Local{Engine: native.Engine{Shards: 1}}
	m, err := local.Measure(context.Background(), loadgen.Plan{
		URL: server.URL(), Mode: loadgen.Open, Pacer: pacing.Constant{PerSecond: 100}, Duration: 100 * time.Millisecond,
		Mix:     targets.Mix{Targets: []targets.Target{{Name: "null", Method: "GET", Path: "/"}}},
		Conns:   loadgen.Conns{Max: 4, Fixed: true},
		Timeout: time.Second,
	}, loadgen.Watch{})
	fmt.Println(m.Counts.OK, "of", m.Counts.Intended, "on", m.Opened, "connections,", err)
	fmt.Println(m.Targets[0].Name, m.Targets[0].Statuses)
	// Output:
	// 10 of 10 on 4 connections, <nil>
	// null map[200:10]
}
