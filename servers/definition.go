package servers

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"bench/internal/strict"
	"bench/results"
	"bench/servers/probe"
)

//go:embed topologies
var embedded embed.FS

const (
	topologyFile = "topology.yaml"
	sharedDir    = "topologies/shared" // templates that several topologies use
)

// Definition is a topology.yaml: what a topology consists of, before its parameters have
// values. Strings that hold {{ }} are templates over the data of a render.
type Definition struct {
	Name      string              `yaml:"-"`
	Summary   string              `yaml:"summary"`
	Params    []Param             `yaml:"params"`
	Slots     string              `yaml:"slots"`  // requests worked on at once; 0 is a thread for each connection
	Static    string              `yaml:"static"` // tier that serves static files
	Debug     string              `yaml:"debug"`  // profile in which the app runs with DEBUG on
	Tools     []string            `yaml:"tools"`  // python, uwsgi, nginx, or a program on PATH
	Tiers     results.Roles       `yaml:"tiers"`  // what each tier does: app, server, proxy or database
	Processes []ProcessDefinition `yaml:"processes"`
	Entry     struct {
		Process string `yaml:"process"`
		Port    string `yaml:"port"`
	} `yaml:"entry"`

	files fs.FS
}

// Param is one parameter of a topology.
type Param struct {
	Name    string   `yaml:"name" json:"name"`
	Default string   `yaml:"default" json:"default"`
	Min     int      `yaml:"min" json:"min,omitempty"`
	Max     int      `yaml:"max" json:"max,omitempty"` // 0: not a number
	Choices []string `yaml:"choices" json:"choices,omitempty"`
	Help    string   `yaml:"help" json:"help"`
}

// ProcessDefinition is one process of a topology, or several alike.
type ProcessDefinition struct {
	Name       string            `yaml:"name"`
	Replicas   string            `yaml:"replicas"` // default 1
	Tier       string            `yaml:"tier"`
	WorkerTier string            `yaml:"worker_tier"` // tier of the worker processes, where statistics name them
	Workers    string            `yaml:"workers"`     // worker processes that must be seen to answer
	Loops      string            `yaml:"loops"`       // event loops of a proxy, each a process; default 1
	CPU        string            `yaml:"cpu"`         // percent of a core that it may use with its children; 0 or nothing: no limit
	Ports      []string          `yaml:"ports"`
	Dir        string            `yaml:"dir"` // "app": runs in the app's folder, else in its own
	Files      []FileDefinition  `yaml:"files"`
	Argv       []string          `yaml:"argv"` // words that render empty are left out
	Env        map[string]string `yaml:"env"`
	Stop       string            `yaml:"stop"`  // INT, TERM, QUIT or KILL
	Stats      string            `yaml:"stats"` // uwsgi or nginx: what to read statistics with
}

// FileDefinition is a template and the file it becomes.
type FileDefinition struct {
	Template string `yaml:"template"`
	Path     string `yaml:"path"`
}

// UnknownTopologyError says which names exist.
type UnknownTopologyError struct {
	Name  string
	Near  string
	Known []string
}

func (e *UnknownTopologyError) Error() string {
	text := fmt.Sprintf("topology %q is unknown", e.Name)
	if e.Near != "" {
		text += fmt.Sprintf("; did you mean %s?", e.Near)
	}
	return text + fmt.Sprintf(" There are %s, or the path of a folder with a %s.", strings.Join(e.Known, ", "), topologyFile)
}

// Names lists the embedded topologies, the development server first.
func Names() []string {
	entries, err := embedded.ReadDir("topologies")
	if err != nil {
		return nil // not reached: the folder is embedded
	}
	var names []string
	for _, entry := range entries {
		if _, err := fs.Stat(embedded, "topologies/"+entry.Name()+"/"+topologyFile); err == nil {
			names = append(names, entry.Name())
		}
	}
	// From the simplest to the fullest: the order in which a report tells the story.
	slices.SortStableFunc(names, func(a, b string) int { return strings.Count(a, "-") - strings.Count(b, "-") })
	return names
}

// Define returns the definition of a topology: an embedded one by its name, or one in a
// folder by its path (a name with a slash in it).
func Define(name string) (Definition, error) {
	var files fs.FS
	if strings.ContainsRune(name, os.PathSeparator) {
		files = os.DirFS(name)
	} else if slices.Contains(Names(), name) {
		files, _ = fs.Sub(embedded, "topologies/"+name)
	} else {
		return Definition{}, &UnknownTopologyError{Name: name, Near: nearest(name, Names()), Known: Names()}
	}
	data, err := fs.ReadFile(files, topologyFile)
	if err != nil {
		return Definition{}, fmt.Errorf("topology %s: %w", name, err)
	}
	var d Definition
	if err := strict.YAML(data, &d); err != nil {
		return Definition{}, fmt.Errorf("topology %s: %s: %w", name, topologyFile, err)
	}
	d.Name, d.files = name, files
	if err := d.validate(); err != nil {
		return Definition{}, fmt.Errorf("topology %s: %w", name, err)
	}
	return d, nil
}

