package servers

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"bench/results"
	"bench/servers/probe"
)

// Definition is a topology.yaml: what a topology consists of, before its parameters have
// values. Strings that contain {{ }} are templates.
type Definition struct {
	Topology    Topology            `yaml:"-"`       // with the given parameters
	Summary     string              `yaml:"summary"` // one line
	Order       int                 `yaml:"order"`   // position in the list, from 1; 0: last
	Params      []Param             `yaml:"params"`
	Concurrency string              `yaml:"concurrency"` // requests worked on at once; 0: those of all connections
	EventLoop   string              `yaml:"event_loop"`  // true: that is by event loops, and not by a thread for each
	Nagle       string              `yaml:"nagle"`       // why Nagle's algorithm may delay it, and what ends that
	Static      string              `yaml:"static"`      // tier that serves static files
	Debug       string              `yaml:"debug"`       // profile in which the app runs with DEBUG on
	Needs       []string            `yaml:"needs"`       // what the app has to offer: django, wsgi or asgi
	Development bool                `yaml:"development"` // not meant for production: never recommended
	Tools       []string            `yaml:"tools"`       // programs that it starts, and libraries; empty: none
	Popular     bool                `yaml:"popular"`     // one of those that most people choose between
	ByName      bool                `yaml:"by_name"`     // compared only where it is named: a variant of another
	Tiers       results.Roles       `yaml:"tiers"`       // what each tier does: app, server, proxy or database
	Processes   []ProcessDefinition `yaml:"processes"`
	Entry       struct {
		Process string `yaml:"process"`
		Port    string `yaml:"port"`
	} `yaml:"entry"`

	templates map[string]string // by name
}

// Boots reports whether bench starts the topology's processes.
func (d Definition) Boots() bool { return d.Topology.Boots() }

// rank sorts definitions by their order, those without one last.
func (d Definition) rank() int {
	if d.Order == 0 {
		return math.MaxInt
	}
	return d.Order
}

// Has reports whether the topology has a parameter.
func (d Definition) Has(parameter string) bool {
	return slices.ContainsFunc(d.Params, func(p Param) bool { return p.Name == parameter })
}

// Param is one parameter of a topology.
type Param struct {
	Name    string   `yaml:"name" json:"name"`
	Default string   `yaml:"default" json:"default"`
	Min     int      `yaml:"min" json:"min,omitempty"`
	Max     int      `yaml:"max" json:"max,omitempty"` // 0: not a number
	Choices []string `yaml:"choices" json:"choices,omitempty"`
	Help    string   `yaml:"help" json:"help"`
	Rule    string   `yaml:"rule" json:"rule,omitempty"` // the server's own rule of thumb, like a default
}

// ProcessDefinition is one process of a topology, or several replicas.
type ProcessDefinition struct {
	Name       string            `yaml:"name"`
	Replicas   string            `yaml:"replicas"` // default 1
	Tier       string            `yaml:"tier"`
	WorkerTier string            `yaml:"worker_tier"` // tier of the worker processes, where statistics name them
	LeaderTier string            `yaml:"leader_tier"` // tier of the first process alone, where it is another program
	Workers    string            `yaml:"workers"`     // worker processes that must be seen to respond
	Loops      string            `yaml:"loops"`       // event loops of a proxy, each a process; default 1
	CPU        string            `yaml:"cpu"`         // CPU limit in percent of a core, with its children; 0: none
	Ports      []string          `yaml:"ports"`
	Dir        string            `yaml:"dir"` // "app": runs in the app's folder, else in its own
	Files      []FileDefinition  `yaml:"files"`
	Argv       []string          `yaml:"argv"` // words that render empty are left out
	Env        map[string]string `yaml:"env"`
	Stop       string            `yaml:"stop"`   // INT, TERM, QUIT or KILL
	Reload     string            `yaml:"reload"` // the signal on which it reads its files again; empty: none
	Stats      string            `yaml:"stats"`  // the kind of probe that observes it
}

// FileDefinition is a template and the file it becomes.
type FileDefinition struct {
	Template string `yaml:"template"`
	Path     string `yaml:"path"`
	Copies   string `yaml:"copies"` // how many, each with its number in .Copy; default 1
}

