package servers

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"bench/results"
	"bench/servers/probe"
	"bench/targets"
)

// Blueprint is a cluster before it starts: everything that will be written, started and
// asked is decided and can be looked at.
type Blueprint struct {
	Topology  Topology // with every parameter
	Summary   string
	Roles     results.Roles // of its tiers
	Slots     int           // requests worked on at once; 0 is a thread for each connection
	URL       string
	Health    string // path
	Dir       string
	State     string // copied to StateDir before the start
	StateDir  string
	Processes []Process
}

// Queueing is how the cluster's workers wait for work: in how many groups with a queue of their
// own, of how many processes, each working on how many requests at once; 0 is a thread for
// each connection.
func (b Blueprint) Queueing() (queues, workers, threads int) {
	for _, p := range b.Processes {
		if p.Workers > 0 {
			queues++
			workers = p.Workers
		}
	}
	if queues == 0 {
		return 1, 1, max(0, b.Slots)
	}
	return queues, workers, b.Slots / (queues * workers)
}

// Loops is how many processes its proxies have, one for each event loop.
func (b Blueprint) Loops() int {
	loops := 1
	for _, p := range b.Processes {
		loops = max(loops, p.Loops)
	}
	return loops
}

// MachineCores is how many cores each group of workers has to itself, as a machine of its own
// would; 0: they share this one's.
func (b Blueprint) MachineCores() float64 {
	for _, p := range b.Processes {
		if p.Workers > 0 {
			return p.Cores
		}
	}
	return 0
}

// WorkersTier is the tier in which the app itself runs.
func (b Blueprint) WorkersTier() string {
	for _, p := range b.Processes {
		switch {
		case p.Workers == 0:
		case p.tellsWorkers():
			return cmp.Or(p.WorkerTier, p.Tier)
		default:
			return p.Tier // nobody says which of its processes are workers
		}
	}
	if len(b.Processes) == 0 {
		return ""
	}
	return b.Processes[0].Tier
}

// UnknownSlots stands for a topology that does not say how many requests it works on at once.
const UnknownSlots = -1

// Process is one process of a blueprint.
type Process struct {
	Name       string
	Kind       string // its name in the topology, which replicas share
	Tier       string
	WorkerTier string
	Workers    int     // worker processes that must be seen to answer; 0 where none are told apart
	Loops      int     // event loops of a proxy, each a process
	Cores      float64 // limit of the CPU time of it and its children; 0: none
	Argv       []string
	Env        []string
	Dir        string // working folder
	Home       string // folder of its files
	Files      []File
	Ports      map[string]int
	Stop       syscall.Signal
	Entry      int    // the port at which it takes requests
	Stats      string // name of the kind of probe that observes it, or nothing
}

func (p Process) tellsWorkers() bool {
	kind, _ := probe.Lookup(p.Stats)
	return kind.Workers
}

// File is a rendered configuration file.
type File struct {
	Path string // absolute
	Text string
}

var stopSignals = map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "QUIT": syscall.SIGQUIT, "KILL": syscall.SIGKILL}

// Blueprint decides everything about a cluster of this topology for an app on a host. It
// is a pure function: it reads no clock, no environment and no network.
func (t Topology) Blueprint(app targets.App, h Host) (Blueprint, error) {
	b, err := t.blueprint(app, h)
	if err != nil {
		return Blueprint{}, &ConfigError{err}
	}
	return b, nil
}

// ConfigError is a topology, or an app in it, that makes no sense as it is described.
type ConfigError struct{ Err error }

func (e *ConfigError) Error() string { return e.Err.Error() }
func (e *ConfigError) Unwrap() error { return e.Err }

func (t Topology) blueprint(app targets.App, h Host) (Blueprint, error) {
	if t.Name == "url" {
		return Blueprint{Topology: t, Summary: "already running", Slots: UnknownSlots, URL: strings.TrimRight(t.Params, "/"), Health: app.Health}, nil
	}
	d, err := Define(t.Name)
	if err != nil {
		return Blueprint{}, err
	}
	params, err := d.values(t.params(), h)
	if err != nil {
		return Blueprint{}, err
	}
	state := filepath.Join(h.Dir, "state")
	data := renderData{Param: params, App: app.Expand(state, h.Build), Host: h, Tool: h.Tools}
	if err := checkPaths(data); err != nil {
		return Blueprint{}, err
	}
	b := Blueprint{
		Topology: Topology{Name: t.Name, Params: joinParams(params)},
		Summary:  d.Summary, Roles: d.Tiers, Health: app.Health,
		Dir: h.Dir, State: h.State, StateDir: state,
	}
	if b.Slots, err = renderInt("slots", d.Slots, UnknownSlots, data); err != nil {
		return Blueprint{}, fmt.Errorf("topology %s: %w", t.Name, err)
	}
	if err := b.addProcesses(d, data); err != nil {
		return Blueprint{}, fmt.Errorf("topology %s: %w", t.Name, err)
	}
	return b, nil
}

