package proc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// QuotaPeriod is the period over which a CPU quota is counted. The kernel's default of 100 ms
// would show as waits of up to that length: a group that has spent its quota stands still until
// the period ends.
const QuotaPeriod = 10 * time.Millisecond

// ErrNoQuota means that this process may not limit another one's CPU time.
var ErrNoQuota = errors.New("no control group of the cpu controller can be made here (it takes root, or a delegated group)")

// control is a folder of the kernel's cpu controller, of version 1 or 2.
type control struct {
	dir string
	v2  bool
}

// controller finds the folder below which this process's groups may be made.
func controller() (control, error) {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return control{}, ErrNoQuota
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return control{}, ErrNoQuota
	}
	return find(string(own), string(mounts))
}

// find reads /proc/self/cgroup and /proc/self/mounts (cgroups(7)). Where the group that the
// process is in is not visible, as in some containers, the mount's own folder stands for it.
func find(own, mounts string) (control, error) {
	var c control
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		if v1 := f[2] == "cgroup" && among(f[3], "cpu"); v1 || f[2] == "cgroup2" && c.dir == "" {
			c = control{f[1], f[2] == "cgroup2"}
		}
	}
	if c.dir == "" {
		return c, ErrNoQuota
	}
	for line := range strings.Lines(own) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) < 3 {
			continue
		}
		if below := filepath.Join(c.dir, f[2]); (c.v2 && f[1] == "" || !c.v2 && among(f[1], "cpu")) && isDir(below) {
			c.dir = below
			break
		}
	}
	return c, nil
}

// among reports whether a list with commas holds a word.
func among(list, word string) bool { return slices.Contains(strings.Split(list, ","), word) }

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

var groups atomic.Int64

// group makes a control group whose processes together get so many cores.
func (c control) group(cores float64) (dir string, err error) {
	dir = filepath.Join(c.dir, fmt.Sprintf("bench-%d-%d", os.Getpid(), groups.Add(1)))
	if c.v2 {
		// A group's children get the controllers that it hands down; it may be done already.
		_ = os.WriteFile(filepath.Join(c.dir, "cgroup.subtree_control"), []byte("+cpu"), 0)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoQuota, err)
	}
	period := QuotaPeriod.Microseconds()
	quota := strconv.FormatInt(max(1000, int64(cores*float64(period))), 10) // the kernel's least is a millisecond
	files := [][2]string{{"cpu.cfs_period_us", strconv.FormatInt(period, 10)}, {"cpu.cfs_quota_us", quota}}
	if c.v2 {
		files = [][2]string{{"cpu.max", fmt.Sprintf("%s %d", quota, period)}}
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f[0]), []byte(f[1]), 0o644); err != nil {
			return "", errors.Join(fmt.Errorf("%w: %w", ErrNoQuota, err), os.Remove(dir))
		}
	}
	return dir, nil
}

// HasQuota reports whether CPU quotas can be set here, by setting one.
func HasQuota() error {
	c, err := controller()
	if err != nil {
		return err
	}
	dir, err := c.group(0.5)
	if err != nil {
		return err
	}
	return os.Remove(dir)
}

// confined is a command that joins a control group before it becomes what it is to be: put
// there after its start, it might have children already.
func confined(dir string, argv []string) []string {
	return append([]string{"/bin/sh", "-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(dir, "cgroup.procs")}, argv...)
}

// removeGroup removes a control group, whose last processes may still be on their way out.
func removeGroup(dir string, patience time.Duration) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		err := os.Remove(dir)
		if err == nil || errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("removing the control group %s: %w", dir, err)
		}
	}
}
