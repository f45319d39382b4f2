package proc

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// QuotaPeriod is the period over which a CPU quota is counted. The kernel's default of 100 ms
// would show as waits of up to that length: a group that has used up its quota stalls until the
// period ends. The kernel hands quotas out to cores in slices of 5 ms and checks them at ticks
// of 1 to 10 ms, so much shorter periods are enforced poorly.
const QuotaPeriod = 20 * time.Millisecond

// ErrNoQuota means that this process may not limit another one's CPU time.
var ErrNoQuota = errors.New("the CPU time of processes cannot be limited here " +
	"(this requires root, and a control group of the cpu controller)")

// control is a folder of the kernel's cpu controller, of version 1 or 2.
type control struct {
	dir string
	v2  bool
}

// controller finds the folder below which this process may create groups.
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

// find reads /proc/self/cgroup and /proc/self/mounts (cgroups(7)). Where the process's own group
// is not visible, as in some containers, it uses the mount's own folder.
//
// In version 2 a group with processes has no subgroups that could be limited, so find takes the
// nearest group above that delegates the controller.
func find(own, mounts string) (control, error) {
	var c control
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		v1 := f[2] == "cgroup" && among(f[3], "cpu")
		if v1 && (c.dir == "" || c.v2) || f[2] == "cgroup2" && c.dir == "" {
			c = control{strings.ReplaceAll(f[1], `\040`, " "), f[2] == "cgroup2"}
		}
	}
	if c.dir == "" {
		return c, ErrNoQuota
	}
	mount := c.dir
	for line := range strings.Lines(own) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) < 3 || strings.Contains(f[2], "..") {
			continue
		}
		if below := filepath.Join(mount, f[2]); (c.v2 && f[1] == "" || !c.v2 && among(f[1], "cpu")) && isDir(below) {
			c.dir = below
			break
		}
	}
	for c.v2 && !c.delegates() {
		if c.dir == mount {
			return c, ErrNoQuota
		}
		c.dir = filepath.Dir(c.dir)
	}
	return c, nil
}

func (c control) delegates() bool {
	data, err := os.ReadFile(filepath.Join(c.dir, "cgroup.subtree_control"))
	return err == nil && slices.Contains(strings.Fields(string(data)), "cpu")
}

// among reports whether a comma-separated list contains a word.
func among(list, word string) bool { return slices.Contains(strings.Split(list, ","), word) }

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// name returns a name for a new group that no other bench has used, whatever its process ID.
func (c control) name() string {
	return filepath.Join(c.dir, fmt.Sprintf("bench-%d-%s", os.Getpid(), rand.Text()[:10]))
}

// group creates a control group whose processes together are limited to cores.
func (c control) group(dir string, cores float64) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("%w: %w", ErrNoQuota, err)
	}
	period := strconv.FormatInt(QuotaPeriod.Microseconds(), 10)
	var err error
	if !c.v2 {
		err = os.WriteFile(filepath.Join(dir, "cpu.cfs_period_us"), []byte(period), 0o644)
	}
	if err == nil {
		err = c.setQuota(dir, cores)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%w: %w", ErrNoQuota, err), os.Remove(dir))
	}
	return nil
}

// setQuota limits a group to cores; 0 removes the limit.
func (c control) setQuota(dir string, cores float64) error {
	quota := strconv.FormatInt(int64(math.Round(cores*float64(QuotaPeriod.Microseconds()))), 10)
	if c.v2 {
		if cores == 0 {
			quota = "max"
		}
		text := fmt.Appendf(nil, "%s %d", quota, QuotaPeriod.Microseconds())
		return os.WriteFile(filepath.Join(dir, "cpu.max"), text, 0o644)
	}
	if cores == 0 {
		quota = "-1"
	}
	return os.WriteFile(filepath.Join(dir, "cpu.cfs_quota_us"), []byte(quota), 0o644)
}

// HasQuota returns why a process cannot be limited to this number of cores here, by trying it.
func HasQuota(cores float64) error {
	c, err := controller()
	if err != nil {
		return err
	}
	dir := c.name()
	if err := c.group(dir, cores); err != nil {
		return err
	}
	argv := confined(dir, []string{"/bin/true"})
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		err = fmt.Errorf("%w: joining a group: %w: %s", ErrNoQuota, err, strings.TrimSpace(string(out)))
		return errors.Join(err, removeGroup(dir))
	}
	return removeGroup(dir)
}

// confined is a command that joins a control group before it executes argv: moved there after
// its start, it might already have children.
func confined(dir string, argv []string) []string {
	return append([]string{"/bin/sh", "-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(dir, "cgroup.procs")}, argv...)
}

// goingAway is how long the last processes of a group may take to exit.
const goingAway = 2 * time.Second

// removeGroup removes a control group, whose last processes may still be exiting.
func removeGroup(dir string) error {
	for deadline := time.Now().Add(goingAway); ; time.Sleep(time.Millisecond) {
		err := os.Remove(dir)
		if err == nil || errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("removing the control group %s: %w", dir, err)
		}
	}
}

// killMembers kills what is left in a group: a process that started its own session is in no
// process group that anyone knows of.
func killMembers(dir string) {
	data, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	for _, word := range strings.Fields(string(data)) {
		if pid, err := strconv.Atoi(word); err == nil && pid > 1 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
