package http1_test

import (
	"fmt"

	"bench/loadgen/http1"
)

// A response is read as it comes from the network, in pieces of any size.
func ExampleParser() {
	var p http1.Parser
	p.Reset(false) // the response to a GET
	for _, piece := range []string{"HTTP/1.1 200 OK\r\nConte", "nt-Length: 5\r\n\r\nhel", "lo"} {
		for data := []byte(piece); len(data) > 0 && !p.Complete(); {
			body, rest, err := p.Next(data)
			if err != nil {
				fmt.Println(err)
				return
			}
			if len(body) > 0 {
				fmt.Printf("%q\n", body)
			}
			data = rest
		}
	}
	fmt.Println(p.Status, p.Complete(), "to be closed:", p.Close)
	// Output:
	// "hel"
	// "lo"
	// 200 true to be closed: false
}
