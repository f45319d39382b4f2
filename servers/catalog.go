package servers

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"bench/internal/strict"
)

//go:embed topologies
var embedded embed.FS

const (
	topologyFile = "topology.yaml"
	sharedDir    = "shared" // templates that several topologies use
)

// catalog is where topologies are looked up.
type catalog struct {
	embedded fs.FS                  // a folder for each topology, and sharedDir
	open     func(dir string) fs.FS // opens a user's folder
}

func builtin() catalog {
	topologies, err := fs.Sub(embedded, "topologies")
	if err != nil {
		panic(err) // not reached: the name is valid
	}
	return catalog{embedded: topologies, open: os.DirFS}
}

// Names lists the embedded topologies in the order that they declare, from the simplest to the
// most complete; reports keep that order. The first is the default baseline, so one without a
// declared order comes last.
func Names() []string { return builtin().names() }

func (c catalog) names() []string {
	entries, err := fs.ReadDir(c.embedded, ".")
	if err != nil {
		return nil // not reached: the folder is embedded
	}
	var all []Definition
	for _, entry := range entries {
		if _, err := fs.Stat(c.embedded, entry.Name()+"/"+topologyFile); err != nil {
			continue
		}
		d, err := c.define(Topology{Name: entry.Name()})
		if err != nil {
			d.Topology.Name = entry.Name() // it stays in the list; Define returns the error
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b Definition) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), strings.Compare(a.Topology.Name, b.Topology.Name))
	})
	var names []string
	for _, d := range all {
		names = append(names, d.Topology.Name)
	}
	return names
}

// UnknownTopologyError lists the names that exist.
type UnknownTopologyError struct {
	Name  string
	Near  string
	Known []string
}

func (e *UnknownTopologyError) Error() string {
	text := fmt.Sprintf("topology %q is unknown.", e.Name)
	if e.Near != "" {
		text = fmt.Sprintf("topology %q is unknown; did you mean %s?", e.Name, e.Near)
	}
	known := strings.Join(e.Known, ", ")
	return text + fmt.Sprintf(" Want one of %s, or the path of a folder with a %s.", known, topologyFile)
}

// Define reads the definition of a topology with its templates; nothing is read again later.
// The definition of a running server has no processes.
func Define(t Topology) (Definition, error) { return builtin().define(t) }

func (c catalog) define(t Topology) (Definition, error) {
	if !t.Boots() {
		return Definition{Topology: t, Summary: "already running"}, nil
	}
	files, err := c.folder(t)
	if err != nil {
		return Definition{}, err
	}
	data, err := fs.ReadFile(files, topologyFile)
	if err != nil {
		return Definition{}, fmt.Errorf("topology %s: %w", t.Name, err)
	}
	d := Definition{Topology: t, templates: map[string]string{}}
	if err := strict.YAML(data, &d); err != nil {
		return Definition{}, fmt.Errorf("topology %s: %s: %w", t.Name, topologyFile, err)
	}
	if err := d.validate(); err != nil {
		return Definition{}, fmt.Errorf("topology %s: %w", t.Name, err)
	}
	for _, p := range d.Processes {
		for _, f := range p.Files {
			if err := c.template(d, files, f.Template); err != nil {
				return Definition{}, fmt.Errorf("topology %s: %w", t.Name, err)
			}
		}
	}
	return d, nil
}

// folder returns the folder with a topology's files.
func (c catalog) folder(t Topology) (fs.FS, error) {
	if t.Kind() == Folder {
		return c.open(t.Name), nil
	}
	if plainName(t.Name) {
		if _, err := fs.Stat(c.embedded, t.Name+"/"+topologyFile); err == nil {
			return fs.Sub(c.embedded, t.Name)
		}
	}
	names := c.names()
	return nil, &UnknownTopologyError{Name: t.Name, Near: Nearest(t.Name, names), Known: names}
}

// template reads the text of a template: from the topology's own folder, or a shared one.
func (c catalog) template(d Definition, files fs.FS, name string) error {
	if _, read := d.templates[name]; read {
		return nil
	}
	data, err := fs.ReadFile(files, name)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = fs.ReadFile(c.embedded, sharedDir+"/"+name)
	}
	if err != nil {
		return fmt.Errorf("template %s: %w", name, err)
	}
	d.templates[name] = string(data)
	return nil
}
