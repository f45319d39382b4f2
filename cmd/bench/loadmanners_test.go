package main

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"bench/results"
)

// seen collects what a server was asked.
type seen struct {
	mu  sync.Mutex
	all []string
}

func (s *seen) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.all = append(s.all, fmt.Sprintf("%s %s %s auth=%q a=%q body=%q", r.Proto, r.Method, r.RequestURI,
		r.Header.Get("Authorization"), strings.Join(r.Header["X-A"], "+"), body))
	s.mu.Unlock()
	switch {
	case r.URL.Path == "/moved":
		http.Redirect(w, r, "/moved/", http.StatusMovedPermanently)
	case strings.HasPrefix(r.URL.Path, "/gone"):
		w.WriteHeader(http.StatusGone)
	}
}

// take returns what was seen since the last call, each request once.
func (s *seen) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := map[string]bool{}
	var all []string
	for _, text := range s.all {
		if !known[text] {
			known[text], all = true, append(all, text)
		}
	}
	s.all = nil
	return strings.Join(all, "; ")
}

func loadText(t *testing.T, args ...string) (out, errs string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	s := &shell{out: &o, errs: &e, env: map[string]string{"HOME": t.TempDir()}}
	code = s.run(t.Context(), append([]string{"load", "--no-report", "--no-calibration", "--seed", "4"}, args...))
	return o.String(), e.String(), code
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// What people type first does what they mean, with either engine. The rows name the cases of inputs that
// once did not.
func TestWhatPeopleTypeFirst(t *testing.T) {
	var asked seen
	server := httptest.NewServer(&asked)
	defer server.Close()
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	for _, row := range []struct {
		says string
		args []string
		path string
		want string // what the server sees
	}{
		{"case 28-no-header-method-body-flags", []string{"-H", "Authorization: Bearer x", "-H", "X-A: 1", "-H", "x-a:2"}, "/",
			`HTTP/1.1 GET / auth="Bearer x" a="1+2" body=""`},
		{"a method", []string{"-m", "delete"}, "/", `HTTP/1.1 DELETE / auth="" a="" body=""`},
		{"a body", []string{"-b", "hello"}, "/", `HTTP/1.1 POST / auth="" a="" body="hello"`},
		{"a body in a file", []string{"--method", "PUT", "--body", "@" + write(t, "b", "from a file")}, "/",
			`HTTP/1.1 PUT / auth="" a="" body="from a file"`},
		{"a user", []string{"-u", "user:pa:ss"}, "/", `HTTP/1.1 GET / auth="Basic dXNlcjpwYTpzcw==" a="" body=""`},
		{"case 09-escaped-slash-and-unicode",
			nil, "/a%2Fb/ü|?q=%2F", `HTTP/1.1 GET /a%2Fb/%C3%BC%7C?q=%2F auth="" a="" body=""`},
		{"no path, but a query", nil, "?q", `HTTP/1.1 GET /?q auth="" a="" body=""`},
		{"case 38-har",
			[]string{"--targets", write(t, "v.har", `{"log":{"entries":[{"startedDateTime":"2026-11-26T10:00:00Z",`+
				`"request":{"method":"GET","url":"`+server.URL+`/ok","headers":[{"name":"X-A","value":"1"}]}}]}}`)}, "/",
			`HTTP/1.1 GET /ok auth="" a="1" body=""`},
	} {
		for _, engine := range []string{"native", "vegeta"} {
			args := append([]string{"-n", "2", "--rate", "200", "--engine", engine}, row.args...)
			r, _ := loadJSON(t, t.Context(), append(args, server.URL+row.path)...)
			if got := asked.take(); got != row.want || r.Counts.OK != 2 {
				t.Errorf("%s, %s: the server saw %s, %+v; want %s", row.says, engine, got, r.Counts, row.want)
			}
		}
	}
	for _, host := range []string{"127.0.0.1", "localhost.", "a.localhost"} {
		url := "http://u:p@" + host + port
		if r, _ := loadJSON(t, t.Context(), "-n", "3", url); r.Counts.OK != 3 || r.Counts.Intended != 3 {
			t.Errorf("%s: %+v; want 3 requests", url, r.Counts)
		}
		if got := asked.take(); !strings.Contains(got, `auth="Basic dTpw"`) {
			t.Errorf("%s: the server saw %s", url, got)
		}
	}
}

// A number of requests ends a closed loop, and rates have many forms.
func TestRequestsAndRates(t *testing.T) {
	var served atomic.Uint64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) }))
	defer server.Close()
	for _, row := range []struct {
		args     []string
		mode     string
		intended uint64
	}{
		{[]string{"-n", "100", "-c", "3"}, "closed", 100}, {[]string{"-n", "1"}, "closed", 1},
		{[]string{"-n", "50", "-c", "7", "--engine", "vegeta"}, "closed", 50},
		{[]string{"-n", "50", "-c", "7", "-t", "2"}, "closed", 50},
		{[]string{"-n", "20", "--rate", "0/s"}, "closed", 20},
		{[]string{"-n", "20", "--rate", "0"}, "closed", 20}, {[]string{"-n", "20", "--rate", "max"}, "closed", 20},
		{[]string{"-n", "10", "--rate", "400"}, "open", 10}, {[]string{"-n", "10", "--rate", "400", "-d", "5s"}, "open", 10},
		{[]string{"--rate", "6000/m", "-d", "100ms"}, "open", 10}, {[]string{"--rate", "1/5s", "-d", "100ms"}, "open", 1},
		{[]string{"--rate", "360000/hour", "-d", "100ms"}, "open", 10},
	} {
		r, _ := loadJSON(t, t.Context(), append(row.args, server.URL)...)
		if asked := served.Swap(0); asked != row.intended {
			t.Errorf("%v: the server was asked %d times; want %d", row.args, asked, row.intended)
		}
		if r.Mode != row.mode || r.Counts.Intended != row.intended || r.Counts.OK != row.intended || r.Duration > 6 {
			t.Errorf("%v: %s, %+v in %.1f s; want %s, %d", row.args, r.Mode, r.Counts, r.Duration, row.mode, row.intended)
		}
	}
}

