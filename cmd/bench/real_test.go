package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"bench/results"
	"bench/servers/setup"
)

// realBench builds the program, and skips the test where the real servers are missing:
// `make test` installs them first.
func realBench(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("boots the real servers")
	}
	s := &shell{env: environment(realEnv())}
	cache, err := s.cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	if setup.Python(cache, s.env["PATH"]) == "" {
		t.Skip("Django and uWSGI are not installed: run `bench setup`")
	}
	bench := filepath.Join(t.TempDir(), "bench")
	if out, err := exec.Command("go", "build", "-o", bench, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bench
}

// realEnv is the environment without the folder of the fakes, which testscript puts first on
// PATH.
func realEnv() []string {
	env := environment(os.Environ())
	path := slices.DeleteFunc(filepath.SplitList(env["PATH"]), func(dir string) bool {
		return strings.Contains(dir, "testscript-main")
	})
	own := slices.DeleteFunc(os.Environ(), func(pair string) bool {
		return strings.HasPrefix(pair, "BENCH_KILLS=") // of the tests, and not of bench
	})
	return append(own, "PATH="+strings.Join(path, string(filepath.ListSeparator)))
}

// serversOf lists the processes whose command line, environment or working folder names dir.
func serversOf(dir string) []string {
	var found []string
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range all {
		if pid, _ := strconv.Atoi(filepath.Base(process)); pid == os.Getpid() {
			continue
		}
		command, _ := os.ReadFile(process + "/cmdline")
		environ, _ := os.ReadFile(process + "/environ")
		cwd, _ := os.Readlink(process + "/cwd")
		if strings.HasPrefix(cwd, dir) || bytes.Contains(command, []byte(dir)) || bytes.Contains(environ, []byte(dir)) {
			found = append(found, filepath.Base(process)+" "+strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return found
}

// The whole way on the real servers: every topology boots, gives the same answers, is
// measured, and the report can be made again.
func TestCompareOnRealServers(t *testing.T) {
	bench := realBench(t)
	dir := t.TempDir()
	cmd := exec.Command(bench, "compare", "--topologies", "all", "--quick", "--blocks", "1", "--scenario", "page",
		"--out", filepath.Join(dir, "runs"))
	cmd.Env = append(realEnv(), "TMPDIR="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	runs, _ := filepath.Glob(filepath.Join(dir, "runs", "*-compare-*"))
	if len(runs) != 1 {
		t.Fatalf("%d run directories; want 1", len(runs))
	}
	run, err := results.Load(runs[0])
	if err != nil {
		t.Fatal(err)
	}
	if run.Manifest.Status != results.Complete || len(run.Manifest.Topologies) < 3 {
		t.Errorf("status %s, %d topologies", run.Manifest.Status, len(run.Manifest.Topologies))
	}
	tiers := map[string]map[string]bool{}
	for _, c := range run.Cells {
		if c.Counts.HTTPError+c.Counts.BadBody > 0 || c.Counts.OK == 0 {
			t.Errorf("cell %s: counts %+v; want right answers only", results.CellName(c), c.Counts)
		}
		for tier := range results.CPUByTier(c.Usage) {
			if tiers[c.Topology] == nil {
				tiers[c.Topology] = map[string]bool{}
			}
			tiers[c.Topology][tier] = true
		}
	}
	for topology, want := range map[string]int{"runserver": 1, "uwsgi": 2, "nginx-uwsgi": 3} {
		if len(tiers[topology]) != want {
			t.Errorf("%s has the tiers %v; want %d", topology, tiers[topology], want)
		}
	}
	first, err := os.ReadFile(filepath.Join(runs[0], "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(dir, "copy")
	if err := os.CopyFS(elsewhere, os.DirFS(runs[0])); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(bench, "report", elsewhere).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if again, _ := os.ReadFile(filepath.Join(elsewhere, "report.json")); !bytes.Equal(first, again) {
		t.Error("the report of the copy differs")
	}
	if left := serversOf(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Nothing outlives bench, however it ends: killed in the middle of a cell, it leaves no
// server, and the run that it had finished before stays readable. BENCH_KILLS says how
// often this is tried.
func TestKilledBenchLeavesNothing(t *testing.T) {
	bench := realBench(t)
	dir := t.TempDir()
	kills, _ := strconv.Atoi(os.Getenv("BENCH_KILLS"))
	slowest := time.Duration(0)
	for i := range max(kills, 2) {
		out := filepath.Join(dir, "runs", strconv.Itoa(i))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, bench, "compare", "--topologies", "all", "--quick",
			"--out", out, "--seed", strconv.Itoa(i+1))
		cmd.Env = append(realEnv(), "TMPDIR="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var sealed []string
		for len(sealed) < 1+i%3 && ctx.Err() == nil {
			sealed, _ = filepath.Glob(filepath.Join(out, "*", "cells", "0*"))
			time.Sleep(5 * time.Millisecond) // poll for the condition of the loop
		}
		if len(serversOf(dir)) < 2 {
			t.Errorf("kill %d: no server was running", i)
		}
		_ = cmd.Process.Kill()
		killed := time.Now()
		_ = cmd.Wait()
		cancel()
		for len(serversOf(dir)) > 0 && time.Since(killed) < 2*time.Second {
			time.Sleep(5 * time.Millisecond) // poll for the condition of the loop
		}
		slowest = max(slowest, time.Since(killed))
		if left := serversOf(dir); len(left) > 0 {
			t.Fatalf("kill %d: left after 2 s: %v", i, left)
		}
		run, err := filepath.Glob(filepath.Join(out, "*"))
		if err != nil || len(run) != 1 {
			t.Fatalf("kill %d: %d run directories", i, len(run))
		}
		loaded, err := results.Load(run[0])
		if err != nil {
			t.Errorf("kill %d: the run cannot be read: %v", i, err)
		} else if loaded.Manifest.Status != results.Partial || len(loaded.Cells) < 1 {
			t.Errorf("kill %d: status %s, %d cells; want it PARTIAL with what was sealed",
				i, loaded.Manifest.Status, len(loaded.Cells))
		}
	}
	t.Logf("%d kills; all servers were gone after %v at most", max(kills, 2), slowest.Round(time.Millisecond))
}

// The gate in a shortened form, on the bundled project: one more query of the database is a
// regression without statistics, and equal versions are none, whatever else can be said in
// so short a time.
func TestRealGate(t *testing.T) {
	bench := realBench(t)
	dir := t.TempDir()
	gate := func(args ...string) (code int, verdict string) {
		t.Helper()
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
		return cmd.ProcessState.ExitCode(), report.Verdict
	}
	if code, verdict := gate("--head-env", "SHOP_EXTRA_QUERIES=1"); code != exitRegression || verdict != "regression" {
		t.Errorf("one more query: exit code %d, %s; want a regression", code, verdict)
	}
	if code, verdict := gate("--budget", "50s"); code == exitRegression || verdict == "regression" {
		t.Errorf("equal versions: exit code %d, %s", code, verdict)
	}
	if code, verdict := gate("--head-env", "DJANGO_SETTINGS_MODULE=nowhere"); code != exitRegression || verdict != "regression" {
		t.Errorf("a head that does not boot: exit code %d, %s; want a regression", code, verdict)
	}
	if left := serversOf(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// One worker that waits 20 ms for each request cannot serve more than 50 in a second, and an
// SLO below those 20 ms is met by no rate: both are known without any measurement.
func TestRealCapacity(t *testing.T) {
	bench := realBench(t)
	dir := t.TempDir()
	capacity := func(slo string, args ...string) (code int, report string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		all := []string{
			"capacity", "--topology", "uwsgi:workers=1", "--scenario", "io", "--slo", slo, "--json",
			"--budget", "12s", "--seed", "3", "--out", filepath.Join(dir, "runs"),
		}
		cmd := exec.CommandContext(ctx, bench, append(all, args...)...)
		cmd.Env = append(realEnv(), "TMPDIR="+dir)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if len(out) == 0 {
			t.Fatalf("capacity: %v\n%s", err, stderr.String())
		}
		return cmd.ProcessState.ExitCode(), string(out)
	}
	var found struct {
		Capacity   struct{ Low, High float64 }
		Bottleneck string
	}
	code, report := capacity("p99<250ms", "--target", "30/s")
	if err := json.Unmarshal([]byte(report), &found); err != nil {
		t.Fatal(err)
	}
	if code == exitInvalid {
		t.Skip("the machine is too busy to measure a capacity on")
	}
	if code != exitOK || found.Capacity.Low <= 10 || found.Capacity.Low > 50 || found.Bottleneck != "worker concurrency" {
		t.Errorf("exit code %d, %+v; want a rate of at most 50/s, limited by worker concurrency", code, found)
	}
	runs, err := filepath.Glob(filepath.Join(dir, "runs", "*-capacity-*"))
	if err != nil || len(runs) != 1 {
		t.Fatalf("%d run directories", len(runs))
	}
	again := exec.Command(bench, "report", "--json", runs[0])
	again.Env = realEnv()
	if out, err := again.Output(); err != nil || string(out) != report {
		t.Errorf("the report made again differs: %v", err)
	}
	code, report = capacity("p99<5ms")
	if err := json.Unmarshal([]byte(report), &found); err != nil {
		t.Fatal(err)
	}
	if code != exitInvalid && (code != exitRegression || found.Capacity.Low != 0 || !strings.Contains(report, "without any load p50 is")) {
		t.Errorf("an SLO below the service time: exit code %d, %+v; want that no rate meets it, and the floor", code, found)
	}
	if left := serversOf(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