func (d Definition) validate() error {
	var errs []error
	if len(d.Processes) == 0 {
		errs = append(errs, errors.New("no processes"))
	}
	entry := false
	for _, p := range d.Processes {
		for _, err := range append(p.faults(), d.tierFaults(p)...) {
			errs = append(errs, fmt.Errorf("process %s: %w", p.Name, err))
		}
		entry = entry || p.Name == d.Entry.Process && slices.Contains(p.Ports, d.Entry.Port)
	}
	if !entry {
		errs = append(errs, fmt.Errorf("entry: no process %q with a port %q", d.Entry.Process, d.Entry.Port))
	}
	for _, need := range d.Needs {
		if err := checkNeed(need); err != nil {
			errs = append(errs, err)
		}
	}
	if d.Has("profile") {
		errs = append(errs, errors.New("parameter profile is reserved"))
	}
	return errors.Join(errs...)
}

// faults are the mistakes in the description of a process.
func (p ProcessDefinition) faults() (faults []error) {
	add := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !plainName(p.Name) || !plainName(p.Tier) || len(p.Argv) == 0 {
		add("want a name and a tier of letters, digits and -_., and argv")
	}
	if _, known := stopSignals[p.Stop]; !known {
		add("stop %q: want INT, TERM, QUIT or KILL", p.Stop)
	}
	if _, err := p.reload(); err != nil {
		add("reload: %w", err)
	}
	kind, err := probe.Lookup(p.Stats)
	if err != nil {
		faults = append(faults, err)
	}
	if kind.Workers && (p.Workers == "" || len(p.Ports) == 0) {
		add("stats %s needs a port, and workers: the number that must respond", p.Stats)
	}
	for _, port := range kind.Ports {
		if !slices.Contains(p.Ports, port) {
			add("stats %s needs a port named %s", p.Stats, port)
		}
	}
	for _, f := range p.Files {
		if !filepath.IsLocal(f.Path) {
			add("file %q is outside the process's folder", f.Path)
		}
	}
	return faults
}

// reload is the signal on which the process reads its files again; 0 if there is none.
func (p ProcessDefinition) reload() (syscall.Signal, error) {
	if p.Reload == "" {
		return 0, nil
	}
	return ParseSignal(p.Reload)
}

// tierFaults are the tiers of a process that lack a role.
func (d Definition) tierFaults(p ProcessDefinition) (faults []error) {
	for _, tier := range []string{p.Tier, p.WorkerTier, p.LeaderTier} {
		if role := d.Tiers[tier]; tier != "" && !slices.Contains(results.AllRoles(), role) {
			const want = "tier %s has the role %q: want app, server, proxy or database"
			faults = append(faults, fmt.Errorf(want, tier, role))
		}
	}
	return faults
}

// plainName reports whether a name can be part of a path and of a list in a file.
func plainName(name string) bool {
	return name != "" && name[0] != '.' && !strings.ContainsFunc(name, func(c rune) bool {
		return c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
}

// values checks the parameters given and adds the defaults, rendered for the host.
func (d Definition) values(h Host) (map[string]string, error) {
	values := map[string]string{"profile": Controlled}
	known := []string{"profile"}
	for _, p := range d.Params {
		known = append(known, p.Name)
		value, err := p.DefaultOn(h)
		if err != nil {
			return nil, err
		}
		values[p.Name] = value
	}
	for key, value := range d.Topology.params() {
		if !slices.Contains(known, key) {
			text := fmt.Sprintf("parameter %q is unknown", key)
			if near := Nearest(key, known); near != "" {
				text += fmt.Sprintf(" (did you mean %s?)", near)
			}
			return nil, fmt.Errorf("topology %s: %s; it has %s", d.Topology.Name, text, strings.Join(known, ", "))
		}
		values[key] = value
	}
	if p := values["profile"]; p != Controlled && p != AsDocumented {
		return nil, fmt.Errorf("topology %s: profile %q: want %s or %s", d.Topology.Name, p, Controlled, AsDocumented)
	}
	for _, p := range d.Params {
		if err := p.check(values[p.Name]); err != nil {
			return nil, fmt.Errorf("topology %s: %w", d.Topology.Name, err)
		}
	}
	return values, nil
}

// DefaultOn is the parameter's default on a host.
func (p Param) DefaultOn(h Host) (string, error) {
	return render("default of "+p.Name, p.Default, renderData{Host: h})
}

func (p Param) check(value string) error {
	if len(p.Choices) > 0 && !slices.Contains(p.Choices, value) {
		return fmt.Errorf("parameter %s=%s: want one of %s", p.Name, value, strings.Join(p.Choices, ", "))
	}
	if p.Max > 0 {
		n, err := strconv.Atoi(value)
		if err != nil || n < p.Min || n > p.Max {
			return fmt.Errorf("parameter %s=%s: want a whole number from %d to %d", p.Name, value, p.Min, p.Max)
		}
	}
	return nil
}
