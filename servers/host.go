package servers

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"strings"

	"bench/internal/proc"
	"bench/results"

	"golang.org/x/sys/unix"
)

// Host is what a blueprint needs to know about the machine and the boot. Building a blueprint
// reads nothing else, so the same Host gives the same blueprint anywhere.
type Host struct {
	Name      string // of a host of a fleet, and Address where others reach it; empty: this machine
	Address   string
	Cores     int
	Somaxconn int        // the kernel's limit on listen queues
	User      string     // set when bench is root: the user that nginx's workers run as
	RunAs     *proc.User // the user that servers run as, if bench is root and that user can
	Env       []string   // PATH, HOME and so on, for every process
	Tools     Tools
	Dir       string   // scratch folder of the boot
	State     string   // folder that the boot copies; see targets.App
	Build     string   // folder that all boots share
	Secret    string   // a random key that the processes of a boot share
	DrawKey   bool     // it replaces SECRET_KEY, which every process would draw for itself
	Overlay   string   // folder of the module that replaces settings; empty: none
	Tree      string   // prepared copy of the app's folder; empty: the app runs in its own
	Copied    []string // paths in Tree that a boot does not share with others
	Relay     bool     // bench stands between proxies and servers, and counts the bytes that pass
	Ports     []int    // free TCP ports of 127.0.0.1, used in order
	Project   string   // folder of the app, where that is another than on this machine
	// Placed are the hosts of each process of the topologies; nil: all run here.
	Placed map[string][]Host
	// Services run beside the servers; Prepared are the folders with the data that each boot gets a copy of, and
	// ServeAs the user that they run as, if bench is root: some refuse to run as that.
	Services []string
	Prepared map[string]string
	ServeAs  *proc.User
}

// Backlog is the length of the listen queues: 1,024 if the kernel allows it.
func (h Host) Backlog() int { return min(1024, h.Somaxconn) }

// canonical is the host with placeholders for everything that differs between two boots of
// the same configuration.
func (h Host) canonical(tools []string) Host {
	h.Dir, h.State, h.Build, h.Secret = "/boot", "/state", "/build", "SECRET"
	h.Env, h.Tree, h.Copied = nil, "", nil
	h.Prepared, h.ServeAs = nil, nil
	if h.Overlay != "" {
		h.Overlay = "/overlay"
	}
	h.Tools = h.Tools.canonical(tools)
	h.Ports = make([]int, maxPorts)
	for i := range h.Ports {
		h.Ports[i] = i + 1
	}
	if h.Name != "" {
		h.Address, h.Project = h.Name, ""
	}
	h.Placed = maps.Clone(h.Placed)
	for process, hosts := range h.Placed {
		h.Placed[process] = nil
		for _, host := range hosts {
			h.Placed[process] = append(h.Placed[process], host.canonical(tools))
		}
	}
	return h
}

const maxPorts = 512

// Unlike NumCPU, GOMAXPROCS respects the quota of a container, if that is two CPUs or more. It is read when the
// program starts, because a load raises it for its threads.
var usableCores = min(runtime.NumCPU(), runtime.GOMAXPROCS(0))

// UsableCores are the cores that this process, and what it starts, may use.
func UsableCores() int { return usableCores }

// ThisHost reads the machine's facts.
func ThisHost() Host {
	h := Host{Cores: usableCores, Somaxconn: somaxconn()}
	if current, err := user.Current(); err == nil && current.Uid == "0" {
		h.User = current.Username
	}
	return h
}

func somaxconn() int {
	data, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if n, convErr := strconv.Atoi(strings.TrimSpace(string(data))); err == nil && convErr == nil {
		return n
	}
	return 128 // the smallest default of any kernel in use
}

// Record returns the host's facts for a manifest.
func (h Host) Record() results.Host {
	r := results.Host{OS: runtime.GOOS + "/" + runtime.GOARCH, Cores: h.Cores, Somaxconn: h.Somaxconn}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		r.Kernel = string(bytes.TrimRight(name.Release[:], "\x00"))
	}
	r.CPU, r.Memory = cpuModel(), memoryBytes()
	return r
}

func cpuModel() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	if name := firstValue(string(data), "model name", ":"); name != "" {
		return name
	}
	// ARM kernels give the implementer and part instead of a model name.
	var parts []string
	for _, key := range []string{"CPU implementer", "CPU part", "CPU variant"} {
		parts = append(parts, firstValue(string(data), key, ":"))
	}
	return strings.TrimSpace(strings.Join(parts, " "))
}

func memoryBytes() int64 {
	data, _ := os.ReadFile("/proc/meminfo")
	var kib int64
	_, _ = fmt.Sscanf(firstValue(string(data), "MemTotal", ":"), "%d kB", &kib)
	return kib << 10
}

// firstValue is the text after the separator in the first line that starts with key.
func firstValue(text, key, separator string) string {
	for line := range strings.Lines(text) {
		name, value, found := strings.Cut(line, separator)
		if found && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
