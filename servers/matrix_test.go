package servers_test

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bench/results"
	"bench/servers"
	"bench/servers/setup"
	"bench/targets"
)

// ask is a request of the matrix, and what every topology answers to it.
type ask struct {
	name   string
	head   string // request line and headers, without Host
	body   string
	status int
	shows  string         // a text that the response contains
	but    map[string]int // another status, by who takes the request or serves the files
}

const sum100k = `"length": 100000`

// matrix is what clients do send: long queries, cookies, headers and bodies, old versions, and the
// parts of HTTP that files are asked with.
var matrix = []ask{
	{name: "plain", head: "GET /json HTTP/1.1", status: 200, shows: "Hello, World!"},
	{name: "a query of 6,000 bytes", head: "GET /json?q=" + strings.Repeat("q", 6000) + " HTTP/1.1", status: 200},
	{name: "a cookie of 7,900 bytes", head: "GET /json HTTP/1.1\r\nCookie: a=" + strings.Repeat("c", 7900), status: 200},
	{name: "both", head: "GET /json?q=" + strings.Repeat("q", 7000) + " HTTP/1.1\r\nCookie: a=" +
		strings.Repeat("c", 7900), status: 200},
	{name: "50 headers", head: "GET /json HTTP/1.1" + headers(50), status: 200},
	{name: "a body of 100,000 bytes", head: "POST /upload HTTP/1.1\r\nContent-Length: 100000",
		body: strings.Repeat("b", 100_000), status: 200, shows: sum100k},
	{name: "a response header of 6,000 bytes", head: "GET /headers?bytes=6000 HTTP/1.1", status: 200,
		shows: strings.Repeat("x", 6000)},
	{name: "a response of a MiB", head: "GET /large?bytes=1048576 HTTP/1.1", status: 200},
	{name: "HEAD", head: "HEAD /json HTTP/1.1", status: 200},
	{name: "HTTP/1.0", head: "GET /json HTTP/1.0", status: 200, shows: "Hello, World!"},
	{name: "a percent-encoded path", head: "GET /%6Ason HTTP/1.1", status: 200, shows: "Hello, World!"},
	{name: "an unknown path", head: "GET /nosuch HTTP/1.1", status: 404},
	{name: "an exception", head: "GET /error HTTP/1.1", status: 500},
	{name: "a file", head: "GET /static/shop/s1k.css HTTP/1.1", status: 200},
	{name: "a file that has not changed", status: 304,
		head: "GET /static/shop/s1k.css HTTP/1.1\r\nIf-Modified-Since: LAST-MODIFIED"},
	// A server may ignore a range, and Django and uWSGI do (RFC 9110, 14.2).
	{name: "the first bytes of a file", head: "GET /static/shop/s1k.css HTTP/1.1\r\nRange: bytes=0-9", status: 206,
		but: map[string]int{"files by python": 200, "files by uwsgi": 200}},
	{name: "a file, compressed if it is", head: "GET /static/shop/s100k.js HTTP/1.1\r\nAccept-Encoding: gzip",
		status: 200},
	// nginx refuses it always, and Apache where it does not answer by itself; the others pass it on, and
	// Django's views answer any method.
	{name: "TRACE", head: "TRACE /json HTTP/1.1", status: 200,
		but: map[string]int{"entry nginx": 405, "entry apache": 405}},
}

func headers(n int) (text string) {
	for i := range n {
		text += fmt.Sprintf("\r\nX-Header-%d: %s", i, strings.Repeat("h", 60))
	}
	return text
}

// Each stack answers the whole matrix as every other does, or is explained; and after it, a plain
// request: nobody's long request takes a server out for the others.
func TestEveryTopologyAnswersTheMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("boots the real servers")
	}
	site, app := realSite(t)
	for _, name := range servers.Names() {
		t.Run(name, func(t *testing.T) {
			topology := servers.Topology{Name: name}
			if err := site.Check(topology, app); err != nil {
				t.Skip(err)
			}
			cluster, err := site.Boot(t.Context(), topology, app)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := cluster.Close(); err != nil {
					t.Error(err)
				}
			}()
			if b := cluster.Blueprint(); b.Concurrency == servers.UnknownConcurrency {
				t.Errorf("its concurrency is unknown")
			}
			expectTiers(t, cluster)
			who := by(t, cluster.Blueprint())
			for _, a := range append(slices.Clone(matrix), matrix[0]) {
				a.head = strings.Replace(a.head, "LAST-MODIFIED", lastModified(t, cluster.URL()), 1)
				for _, by := range who {
					if status, explained := a.but[by]; explained {
						a.status = status
					}
				}
				if got := a.send(cluster.URL()); got != "" {
					t.Errorf("%s: %s", a.name, got)
				}
			}
		})
	}
}

