package scenarios

import (
	"bytes"
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

// answer is what has to be equal for two topologies to do the same work.
type answer struct {
	status  int
	headers map[string]string
	body    string // hash; empty where the target lets bodies differ
	length  int
	varies  bool // the length, from one answer to the next
	queries int  // as the app says; -1: it does not
	okay    bool // satisfies the target's own expectation
}

// sameHeaders are the headers that have to agree. Those that say how the body travels
// (Server, Date, Connection, Transfer-Encoding) or how a static file may be cached belong
// to the server, not to the answer.
var sameHeaders = []string{"Content-Type", "Content-Encoding", "Location"}

// Verify asks every target once and returns the answers, by scenario and target.
func Verify(ctx context.Context, url string, guard loadgen.Guard, scenarios []Scenario) (map[string]answer, error) {
	if err := guard.Check(url); err != nil {
		return nil, err
	}
	client := asker(guard)
	answers := map[string]answer{}
	for _, s := range scenarios {
		for i := range s.Mix.Targets {
			t := &s.Mix.Targets[i]
			got, err := ask(ctx, client, url, t)
			if err != nil {
				return nil, fmt.Errorf("asking %s %s: %w", t.Method, t.Path, err)
			}
			answers[s.Name+"/"+t.Name] = got
		}
	}
	return answers, nil
}

// asker opens a connection for each request, which any worker may take.
func asker(guard loadgen.Guard) *http.Client {
	return &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			Proxy: nil, DialContext: guard.Dialer(net.Dialer{}), DisableCompression: true, DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// How often the targets are asked for their counters: in rounds, of which there are fewer where
// they take long.
const (
	askings       = 8
	fewestAskings = 2
	askedLong     = 5 * time.Second
)

// steady asks the targets of a server that is warm several times: for the fewest queries that an
// answer took, since each worker may have a cache that one of its answers has to fill, and for
// whether the length is the same each time.
func steady(ctx context.Context, url string, guard loadgen.Guard, s Scenario, answers map[string]answer) error {
	client := asker(guard)
	began := time.Now()
	for round := 1; round <= askings && (round <= fewestAskings || time.Since(began) < askedLong); round++ {
		for i := range s.Mix.Targets {
			t := &s.Mix.Targets[i]
			a := answers[s.Name+"/"+t.Name]
			if a.queries < 0 && round > fewestAskings {
				continue // it does not say, and the length is all that is to be seen
			}
			got, err := ask(ctx, client, url, t)
			if err != nil {
				return fmt.Errorf("asking %s %s again: %w", t.Method, t.Path, err)
			}
			a.varies = a.varies || got.length != a.length
			a.queries = min(a.queries, got.queries)
			answers[s.Name+"/"+t.Name] = a
		}
	}
	return nil
}

// token matches what Django writes anew into each answer.
var token = regexp.MustCompile(`(name="csrfmiddlewaretoken" value=|csrfToken["']?\s*[:=]\s*|nonce=)["'][\w-]+["']`)

func ask(ctx context.Context, client *http.Client, url string, t *targets.Target) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, t.Method, url+t.Path, bytes.NewReader(t.Body))
	if err != nil {
		return answer{}, err
	}
	for key, values := range t.Header {
		request.Header[key] = values
	}
	if host := t.Header.Get("Host"); host != "" {
		request.Host = host // net/http does not send it from the header
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<20))
	if err != nil {
		return answer{}, err
	}
	a := answer{status: response.StatusCode, headers: map[string]string{}, length: len(body), queries: -1}
	if n, err := strconv.Atoi(response.Header.Get(QueriesHeader)); err == nil {
		a.queries = n
	}
	a.okay = t.Expect.StatusOK(a.status) && t.Expect.BodyOK(body)
	for _, name := range sameHeaders {
		a.headers[name] = normalized(name, response.Header.Get(name))
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
		media = "text/javascript" // the same thing since RFC 9239
	}
	if charset := strings.ToLower(params["charset"]); charset != "" && !strings.HasPrefix(media, "text/css") &&
		media != "text/javascript" {
		return media + "; charset=" + charset
	}
	return media
}

// differences says in words how the answers differ from the baseline's.
func differences(baseline, other map[string]answer) []string {
	var found []string
	for name, want := range baseline {
		have := other[name]
		switch {
		case have.status != want.status:
			found = append(found, fmt.Sprintf("%s: status %d, the baseline's is %d", name, have.status, want.status))
		case have.body != want.body:
			found = append(found, fmt.Sprintf("%s: another body (%d bytes, the baseline's has %d)", name, have.length,
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

// unexpected names the targets whose answers are not what the scenario expects.
func unexpected(answers map[string]answer) []string {
	var names []string
	for name, a := range answers {
		if !a.okay {
			names = append(names, fmt.Sprintf("%s (status %d, %d bytes)", name, a.status, a.length))
		}
	}
	slices.Sort(names)
	return names
}

// topologyDiagnostic is a warning about one topology.
func topologyDiagnostic(code, topology, message, remedy string) results.Diagnostic {
	return results.Diagnostic{Code: code, Message: topology + ": " + message, Hint: remedy}
}
