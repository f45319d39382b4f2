package place_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bench/fleet"
	"bench/fleet/link"
	"bench/fleet/place"
	"bench/internal/sshd"
	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/loadgen/vegeta"
	"bench/results"
	"bench/targets"
)

// As "worker", the test's own program is a worker; as "join", one that comes by itself; as "kubectl", a cluster.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "kubectl" {
		os.Exit(kubectl(cluster{os.Args[2]}, os.Args[3:]))
	}
	if len(os.Args) < 2 || os.Args[1] != "worker" && os.Args[1] != "join" {
		os.Exit(m.Run())
	}
	if err := work(os.Args[1] == "join", os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// work is a worker that may load some hosts. Its hub is at its streams, or where a token says.
func work(joins bool, of string, hosts []string) error {
	dir, err := os.MkdirTemp("", "worker")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	w := fleet.Worker{
		Version: "test", Binary: binary, Dir: dir, Guard: loadgen.Guard{Hosts: hosts},
		Engine: func(json.RawMessage) (loadgen.Engine, error) { return vegeta.Engine{}, nil },
	}
	if !joins {
		w.Binary = of
		return w.Serve(context.Background(), os.Stdin, os.Stdout)
	}
	token, err := link.ReadToken(of)
	if err != nil {
		return err
	}
	conn, err := token.Dial(context.Background())
	if err != nil {
		return err
	}
	return w.Serve(context.Background(), conn, conn)
}

// Texts that are not placements are refused, with the form of one.
func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "local", "local:", "local:0", "local:-1", "local:x", "local:9999", "ssh", "ssh:", "ssh:a,", "ssh:a,a",
		"ssh:-oProxyCommand=x", "ssh:a b", "docker:2",
		"k8s", "k8s:", "k8s:0", "k8s:9999", "join", "join:", "join:0", "join:9999",
	} {
		if p, err := place.Parse(text, place.Options{}); err == nil || !strings.Contains(err.Error(), "want ") {
			t.Errorf("%q is read as %v, %v; want it refused, and a form", text, p, err)
		}
	}
}

// binary stands for the hash of the test's program.
var binary = strings.Repeat("0123456789abcdef", 4)

func options(t *testing.T) place.Options {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Under the race detector, a program sleeps for a second before it ends unless it is told not to.
	// What a worker that is killed leaves is removed with the test's own folder.
	env := append(os.Environ(), "GORACE=atexit_sleep_ms=0", "TMPDIR="+t.TempDir())
	return place.Options{Program: program, Binary: binary, Args: []string{"worker", binary}, Env: env}
}

// load sends a short load from workers, and checks that the server saw what was counted.
func load(t *testing.T, p fleet.Place) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok")
	}))
	defer server.Close()
	f, err := fleet.Open(t.Context(), fleet.Config{
		Place: p, Version: "test", Binary: binary, Dir: filepath.Join(t.TempDir(), "hub"),
	})
	if err != nil {
		t.Fatal(err)
	}
	plan := loadgen.Plan{
		URL: server.URL, Mode: loadgen.Open, Pacer: pacing.Constant{PerSecond: 100}, Duration: 500 * time.Millisecond,
		Mix:   targets.Mix{Targets: []targets.Target{{Name: "home", Method: "GET", Path: "/"}}},
		Conns: loadgen.Conns{Max: 8}, Timeout: time.Second,
	}
	m, err := f.Measure(t.Context(), plan, loadgen.Watch{})
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if m.Counts.OK != 50 || len(m.Workers) != len(p.Workers()) {
		t.Errorf("%+v from %d workers; want 50 successful requests", m.Counts, len(m.Workers))
	}
	all := int64(1) // of this process, which is the hub
	for _, w := range m.Workers {
		all += w.MaxRSS
		if w.Lost != "" || w.Counts == (results.Counts{}) || w.ClockOffset.Abs() > w.ClockBound {
			t.Errorf("%+v; want a part of the load, by the clock of this machine", w)
		}
	}
	if m.Generator.MaxRSS < all {
		t.Errorf("%d bytes of memory; want those of all processes, %d of workers alone", m.Generator.MaxRSS, all)
	}
}

func TestLocalWorkers(t *testing.T) {
	t.Parallel()
	p, err := place.Parse("local:2", options(t))
	if err != nil {
		t.Fatal(err)
	}
	load(t, p)
}

// Hosts get the program by ssh, once; what goes wrong is said with the host's name and what to do.
func TestWorkersBySSH(t *testing.T) {
	t.Parallel()
	o := options(t)
	var cache string
	o.SSH, cache = sshd.Start(t)
	for range 2 {
		p, err := place.Parse("ssh:good1,good2", o)
		if err != nil {
			t.Fatal(err)
		}
		load(t, p)
	}
	if copies, _ := os.ReadDir(cache); len(copies) != 1 {
		t.Errorf("%d programs in %s; want one", len(copies), cache)
	}
	for _, row := range []struct{ where, says string }{
		{"ssh:stranger", "ssh-copy-id stranger"}, {"ssh:good1,stranger", "worker stranger: "},
	} {
		p, err := place.Parse(row.where, o)
		if err != nil {
			t.Fatal(err)
		}
		_, err = fleet.Open(t.Context(), fleet.Config{Place: p, Version: "test", Binary: binary, Dir: t.TempDir()})
		if !errors.Is(err, fleet.ErrNotStarted) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v; want %q", row.where, err, row.says)
		}
	}
}
