package claims

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"bench/results"
	"bench/scenarios"
)

// wireFile is a step of the kind wire as YAML.
type wireFile struct {
	Path     string            `yaml:"path"`
	Headers  map[string]string `yaml:"headers"`
	Requests int               `yaml:"requests"`
}

// wireGives are the measures of what passes between a proxy and the servers behind it.
var wireGives = []string{results.BytesToApp, results.BytesFromApp}

// wire sends the same request again and again, and counts the bytes that pass between proxy and servers. Its arms
// are relayed.
type wire struct {
	path     string
	headers  map[string]string
	requests int
}

const mostWired = 1000

func readWire(r *reader, key string, s stepFile) (Doer, error) {
	f := s.Wire
	if f == nil {
		return nil, nil
	}
	if !strings.HasPrefix(f.Path, "/") {
		return nil, r.errorf(key+".path", "%q: want a path that begins with a slash", f.Path)
	}
	if _, err := http.NewRequest(http.MethodGet, "http://localhost"+f.Path, nil); err != nil {
		return nil, r.errorf(key+".path", "%v", err)
	}
	for name, value := range f.Headers {
		if !headerName.MatchString(name) || strings.ContainsAny(value, "\r\n\x00") {
			return nil, r.errorf(key+".headers", "%q: %q: want a header's name, and a value of one line", name, value)
		}
	}
	if f.Requests < 1 || f.Requests > mostWired {
		return nil, r.errorf(key+".requests", "%d: want 1 to %d", f.Requests, mostWired)
	}
	return wire{f.Path, f.Headers, f.Requests}, nil
}

// About is part of Doer.
func (w wire) About() string {
	return fmt.Sprintf("%d requests for %s, whose bytes between proxy and servers are counted", w.requests, w.path)
}

// Lasts is part of Doer.
func (w wire) Lasts(float64) time.Duration { return time.Duration(w.requests) * time.Millisecond }

// Scenarios is part of Doer.
func (w wire) Scenarios() []scenarios.Scenario { return nil }

// on is part of sender.
func (w wire) on(scenarios.Scenario) (Doer, bool) { return w, true }

// Do is part of Doer.
func (w wire) Do(ctx context.Context, v *scenarios.Visited, on Occasion) (Seen, error) {
	client := v.Runner.Client()
	before, relayed := v.Cluster.Traffic()
	if !relayed {
		return Seen{}, errors.New("counting bytes: the arm " + v.Arm.Name + " is not relayed")
	}
	for range w.requests {
		if err := w.ask(ctx, client, v.Cluster.URL(), on.Host); err != nil {
			return Seen{}, fmt.Errorf("counting the bytes of %s: %w", w.path, err)
		}
	}
	now, _ := v.Cluster.Traffic()
	passed := now.Since(before)
	return Seen{Values: map[string]float64{
		results.BytesToApp:   float64(passed.ToServers) / float64(w.requests),
		results.BytesFromApp: float64(passed.FromServers) / float64(w.requests),
	}}, nil
}

func (w wire) ask(ctx context.Context, client *http.Client, url, host string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+w.path, nil)
	if err != nil {
		return err
	}
	for name, value := range w.headers {
		request.Header.Set(name, value)
	}
	request.Host = host
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("it answers with %s", response.Status)
	}
	return nil
}
