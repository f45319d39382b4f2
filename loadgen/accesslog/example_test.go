package accesslog_test

import (
	"fmt"
	"strings"

	"bench/loadgen/accesslog"
)

// Whatever wrote the log, what counts is when each request came.
func ExampleRead() {
	log, err := accesslog.Read(strings.NewReader(`
{"time": "2026-11-26T10:00:00.00+01:00", "request": "GET / HTTP/1.1", "status": 200}
{"time": "2026-11-26T10:00:00.25+01:00", "request": "GET /cart HTTP/1.1", "status": 200}
{"time": "2026-11-26T10:0`), true)
	fmt.Println(err, log.Format, "cut:", log.Cut)
	for _, r := range log.Requests {
		fmt.Println(r.At, r.Method, r.Path)
	}
	// Output:
	// <nil> JSON cut: true
	// 0s GET /
	// 250ms GET /cart
}
