package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"bench/results"
)

// loadJSON runs bench load with --json, and returns what it printed and its exit code.
func loadJSON(t *testing.T, ctx context.Context, args ...string) (r loadResult, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	s := &shell{out: &out, errs: &errs, env: map[string]string{"HOME": t.TempDir()}}
	code = s.run(ctx, append([]string{"load", "--json", "--no-calibration", "--no-report", "--seed", "4"}, args...))
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v: exit code %d, %v: %s%s", args, code, err, out.String(), errs.String())
	}
	return r, code
}

// ends are the classes of a request, by their names in the JSON.
var ends = []string{"ok", "http_error", "bad_body", "connect_error", "reset", "timeout", "dropped", "in_flight"}

// addsUp checks that every intended request is in exactly one class, by the names in the JSON.
func addsUp(c results.Counts) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	var byName map[string]uint64
	if err := json.Unmarshal(data, &byName); err != nil {
		return err
	}
	var sum uint64
	for _, name := range ends {
		n, has := byName[name]
		if !has {
			return fmt.Errorf("no %s in %s", name, data)
		}
		sum += n
	}
	if sum != c.Intended {
		return fmt.Errorf("%d intended, %d accounted for: %s", c.Intended, sum, data)
	}
	return nil
}

// What bench load prints adds up, in total and for each target, whether the server keeps up or not,
// or the run is interrupted.
func TestLoadAddsUpInTotalAndPerTarget(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/gone":
			w.WriteHeader(http.StatusGone)
		case "/slow":
			time.Sleep(30 * time.Millisecond)
		}
	}))
	defer server.Close()
	mix := filepath.Join(t.TempDir(), "mix.yaml")
	text := "- {name: fast, path: /fast}\n- {name: gone, path: /gone, weight: 2}\n- {name: slow, path: /slow}\n"
	if err := os.WriteFile(mix, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		says      string
		args      []string
		interrupt time.Duration // 0: none
		check     func(r loadResult) bool
	}{
		{"a load that is sent completely", []string{"--rate", "200", "-d", "500ms"}, 0, func(r loadResult) bool {
			return r.Status == results.Complete && r.Counts.Intended == 100 && r.Counts.Dropped == 0 &&
				r.Statuses[410] == r.Counts.HTTPError && r.Statuses[200] == r.Counts.OK && r.Statuses[410] > 30
		}},
		{"more than two connections take", []string{"--rate", "2000", "-d", "500ms", "-c", "2"}, 0, func(r loadResult) bool {
			return r.Status == results.Complete && r.Counts.Intended == 1000 && r.Counts.Dropped > 300 &&
				r.Targets["slow"].Counts.Dropped > 0 && r.Targets["gone"].Counts.Dropped > r.Targets["slow"].Counts.Dropped
		}},
		{"the same with vegeta", []string{"--rate", "2000", "-d", "500ms", "-c", "2", "--engine", "vegeta"}, 0,
			func(r loadResult) bool {
				return r.Counts.Intended == 1000 && r.Counts.Dropped > 300 && r.Targets["gone"].Counts.Dropped > 0
			}},
		{"an interruption", []string{"--rate", "100", "-d", "1m"}, 300 * time.Millisecond, func(r loadResult) bool {
			return r.Status == results.Partial && r.Counts.Intended < 1000 && r.Counts.OK > 0 && r.Counts.Dropped < 100
		}},
		{"a closed loop", []string{"-d", "200ms", "-c", "3"}, 0, func(r loadResult) bool {
			return r.Status == results.Complete && r.Counts.OK > 0 && r.Targets["slow"].Response.P50 > 20_000 &&
				uint64(r.Targets["slow"].Service.Count) == r.Targets["slow"].Counts.OK
		}},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		if row.interrupt > 0 {
			time.AfterFunc(row.interrupt, func() { cancel(interrupted{syscall.SIGINT}) })
		}
		r, code := loadJSON(t, ctx, append(row.args, "--mix", mix, server.URL)...)
		cancel(nil)
		if row.interrupt > 0 && code != 130 {
			t.Errorf("%s: exit code %d; want 130", row.says, code)
		}
		if r.Schema != "bench.load/2" || len(r.Targets) != 3 || !row.check(r) {
			t.Errorf("%s: %+v", row.says, r)
		}
		if err := addsUp(r.Counts); err != nil {
			t.Errorf("%s: %v", row.says, err)
		}
		var sum, ofStatuses results.Counts
		for name, target := range r.Targets {
			if err := addsUp(target.Counts); err != nil {
				t.Errorf("%s: target %s: %v", row.says, name, err)
			}
			sum = sum.Plus(target.Counts)
		}
		for _, n := range r.Statuses {
			ofStatuses.Sent += n
		}
		if sum != r.Counts || ofStatuses.Sent != r.Counts.OK+r.Counts.HTTPError {
			t.Errorf("%s: the targets add up to %+v, the statuses to %d; want %+v", row.says, sum, ofStatuses.Sent, r.Counts)
		}
	}
}

