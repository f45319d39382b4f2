package hosts

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strings"

	"bench/fleet/place"
	"bench/internal/strict"
	"bench/servers"
)

// File is a fleet file: hosts by name, and what runs where.
type File struct {
	Hosts     []Machine
	Placement servers.Placement // of processes on hosts, by the hosts' names
	Load      []string          // the hosts that the load comes from
}

// Machine is a host of a fleet.
type Machine struct {
	Name    string
	Kind    string // of place.HostKinds
	Target  string // what that kind reaches it by
	Address string // where the other hosts reach it; empty: its only one
	Cores   int    // that its servers may count on; 0: all that it has
}

// load is the word in a placement for the load generator.
const load = "load"

type file struct {
	Hosts map[string]group  `yaml:"hosts"`
	Place map[string]string `yaml:"place"`
}

// group is one host, or several of one sort.
type group struct {
	SSH       []string `yaml:"ssh"`
	Netns     []string `yaml:"netns"`
	Local     []string `yaml:"local"`
	Addresses []string `yaml:"addresses"`
	Cores     int      `yaml:"cores"`
}

func (g group) targets() map[string][]string {
	return map[string][]string{"ssh": g.SSH, "netns": g.Netns, "local": g.Local}
}

// ReadFile reads a fleet file.
func ReadFile(path string) (File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return File{}, fmt.Errorf("reading the fleet file: %w", err)
	}
	f, err := Parse(data)
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Parse reads the text of a fleet file.
func Parse(data []byte) (f File, err error) {
	var raw file
	if err := strict.YAML(data, &raw); err != nil {
		return f, err
	}
	if len(raw.Hosts) == 0 {
		return f, errors.New("hosts: there are none: want hosts: {NAME: {ssh: [USER@ADDRESS]}}")
	}
	names := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(raw.Hosts)) {
		machines, err := raw.Hosts[name].machines(name)
		if err != nil {
			return f, fmt.Errorf("hosts: %s: %w", name, err)
		}
		for _, m := range machines {
			if err := f.distinct(m); err != nil {
				return f, err
			}
			f.Hosts, names[name] = append(f.Hosts, m), append(names[name], m.Name)
		}
	}
	return f, f.place(raw.Place, names)
}

// machines are the hosts of a group: NAME, or NAME-1, NAME-2 …
func (g group) machines(name string) (all []Machine, err error) {
	if !plain(name) {
		return nil, errors.New("want a name of letters, digits and -_")
	}
	if g.Cores < 0 {
		return nil, fmt.Errorf("cores: %d: want a number from 1", g.Cores)
	}
	targets := g.targets()
	for _, kind := range place.HostKinds {
		for _, target := range targets[kind.Name] {
			if target == "" || strings.HasPrefix(target, "-") || strings.ContainsAny(target, " \t\r\n,'\"/") {
				return nil, fmt.Errorf("%s: %q is not the name of a host", kind.Name, target)
			}
			all = append(all, Machine{Kind: kind.Name, Target: target, Address: kind.Address(target), Cores: g.Cores})
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("it names no host: want one of %s", hostForms())
	}
	if len(g.Addresses) > 0 && len(g.Addresses) != len(all) {
		return nil, fmt.Errorf("addresses: there are %d for %d hosts: want one for each", len(g.Addresses), len(all))
	}
	for i := range all {
		all[i].Name = name
		if len(all) > 1 {
			all[i].Name = fmt.Sprintf("%s-%d", name, i+1)
		}
		if len(g.Addresses) > 0 {
			all[i].Address = g.Addresses[i]
		}
		if a := all[i].Address; a != "" && net.ParseIP(a).To4() == nil {
			return nil, fmt.Errorf("addresses: %q is not an IPv4 address", a)
		}
	}
	return all, nil
}

func hostForms() string {
	var forms []string
	for _, k := range place.HostKinds {
		forms = append(forms, fmt.Sprintf("%s: [NAME] (%s)", k.Name, k.Summary))
	}
	return strings.Join(forms, ", ")
}

// distinct refuses a host that is named twice.
func (f File) distinct(m Machine) error {
	for _, other := range f.Hosts {
		switch {
		case other.Name == m.Name:
			return fmt.Errorf("hosts: two hosts would be called %s: rename one", m.Name)
		case other.Kind == m.Kind && other.Target == m.Target, m.Address != "" && other.Address == m.Address:
			return fmt.Errorf("hosts: %s %s is named twice, as %s and as %s: name it once, and place several processes on it",
				m.Kind, m.Target, other.Name, m.Name)
		}
	}
	return nil
}

// place reads what runs where.
func (f *File) place(raw map[string]string, names map[string][]string) error {
	placed := map[string][]string{}
	for _, process := range slices.Sorted(maps.Keys(raw)) {
		hosts := names[raw[process]]
		if i := slices.IndexFunc(f.Hosts, func(m Machine) bool { return m.Name == raw[process] }); hosts == nil && i >= 0 {
			hosts = []string{f.Hosts[i].Name} // one of a group
		}
		if hosts == nil {
			known := slices.Sorted(maps.Keys(names))
			return fmt.Errorf("place: %s: %q is not a host%s the hosts are %s", process, raw[process],
				servers.DidYouMean(raw[process], known), strings.Join(known, ", "))
		}
		if !plain(process) {
			return fmt.Errorf("place: %q is not the name of a process", process)
		}
		if process == load {
			f.Load = hosts
			continue
		}
		placed[process] = hosts
	}
	if len(f.Load) == 0 {
		return errors.New("place: load has no host: say where the load comes from, as in place: {load: HOST}")
	}
	f.Placement = servers.NewPlacement(placed)
	return nil
}

func plain(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", r)
	})
}

// On is a host by its name, which the file has.
func (f File) On(name string) Machine {
	return f.Hosts[slices.IndexFunc(f.Hosts, func(m Machine) bool { return m.Name == name })]
}

// Runs is what is placed on a host.
func (f File) Runs(host string) (all []string) {
	for pair := range strings.SplitSeq(f.Placement.String(), ",") {
		process, _, _ := strings.Cut(pair, "=")
		if slices.Contains(f.Placement.Hosts(process), host) {
			all = append(all, process)
		}
	}
	if slices.Contains(f.Load, host) {
		all = append(all, load)
	}
	return all
}

// Serving are the hosts on which servers run, in the order of the file.
func (f File) Serving(processes []string) (all []Machine) {
	for _, m := range f.Hosts {
		if slices.ContainsFunc(processes, func(p string) bool { return slices.Contains(f.Placement.Hosts(p), m.Name) }) {
			all = append(all, m)
		}
	}
	return all
}

// Planned are hosts as they are known before any of them is asked: for a plan that starts nothing.
func (f File) Planned(like servers.Host, processes []string) map[string][]servers.Host {
	placed := map[string][]servers.Host{}
	for _, process := range processes {
		for _, name := range f.Placement.Hosts(process) {
			h, m := like, f.On(name)
			h.Name, h.Address, h.Placed = name, name, nil
			if m.Cores > 0 {
				h.Cores = m.Cores
			}
			placed[process] = append(placed[process], h)
		}
	}
	return placed
}