func (b *Blueprint) addProcesses(d Definition, data renderData) error {
	replicas, err := d.replicas(data)
	if err != nil {
		return err
	}
	data.all = replicas
	for _, r := range replicas {
		definition := d.Processes[slices.IndexFunc(d.Processes, func(p ProcessDefinition) bool { return p.Name == r.kind })]
		data.self, data.Dir = r, r.dir
		process, err := definition.process(d, data)
		if err != nil {
			return fmt.Errorf("process %s: %w", r.name, err)
		}
		b.Processes = append(b.Processes, process)
		if r.kind == d.Entry.Process {
			b.URL = fmt.Sprintf("http://127.0.0.1:%d", r.ports[d.Entry.Port])
		}
	}
	return nil
}

// replicas gives every process its name, folder and ports.
func (d Definition) replicas(data renderData) ([]*replica, error) {
	var replicas []*replica
	ports := data.Host.Ports
	for _, p := range d.Processes {
		count, err := renderInt("replicas of "+p.Name, p.Replicas, 1, data)
		if err != nil {
			return nil, err
		}
		for i := range count {
			r := &replica{name: p.Name, kind: p.Name, ports: map[string]int{}}
			if count > 1 {
				r.name = fmt.Sprintf("%s-%d", p.Name, i+1)
			}
			r.dir = filepath.Join(data.Host.Dir, r.name)
			if len(ports) < len(p.Ports) {
				return nil, fmt.Errorf("more than the %d ports given are needed", len(data.Host.Ports))
			}
			for j, name := range p.Ports {
				r.ports[name] = ports[j]
			}
			ports = ports[len(p.Ports):]
			replicas = append(replicas, r)
		}
	}
	return replicas, nil
}

func (p ProcessDefinition) process(d Definition, data renderData) (Process, error) {
	out := Process{
		Name: data.self.name, Kind: p.Name, Tier: p.Tier, WorkerTier: p.WorkerTier,
		Dir: data.self.dir, Home: data.self.dir, Ports: data.self.ports, Stop: stopSignals[p.Stop], Stats: p.Stats,
	}
	if p.Dir == "app" {
		out.Dir = data.App.Dir
	}
	var err error
	if out.Workers, err = renderInt("workers", p.Workers, 0, data); err != nil {
		return out, err
	}
	if out.Loops, err = renderInt("loops", p.Loops, 1, data); err != nil {
		return out, err
	}
	percent, err := renderInt("cpu", p.CPU, 0, data)
	if err != nil {
		return out, err
	}
	if percent < 0 {
		return out, fmt.Errorf("cpu: %d percent of a core", percent)
	}
	out.Cores = float64(percent) / 100
	for i, word := range p.Argv {
		text, err := render(fmt.Sprintf("argv[%d]", i), word, data)
		if err != nil {
			return out, err
		}
		if text != "" {
			out.Argv = append(out.Argv, text)
		}
	}
	if word, _ := render("argv[0]", p.Argv[0], data); word == "" {
		return out, fmt.Errorf("argv[0]: %s renders to nothing; is the tool among tools?", p.Argv[0])
	}
	for _, f := range p.Files {
		text, err := d.template(f.Template)
		if err != nil {
			return out, err
		}
		if text, err = render(f.Template, text, data); err != nil {
			return out, err
		}
		out.Files = append(out.Files, File{filepath.Join(data.self.dir, f.Path), text})
	}
	out.Env, err = p.env(d, data)
	return out, err
}

