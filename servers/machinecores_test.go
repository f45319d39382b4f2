package servers

import (
	"os"
	"path/filepath"
	"testing"
)

// A group of workers has cores to itself by a quota, or on a host that no other group is on.
func TestCoresOfAMachine(t *testing.T) {
	group := func(host string, quota float64) Process { return Process{Host: host, Workers: 2, Cores: quota} }
	parts := []Blueprint{{Host: "app-1", Cores: 4}, {Host: "app-2", Cores: 2}, {Host: "front", Cores: 16}}
	for _, row := range []struct {
		says string
		b    Blueprint
		want float64
	}{
		{"one machine", Blueprint{Processes: []Process{group("", 0)}}, 0},
		{"a quota", Blueprint{Processes: []Process{group("", 0.4), group("", 0.4)}}, 0.4},
		{"a host each: the smaller one's", Blueprint{
			Processes: []Process{group("app-1", 0), group("app-2", 0)}, Parts: parts,
		}, 2},
		{"two on one host", Blueprint{Processes: []Process{group("app-1", 0), group("app-1", 0)}, Parts: parts}, 0},
	} {
		if got := row.b.MachineCores(); got != row.want {
			t.Errorf("%s: %g, want %g", row.says, got, row.want)
		}
	}
}

// A folder that others pass through keeps what it allowed before.
func TestPassable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	for _, mode := range []os.FileMode{0o700, 0o755, 0o777 | os.ModeSticky} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if err := passable(dir); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(dir); err != nil || info.Mode()&^os.ModeDir != mode|0o011 {
			t.Errorf("%v became %v", mode, info.Mode())
		}
	}
}
