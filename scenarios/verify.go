package scenarios

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/targets"
)

// response is what has to be equal for two topologies to do the same work.
type response struct {
	status  int
	headers map[string]string
	body    string // hash; empty if the target allows bodies to differ
	length  int
	varies  bool // whether the length varies from one response to the next
	// variesQueries says that the number of queries does, and cold that no warm server gave it.
	variesQueries, cold bool
	queries             int  // as reported by the app; -1: not reported
	okay                bool // whether it meets the target's expectation
}

// sameHeaders are the headers that have to agree. Those that describe how the body travels
// (Server, Date, Connection, Transfer-Encoding) or how a static file may be cached belong
// to the server, not to the response.
var sameHeaders = []string{"Content-Type", "Content-Encoding", "Location"}

// Verify requests every target once and returns the responses, by scenario and target.
func Verify(ctx context.Context, url string, guard loadgen.Guard, scenarios []Scenario) (map[string]response, error) {
	if err := guard.Check(url); err != nil {
		return nil, err
	}
	client := newClient(guard)
	responses := map[string]response{}
	for _, s := range scenarios {
		for i := range s.Mix.Targets {
			t := &s.Mix.Targets[i]
			got, err := ask(ctx, client, url, t)
			if err != nil {
				return nil, fmt.Errorf("requesting %s %s: %w", t.Method, t.Path, err)
			}
			responses[s.Name+"/"+t.Name] = got
		}
	}
	return responses, nil
}

// newClient returns a client that opens a connection for each request, which any worker may take.
func newClient(guard loadgen.Guard) *http.Client {
	return &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			Proxy: nil, DialContext: guard.Dialer(net.Dialer{}), DisableCompression: true, DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// token matches what Django generates afresh for each response.
var token = regexp.MustCompile(`(name="csrfmiddlewaretoken" value=|csrfToken["']?\s*[:=]\s*|nonce=)["'][\w-]+["']`)

func ask(ctx context.Context, client *http.Client, url string, t *targets.Target) (response, error) {
	request, err := t.Request(ctx, url)
	if err != nil {
		return response{}, err
	}
	got, err := client.Do(request)
	if err != nil {
		return response{}, err
	}
	defer got.Body.Close()
	body, err := io.ReadAll(io.LimitReader(got.Body, 64<<20))
	if err != nil {
		return response{}, err
	}
	a := response{status: got.StatusCode, headers: map[string]string{}, length: len(body), queries: -1}
	if n, err := strconv.Atoi(got.Header.Get(QueriesHeader)); err == nil {
		a.queries = n
	}
	a.okay = t.Expect.StatusOK(a.status) && t.Expect.BodyOK(body)
	for _, name := range sameHeaders {
		a.headers[name] = normalized(name, got.Header.Get(name))
	}
	a.headers["Location"] = strings.TrimPrefix(a.headers["Location"], url)
	if !t.Expect.AnyBody {
		sum := sha256.Sum256(token.ReplaceAll(body, []byte("$1")))
		a.body = hex.EncodeToString(sum[:8])
	}
	return a, nil
}

func normalized(name, value string) string {
	if name != "Content-Type" {
		return value
	}
	media, params, err := mime.ParseMediaType(value)
	if err != nil {
		return value
	}
	if media == "application/javascript" {
		media = "text/javascript" // the same since RFC 9239
	}
	if charset := strings.ToLower(params["charset"]); charset != "" && !strings.HasPrefix(media, "text/css") &&
		media != "text/javascript" {
		return media + "; charset=" + charset
	}
	return media
}

// differences describes how responses differ from the baseline's.
func differences(baseline, other map[string]response) []string {
	var found []string
	for name, want := range baseline {
		have := other[name]
		switch {
		case have.status != want.status:
			found = append(found, fmt.Sprintf("%s: status %d, the baseline's is %d", name, have.status, want.status))
		case have.body != want.body:
			found = append(found, fmt.Sprintf("%s: different body (%d bytes, the baseline's has %d)", name, have.length,
				want.length))
		default:
			for _, header := range sameHeaders {
				if have.headers[header] != want.headers[header] {
					found = append(found, fmt.Sprintf("%s: %s %q, the baseline's is %q", name, header, have.headers[header],
						want.headers[header]))
				}
			}
		}
	}
	slices.Sort(found)
	return found
}

// unexpected lists the targets whose responses are not what the scenario expects.
func unexpected(responses map[string]response) []string {
	var names []string
	for name, a := range responses {
		if !a.okay {
			names = append(names, fmt.Sprintf("%s (status %d, %d bytes)", name, a.status, a.length))
		}
	}
	slices.Sort(names)
	return names
}

// topologyDiagnostic is a warning about one topology.
func topologyDiagnostic(code, topology, message, hint string) results.Diagnostic {
	return results.Diagnostic{Code: code, Message: topology + ": " + message, Hint: hint}
}
