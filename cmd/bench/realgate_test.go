package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bench/internal/proof"
	"bench/servers/setup"
)

// The gate in a shortened form, on the bundled project: one more database query is a regression
// without any statistics, and equal versions are not, whatever else can be found in so short a time.
func TestRealGate(t *testing.T) {
	bench := realBench(t)
	gate := func(t *testing.T, args ...string) (code int, verdict string) {
		t.Helper()
		dir := t.TempDir()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		all := []string{"gate", "--base", "bundled", "--json", "--out", filepath.Join(dir, "runs"), "--seed", "1"}
		cmd := exec.CommandContext(ctx, bench, append(all, args...)...)
		cmd.Env = append(realEnv(), "TMPDIR="+dir)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		var report struct{ Verdict string }
		if jsonErr := json.Unmarshal(out, &report); jsonErr != nil {
			t.Fatalf("gate %v: %v, %v\n%s", args, err, jsonErr, stderr.String())
		}
		if left := serversOf(dir); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		return cmd.ProcessState.ExitCode(), report.Verdict
	}
	for says, env := range map[string]string{
		"one more query": "SHOP_EXTRA_QUERIES=1", "a head that does not boot": "DJANGO_SETTINGS_MODULE=nowhere",
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			if code, verdict := gate(t, "--head-env", env); code != exitRegression || verdict != "regression" {
				t.Errorf("exit code %d, %s; want a regression", code, verdict)
			}
		})
	}
	if proof.Full { // real pairs without a regression are replayed in reports/gate
		if code, verdict := gate(t, "--budget", "50s"); code == exitRegression || verdict == "regression" {
			t.Errorf("equal versions: exit code %d, %s", code, verdict)
		}
	}
}

// A project that django-admin made, in git, with five pages and without a word about bench in its code, and with
// its database in its tree. Base's bench.yaml names a health path that it has not: it is measured with head's. Twelve
// more queries of one page are counted, and the page is named, although head's mix has a page more.
func TestRealGateCountsQueriesOfAnyProject(t *testing.T) {
	bench := realBench(t)
	dir := t.TempDir()
	project := filepath.Join(dir, "project")
	startProject(t, project)
	file := filepath.Join(project, "bench.yaml")
	right, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	commit := func(yaml string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"commit", "-q", "-m", "a version"}} {
			cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
			cmd.Dir = project
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("git %v: %v\n%s", args, err, out)
			}
		}
	}
	commit(strings.Replace(string(right), "  prepare:", "  health: /nowhere\n  prepare:", 1))
	commit(string(right) + "  - {name: new, path: /}\n")
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, bench, "gate", "--base", "HEAD~1", "--app", project, "--head-env", "MORE=12",
		"--topology", "uwsgi", "--budget", "3m", "--json", "--out", filepath.Join(dir, "runs"), "--seed", "1")
	cmd.Env = append(realEnv(), "TMPDIR="+dir)
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitRegression {
		t.Errorf("exit code %d, %v; want a regression\n%s", code, err, out)
	}
	for _, want := range []string{"queries of p5: 17, was 5", "only head's mix has new",
		"HEAD~1 does not work as its own bench.yaml says: it is measured with that of"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not said:\n%s", want, out)
		}
	}
	if left := serversOf(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// startProject makes a Django project with five pages that make one to five queries each.
func startProject(t *testing.T, dir string) {
	t.Helper()
	s := &shell{env: environment(realEnv())}
	cache, err := s.cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	start := exec.Command(setup.Python(cache, s.env["PATH"]), "-m", "django", "startproject", "mysite", dir)
	start.Env = realEnv()
	if out, err := start.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, text := range map[string]string{
		"db.sqlite3": "",
		"mysite/urls.py": `import os
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.urls import path

MORE = int(os.environ.get("MORE", "0"))

def page(n):
    def view(request):
        for _ in range(n + (MORE if n == 5 else 0)):
            User.objects.filter(username="x").exists()
        return HttpResponse(f"page {n}")
    return view

urlpatterns = [path(f"p{n}", page(n)) for n in range(1, 6)] + [path("", page(0))]
`,
		"bench.yaml": `app:
  wsgi: mysite.wsgi:application
  settings: mysite.settings
  state: [db.sqlite3]
  prepare:
    - [python, manage.py, migrate, -v0]
mix:
  - {name: p1, path: /p1}
  - {name: p2, path: /p2}
  - {name: p3, path: /p3}
  - {name: p4, path: /p4}
  - {name: p5, path: /p5}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// capacityOf searches for the capacity of one worker that waits 20 ms for each request.
func capacityOf(t *testing.T, bench, runs, slo string, args ...string) (code int, report string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	all := []string{
		"capacity", "--topology", "uwsgi:workers=1", "--scenario", "io", "--slo", slo, "--json",
		"--budget", "12s", "--soak", "3s", "--seed", "3", "--out", runs,
	}
	cmd := exec.CommandContext(ctx, bench, append(all, args...)...)
	cmd.Env = append(realEnv(), "TMPDIR="+filepath.Dir(runs))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if len(out) == 0 {
		t.Fatalf("capacity: %v\n%s", err, stderr.String())
	}
	if left := serversOf(filepath.Dir(runs)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// One worker that waits 20 ms for each request cannot serve more than 50 a second, and no rate meets
// an SLO below those 20 ms: both are known without any measurement.
func TestRealCapacity(t *testing.T) {
	bench := realBench(t)
	t.Run("of a worker that waits", func(t *testing.T) {
		t.Parallel()
		capacityOfAWorker(t, bench)
	})
	t.Run("below the service time", func(t *testing.T) {
		t.Parallel()
		code, report := capacityOf(t, bench, filepath.Join(t.TempDir(), "runs"), "p99<5ms")
		var found struct{ Capacity struct{ Low float64 } }
		if err := json.Unmarshal([]byte(report), &found); err != nil {
			t.Fatal(err)
		}
		hopeless := code == exitRegression && found.Capacity.Low == 0 && strings.Contains(report, "without load, p50 is")
		if code != exitInvalid && !hopeless {
			t.Errorf("exit code %d, %+v; want that no rate meets it, and the floor", code, found)
		}
	})
}

func capacityOfAWorker(t *testing.T, bench string) {
	t.Helper()
	in := filepath.Join(t.TempDir(), "runs")
	code, report := capacityOf(t, bench, in, "p99<250ms", "--target", "30/s")
	var found struct {
		Capacity   struct{ Low, High float64 }
		Bottleneck string
		Soaks      []struct{ Rate float64 }
	}
	if err := json.Unmarshal([]byte(report), &found); err != nil {
		t.Fatal(err)
	}
	if code == exitInvalid {
		t.Skip("the machine is too busy to measure a capacity on")
	}
	if code != exitOK || found.Capacity.Low <= 10 || found.Capacity.Low > 50 || found.Bottleneck != "worker concurrency" ||
		len(found.Soaks) == 0 || found.Soaks[0].Rate > 50 {
		t.Errorf("exit code %d, %+v; want a rate of at most 50/s, limited by worker concurrency, and put to the test",
			code, found)
	}
	runs, err := filepath.Glob(filepath.Join(in, "*-capacity-*"))
	if err != nil || len(runs) != 1 {
		t.Fatalf("%d run directories", len(runs))
	}
	again := exec.Command(bench, "report", "--json", runs[0])
	again.Env = realEnv()
	if out, err := again.Output(); err != nil || string(out) != report {
		t.Errorf("the report made again differs: %v", err)
	}
}