// Cases 05, 08, 29 and 30: what is said of responses that are not what was meant, and by which exit code.
func TestReasonsAreSaid(t *testing.T) {
	var asked seen
	server := httptest.NewServer(&asked)
	defer server.Close()
	secure := httptest.NewUnstartedServer(&asked)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	half := write(t, "half.yaml", "- {name: ok, path: /}\n- {name: gone, path: /gone}\n")
	for _, row := range []struct {
		says, url   string
		args        []string
		out, errors string
		code        int
	}{
		{"case 30-redirects-are-ok", server.URL + "/moved", nil,
			"all 10 × 301 Moved Permanently: to /moved/; first: GET /moved", "", 0},
		{"case 05-blames-generator-for-429", server.URL + "/gone?x=1", nil, "status codes 410: 10",
			"INVALID: 10 of 10 requests failed, more than 50 %: 10 × 410 Gone; first: GET /gone?x=1", 5},
		{"nobody there",
			"http://" + nobody.Addr().String(), nil, "connection refused", "10 × connect_error: connection refused", 5},
		{"case 29-self-signed-certificate", secure.URL, nil, "--cacert FILE",
			"certificate signed by unknown authority", 5},
		{"half of them fail, which is allowed", server.URL, []string{"--mix", half, "--max-errors", "90%"}, "gone", "", 0},
		{"half of them fail, which is not",
			server.URL, []string{"--mix", half, "--max-errors", "0.1"}, "gone", "more than 10 %", 5},
		{"none may fail", server.URL, []string{"--mix", half, "--max-errors", "0%"}, "gone", "requests failed", 5},
	} {
		out, errs, code := loadText(t, append(append([]string{"-n", "10", "--rate", "200"}, row.args...), row.url)...)
		if code != row.code && !strings.Contains(errs, "generator") || !strings.Contains(out, row.out) ||
			!strings.Contains(errs, row.errors) {
			t.Errorf("%s: exit code %d, %s%s; want %d, %q and %q", row.says, code, out, errs, row.code, row.out, row.errors)
		}
		if strings.Contains(out+errs, "service time of 0s") || strings.Contains(out+errs, "response time of 0s") {
			t.Errorf("%s: case 06-mean-service-of-0s: %s%s", row.says, out, errs)
		}
	}
}

