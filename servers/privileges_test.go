package servers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"bench/internal/proc"
	"bench/targets"
)

// Where bench is root, servers run as nobody if nobody can read the app; if not, a note says why.
func TestServersDropPrivileges(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("bench is not root here, and has no privileges to drop")
	}
	if err := canObserve(); err != nil {
		t.Skip(err)
	}
	const python = "/usr/bin/python3" // of the system: one that a user installed may be closed to others
	if _, err := os.Stat(python); err != nil {
		t.Skip(err)
	}
	for _, row := range []struct {
		says string
		mode fs.FileMode // of the app's folder
		note string
	}{
		{"an app that all can read", 0o755, ""},
		{"an app in a folder of root's own", 0o700, "the user nobody cannot run "},
	} {
		site := testSite(t)
		site.Host.Tools = Tools{"python": {Path: python}}
		open, err := os.MkdirTemp("", "bench-test-") // t.TempDir is in a folder closed to others
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(open)
		folder := filepath.Join(open, "app")
		site.Scratch = filepath.Join(open, "scratch")
		module := []byte("def application(environ, start_response): pass\n")
		if err = errors.Join(os.Chmod(open, 0o755), os.Mkdir(site.Scratch, 0o700), os.Mkdir(folder, 0o755)); err == nil {
			err = os.WriteFile(filepath.Join(folder, "mysite.py"), module, 0o644)
		}
		if err == nil {
			err = os.Chmod(folder, row.mode)
		}
		if err != nil {
			t.Fatal(err)
		}
		app := targets.App{Dir: folder, WSGI: "mysite:application", Health: "/"}
		if err := site.Prepare(t.Context(), app, filepath.Join(site.Scratch, "prepared")); err != nil {
			t.Fatal(err)
		}
		site.DropPrivileges(t.Context(), app)
		if row.note == "" && len(site.Notes) > 0 || row.note != "" && !strings.Contains(fmt.Sprint(site.Notes), row.note) {
			t.Errorf("%s: notes %v; want %q", row.says, site.Notes, row.note)
		}
		owner := map[bool]string{true: "nobody", false: "root"}[row.note == ""]
		if got := ownerOf(t, site.Host.State); got != owner {
			t.Errorf("%s: the state is %s's; want it to be %s's", row.says, got, owner)
		}
		from := builtin()
		from.open = func(string) fs.FS { return preforkTopology }
		topology, err := ParseTopology("./own:workers=2")
		if err != nil {
			t.Fatal(err)
		}
		cluster, err := site.boot(t.Context(), from, topology, app)
		if err != nil {
			t.Fatalf("%s: %v", row.says, err)
		}
		want := map[bool]string{true: "Uid:\t65534", false: "Uid:\t0"}[row.note == ""]
		for _, p := range cluster.processes {
			if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID())); !strings.Contains(string(status), want) {
				t.Errorf("%s: the process does not have %q: %v", row.says, want, err)
			}
		}
		usage, err := cluster.Usage()
		if err != nil || len(usage) == 0 || usage[0].PSS <= 0 {
			t.Errorf("%s: usage %+v, %v", row.says, usage, err)
		}
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	}
}

// ownerOf is the user to whom a file belongs.
func ownerOf(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := user.LookupId(fmt.Sprint(info.Sys().(*syscall.Stat_t).Uid))
	if err != nil {
		t.Fatal(err)
	}
	return owner.Username
}

// A database that runs as another user is closed to all but that user and the servers' group, which Apache keeps when
// it gives up root's privileges.
func TestDatabasesOfAnotherUserAreOpenToTheServersGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("bench is not root here, and runs databases as itself")
	}
	dir := t.TempDir()
	home := filepath.Join(dir, "postgres")
	nobody := &proc.User{Name: "nobody", UID: 65534, GID: 65534}
	b := Blueprint{Dir: dir, StateDir: filepath.Join(dir, "state"), Processes: []Process{{Home: home, RunAs: nobody}}}
	if err := b.prepareDir(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(home)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	if owner.Uid != nobody.UID || owner.Gid != uint32(os.Getgid()) || info.Mode().Perm() != 0o710 {
		t.Errorf("%d:%d %v; want the user's, and passed through by the group", owner.Uid, owner.Gid, info.Mode())
	}
}
