package serve

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bench/experiments"
	"bench/loadgen"
	"bench/results"
)

// stored writes a run of one load into a folder, and returns its name.
func stored(t testing.TB, folder, app string, at time.Time) string {
	t.Helper()
	d, err := results.Create(folder, results.Manifest{
		Kind: results.KindLoad, Name: results.KindLoad, Started: at, Blocks: 1, App: results.AppRecord{Name: app},
		Topologies: []results.TopologyRecord{{Name: "server", Ref: "url:http://127.0.0.1:8000", Concurrency: -1}},
		Scenarios:  []results.ScenarioRecord{{Name: "load", Targets: []results.TargetRecord{{Name: "home", Path: "/"}}}},
		Tools:      map[string]string{}, Config: map[string]string{},
		Findings: []byte(`{"schema":"bench.load/2","target":"http://127.0.0.1:8000/","grade":"VALID"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	counts := results.Counts{Intended: 100, Sent: 100, OK: 100}
	times := results.NewHistogram()
	for i := range 100 {
		_ = times.RecordValue(int64(900 + 10*i))
	}
	interval := results.Interval{Length: time.Second, Counts: counts}
	interval.Hists = map[results.Series]*results.Packed{{Kind: results.Response, Target: "home"}: results.Pack(times)}
	c := &results.Cell{
		Index: 1, Topology: "server", Scenario: "load", Load: "closed", Mode: string(loadgen.Closed),
		Connections: 8, Block: 1, Position: 1, Started: at, Duration: 1, Elapsed: 1, Counts: counts, Successful: 100,
		Grade:     results.Valid,
		Intervals: []results.Interval{interval},
	}
	if err := d.Seal(c, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.Finish(results.Complete, time.Second); err != nil {
		t.Fatal(err)
	}
	return filepath.Base(d.Path)
}

// started serves a folder, and returns its address and a client that has the token.
func started(t testing.TB, folder string) (address string, client *http.Client) {
	t.Helper()
	listening := httptest.NewUnstartedServer(nil)
	s, err := New(folder, listening.Listener.Addr().String(), "secret")
	if err != nil {
		t.Fatal(err)
	}
	listening.Config.Handler = s
	listening.Start()
	t.Cleanup(func() {
		listening.CloseClientConnections() // a run may still be followed
		listening.Close()
		_ = s.Close()
	})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client = listening.Client()
	client.Jar = jar
	return listening.URL, client
}

func get(t testing.TB, client *http.Client, address string) (status int, body string, header http.Header) {
	t.Helper()
	response, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(data), response.Header
}

var began = time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)

func TestNobodyGetsInWithoutTheToken(t *testing.T) {
	folder := t.TempDir()
	name := stored(t, folder, "shop", began)
	address, client := started(t, folder)
	for _, path := range []string{"/", "/runs/" + name, "/trend", "/overlay?run=" + name, "/?token=wrong", "/nothing"} {
		if status, body, _ := get(t, client, address+path); status != http.StatusForbidden || strings.Contains(body, name) {
			t.Errorf("%s without the token: %d\n%s", path, status, body)
		}
	}
	status, body, header := get(t, client, address+"/?token=secret&q=shop")
	if status != http.StatusOK || !strings.Contains(body, name) {
		t.Errorf("with the token: %d\n%s", status, body)
	}
	if header.Get("Access-Control-Allow-Origin") != "" || header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
		t.Errorf("other pages may read this one: %v", header)
	}
	if status, _, _ := get(t, client, address+"/runs/"+name); status != http.StatusOK {
		t.Errorf("the browser that had brought the token is refused: %d", status)
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		request, _ := http.NewRequest(method, address+"/runs/"+name, nil)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %s", method, response.Status)
		}
	}
}

// A name of somebody else that resolves to this machine is refused, even with the token.
func TestOnlyThisMachinesNamesAreAnswered(t *testing.T) {
	address, client := started(t, t.TempDir())
	port := address[strings.LastIndex(address, ":"):]
	for host, want := range map[string]int{
		"localhost" + port: http.StatusOK, "127.0.0.1" + port: http.StatusOK, "[::1]" + port: http.StatusOK,
		"evil.example" + port: http.StatusMisdirectedRequest, "127.0.0.1:1": http.StatusMisdirectedRequest,
		"127.0.0.1": http.StatusMisdirectedRequest, "localhost.evil.example" + port: http.StatusMisdirectedRequest,
		"0.0.0.0" + port: http.StatusMisdirectedRequest,
	} {
		request, _ := http.NewRequest(http.MethodGet, address+"/", nil)
		request.Host = host
		request.AddCookie(&http.Cookie{Name: "bench-" + port[1:], Value: "secret"})
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("Host %s: %s; want %d", host, response.Status, want)
		}
	}
}

// No path leads out of the folder, nor through a link in it.
func TestNothingOutsideTheFolderIsRead(t *testing.T) {
	outside := t.TempDir()
	secret := stored(t, outside, "outside", began)
	folder := filepath.Join(outside, "runs")
	stored(t, folder, "shop", began)
	if err := os.Symlink(filepath.Join(outside, secret), filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	address, client := started(t, folder)
	get(t, client, address+"/?token=secret")
	for _, path := range []string{
		"/runs/link", "/runs/..%2f" + secret, "/runs/%2e%2e", "/runs/.", "/runs/../../etc/passwd",
		"/runs/..%2f..%2fetc%2fpasswd", "/runs/" + url.PathEscape(filepath.Join(outside, secret)), "/runs/link/events",
		"/overlay?figure=p99&run=../" + secret, "/overlay?figure=p99&run=link", "/runs/%00", "/runs/link/live",
	} {
		if status, body, _ := get(t, client, address+path); strings.Contains(body, "outside") && status == http.StatusOK ||
			status == http.StatusOK && path != "/runs/." {
			t.Errorf("%s: %d\n%.200s", path, status, body)
		}
	}
}

func TestTheListFiltersAndRunsAreLaidOverOneAnother(t *testing.T) {
	folder := t.TempDir()
	one, two := stored(t, folder, "shop", began), stored(t, folder, "forum", began.Add(time.Hour))
	address, client := started(t, folder)
	get(t, client, address+"/?token=secret")
	_, body, _ := get(t, client, address+"/?q=FORUM+load")
	if !strings.Contains(body, two) || strings.Contains(body, one) {
		t.Errorf("the filter does not filter:\n%s", body)
	}
	if _, body, _ := get(t, client, address+"/?kind=gate"); strings.Contains(body, one) {
		t.Errorf("a load is listed as a gate:\n%s", body)
	}
	for _, figure := range []string{"p99", "throughput"} {
		status, body, _ := get(t, client, address+"/overlay?figure="+figure+"&run="+one+"&run="+two)
		if status != http.StatusOK || !strings.Contains(body, one) || !strings.Contains(body, two) ||
			!strings.Contains(body, "Response time by percentile") {
			t.Errorf("overlay of %s: %d\n%.500s", figure, status, body)
		}
	}
	if status, _, _ := get(t, client, address+"/overlay?figure=taste&run="+one); status != http.StatusBadRequest {
		t.Errorf("a figure that there is not: %d", status)
	}
}

// The events of a run arrive as they are written, up to the last one.
func TestARunUnderWayIsFollowed(t *testing.T) {
	folder := t.TempDir()
	name := stored(t, folder, "shop", began)
	log, err := os.Create(filepath.Join(folder, name, experiments.EventsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	address, client := started(t, folder)
	get(t, client, address+"/?token=secret")
	response, err := client.Get(address + "/runs/" + name + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for _, line := range []string{`{"kind":"doing","event":{"text":"one"}}`, `{"kind":"done","event":{}}`} {
		if _, err := log.WriteString(line[:5]); err != nil { // in two pieces
			t.Fatal(err)
		}
		if _, err := log.WriteString(line[5:] + "\n"); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() || lines.Text() != "data: "+line || !lines.Scan() || lines.Text() != "" {
			t.Errorf("got %q; want an event with %s", lines.Text(), line)
		}
	}
	if lines.Scan() {
		t.Errorf("the stream goes on after the last event: %q", lines.Text())
	}
}

// Folders may have any name that a file system allows.
func TestNamesOfRunsAreInert(t *testing.T) {
	folder := t.TempDir()
	name := stored(t, folder, "shop", began)
	hostile := `x"><script>alert(1)<` + "\x1b[31m" + `img src=x onerror=alert(1)>`
	if err := os.Rename(filepath.Join(folder, name), filepath.Join(folder, hostile)); err != nil {
		t.Fatal(err)
	}
	address, client := started(t, folder)
	get(t, client, address+"/?token=secret")
	for _, path := range []string{
		"/", "/runs/" + url.PathEscape(hostile), "/runs/" + url.PathEscape(hostile) + "/live",
		"/overlay?figure=p99&run=" + url.QueryEscape(hostile), "/?q=" + url.QueryEscape(hostile),
	} {
		status, body, header := get(t, client, address+path)
		if status != http.StatusOK {
			t.Errorf("%s: %d\n%s", path, status, body)
		}
		if strings.Contains(body, "<script>alert") || strings.Contains(body, "<img src=x") {
			t.Errorf("%s: the name is markup", path)
		}
		if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") ||
			!strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy is %s", path, policy)
		}
	}
}

// All of a thousand runs are listed.
func TestAThousandRunsAreListed(t *testing.T) {
	address, client := started(t, thousand(t))
	_, body, _ := get(t, client, address+"/?token=secret")
	if n := strings.Count(body, "<tr><td>"); n != 1000 {
		t.Errorf("%d runs are listed", n)
	}
}

// How long the first list of a thousand runs takes; a second is what is asked.
func BenchmarkListOfAThousandRuns(b *testing.B) {
	folder := thousand(b)
	for b.Loop() {
		b.StopTimer()
		address, client := started(b, folder) // one that has read none of them
		b.StartTimer()
		get(b, client, address+"/?token=secret")
	}
}

// thousand is a folder with a thousand runs.
func thousand(t testing.TB) (folder string) {
	folder = t.TempDir()
	name := stored(t, folder, "shop", began)
	for i := range 999 {
		copied := filepath.Join(folder, fmt.Sprintf("20260101T%06dZ-load-%08x", i, i))
		if err := os.Mkdir(copied, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"manifest.json", "SHA256SUMS"} {
			if err := os.Link(filepath.Join(folder, name, file), filepath.Join(copied, file)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return folder
}