// Certificates, HTTP/2 and sockets in the file system.
func TestOtherTransports(t *testing.T) {
	var asked seen
	secure := httptest.NewUnstartedServer(&asked)
	secure.EnableHTTP2 = true
	secure.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	secure.StartTLS()
	defer secure.Close()
	ca := write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"-k"}, "HTTP/2.0 GET /"}, {[]string{"--cacert", ca}, "HTTP/2.0 GET /"},
		{[]string{"--insecure", "--http1"}, "HTTP/1.1 GET /"},
	} {
		r, _ := loadJSON(t, t.Context(), append(row.args, "-n", "5", "-c", "2", secure.URL)...)
		if got := asked.take(); r.Counts.OK != 5 || !strings.HasPrefix(got, row.want) {
			t.Errorf("%v: %+v, the server saw %s; want %s", row.args, r.Counts, got, row.want)
		}
	}

	path := filepath.Join(t.TempDir(), "s")
	socket, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	local := http.Server{Handler: &asked}
	defer local.Close()
	go func() { _ = local.Serve(socket) }()
	for _, engine := range []string{"native", "vegeta"} {
		r, _ := loadJSON(t, t.Context(), "--unix-socket", path, "-n", "5", "-c", "2", "--engine", engine,
			"http://example.org/x")
		if got := asked.take(); r.Counts.OK != 5 || !strings.HasPrefix(got, "HTTP/1.1 GET /x") {
			t.Errorf("%s: %+v, the server saw %s", engine, r.Counts, got)
		}
	}
}

// Mistakes in a command line or a file are said once, in one line, with exit code 2 or 7.
func TestMistakesOfLoads(t *testing.T) {
	for _, row := range []struct {
		says string
		args []string
		want string
		code int
	}{
		{"case 34-errors-said-twice: a path",
			[]string{"--mix", write(t, "m", "- {name: a, path: x}"), "http://127.0.0.1:1"}, "must start with /", 2},
		{"case 34-errors-said-twice: a tab", []string{"--mix", write(t, "m", "- name: a\n\tpath: /\n"), "http://127.0.0.1:1"},
			"cannot start any token", 2},
		{"case 35-exit-code-of-addresses: a port", []string{"http://127.0.0.1:99999/"}, "want 1 to 65535", 2},
		{"case 35-exit-code-of-addresses: a name",
			[]string{"--allow-host", "nowhere.invalid", "http://nowhere.invalid/"}, "has no address", 7},
		{"another host", []string{"http://192.0.2.1/"}, "--allow-host", 7},
		{"a header without a colon", []string{"-H", "X", "http://127.0.0.1:1"}, "NAME: VALUE", 2},
		{"a length", []string{"-H", "Content-Length: 3", "http://127.0.0.1:1"}, "bench frames requests", 2},
		{"a body for a mix", []string{"-b", "x", "--mix", "m", "http://127.0.0.1:1"}, "--body", 2},
		{"a body that is not there", []string{"-b", "@none", "http://127.0.0.1:1"}, "none", 2},
		{"certificates without TLS", []string{"-k", "http://127.0.0.1:1"}, "https", 2},
		{"a certificate that is none", []string{"--cacert", write(t, "c", "x"), "https://127.0.0.1:1"}, "PEM", 2},
		{"a share beyond all", []string{"--max-errors", "150%", "http://127.0.0.1:1"}, "--max-errors", 2},
		{"a device as a body", []string{"-b", "@/dev/zero", "http://127.0.0.1:1"}, "it is a device", 2},
		{"a device as a log", []string{"--replay", "/dev/zero", "http://127.0.0.1:1"}, "it is a device", 2},
		{"a device as a mix", []string{"--mix", "/dev/zero", "http://127.0.0.1:1"}, "it is a device", 2},
		{"no requests", []string{"-n", "0", "http://127.0.0.1:1"}, "at least one", 2},
		{"a core that is not there", []string{"--pin", "1000", "http://127.0.0.1:1"}, "no such core", 2},
		{"a duration without a unit", []string{"-d", "5", "http://127.0.0.1:1"}, `--duration "5": want a duration`, 2},
		{"a duration in days", []string{"-d", "1d", "http://127.0.0.1:1"}, "10s or 1h30m", 2},
		{"a number that is none", []string{"-c", "many", "http://127.0.0.1:1"}, "want a whole number", 2},
		{"fewer connections than none", []string{"-c", "-5", "http://127.0.0.1:1"}, "want 1 to", 2},
		{"slow clients beyond all", []string{"--slow", "headers:1e9", "http://127.0.0.1:1"}, `"headers:1e9"`, 2},
		{"a socket's path that is too long",
			[]string{"--unix-socket", strings.Repeat("x", 108), "http://127.0.0.1:1"}, "107", 2},
		{"a control byte in a field", []string{"-H", "X: a\x01", "http://127.0.0.1:1"}, "control character", 2},
		{"a rate", []string{"--rate", "many", "http://127.0.0.1:1"}, "1/5s", 2},
		{"a log of another kind",
			[]string{"--replay", write(t, "l", "12345 openat(x) = 3\n"), "http://127.0.0.1:1"}, "access log", 2},
		{"a zone", []string{"http://[fe80::1%25lo]:1/"}, "--allow-host", 7},
	} {
		_, errs, code := loadText(t, append([]string{"-n", "1"}, row.args...)...)
		if code != row.code || strings.Count(errs, row.want) != 1 {
			t.Errorf("%s: exit code %d, %q; want %d and %q once", row.says, code, errs, row.code, row.want)
		}
	}
}