// env is the environment of a process: what the host gives all of them, Python's settings
// for repeatable runs, the app's own and the process's own.
func (p ProcessDefinition) env(d Definition, data renderData) ([]string, error) {
	vars := map[string]string{
		"PYTHONDONTWRITEBYTECODE":       "1", // the app's folder stays as it was
		"PYTHONHASHSEED":                "0",
		"PYTHONUNBUFFERED":              "1",
		"DJANGO_RUNSERVER_HIDE_WARNING": "true",
		"DJANGO_SETTINGS_MODULE":        data.App.Settings,
		"BENCH_INSTANCE":                data.self.name,
	}
	maps.Copy(vars, data.App.Env)
	if d.Debug == data.Param["profile"] {
		maps.Copy(vars, data.App.DebugEnv)
	}
	for key, text := range p.Env {
		value, err := render("env "+key, text, data)
		if err != nil {
			return nil, err
		}
		vars[key] = value
	}
	env := slices.Clone(data.Host.Env)
	for _, key := range slices.Sorted(maps.Keys(vars)) {
		env = append(env, key+"="+vars[key])
	}
	return env, nil
}

// checkPaths refuses names that mean something else inside a configuration file: nginx
// knows no escape for $, uWSGI expands % and $( ), and both end a value at a line break.
func checkPaths(data renderData) error {
	for what, path := range map[string]string{
		"the app's folder": data.App.Dir, "the app's static root": data.App.Static.Root,
		"the app's static url": data.App.Static.URL, "the scratch folder": data.Host.Dir,
		"python": data.Tool.Python, "python's home": data.Tool.PythonHome, "uwsgi": data.Tool.UWSGI, "nginx": data.Tool.Nginx,
	} {
		if at := strings.IndexFunc(path, func(r rune) bool { return r < ' ' || strings.ContainsRune("$%;{}\"'`@=\\ #", r) }); at >= 0 {
			return fmt.Errorf("%s is %q: the character %q cannot be written into the servers' configuration files; move or rename it", what, path, path[at])
		}
	}
	return nil
}

// Canonical is the blueprint with stand-ins for what differs between two boots of the same
// configuration: folders, ports and the paths of the tools.
func (t Topology) Canonical(app targets.App, h Host) (Blueprint, error) {
	app.Dir = "/app"
	return t.Blueprint(app, h.canonical())
}

// Fingerprint is a hash of the configuration that does not depend on where and when it is
// booted: two boots with equal fingerprints ran the same thing.
func (t Topology) Fingerprint(app targets.App, h Host) (string, error) {
	b, err := t.Canonical(app, h)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	b.write(hash)
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

// Ports is the number of ports that the topology needs.
func (t Topology) Ports(app targets.App, h Host) (int, error) {
	b, err := t.Canonical(app, h)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, p := range b.Processes {
		n += len(p.Ports)
	}
	return n, nil
}

// Missing returns what keeps the topology from being booted with the host's tools.
func (t Topology) Missing(h Host) error {
	if t.Name == "url" {
		return nil
	}
	d, err := Define(t.Name)
	if err != nil {
		return err
	}
	for _, tool := range d.Tools {
		if err := h.Tools.have(tool); err != nil {
			return fmt.Errorf("topology %s: %w", t.Name, err)
		}
	}
	return nil
}

// String prints every file and command line, in the order in which they are used.
func (b Blueprint) String() string {
	var out strings.Builder
	b.write(&out)
	return out.String()
}

func (b Blueprint) write(w io.Writer) {
	fmt.Fprintf(w, "# %s: %s\n", b.Topology, b.Summary)
	slots := fmt.Sprint(b.Slots)
	switch b.Slots {
	case 0:
		slots = "one for each connection"
	case UnknownSlots:
		slots = "not known"
	}
	fmt.Fprintf(w, "# %s; ready when %s answers; slots: %s\n", b.URL, b.Health, slots)
	for _, p := range b.Processes {
		fmt.Fprintf(w, "\n## process %s (tier %s)\n", p.Name, p.Tier)
		if p.Cores > 0 {
			fmt.Fprintf(w, "## a machine of its own: a control group of %g cores\n", p.Cores)
		}
		fmt.Fprintf(w, "cd %s\n", p.Dir)
		for _, variable := range p.Env {
			fmt.Fprintf(w, "%s \\\n", variable)
		}
		fmt.Fprintf(w, "%s\n", strings.Join(p.Argv, " "))
		for _, f := range p.Files {
			fmt.Fprintf(w, "\n### %s\n%s", f.Path, f.Text)
		}
	}
}