func (d Definition) validate() error {
	var errs []error
	if len(d.Processes) == 0 {
		errs = append(errs, errors.New("no processes"))
	}
	entry := false
	for _, p := range d.Processes {
		if !plainName(p.Name) || !plainName(p.Tier) || len(p.Argv) == 0 {
			errs = append(errs, fmt.Errorf("process %q: a name and a tier of letters, digits and -_. are needed, and argv", p.Name))
		}
		for _, tier := range []string{p.Tier, p.WorkerTier} {
			if role := d.Tiers[tier]; tier != "" && !slices.Contains(results.AllRoles(), role) {
				errs = append(errs, fmt.Errorf("process %s: tiers says %q of tier %s: want app, server, proxy or database", p.Name, role, tier))
			}
		}
		if _, known := stopSignals[p.Stop]; !known {
			errs = append(errs, fmt.Errorf("process %s: stop %q: want INT, TERM, QUIT or KILL", p.Name, p.Stop))
		}
		kind, err := probe.Lookup(p.Stats)
		if err != nil {
			errs = append(errs, fmt.Errorf("process %s: %w", p.Name, err))
		}
		for _, port := range kind.Ports {
			if !slices.Contains(p.Ports, port) {
				errs = append(errs, fmt.Errorf("process %s: stats %s needs a port named %s", p.Name, p.Stats, port))
			}
		}
		for _, f := range p.Files {
			if !filepath.IsLocal(f.Path) {
				errs = append(errs, fmt.Errorf("process %s: file %q leaves the process's folder", p.Name, f.Path))
			}
		}
		entry = entry || p.Name == d.Entry.Process && slices.Contains(p.Ports, d.Entry.Port)
	}
	if !entry {
		errs = append(errs, fmt.Errorf("entry: no process %q with a port %q", d.Entry.Process, d.Entry.Port))
	}
	for _, p := range d.Params {
		if p.Name == "profile" {
			errs = append(errs, errors.New("parameter profile is reserved"))
		}
	}
	return errors.Join(errs...)
}

// plainName reports whether a name can be part of a path and of a list in a file.
func plainName(name string) bool {
	return name != "" && name[0] != '.' && !strings.ContainsFunc(name, func(c rune) bool {
		return c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
}

// template returns the text of a template: of the topology's own folder, or a shared one.
func (d Definition) template(name string) (string, error) {
	data, err := fs.ReadFile(d.files, name)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = embedded.ReadFile(sharedDir + "/" + name)
	}
	if err != nil {
		return "", fmt.Errorf("template %s: %w", name, err)
	}
	return string(data), nil
}

// values checks the parameters given and adds the defaults, rendered for the host.
func (d Definition) values(given map[string]string, h Host) (map[string]string, error) {
	values := map[string]string{"profile": Controlled}
	known := []string{"profile"}
	for _, p := range d.Params {
		known = append(known, p.Name)
		value, err := render("default of "+p.Name, p.Default, renderData{Host: h})
		if err != nil {
			return nil, err
		}
		values[p.Name] = value
	}
	for key, value := range given {
		if !slices.Contains(known, key) {
			text := fmt.Sprintf("parameter %q is unknown", key)
			if near := nearest(key, known); near != "" {
				text += fmt.Sprintf(" (did you mean %s?)", near)
			}
			return nil, fmt.Errorf("topology %s: %s; it has %s", d.Name, text, strings.Join(known, ", "))
		}
		values[key] = value
	}
	if p := values["profile"]; p != Controlled && p != AsDocumented {
		return nil, fmt.Errorf("topology %s: profile %q: want %s or %s", d.Name, p, Controlled, AsDocumented)
	}
	for _, p := range d.Params {
		if err := p.check(values[p.Name]); err != nil {
			return nil, fmt.Errorf("topology %s: %w", d.Name, err)
		}
	}
	return values, nil
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

// nearest is the known word that differs least from the one given, if any is close.
func nearest(word string, known []string) string {
	best, bestDistance := "", max(2, len(word)/3)+1
	for _, k := range known {
		if distance := editDistance(word, k); distance < bestDistance {
			best, bestDistance = k, distance
		}
	}
	return best
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
