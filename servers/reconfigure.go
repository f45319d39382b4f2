package servers

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Setting is a value of a topology's parameter.
type Setting struct{ Name, Value string }

// ParseSetting reads a setting such as connections=512.
func ParseSetting(text string) (Setting, error) {
	name, value, is := strings.Cut(text, "=")
	if !is || name == "" || value == "" || strings.Contains(value, ",") {
		return Setting{}, fmt.Errorf("%q is not a setting: want NAME=VALUE, as in nginx-uwsgi:NAME=VALUE", text)
	}
	return Setting{name, value}, nil
}

// Changed is the blueprint with other values of its topology's parameters: the same processes on the same
// ports, with other files.
func (b Blueprint) Changed(settings []Setting) (Blueprint, error) {
	if b.layout == nil {
		return b, fmt.Errorf("%w: bench did not start %s, and has none of its files", ErrNoProcess, b.URL)
	}
	l := *b.layout
	for _, s := range settings {
		l.definition.Topology = l.definition.Topology.With(s.Name, s.Value)
	}
	params, err := l.definition.values(l.data.Host)
	if err != nil {
		return b, &ConfigError{err}
	}
	l.data.Param = params
	for _, p := range l.definition.Processes {
		now, err := renderInt("replicas of "+p.Name, p.Replicas, 1, l.data)
		if err != nil {
			return b, l.definition.wrong(err)
		}
		if was := l.count(p.Name); now != was {
			return b, fmt.Errorf("there would be %d processes %s instead of %d: a running topology keeps its processes",
				now, p.Name, was)
		}
	}
	return l.render()
}

// count is the number of replicas of a process.
func (l layout) count(name string) (n int) {
	for _, r := range l.replicas {
		if r.definition.Name == name {
			n++
		}
	}
	return n
}

// Reloads returns an error unless the processes at an address can be told to read their files again, and settings
// change some of these.
func (b Blueprint) Reloads(a Address, settings []Setting) error {
	at, a, err := b.Find(a)
	if err != nil {
		return err
	}
	if a.Worker {
		return fmt.Errorf("%s are workers, and files are those of the process that bench started: leave out .worker", a)
	}
	changed, err := b.Changed(settings)
	if err != nil {
		return err
	}
	differs := len(settings) == 0
	for _, i := range at {
		if b.Processes[i].Reload == 0 {
			return fmt.Errorf("%s has no signal on which it reads its files again: want reload: SIGNAL in its topology.yaml",
				b.Processes[i].Name)
		}
		differs = differs || !slices.Equal(changed.Processes[i].Files, b.Processes[i].Files)
	}
	if !differs {
		return fmt.Errorf("no file of %s depends on that: want a parameter that its files have", a)
	}
	return nil
}

// Reconfigure writes the files of the processes at an address as other settings make them, and tells the
// processes to read them. What was changed before stays so. It returns the processes.
func (c *Cluster) Reconfigure(a Address, settings []Setting) ([]Member, error) {
	c.changing.Lock()
	defer c.changing.Unlock()
	settings = slices.Concat(c.settings, settings)
	changed, err := c.blueprint.Changed(settings)
	if err != nil {
		return nil, err
	}
	found, err := c.Find(a)
	if err != nil {
		return nil, err
	}
	c.settings = settings
	var errs []error
	for _, m := range found {
		c.disturb(m.Of)
		i := slices.IndexFunc(changed.Processes, func(p Process) bool { return p.Name == m.Of })
		p := changed.Processes[i]
		for _, f := range p.Files {
			if err := rewrite(f); err != nil {
				errs = append(errs, fmt.Errorf("writing %s of %s: %w", filepath.Base(f.Path), p.Name, err))
			}
		}
		errs = append(errs, send(m, p.Reload))
	}
	return found, errors.Join(errs...)
}

// rewrite gives a file its new text. It stays the same file, with the owner and the mode that it has.
func rewrite(f File) error {
	file, err := os.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(f.Text)
	return errors.Join(err, file.Close())
}
