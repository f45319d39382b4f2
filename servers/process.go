package servers

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
)

func (p ProcessDefinition) process(d Definition, data renderData) (Process, error) {
	reload, err := p.reload()
	if err != nil {
		return Process{}, err
	}
	out := Process{
		Name: data.self.name, Kind: p.Name, Tier: p.Tier, WorkerTier: p.WorkerTier, LeaderTier: p.LeaderTier,
		Dir: data.self.dir, Home: data.self.dir, Stop: stopSignals[p.Stop], Reload: reload, Stats: p.Stats,
		Ports: data.self.ports, Relay: data.self.relay, Host: data.Host.Name, IP: data.self.ip,
		Entry: p.entry(d, data.self.ports), IsEntry: p.Name == d.Entry.Process,
	}
	if p.Dir == "app" {
		out.Dir = data.App.Dir
	}
	if err := p.numbers(&out, data); err != nil {
		return out, err
	}
	program, err := render("argv[0]", p.Argv[0], data)
	if err != nil {
		return out, err
	}
	if program == "" {
		return out, fmt.Errorf("argv[0]: %s renders to an empty string; is the tool listed under tools?", p.Argv[0])
	}
	if out.Argv, err = renderWords("argv", p.Argv, data); err != nil {
		return out, err
	}
	if out.Files, err = p.files(d, data); err != nil {
		return out, err
	}
	out.Env, err = p.env(d, data)
	return out, err
}

// files renders the process's files; one whose path renders to an empty string is left out.
func (p ProcessDefinition) files(d Definition, data renderData) (files []File, err error) {
	for _, f := range p.Files {
		copies, err := renderInt("copies of "+f.Template, f.Copies, 1, data)
		if err != nil {
			return nil, err
		}
		for data.Copy = 1; data.Copy <= copies; data.Copy++ {
			file, err := f.file(d, data)
			if err != nil {
				return nil, err
			}
			if file.Path != "" {
				files = append(files, file)
			}
		}
	}
	return files, nil
}

// file renders one copy of a file. Its path is empty if it is left out.
func (f FileDefinition) file(d Definition, data renderData) (File, error) {
	path, err := render("path of "+f.Template, f.Path, data)
	if err != nil || path == "" {
		return File{}, err
	}
	if !filepath.IsLocal(path) {
		return File{}, fmt.Errorf("file %q is outside the process's folder", path)
	}
	text, err := render(f.Template, d.templates[f.Template], data)
	return File{filepath.Join(data.self.dir, path), text}, err
}

// entry is the port on which a process takes requests: the topology's entry, or its own first port.
func (p ProcessDefinition) entry(d Definition, ports map[string]int) int {
	switch {
	case p.Name == d.Entry.Process:
		return ports[d.Entry.Port]
	case len(p.Ports) > 0:
		return ports[p.Ports[0]]
	}
	return 0
}

// numbers renders the numeric keys: workers, loops and the CPU limit.
func (p ProcessDefinition) numbers(out *Process, data renderData) (err error) {
	if out.Workers, err = renderInt("workers", p.Workers, 0, data); err != nil {
		return err
	}
	if out.Loops, err = renderInt("loops", p.Loops, 1, data); err != nil {
		return err
	}
	percent, err := renderInt("cpu", p.CPU, 0, data)
	if err != nil {
		return err
	}
	if percent < 0 {
		return fmt.Errorf("cpu: %d is not a percentage of a core: want 0 or more", percent)
	}
	out.Cores = float64(percent) / 100
	return nil
}

// env is the environment of a process: the host's variables, Python's settings for repeatable
// runs, the app's variables and the process's own.
func (p ProcessDefinition) env(d Definition, data renderData) ([]string, error) {
	vars := map[string]string{
		"LC_CTYPE":                      "C.UTF-8", // as Python sets it for itself, but not within another server
		"PYTHONDONTWRITEBYTECODE":       "1",       // leaves the app's folder unchanged
		"PYTHONHASHSEED":                "0",
		"PYTHONUNBUFFERED":              "1",
		"DJANGO_RUNSERVER_HIDE_WARNING": "true",
		"BENCH_INSTANCE":                data.self.name,
	}
	if settings := data.App.Settings; settings != "" {
		vars["DJANGO_SETTINGS_MODULE"] = settings
	}
	maps.Copy(vars, data.App.Environment())
	for _, s := range data.services {
		s.into(vars)
	}
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
	overlay(vars, data.App, data.Host, data.services, d.Debug == data.Param["profile"])
	env := slices.Clone(data.Host.Env)
	for _, key := range slices.Sorted(maps.Keys(vars)) {
		env = append(env, key+"="+vars[key])
	}
	return env, nil
}
