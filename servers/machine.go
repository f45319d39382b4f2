package servers

import (
	"maps"
	"os"
	"slices"
	"syscall"
	"time"

	"bench/internal/proc"
)

// Machine is how much CPU time the machine had used at one moment, and who had.
type Machine struct {
	At   time.Time
	Busy time.Duration // all cores, whoever used them; 0 if bench may not use all of them
	Own  time.Duration // this process

	programs map[program]proc.Member
}

type program struct {
	pid     int
	started uint64
}

// ReadMachine reads the machine's clocks and those of all visible processes.
func ReadMachine() (Machine, error) {
	all, err := proc.All()
	if err != nil {
		return Machine{}, err
	}
	m := Machine{programs: map[program]proc.Member{}}
	for _, p := range all {
		m.programs[program{p.PID, p.Started}] = p
	}
	// Last, and together: reading the processes takes CPU time, too.
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		return m, err
	}
	kernel, err := readKernel()
	m.At, m.Busy = time.Now(), time.Duration(kernel.BusySeconds*float64(time.Second))
	m.Own = time.Duration(own.Utime.Nano() + own.Stime.Nano())
	return m, err
}

// Busiest is the command that used the most CPU time since an earlier reading, all its processes
// together, leaving out this process and the members of the clusters. It is empty if none used any.
func (m Machine) Busiest(before Machine, clusters ...*Cluster) (command string, used time.Duration) {
	ours := map[int]bool{os.Getpid(): true}
	for _, c := range clusters {
		members, err := c.Members()
		if err != nil {
			return "", 0
		}
		for _, member := range members {
			ours[member.PID] = true
		}
	}
	spent := map[string]time.Duration{}
	for key, now := range m.programs {
		if !ours[key.pid] {
			spent[now.Command] += now.CPU - before.programs[key].CPU
		}
	}
	for _, name := range slices.Sorted(maps.Keys(spent)) {
		if spent[name] > used {
			command, used = name, spent[name]
		}
	}
	return command, used
}
