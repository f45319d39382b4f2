package setup

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"bench/servers"

	"golang.org/x/sys/unix"
)

// Level says how much a finding matters.
type Level string

const (
	Good    Level = "ok"
	Caution Level = "warning" // measurements are possible, but less accurate
	Missing Level = "missing" // a topology cannot be booted
)

// Check is the result of one check.
type Check struct {
	Name  string `json:"name"`
	Level Level  `json:"level"`
	Found string `json:"found"`
	Hint  string `json:"hint,omitempty"` // the command that fixes it, or what to do
}

// Doctor checks everything that measurements on this machine depend on.
func Doctor(ctx context.Context, cache, path, out string) []Check {
	d := &doctor{path: path}
	d.tools(ctx, cache)
	d.limits()
	d.clockAndCPU()
	d.places(cache, out)
	return d.checks
}

type doctor struct {
	path   string
	checks []Check
}

func (d *doctor) add(name, found string, good bool, bad Level, hint string) {
	c := Check{Name: name, Level: Good, Found: found}
	if !good {
		c.Level, c.Hint = bad, hint
	}
	d.checks = append(d.checks, c)
}

func (d *doctor) tools(ctx context.Context, cache string) {
	python := Python(cache, d.path)
	tools, err := servers.FindTools(ctx, python, d.path, nil)
	note := func(name string) string {
		return cmp.Or(tools[name].Version, "not found")
	}
	d.add("python environment", orNone(python), python != "" && err == nil, Missing, "bench setup")
	d.add("python", note("python"), tools["python"].Version != "", Missing, "bench setup")
	d.add("django", note("django"), tools["django"].Version != "", Missing, "bench setup")
	d.add("uwsgi", note("uwsgi"), tools.Path("uwsgi") != "", Missing, "bench setup")
	plugins := "built in"
	if loads := tools["uwsgi"].Facts["plugins"]; loads != "" {
		plugins = "loads " + loads
	}
	d.add("uwsgi plugins", plugins, tools.Path("uwsgi") != "", Missing, "apt-get install uwsgi-plugin-python3")
	d.add("nginx", note("nginx"), tools.Path("nginx") != "", Missing, "apt-get install nginx-light   # or: bench setup")
	if tools.Path("nginx") != "" {
		configured, _ := exec.CommandContext(ctx, tools.Path("nginx"), "-V").CombinedOutput()
		has := strings.Contains(string(configured), "stub_status") && strings.Contains(string(configured), "gzip_static")
		d.add("nginx modules", "stub_status and gzip_static: "+yes(has), has, Missing, "apt-get install nginx-light")
	} else {
		d.add("nginx modules", "unknown", false, Missing, "apt-get install nginx-light")
	}
	compiler := servers.LookPath("gcc", d.path)
	if compiler == "" {
		compiler = servers.LookPath("cc", d.path)
	}
	d.add("C compiler (builds uWSGI)", orNone(compiler), compiler != "" || tools.Path("uwsgi") != "", Missing,
		"apt-get install gcc libc6-dev")
	git := servers.LookPath("git", d.path)
	d.add("git (identifies the app's commit)", orNone(git), git != "", Caution, "apt-get install git")
}

func orNone(path string) string {
	if path == "" {
		return "not found"
	}
	return path
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (d *doctor) limits() {
	var files unix.Rlimit
	_ = unix.Getrlimit(unix.RLIMIT_NOFILE, &files)
	d.add("open files (nofile)", fmt.Sprint(files.Cur), files.Cur >= 4096, Caution, "ulimit -n 20000")
	low, high := portRange()
	d.add("ephemeral ports", fmt.Sprintf("%d to %d", low, high), high-low >= 16000, Caution,
		"sysctl -w net.ipv4.ip_local_port_range='32768 60999'")
	d.add("server ports", "20000 to 32000 are below the ephemeral ports: "+yes(low > 32000), low > 32000, Caution,
		"sysctl -w net.ipv4.ip_local_port_range='32768 60999'")
	somaxconn := servers.ThisHost().Somaxconn
	d.add("somaxconn", fmt.Sprint(somaxconn), somaxconn >= 1024, Caution, "sysctl -w net.core.somaxconn=4096")
	backlog := number("/proc/sys/net/ipv4/tcp_max_syn_backlog")
	d.add("tcp_max_syn_backlog", fmt.Sprint(backlog), backlog >= 1024, Caution,
		"sysctl -w net.ipv4.tcp_max_syn_backlog=2048")
	reuse := number("/proc/sys/net/ipv4/tcp_tw_reuse")
	d.add("tcp_tw_reuse", fmt.Sprint(reuse), reuse != 0, Caution,
		"sysctl -w net.ipv4.tcp_tw_reuse=2   # otherwise new-connection loads run out of ports")
	processes := number("/proc/sys/kernel/pid_max")
	d.add("pid_max", fmt.Sprint(processes), processes >= 4096, Caution, "sysctl -w kernel.pid_max=32768")
	waiting := timeWait()
	d.add("sockets in TIME_WAIT", fmt.Sprint(waiting), waiting < 5000, Caution,
		"wait a minute: another load has just ended")
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err == nil {
		_ = l.Close()
	}
	d.add("loopback", yes(err == nil), err == nil, Missing, "ip link set lo up")
}

func portRange() (low, high int) {
	data, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	_, _ = fmt.Sscan(string(data), &low, &high)
	return low, high
}

func number(path string) int {
	data, _ := os.ReadFile(path)
	n, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return n
}

func timeWait() int {
	data, _ := os.ReadFile("/proc/net/sockstat")
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) > 6 && fields[0] == "TCP:" {
			n, _ := strconv.Atoi(fields[6])
			return n
		}
	}
	return 0
}

