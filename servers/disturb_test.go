package servers

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"bench/targets"
)

// What is done to a running cluster on purpose hits the processes at an address and no others, and their end
// is not a failure of the cluster.
func TestDisturbingACluster(t *testing.T) {
	site := testSite(t)
	from := builtin()
	from.open = func(string) fs.FS { return preforkTopology }
	topology, err := ParseTopology("./own:workers=2")
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := site.boot(t.Context(), from, topology, targets.App{Dir: t.TempDir(), Health: "/"})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	find := func(text string) []Member {
		t.Helper()
		address, err := ParseAddress(text)
		if err != nil {
			t.Fatal(err)
		}
		found, err := cluster.Find(address)
		if err != nil && !errors.Is(err, ErrNoProcess) {
			t.Fatal(err)
		}
		return found
	}
	master, workers := find("server"), find("app")
	if len(master) != 1 || len(workers) != 2 || workers[0].Parent != master[0].PID || len(find("own.worker[2]")) != 1 {
		t.Fatalf("found %v and %v; want the master, and its two workers", master, workers)
	}
	if len(find("own.worker[3]"))+len(find("proxy")) > 0 || cluster.IsDisturbed() {
		t.Error("a process was found that is not there, or something was done to the cluster by looking")
	}
	if touched, err := cluster.Touch("own.py"); err != nil || len(touched) != 1 {
		t.Errorf("touched %v, %v; want the one file", touched, err)
	}
	if _, err := cluster.Touch("other"); err == nil {
		t.Error("a file was touched that is not there")
	}
	gone := func(m Member) bool {
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if _, lives := m.Now(); !lives {
				return true
			}
		}
		return false
	}
	for _, row := range []struct {
		at          string
		end, remain []Member
	}{
		{"app[1].worker[1]", workers[:1], []Member{master[0], workers[1]}},
		{"server", []Member{master[0], workers[1]}, nil},
	} {
		address, err := ParseAddress(row.at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cluster.Signal(address, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		for _, m := range row.end {
			if !gone(m) {
				t.Errorf("after kill %s, %s lives", row.at, m)
			}
		}
		for _, m := range row.remain {
			if _, lives := m.Now(); !lives {
				t.Errorf("after kill %s, %s has ended", row.at, m)
			}
		}
	}
	if !cluster.Disturbed("own", time.Now()) || cluster.Died() != nil {
		t.Errorf("disturbed %v, died %v; want a cluster that was disturbed, and did not fail by itself",
			cluster.Disturbed("own", time.Now()), cluster.Died())
	}
	if len(find("server"))+len(find("app")) > 0 {
		t.Error("a killed process was found")
	}
}