// expectTiers checks that each tier of a cluster is observed: it has processes, which use CPU time and memory.
func expectTiers(t *testing.T, cluster *servers.Cluster) {
	t.Helper()
	usage, err := cluster.Usage()
	if err != nil {
		t.Fatal(err)
	}
	for tier := range cluster.Blueprint().Roles {
		at := slices.IndexFunc(usage, func(u results.Usage) bool { return u.Tier == tier })
		if at < 0 || usage[at].CPU <= 0 || usage[at].PSS <= 0 {
			t.Errorf("usage %+v; want CPU time and memory of the tier %s", usage, tier)
		}
	}
}

// by says who takes the requests of a cluster, and who serves its files.
func by(t *testing.T, b servers.Blueprint) (who []string) {
	t.Helper()
	d, err := servers.Define(b.Topology)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range b.Processes {
		if p.IsEntry {
			who = append(who, "entry "+p.Kind)
		}
	}
	return append(who, "files by "+d.Static)
}

// lastModified is when a file says that it was changed.
func lastModified(t *testing.T, url string) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url + "/static/shop/s1k.css")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.Header.Get("Last-Modified")
}

// send sends the request and says what is wrong with the response.
func (a ask) send(url string) (wrong string) {
	address := strings.TrimPrefix(url, "http://")
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := fmt.Fprintf(conn, "%s\r\nHost: %s\r\nConnection: close\r\n\r\n%s", a.head, address, a.body); err != nil {
		return err.Error()
	}
	method, _, _ := strings.Cut(a.head, " ")
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return "no response: " + err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "an incomplete body: " + err.Error()
	}
	var text bytes.Buffer
	_ = response.Header.Write(&text)
	text.Write(body)
	if response.StatusCode != a.status || !strings.Contains(text.String(), a.shows) {
		return fmt.Sprintf("status %d, %.200s; want %d with %.40q", response.StatusCode, text.String(), a.status, a.shows)
	}
	return ""
}

// realSite is a site with the environment that bench setup made, and the bundled app, prepared with services.
func realSite(t *testing.T, services ...string) (*servers.Site, targets.App) {
	t.Helper()
	home, _ := os.UserCacheDir()
	python := setup.Python(cmp.Or(os.Getenv("BENCH_CACHE"), filepath.Join(home, "bench")), os.Getenv("PATH"))
	if python == "" {
		t.Skip("Django and uWSGI are not installed: run `bench setup`")
	}
	project, err := targets.Bundled()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil { // services run as another user where bench is root
		t.Fatal(err)
	}
	app := project.App
	app.Services = services
	app.Dir = filepath.Join(dir, "src")
	if err := targets.WriteBundled(app.Dir); err != nil {
		t.Fatal(err)
	}
	keeper, err := servers.NewKeeper([]string{os.Args[0], "keep-watch"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := keeper.Close(); err != nil {
			t.Error(err)
		}
	})
	host := servers.ThisHost()
	host.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	var tools []string
	for _, name := range servers.Names() {
		d, err := servers.Define(servers.Topology{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		needed, err := d.Requires(host)
		if err != nil {
			t.Fatal(err)
		}
		tools = append(tools, needed...)
	}
	if host.Tools, err = servers.FindTools(t.Context(), python, os.Getenv("PATH"), tools); err != nil {
		t.Fatal(err)
	}
	site := &servers.Site{
		Host: host, Keeper: keeper, Scratch: dir, Locks: filepath.Join(dir, "locks"), Timeout: 30 * time.Second,
	}
	if err := site.Prepare(t.Context(), app, filepath.Join(dir, "prepared")); err != nil {
		t.Fatal(err)
	}
	return site, app
}
