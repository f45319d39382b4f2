package servers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"bench/internal/proc"
	"bench/results"
	"bench/servers/probe"
)

// chooseServices decides which services run for the app: those that bench.yaml names, and those that its settings
// name, so that no boot ever loads what a developer works with.
func (p *preparation) chooseServices(ctx context.Context) (names []string, err error) {
	if err := CheckServices(p.app.Services); err != nil {
		return nil, err
	}
	if slices.Contains(p.app.Services, OwnServices) {
		p.noteOwn()
		return nil, nil
	}
	if len(p.found.Foreign) > 0 {
		return nil, &ConfigError{fmt.Errorf("the settings name a database of a kind that bench cannot run by itself (%s), "+
			"and bench loads no database that others may work with: let app.override name another, or, if this one is "+
			"there to be measured, allow it with app.services: [%s]", strings.Join(p.found.Foreign, ", "), OwnServices)}
	}
	names = slices.Clone(p.app.Services)
	for _, name := range slices.Sorted(maps.Keys(p.found.Services)) {
		if slices.Contains(names, name) {
			continue
		}
		found, err := p.site.Host.findServiceTool(ctx, name)
		if err != nil && len(p.found.Services[name]) == 0 { // no data of anybody's is in it
			p.site.note(results.Diagnostic{Code: "shared-database", Severity: results.Warning,
				Message: fmt.Sprintf("all boots use the %s that the settings name, as it is", name), Hint: err.Error()})
			continue
		}
		if err != nil {
			return nil, err
		}
		p.site.say(fmt.Sprintf("the settings name %s: each boot gets a server of its own (%s)", name, found.Version))
		names = append(names, name)
	}
	return names, nil
}

// noteOwn says that the project's own servers are loaded.
func (p *preparation) noteOwn() {
	named := append(slices.Sorted(maps.Keys(p.found.Services)), p.found.Foreign...)
	if len(named) == 0 {
		return
	}
	p.site.note(results.Diagnostic{Code: "shared-database", Severity: results.Warning,
		Message: fmt.Sprintf("all boots use the servers that the settings name, as they are: %s", strings.Join(named, ", ")),
		Hint:    "Without app.services: [own], bench runs servers of its own for each boot."})
}

// serve starts the services that the app's preparation fills, and points the app at them.
func (p *preparation) serve(ctx context.Context) error {
	names, err := p.chooseServices(ctx)
	if err != nil || len(names) == 0 {
		return err
	}
	if p.app.Settings != "" {
		p.site.Host.Overlay = filepath.Join(p.dir, "overlay")
		if err := WriteOverlay(p.site.Host.Overlay); err != nil {
			return err
		}
	}
	databases := map[string][]string{}
	for _, name := range names {
		databases[name] = p.found.Services[name]
	}
	return p.serving.start(ctx, p.site, p.app.Folder(), databases)
}

// keep stops the services, whose data each boot then gets a copy of.
func (p *preparation) keep(context.Context) error {
	h := &p.site.Host
	h.Services, h.Prepared = nil, map[string]string{}
	for _, s := range p.serving.all {
		h.Services = append(h.Services, s.Name)
		if len(s.Init) > 0 {
			h.Prepared[s.Name] = filepath.Join(s.process.Home, dataFolder)
		}
	}
	return p.serving.close()
}

// findServiceTool finds the program of a service.
func (h Host) findServiceTool(ctx context.Context, name string) (Tool, error) {
	s, err := service(name)
	if err != nil {
		return Tool{}, err
	}
	path := ""
	for _, pair := range h.Env {
		if text, is := strings.CutPrefix(pair, "PATH="); is {
			path = text
		}
	}
	row := finderOf(s.Tool)
	tool, err := row.find(ctx, search{path: path, found: h.Tools}, s.Tool)
	if err == nil && tool.Path == "" {
		err = &MissingServiceError{name, row.provided}
	}
	return tool, err
}

// MissingServiceError says that the program of a service is not installed.
type MissingServiceError struct {
	Service  string
	Provided string // the command that installs it
}

func (e *MissingServiceError) Error() string {
	return fmt.Sprintf("the app uses %s, of which every boot would get a server of its own, and it is not installed: "+
		"run `%s`; or, if the server that the settings name is there to be measured, allow it with app.services: [%s]",
		e.Service, e.Provided, OwnServices)
}

// serving are services that run outside of any boot.
type serving struct {
	all     []served
	running []*proc.Process
	ports   []*Ports
}

// serviceTimeout bounds the start of a service, with its first data.
const serviceTimeout = time.Minute

