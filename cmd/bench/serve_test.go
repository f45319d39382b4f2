package main

import (
	"bufio"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// follow starts bench serve on a folder, and follows the run that is under way there until its last event:
// follow RUNS
func follow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: follow RUNS")
	}
	folder := ts.MkAbs(args[0])
	var found []string
	for until := time.Now().Add(30 * time.Second); len(found) == 0; time.Sleep(20 * time.Millisecond) {
		if found, _ = filepath.Glob(filepath.Join(folder, "*", "events.ndjson")); time.Now().After(until) {
			ts.Fatalf("no run begins in %s", folder)
		}
	}
	address := served(ts, folder)
	base, _, _ := strings.Cut(address, "/?")
	run := filepath.Base(filepath.Dir(found[0]))
	jar, err := cookiejar.New(nil)
	ts.Check(err)
	client := &http.Client{Jar: jar}
	for _, row := range []struct {
		address, host string
		status        int
	}{
		{base + "/", "", http.StatusForbidden}, {base + "/?token=wrong", "", http.StatusForbidden},
		{address, "evil.example", http.StatusMisdirectedRequest}, {address, "", http.StatusOK},
	} {
		request, err := http.NewRequest(http.MethodGet, row.address, nil)
		ts.Check(err)
		request.Host = row.host
		request.Header.Set("Origin", "http://evil.example")
		response, err := client.Do(request)
		ts.Check(err)
		page, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		ts.Check(err)
		if response.StatusCode != row.status || row.status != http.StatusOK && strings.Contains(string(page), run) {
			ts.Fatalf("GET %s, Host %q: %s; want %d", row.address, row.host, response.Status, row.status)
		}
		for name := range response.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				ts.Fatalf("GET %s: %s lets other pages read it", row.address, name)
			}
		}
	}
	response, err := client.Get(base + "/runs/" + run + "/events")
	ts.Check(err)
	defer response.Body.Close()
	var kinds string
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		_, kind, _ := strings.Cut(lines.Text(), `"kind":"`)
		kind, _, _ = strings.Cut(kind, `"`)
		kinds += kind + " "
	}
	for _, want := range []string{"run-started ", "cell-done ", "estimated ", "done "} {
		if !strings.Contains(kinds, want) {
			ts.Fatalf("the events are %s, without %s", kinds, want)
		}
	}
}

// served starts bench serve, which ends with the script, and returns the address that it prints.
func served(ts *testscript.TestScript, folder string) (address string) {
	bench := ""
	for dir := range strings.SplitSeq(ts.Getenv("PATH"), ":") {
		if path := filepath.Join(dir, "bench"); bench == "" {
			if _, err := exec.LookPath(path); err == nil {
				bench = path
			}
		}
	}
	c := exec.Command(bench, "serve", folder)
	c.Env = []string{"HOME=" + ts.Getenv("WORK")}
	c.Dir = "/" // see nothingLeft
	out, err := c.StdoutPipe()
	ts.Check(err)
	ts.Check(c.Start())
	ts.Defer(func() { _, _ = c.Process.Kill(), c.Wait() })
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		ts.Fatalf("bench serve prints no address")
	}
	return lines.Text()
}
