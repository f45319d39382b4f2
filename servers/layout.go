package servers

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"bench/targets"
)

// layout is a blueprint without ports: enough to know how many it needs.
type layout struct {
	definition Definition
	app        targets.App // as given
	data       renderData
	replicas   []*replica
	services   []*replica // by position those of kinds
	kinds      []Service
	ports      map[string]int // how many are needed, by host
}

// layout gives every parameter its value, and every process its name and folder.
func (d Definition) layout(app targets.App, h Host) (layout, error) {
	if !d.Boots() {
		return layout{definition: d, data: renderData{App: app}}, nil
	}
	deciding, err := h.deciding(d)
	if err = errors.Join(err, h.unplaceable()); err != nil {
		return layout{}, d.wrong(err)
	}
	params, err := d.values(deciding)
	if err != nil {
		return layout{}, &ConfigError{err}
	}
	tools, err := renderWords("tools", d.Tools, renderData{Param: params, Host: h})
	if err != nil {
		return layout{}, d.wrong(err)
	}
	l := layout{definition: d, app: app, ports: map[string]int{}, data: renderData{Param: params, tools: tools}.on(h, app)}
	if err := checkPaths(l.data); err != nil {
		return layout{}, &ConfigError{err}
	}
	for _, p := range d.Processes {
		count, err := renderInt("replicas of "+p.Name, p.Replicas, 1, l.data)
		if err != nil {
			return layout{}, d.wrong(err)
		}
		for i := range count {
			r := &replica{name: p.Name, definition: p, ports: map[string]int{}, ip: loopback}
			if count > 1 {
				r.name = fmt.Sprintf("%s-%d", p.Name, i+1)
			}
			if r.host, err = h.on(p.Name, i); err != nil {
				return layout{}, d.wrong(err)
			}
			r.dir = filepath.Join(r.host.Dir, r.name)
			l.replicas = append(l.replicas, r)
			l.ports[r.host.Name] += len(p.Ports)
			if l.relays(p) {
				l.ports[r.host.Name]++
			}
		}
	}
	l.openUp()
	if err := l.lacking(); err != nil {
		return layout{}, d.wrong(err)
	}
	return l, l.addServices()
}

// on is the same for the processes of a host.
func (d renderData) on(h Host, app targets.App) renderData {
	d.Host, d.state = h, filepath.Join(h.Dir, "state")
	d.App = app.Expand(targets.Places{State: d.state, Build: h.Build, Secret: h.Secret}).In(h.appFolder(app))
	return d
}

// openUp lets processes listen on the addresses of their hosts where others have to reach them: the entry
// always, and all of them if they are on several hosts.
func (l *layout) openUp() {
	apart := len(l.hosts()) > 1
	for _, r := range l.replicas {
		if r.host.Address != "" && (apart || r.definition.Name == l.definition.Entry.Process) {
			r.ip = r.host.Address
		}
	}
}

// hosts are the hosts of the replicas, in the order in which they are first used.
func (l *layout) hosts() (all []Host) {
	for _, r := range l.replicas {
		if !slices.ContainsFunc(all, func(h Host) bool { return h.Name == r.host.Name }) {
			all = append(all, r.host)
		}
	}
	return all
}

// addServices gives each service a folder, and counts its ports.
func (l *layout) addServices() error {
	h := l.data.Host
	for _, name := range h.Services {
		s, err := service(name)
		if err != nil {
			return err
		}
		r := s.replica(h.Dir)
		l.kinds, l.services = append(l.kinds, s), append(l.services, r)
		l.ports[h.Name] += len(s.Process.Ports)
	}
	return nil
}

// relays reports whether bench stands between a process and those that send it requests.
func (l layout) relays(p ProcessDefinition) bool {
	return l.data.Host.Relay && p.Name != l.definition.Entry.Process && len(p.Ports) > 0
}

// wrong adds the topology's name to an error in its description.
func (d Definition) wrong(err error) error {
	return &ConfigError{fmt.Errorf("topology %s: %w", d.Topology.Name, err)}
}

// blueprint gives every process its ports, of those that are free on its host, and renders all files and command
// lines.
func (l layout) blueprint(free map[string][]int) (Blueprint, error) {
	d, data := l.definition, l.data
	if !d.Boots() {
		return Blueprint{
			Topology: d.Topology, Summary: d.Summary, Concurrency: UnknownConcurrency,
			URL: d.Topology.Target(), Health: data.App.Health,
			HealthHeader: data.App.HealthRequest(false),
		}, nil
	}
	if err := l.takePorts(free); err != nil {
		return Blueprint{}, d.wrong(err)
	}
	for i, s := range l.kinds {
		placed, err := s.at(l.services[i], data.Host)
		if err != nil {
			return Blueprint{}, err
		}
		data.services = append(data.services, placed)
	}
	l.data = data
	return l.render()
}