// start starts services, with the databases named for each. They run in a folder of their own.
func (v *serving) start(ctx context.Context, site *Site, folder string, databases map[string][]string) (err error) {
	h := &site.Host
	h.Tools = maps.Clone(h.Tools)
	if os.Geteuid() == 0 { // some refuse to run as root
		if h.ServeAs, err = unprivileged(folder); err != nil {
			return fmt.Errorf("starting services: %w", err)
		}
	}
	dir, err := os.MkdirTemp(site.Scratch, "services-")
	if err == nil && h.ServeAs != nil { // to be passed through, not listed
		err = errors.Join(os.Chmod(site.Scratch, 0o711), os.Chmod(dir, 0o711))
	}
	if err == nil {
		err = closedTo(h.ServeAs, dir)
	}
	if err != nil {
		return fmt.Errorf("starting services: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, serviceTimeout,
		fmt.Errorf("%v: %w", serviceTimeout, context.DeadlineExceeded))
	defer cancel()
	for _, name := range slices.Sorted(maps.Keys(databases)) {
		if err := v.startOne(ctx, site, name, dir, databases[name]); err != nil {
			return fmt.Errorf("starting %s: %w", name, err)
		}
	}
	return nil
}

// closedTo returns the folder on the way to another that a user cannot enter, if there is one.
func closedTo(as *proc.User, dir string) error {
	if as == nil {
		return nil
	}
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return err
		}
		mine := false
		if owner, is := info.Sys().(*syscall.Stat_t); is {
			mine = owner.Uid == as.UID
		}
		if !mine && info.Mode()&0o001 == 0 {
			return &ConfigError{fmt.Errorf("a database refuses to run as root, and the user %s cannot enter %s: "+
				"set TMPDIR to a folder that everyone can enter, or run bench as another user", as.Name, at)}
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

func (v *serving) startOne(ctx context.Context, site *Site, name, dir string, databases []string) error {
	s, err := service(name)
	if err != nil {
		return err
	}
	if site.Host.Tools[s.Tool], err = site.Host.findServiceTool(ctx, name); err != nil {
		return err
	}
	r := s.replica(dir)
	ports, err := ReservePorts(site.Locks, len(s.Process.Ports))
	if err != nil {
		return err
	}
	v.ports = append(v.ports, ports)
	for i, port := range s.Process.Ports {
		r.ports[port] = ports.Numbers[i]
	}
	placed, err := s.at(r, site.Host)
	if err != nil {
		return err
	}
	if err := placed.first(ctx, site); err != nil {
		return err
	}
	p := placed.process
	log := filepath.Join(p.Home, p.Name+".log")
	process, err := site.Keeper.Start(proc.Spec{
		Name: p.Name, Argv: p.Argv, Env: p.Env, Dir: p.Home, Stop: p.Stop, User: p.RunAs, Log: log,
	})
	if err != nil {
		return err
	}
	v.all, v.running = append(v.all, placed), append(v.running, process)
	kind, err := probe.Lookup(p.Stats)
	if err != nil {
		return err
	}
	observed := probe.Process{PID: process.PID(), Dir: p.Home, Log: log, Ports: p.Ports}
	if err := awaitService(ctx, kind, observed, process); err != nil {
		return fmt.Errorf("%w\nlast lines of its log:\n  %s", err, strings.ReplaceAll(process.LogTail(10), "\n", "\n  "))
	}
	return placed.create(ctx, site, databases)
}

// first makes the service's folder, with its files and its first data.
func (s served) first(ctx context.Context, site *Site) error {
	p := s.process
	if err := p.makeHome(); err != nil {
		return err
	}
	for _, f := range p.Files {
		if err := os.WriteFile(f.Path, []byte(f.Text), 0o600); err != nil {
			return err
		}
	}
	if err := p.RunAs.Own(p.Home); err != nil || len(s.Init) == 0 {
		return err
	}
	return s.command(ctx, site, s.Init)
}

// create makes the databases: those named, and the one that apps use which name none.
func (s served) create(ctx context.Context, site *Site, names []string) error {
	if len(s.Create) == 0 {
		return nil
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(append([]string{s.Database}, names...)))) {
		if name == "" || name == "postgres" || strings.HasPrefix(name, "template") {
			continue
		}
		if err := s.command(ctx, site, append(slices.Clone(s.Create), "--", name)); err != nil {
			return err
		}
	}
	return nil
}

// command runs a command of the service, as its user.
func (s served) command(ctx context.Context, site *Site, words []string) error {
	r := &replica{name: s.process.Name, definition: s.Process, dir: s.process.Home, ports: s.process.Ports}
	data := renderData{Host: site.Host, Dir: s.process.Home, self: r, tools: []string{s.Tool}}
	argv, err := renderWords(s.Name, words, data)
	if err != nil {
		return err
	}
	output, err := site.Keeper.Run(ctx, proc.Spec{
		Name: filepath.Base(argv[0]), Argv: argv, Env: s.process.Env, Dir: s.process.Home, User: s.process.RunAs,
	})
	if err != nil {
		return &PrepareError{Step: argv, Output: output, Err: err}
	}
	return nil
}

// stopTimeout is how long services have to write what they hold.
const stopTimeout = 30 * time.Second

// close stops the services, the last first. It may be called twice.
func (v *serving) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	var errs []error
	for _, p := range slices.Backward(v.running) {
		errs = append(errs, p.Close(ctx))
	}
	for _, p := range v.ports {
		errs = append(errs, p.Close())
	}
	v.running, v.ports = nil, nil
	return errors.Join(errs...)
}
