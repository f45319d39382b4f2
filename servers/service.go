package servers

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"bench/internal/strict"
	"bench/results"
)

//go:embed services
var embeddedServices embed.FS

// OwnServices stands, in the list of an app's services, for those that its settings name, as they are.
const OwnServices = "own"

// Service is a server that the app itself asks, such as its database, and that bench runs for it: every boot has
// one of its own, with a copy of the data that the app's preparation made. Nothing that a developer works with is
// measured, or changed.
type Service struct {
	Name     string            `yaml:"-"`
	Summary  string            `yaml:"summary"`
	Tool     string            `yaml:"tool"`
	Role     results.Role      `yaml:"role"`     // of its tier
	Database string            `yaml:"database"` // that the app uses unless its settings name another
	Socket   string            `yaml:"socket"`   // the name of its Unix socket, in its folder
	Init     []string          `yaml:"init"`     // the command that makes its data folder; empty: it has none
	Create   []string          `yaml:"create"`   // the command that makes a database, whose name is added
	Schemes  []string          `yaml:"schemes"`  // of URLs that name a server of this kind
	URL      string            `yaml:"url"`      // where the app finds it
	Settings map[string]string `yaml:"settings"` // likewise, for django/bench_services.py
	Env      map[string]string `yaml:"env"`      // likewise, for the app's environment
	Process  ProcessDefinition `yaml:"process"`

	templates map[string]string
}

// Services lists the kinds of service that bench can run.
func Services() (names []string) {
	entries, err := fs.ReadDir(embeddedServices, "services")
	if err != nil {
		panic(err) // not reached: the folder is embedded
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// ParseServices reads a list of services, separated by commas: kinds that bench runs, or "own" alone.
func ParseServices(text string) (names []string, err error) {
	for name := range strings.SplitSeq(text, ",") {
		names = append(names, strings.TrimSpace(name))
	}
	return names, CheckServices(names)
}

// CheckServices reports what is wrong with a list of services.
func CheckServices(names []string) error {
	known := append(Services(), OwnServices)
	for _, name := range names {
		if !slices.Contains(known, name) {
			near := Nearest(name, known)
			if near != "" {
				near = fmt.Sprintf(" (did you mean %s?)", near)
			}
			return &ConfigError{fmt.Errorf("service %q is unknown%s: want some of %s, or %s for those that the app's "+
				"settings name, as they are", name, near, strings.Join(Services(), ", "), OwnServices)}
		}
	}
	if len(names) > 1 && slices.Contains(names, OwnServices) {
		return &ConfigError{fmt.Errorf("services %s: %s stands alone: either bench runs them, or the app's own are used",
			strings.Join(names, ","), OwnServices)}
	}
	return nil
}

// service reads the definition of a service.
func service(name string) (Service, error) {
	if err := CheckServices([]string{name}); err != nil {
		return Service{}, err
	}
	files, err := fs.Sub(embeddedServices, "services/"+name)
	if err != nil {
		return Service{}, err
	}
	data, err := fs.ReadFile(files, "service.yaml")
	if err != nil {
		return Service{}, fmt.Errorf("service %s: %w", name, err)
	}
	s := Service{Name: name, templates: map[string]string{}}
	if err := strict.YAML(data, &s); err != nil {
		return Service{}, fmt.Errorf("service %s: %w", name, err)
	}
	if faults := s.Process.faults(); len(faults) > 0 {
		return Service{}, fmt.Errorf("service %s: %w", name, errors.Join(faults...))
	}
	for _, f := range s.Process.Files {
		text, err := fs.ReadFile(files, f.Template)
		if err != nil {
			return Service{}, fmt.Errorf("service %s: %w", name, err)
		}
		s.templates[f.Template] = string(text)
	}
	return s, nil
}

// served is a service with its place: its folder and ports are decided.
type served struct {
	Service
	process  Process
	url      string
	settings map[string]string
	env      map[string]string
}

// at places the service in a replica's folder, on its ports.
func (s Service) at(r *replica, h Host) (out served, err error) {
	data := renderData{Host: h, Dir: r.dir, self: r, tools: []string{s.Tool}, all: []*replica{r}}
	if err := fitsSocket(filepath.Join(r.dir, s.Socket)); err != nil {
		return out, &ConfigError{fmt.Errorf("service %s: %w", s.Name, err)}
	}
	out.Service = s
	if out.url, err = render("url", s.URL, data); err != nil {
		return out, err
	}
	data.URL = out.url
	if out.settings, err = renderValues(s.Settings, data); err != nil {
		return out, err
	}
	if out.env, err = renderValues(s.Env, data); err != nil {
		return out, err
	}
	out.process, err = s.Process.process(Definition{templates: s.templates}, data)
	out.process.Service, out.process.Env, out.process.RunAs = true, slices.Clone(h.Env), h.ServeAs
	out.process.Data = h.Prepared[s.Name]
	return out, err
}

// longestSocket is the number of bytes that the path of a socket may have: the kernel takes 107, uWSGI 102.
const longestSocket = 102

// fitsSocket reports a path that is too long for a socket.
func fitsSocket(path string) error {
	if len(path) > longestSocket {
		return fmt.Errorf("%s: the path of a socket may have %d bytes, and this has %d: set TMPDIR to a shorter one",
			path, longestSocket, len(path))
	}
	return nil
}

// renderValues renders the values of a map.
func renderValues(texts map[string]string, data renderData) (map[string]string, error) {
	values := map[string]string{}
	for key, text := range texts {
		value, err := render(key, text, data)
		if err != nil {
			return nil, err
		}
		values[key] = value
	}
	return values, nil
}

// replica is the service's process in a folder of a boot.
func (s Service) replica(dir string) *replica {
	name := s.Process.Name
	return &replica{name: name, definition: s.Process, dir: filepath.Join(dir, name), ports: map[string]int{}}
}

// into adds to an app's variables what leads it to the services. A URL of the app's own keeps its scheme, which
// may choose a driver.
func (s served) into(vars map[string]string) {
	for name, value := range s.env {
		own := vars[name]
		if scheme, _, is := strings.Cut(own, "://"); is && value == s.url && slices.Contains(s.Schemes, before(scheme, "+")) {
			_, rest, _ := strings.Cut(value, "://")
			value = scheme + "://" + rest
		}
		if !strings.Contains(own, s.url) { // else it was written for this service: {postgres} in bench.yaml
			vars[name] = value
		}
	}
}

func before(text, separator string) string {
	first, _, _ := strings.Cut(text, separator)
	return first
}

// serviceURLs are the services' URLs by the placeholders that stand for them.
func serviceURLs(all []served) map[string]string {
	urls := map[string]string{}
	for _, s := range all {
		urls[placeholder(s.Name)] = s.url
	}
	return urls
}

// placeholder stands in bench.yaml for the URL of a service.
func placeholder(service string) string { return "{" + service + "}" }

// withServices adds the tiers of the services to the roles of a topology.
func withServices(roles results.Roles, all []served) results.Roles {
	if len(all) == 0 {
		return roles
	}
	roles = maps.Clone(roles)
	for _, s := range all {
		roles[s.process.Tier] = s.Role
	}
	return roles
}