// render renders every file and command line of a layout that has its ports.
func (l layout) render() (Blueprint, error) {
	d, data := l.definition, l.data
	data.App = data.App.WithServices(serviceURLs(data.services))
	b := Blueprint{
		Topology: Topology{Name: d.Topology.Name, Params: joinParams(data.Param)},
		Summary:  d.Summary, Nagle: d.Nagle, Roles: withServices(d.Tiers, data.services), Development: d.Development,
		Health:       data.App.Health,
		HealthHeader: data.App.HealthRequest(true),
		RunAs:        data.Host.RunAs,
		Dir:          data.Host.Dir, State: data.Host.State, StateDir: data.state,
		Tree: data.Host.Tree, AppDir: data.App.Root, Copied: data.Host.Copied,
		secrets: data.App.Secrets, Host: data.Host.Name, layout: &l,
	}
	var err error
	if b.Concurrency, err = renderInt("concurrency", d.Concurrency, UnknownConcurrency, data); err != nil {
		return Blueprint{}, d.wrong(err)
	}
	if b.EventLoop, err = renderBool("event_loop", d.EventLoop, data); err != nil {
		return Blueprint{}, d.wrong(err)
	}
	for _, s := range data.services {
		b.Processes = append(b.Processes, s.process)
	}
	data.all = l.replicas
	for _, r := range l.replicas {
		data := l.see(data, r)
		process, err := r.definition.process(d, data)
		if err != nil {
			return Blueprint{}, d.wrong(fmt.Errorf("process %s: %w", r.name, err))
		}
		b.Processes = append(b.Processes, process)
		if r.definition.Name == d.Entry.Process {
			b.URL = fmt.Sprintf("http://%s:%d", r.ip, r.ports[d.Entry.Port])
		}
	}
	b.Parts = l.parts(b)
	return b, nil
}

// see is what the templates of a replica see.
func (l layout) see(data renderData, r *replica) renderData {
	if r.host.Name != data.Host.Name {
		data = data.on(r.host, l.app)
	}
	data.self, data.Dir = r, r.dir
	return data
}

// parts are what each host runs of a blueprint; none if all run here.
func (l layout) parts(whole Blueprint) (parts []Blueprint) {
	if l.data.Host.Placed == nil {
		return nil
	}
	for _, h := range l.hosts() {
		data, part := l.data.on(h, l.app), whole
		part.Cores = h.Cores
		part.Host, part.RunAs, part.Dir, part.State, part.StateDir = h.Name, h.RunAs, h.Dir, h.State, data.state
		part.Tree, part.AppDir, part.Copied = h.Tree, data.App.Root, h.Copied
		part.Processes = slices.DeleteFunc(slices.Clone(whole.Processes), func(p Process) bool { return p.Host != h.Name })
		parts = append(parts, part)
	}
	return parts
}

// takePorts gives every process its ports.
func (l layout) takePorts(free map[string][]int) error {
	free = maps.Clone(free)
	for host, needed := range l.ports {
		if len(free[host]) < needed {
			return fmt.Errorf("%d ports are needed, %d were given", needed, len(free[host]))
		}
	}
	take := func(r *replica) (port int) {
		port, free[r.host.Name] = free[r.host.Name][0], free[r.host.Name][1:]
		return port
	}
	for _, r := range slices.Concat(l.services, l.replicas) {
		for _, name := range r.definition.Ports {
			r.ports[name] = take(r)
		}
		if l.relays(r.definition) {
			r.relay = take(r)
		}
	}
	return nil
}

// checkPaths refuses paths with characters that are special in a configuration file: nginx
// has no escape for $, uWSGI expands % and $( ), and both end a value at a line break.
func checkPaths(data renderData) error {
	paths := [][2]string{
		{"the app's folder", data.App.Dir}, {"the app's static root", data.App.Static.Root},
		{"the app's static url", data.App.Static.URL}, {"the scratch folder", data.Host.Dir},
	}
	for _, name := range slices.Sorted(maps.Keys(data.Host.Tools)) {
		tool := data.Host.Tools[name]
		paths = append(paths, [2]string{name, tool.Path})
		for _, fact := range slices.Sorted(maps.Keys(tool.Facts)) {
			paths = append(paths, [2]string{name + "'s " + fact, tool.Facts[fact]})
		}
	}
	for _, p := range paths {
		if at := strings.IndexFunc(p[1], isSpecial); at >= 0 {
			return fmt.Errorf("%s is %q: the character %q cannot be written into the servers' configuration files; "+
				"move or rename it", p[0], p[1], p[1][at])
		}
	}
	return nil
}

// isSpecial reports whether a character means something in a server's configuration file.
func isSpecial(r rune) bool {
	return unicode.IsControl(r) || strings.ContainsRune("$%;{}\"'`@=\\ #", r)
}

// PlainPath reports whether a path can be written into any configuration file.
func PlainPath(path string) bool { return !strings.ContainsFunc(path, isSpecial) }

// appFolder is the folder of the project that runs: its own, or the boot's copy of it.
func (h Host) appFolder(app targets.App) string {
	if h.Tree == "" {
		return cmp.Or(h.Project, app.Folder())
	}
	return filepath.Join(h.Dir, "app")
}
