package main

import (
	"bytes"
	"context"
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

// realBench builds the program, and skips the test if the real servers are missing: `make test`
// installs them first.
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
	bench, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return bench
}

// realEnv is the environment without the folder of the fakes, which testscript puts first on PATH.
func realEnv() []string {
	env := environment(os.Environ())
	path := slices.DeleteFunc(filepath.SplitList(env["PATH"]), func(dir string) bool {
		return strings.Contains(dir, "testscript-main")
	})
	own := slices.DeleteFunc(os.Environ(), func(pair string) bool {
		return strings.HasPrefix(pair, "BENCH_KILLS=") // of the tests, not of bench
	})
	return append(own, "PATH="+strings.Join(path, string(filepath.ListSeparator)), "BENCH_SHARED_MACHINE=true")
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

// The whole procedure on the real servers that set-up always installs: every topology boots, gives the same
// responses and is measured, and the report can be made again.
func TestCompareOnRealServers(t *testing.T) {
	bench := realBench(t)
	dir := t.TempDir()
	cmd := exec.Command(bench, "compare", "--topologies", "runserver,uwsgi,nginx-uwsgi", "--quick", "--blocks", "1",
		"--scenario", "page", "--out", filepath.Join(dir, "runs"))
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
			t.Errorf("cell %s: counts %+v; want successful responses only", results.CellName(c), c.Counts)
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

// Nothing outlives bench, however it ends: killed in the middle of a cell, it leaves no server
// behind, and the cells that it has sealed stay readable. TestEndsAtRandomInstants tries other instants and ends.
func TestKilledBenchLeavesNothing(t *testing.T) {
	bench := realBench(t)
	dir := t.TempDir()
	slowest := time.Duration(0)
	for i := range 2 {
		out := filepath.Join(dir, "runs", strconv.Itoa(i))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, bench, "compare", "--topologies", "nginx-uwsgi", "--quick",
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
	t.Logf("all servers were gone after %v at most", slowest.Round(time.Millisecond))
}