func (d *doctor) clockAndCPU() {
	d.add("cores", fmt.Sprint(runtime.NumCPU()), runtime.NumCPU() >= 2, Caution,
		"use a machine with at least two cores: generator and servers share them")
	steal, busy := stealShare(250 * time.Millisecond)
	d.add("steal", fmt.Sprintf("%.1f %%", steal*100), steal < 0.02, Caution,
		"the hypervisor gives CPU time to other machines: use a quieter host")
	d.add("idle now", fmt.Sprintf("%.0f %% of the CPU in use", busy*100), busy < 0.2, Caution,
		"stop other programs on this machine")
	load, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(load), " ")
	average, _ := strconv.ParseFloat(first, 64)
	d.add("load average", first, average < float64(runtime.NumCPU()), Caution, "wait until other programs have finished")
	source, _ := os.ReadFile("/sys/devices/system/clocksource/clocksource0/current_clocksource")
	clock := strings.TrimSpace(string(source))
	fast := clock == "tsc" || clock == "kvm-clock" || clock == "arch_sys_counter"
	d.add("clock source", orNone(clock), fast, Caution,
		"reading the time is slow with "+clock+": write tsc to "+
			"/sys/devices/system/clocksource/clocksource0/current_clocksource")
	governor, err := os.ReadFile("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
	g := strings.TrimSpace(string(governor))
	if err != nil {
		g = "not visible (virtual machine)"
	}
	d.add("CPU governor", g, err != nil || g == "performance", Caution, "cpupower frequency-set -g performance")
	d.add("cgroup", cgroup(), !throttled(), Caution, "this control group has a CPU quota: raise it, or expect spikes "+
		"in latency")
	free := availableMemory()
	d.add("available memory", fmt.Sprintf("%d MiB", free>>20), free > 512<<20, Caution,
		"stop other programs that use memory")
	var name unix.Utsname
	_ = unix.Uname(&name)
	d.add("kernel", unix.ByteSliceToString(name.Release[:]), runtime.GOOS == "linux", Missing,
		"bench boots servers only on Linux")
}

// stealShare reads /proc/stat twice and returns the shares of CPU time that were stolen and used.
func stealShare(over time.Duration) (steal, busy float64) {
	read := func() (all, stolen, idle float64) {
		data, _ := os.ReadFile("/proc/stat")
		line, _, _ := strings.Cut(string(data), "\n")
		for i, field := range strings.Fields(line)[1:] {
			v, _ := strconv.ParseFloat(field, 64)
			all += v
			switch i {
			case 3, 4:
				idle += v
			case 7:
				stolen += v
			}
		}
		return all, stolen, idle
	}
	if _, err := os.Stat("/proc/stat"); err != nil {
		return 0, 0
	}
	all, stolen, idle := read()
	time.Sleep(over) // the time measured over
	all2, stolen2, idle2 := read()
	if all2 == all {
		return 0, 0
	}
	return (stolen2 - stolen) / (all2 - all), 1 - (idle2-idle)/(all2-all)
}

// availableMemory is the kernel's own estimate, in bytes: free memory plus reclaimable caches.
func availableMemory() int64 {
	data, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(data)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}

func cgroup() string {
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		return "v2"
	}
	if _, err := os.Stat("/sys/fs/cgroup"); err == nil {
		return "v1"
	}
	return "none"
}

func throttled() bool {
	data, err := os.ReadFile("/sys/fs/cgroup/cpu.max")
	return err == nil && !strings.HasPrefix(string(data), "max")
}

func (d *doctor) places(cache, out string) {
	d.add("cache folder", cache, writable(cache) && servers.PlainPath(cache), Missing,
		"set BENCH_CACHE to a writable folder whose path has only letters, digits, - and _")
	d.add("results folder", out, writable(out), Missing, "use --out DIR")
	var disk unix.Statfs_t
	err := unix.Statfs(".", &disk)
	free := disk.Bavail * uint64(disk.Bsize)
	d.add("disk", fmt.Sprintf("%d MiB free", free>>20), err == nil && free > 256<<20, Caution,
		"free some space: a run takes a few MiB, setup about 100")
	temp := os.TempDir()
	d.add("scratch folder", temp, writable(temp), Missing, "set TMPDIR to a writable folder")
}

// writable reports whether a file can be created in the folder, or in its nearest existing
// parent.
func writable(dir string) bool {
	for {
		if info, err := os.Stat(dir); err == nil {
			return info.IsDir() && unix.Access(dir, unix.W_OK) == nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return false
		}
		dir = parent
	}
}
