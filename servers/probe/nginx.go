package probe

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"bench/results"
)

var nginx = Kind{
	Name: "nginx", Ports: []string{"http"},
	Counters: []Counter{
		{"accepts", "connections", "connections accepted"},
		{"handled", "connections", "connections handled: fewer than accepted if a limit was reached"},
		{results.Requests, "", "requests, including those for files and for these statistics"},
	},
	Open: func(p Process) Probe { return nginxProbe{p.address(p.Ports["http"])} },
}

// nginxProbe reads the page of the stub_status module, at /_nginx.
type nginxProbe struct{ address string }

func (nginxProbe) Workers(context.Context) ([]Worker, error) { return nil, nil }

func (n nginxProbe) Read(ctx context.Context) (Reading, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	page := "http://" + n.address + "/_nginx"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return Reading{}, err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return Reading{}, fmt.Errorf("reading nginx's statistics: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return Reading{}, fmt.Errorf("reading nginx's statistics: %w", err)
	}
	return parseStubStatus(string(text))
}

func parseStubStatus(text string) (Reading, error) {
	var active, accepts, handled, requests uint64
	const format = "Active connections: %d \nserver accepts handled requests\n %d %d %d"
	if _, err := fmt.Sscanf(text, format, &active, &accepts, &handled, &requests); err != nil {
		return Reading{}, fmt.Errorf("reading nginx's statistics: %q: %w", text, err)
	}
	return Reading{Counters: results.Counters{
		"accepts": float64(accepts), "handled": float64(handled), results.Requests: float64(requests),
	}}, nil
}