// Cases 15-replay-formats and 16-replay-last-line-cut: times and requests of a log.
func TestReplay(t *testing.T) {
	var asked seen
	server := httptest.NewServer(&asked)
	defer server.Close()
	file := write(t, "access.log", `h - - [26/Nov/2026:10:00:00 +0000] "GET /a?x=1 HTTP/1.1" 200
h - - [26/Nov/2026:10:00:01 +0000] "POST /b HTTP/1.1" 200
h - - [26/Nov/2026:10:00:02 +0000] "HEAD /c HTTP/1.1" 200
h - - [26/Nov/2026:10:00:0`)
	out, errs, code := loadText(t, "--replay", file, "--replay-speed", "100", server.URL)
	if code != 0 && !strings.Contains(errs, "generator") || !strings.Contains(out, "intended 3 ") ||
		!strings.Contains(errs, "last line is cut") {
		t.Errorf("times: exit code %d, %s%s", code, out, errs)
	}
	asked.take()
	_, errs, _ = loadText(t, "--replay", file, "--replay-speed", "100", "--replay-requests", "-H", "X-A: 1", server.URL)
	got := asked.take()
	if strings.Contains(got, "POST") || !strings.Contains(got, `GET /a?x=1 auth="" a="1"`) ||
		!strings.Contains(got, "HEAD /c") ||
		!strings.Contains(errs, "left out: 1 of other methods") {
		t.Errorf("requests: the server saw %s; said %s", got, errs)
	}
}

// A load whose server refuses every connection ends early, and what it did not reach was never intended.
func TestHopelessLoadEndsEarly(t *testing.T) {
	t.Parallel()
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	r, code := loadJSON(t, t.Context(), "--rate", "20", "-d", "1m", "http://"+nobody.Addr().String())
	if code != 5 || r.Status != results.Partial || r.Elapsed > 10 || r.Counts.Intended > 200 || r.Counts.Dropped > 20 {
		t.Errorf("exit code %d, %s after %.1f s: %+v; want it to end after about 3 s", code, r.Status, r.Elapsed, r.Counts)
	}
}

// What authenticates a load is not kept with it.
func TestPasswordsAreNotKept(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	dir := t.TempDir()
	var out, errs bytes.Buffer
	s := &shell{out: &out, errs: &errs, env: map[string]string{"HOME": t.TempDir()}}
	s.run(t.Context(), []string{"load", "--no-calibration", "--out", dir, "-n", "2", "-u", "ann:canary1",
		"-H", "Cookie: session=canary2", "-b", "password=canary3", strings.Replace(server.URL, "//", "//u:canary4@", 1)})
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		for _, hidden := range []string{"canary", "YW5uOmNhbmFyeT", "dTpjYW5hcnk0"} { // also in base64
			if strings.Contains(string(data), hidden) {
				t.Errorf("%s contains %s", path, hidden)
			}
		}
		return err
	})
	if err != nil || files < 3 || strings.Contains(out.String()+errs.String(), "canary") {
		t.Errorf("%d files, %v, %s%s", files, err, out.String(), errs.String())
	}
}