// The text names every class, and values have units.
func TestLoadText(t *testing.T) {
	r := loadResult{Target: "http://127.0.0.1", Counts: results.Counts{Intended: 3, OK: 1, Dropped: 2},
		Statuses: map[int]uint64{503: 1, 200: 1}, Generator: loadGenerator{Timer: "sleep", Threads: 1}}
	slow, few := 52_863.0, 0.0
	r.SLO = []results.Judged{
		{Objective: "p99 < 50ms", Value: &slow, Verdict: results.Missed}, {Objective: "p99 < 1s", Verdict: results.Missed},
		{Objective: "errors < 0.1%", Value: &few, Verdict: results.Undecided, Requests: 20, Needed: 3000},
	}
	text := r.text()
	for _, want := range []string{
		"+ dropped 2 + in_flight 0\n", "status codes 200: 1, 503: 1\n", "1 thread,",
		"p99 < 50 ms: MISSED, 52.9 ms (+5.73 %)\n", "p99 < 1 s: MISSED, too many requests got no successful response\n",
		"errors < 0.1 %: UNDECIDED, 0 %; 20 requests, where it takes 3,000 to tell\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// The rate of an open loop is the number of successful responses over its duration, however early
// the last of them came: 2 requests in 2 s are 1 per second.
func TestRateOfFewRequests(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close) // after the parallel subtests
	for _, row := range []struct {
		args []string
		want float64
	}{
		{[]string{"--rate", "1", "-d", "2s"}, 1}, {[]string{"--rate", "0.5", "-d", "3s"}, 2.0 / 3},
		{[]string{"--rate", "20", "-d", "1s"}, 20}, {[]string{"--rate", "20", "-d", "1s", "--engine", "vegeta"}, 20},
	} {
		t.Run(strings.Join(row.args, " "), func(t *testing.T) {
			t.Parallel()
			r, _ := loadJSON(t, t.Context(), append(row.args, server.URL)...)
			if math.Abs(r.Rate.Achieved-row.want) > 1e-9 || math.Abs(r.Rate.Offered-row.want) > 1e-9 {
				t.Errorf("%.3f of %.3f requests per second; want %.3f", r.Rate.Achieved, r.Rate.Offered, row.want)
			}
		})
	}
}

// An objective ends the command with 3 if it is missed, and with 4 if nothing is missed and the
// requests are too few to tell.
func TestExitCodeOfObjectives(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gone" {
			w.WriteHeader(http.StatusGone)
		}
	}))
	defer server.Close()
	mix := filepath.Join(t.TempDir(), "mix.yaml")
	if err := os.WriteFile(mix, []byte("- {name: fast, path: /}\n- {name: gone, path: /gone}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		slo, path string
		want      int
		value     bool // there is one
	}{
		{"p50<9s", "/", 0, true},
		{"p99<9s", "/", 4, true},         // 40 of 300 requests
		{"p50<1us,p99<9s", "/", 3, true}, // one missed, one undecided
		{"p99<9s", "", 3, false},         // half of them fail
	} {
		args := []string{"--rate", "100", "-d", "400ms", "--slo", row.slo, server.URL + row.path}
		if row.path == "" {
			args = append(args, "--mix", mix)
		}
		r, code := loadJSON(t, t.Context(), args...)
		if r.Grade == results.Invalid {
			t.Logf("%s: a machine too busy to judge: %v", row.slo, r.Diagnostics)
			continue
		}
		if last := r.SLO[len(r.SLO)-1]; code != row.want || (last.Value != nil) != row.value {
			t.Errorf("%s of %s: exit code %d, %+v; want %d", row.slo, row.path, code, last, row.want)
		}
	}
}

// A load is kept as a run: report.json is what was printed, with figures, and can be made again.
func TestLoadIsKeptAsARun(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello")
	}))
	defer server.Close()
	var out, errs bytes.Buffer
	s := &shell{out: &out, errs: &errs, env: map[string]string{"HOME": t.TempDir()}}
	root := t.TempDir()
	if code := s.run(t.Context(), []string{"load", server.URL, "--rate", "200", "-d", "400ms", "--json",
		"--no-calibration", "--out", root}); code != 0 && code != 5 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	dir, err := newestRun(root)
	if err != nil {
		t.Fatal(err)
	}
	read := func() (report map[string]any) {
		data, err := os.ReadFile(filepath.Join(dir, "report.json"))
		if err == nil {
			err = json.Unmarshal(data, &report)
		}
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	var printed map[string]any
	if err := json.Unmarshal(out.Bytes(), &printed); err != nil {
		t.Fatal(err)
	}
	kept := read()
	if figures, are := kept["figures"].([]any); !are || len(figures) < 2 {
		t.Errorf("figures: %v", kept["figures"])
	}
	delete(kept, "figures")
	delete(kept, "diagnostic_counts")
	if !reflect.DeepEqual(kept, printed) {
		t.Errorf("report.json has %v; printed was %v", kept, printed)
	}
	if code := s.run(t.Context(), []string{"report", dir}); code != 0 && code != 5 {
		t.Errorf("bench report: exit code %d: %s", code, errs.String())
	}
	html, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil || !bytes.Contains(html, []byte("respond?</h1>")) {
		t.Errorf("the page: %v", err)
	}
}
