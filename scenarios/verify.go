package scenarios

import (
	"bytes"
	"context"
	"crypto/sha256"
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
	status int
	// bodies and headers are what came each time, without the server's own address; no bodies if the
	// target allows them to differ.
	bodies  [][]byte
	headers map[string][][]byte
	length  int
	varies  bool // whether the length varies from one response to the next
	// variesQueries says that the number of queries does, and cold that no warm server gave it.
	variesQueries, cold bool
	queries             int    // as reported by the app; -1: not reported
	okay                bool   // whether it meets the target's expectation
	cause               string // what the status and headers say of why not, and what to do
	redirect            string // where it leads, of a redirect that the target does not expect
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
	return verify(ctx, url, newClient(guard), scenarios)
}

// verify is Verify from where the load will come from.
func (r *Runner) verify(ctx context.Context, url string, scenarios []Scenario) (map[string]response, error) {
	if r.From == nil {
		return Verify(ctx, url, r.Guard, scenarios)
	}
	return verify(ctx, url, r.Client(), scenarios)
}

func verify(ctx context.Context, url string, client *http.Client, scenarios []Scenario) (map[string]response, error) {
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
	a := response{status: got.StatusCode, headers: map[string][][]byte{}, length: len(body), queries: -1}
	if n, err := strconv.Atoi(got.Header.Get(QueriesHeader)); err == nil {
		a.queries = n
	}
	a.okay = t.Expect.StatusOK(a.status) && t.Expect.BodyOK(body)
	a.explain(t, request.Host, got.Header.Get("Location"))
	for _, name := range sameHeaders {
		value := withoutAddress([]byte(normalized(name, got.Header.Get(name))), request.URL.Host)
		a.headers[name] = [][]byte{value}
	}
	for _, own := range []string{server, request.Host} { // absolute or not, it leads to the same place
		a.headers["Location"][0] = bytes.TrimPrefix(a.headers["Location"][0], []byte("http://"+own))
	}
	if !t.Expect.AnyBody {
		a.bodies = [][]byte{comparable(withoutAddress(token.ReplaceAll(body, []byte("$1")), request.URL.Host))}
	}
	return a, nil
}

// mostBytes is the length up to which bodies are kept: of longer ones, hashes are compared.
const mostBytes = 256 << 10

func comparable(body []byte) []byte {
	if len(body) <= mostBytes {
		return body
	}
	return fmt.Appendf(nil, "%x", sha256.Sum256(body))
}

// mostTimes is how many responses to a target are kept.
const mostTimes = 8

// also adds what came another time.
func (a *response) also(b response) {
	if len(a.bodies) < mostTimes {
		a.bodies = append(a.bodies, b.bodies...)
	}
	for name, values := range b.headers {
		if len(a.headers[name]) < mostTimes {
			a.headers[name] = append(a.headers[name], values...)
		}
	}
}

// explain finds out what a status and a redirect say about how the app is set up.
func (a *response) explain(t *targets.Target, host, location string) {
	redirects := a.status >= 300 && a.status < 400 && len(t.Expect.Status) == 0 && location != ""
	switch {
	case redirects && strings.HasPrefix(location, "https://") && strings.HasSuffix(location, t.Path):
		a.okay = false
		a.cause = "a redirect to https: switch it off with app.override: {SECURE_SSL_REDIRECT: false} in bench.yaml, or " +
			"send the header that SECURE_PROXY_SSL_HEADER names, such as X-Forwarded-Proto: https"
	case redirects:
		a.redirect = location
	case a.status == http.StatusBadRequest && len(t.Expect.Status) == 0:
		a.cause = fmt.Sprintf("if ALLOWED_HOSTS does not have %s, name a host that it has with app.host in bench.yaml, or "+
			"replace the setting: app.override: {ALLOWED_HOSTS: [\"*\"]}", host)
	case a.status == http.StatusForbidden && t.Method != http.MethodGet && len(t.Expect.Status) == 0:
		a.cause = "Django wants a CSRF token: a session gets one, with {{cookie:csrftoken}}"
	}
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
		case len(have.bodies) > 0 && len(want.bodies) > 0 && disagree(want.bodies, have.bodies) >= 0:
			at := disagree(want.bodies, have.bodies)
			const format = "%s: different body (%d bytes, the baseline's has %d), from byte %d: %s, and in the baseline's %s; " +
				"expect: {any_body: true} allows it"
			found = append(found, fmt.Sprintf(format, name, have.length, want.length, at,
				around(have.bodies[0], at), around(want.bodies[0], at)))
		default:
			for _, header := range sameHeaders {
				one, other := want.headers[header], have.headers[header]
				if len(one) > 0 && len(other) > 0 && disagree(one, other) >= 0 {
					found = append(found, fmt.Sprintf("%s: %s %q, the baseline's is %q", name, header, other[0], one[0]))
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
			text := fmt.Sprintf("%s (status %d %s, %d bytes)", name, a.status, http.StatusText(a.status), a.length)
			if a.cause != "" {
				text += ": " + a.cause
			}
			names = append(names, text)
		}
	}
	slices.Sort(names)
	return names
}

// redirected warns where all that a scenario measures are redirects, as from pages that want a login.
func redirected(s Scenario, responses map[string]response) []results.Diagnostic {
	to := ""
	for _, t := range s.Mix.Targets {
		a := responses[s.Name+"/"+t.Name]
		if a.redirect == "" {
			return nil
		}
		to = a.redirect
	}
	return []results.Diagnostic{{Code: "only-redirects",
		Message:  fmt.Sprintf("every response of %s is a redirect, such as to %s: no page is measured", s.Name, to),
		Hint:     "Ask for where they lead, log in with a session, or say expect: {status: 302} if redirects are meant.",
		Severity: results.Warning}}
}

// excluded is the warning that a topology is left out of a comparison.
func excluded(topology, why, hint string) results.Diagnostic {
	return results.Diagnostic{Code: "excluded", Message: topology + ": " + why, Hint: hint, Severity: results.Warning}
}
