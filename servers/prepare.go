package servers

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bench/internal/proc"
	"bench/results"
	"bench/targets"
)

// PrepareError says which step of an app's preparation failed.
type PrepareError struct {
	Step   []string
	Output string
	Err    error
}

func (e *PrepareError) Error() string {
	text := "preparing the app: "
	if cause := raised(e.Output); cause != "" {
		text += cause + ": "
	}
	text += fmt.Sprintf("%s: %v", strings.Join(e.Step, " "), e.Err)
	if diagnostic, hint := explain(e.Output); diagnostic != "" {
		text += ": " + diagnostic + "\n" + hint
	}
	if e.Output != "" {
		text += "\nlast lines of its output:\n  " + strings.ReplaceAll(e.Output, "\n", "\n  ")
	}
	return text
}

func (e *PrepareError) Unwrap() error { return e.Err }

// Prepare runs the app's own steps (migrate, collectstatic, …) once; every later boot sees the result.
// It leaves the app's folder alone: what the steps, and boots, write goes into folders below dir, and into
// copies of the app's folder.
func (s *Site) Prepare(ctx context.Context, app targets.App, dir string) error {
	p := &preparation{site: s, app: app, dir: dir}
	s.Host.State, s.Host.Build = filepath.Join(dir, "state"), filepath.Join(dir, "build")
	for _, step := range []func(context.Context) error{
		p.folders, p.ask, p.serve, p.copy, p.run, p.check, p.keep,
	} {
		if err := step(ctx); err != nil {
			var failed *PrepareError
			if errors.As(err, &failed) {
				failed.Output = app.Redact(failed.Output)
			}
			return errors.Join(err, p.serving.close())
		}
	}
	return nil
}

// preparation is an app on its way to being ready to boot.
type preparation struct {
	site  *Site
	app   targets.App
	dir   string
	known bool // whether the settings were read
	found settings

	serving serving // the services that run for it
}

// folders creates the folders that the app's strings name.
func (p *preparation) folders(context.Context) error {
	if err := djangoTooOld(p.app, p.site.Host.Tools); err != nil {
		return err
	}
	for _, folder := range []string{p.site.Host.State, p.site.Host.Build} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return fmt.Errorf("preparing the app: %w", err)
		}
	}
	if len(p.app.Override) > 0 && p.app.Settings == "" {
		return &ConfigError{errors.New("app.override: replaces settings of Django, but app.settings names none")}
	}
	if len(p.app.Override) > 0 {
		p.site.Host.Overlay = filepath.Join(p.dir, "overlay")
		return WriteOverlay(p.site.Host.Overlay)
	}
	return nil
}

// ask reads the settings of a Django project.
func (p *preparation) ask(ctx context.Context) (err error) {
	h := &p.site.Host
	if p.app.Settings == "" || h.Tools["django"].Version == "" {
		return nil
	}
	if p.found, err = askDjango(ctx, p.site.Keeper, p.spec([]string{"python"})); err != nil {
		return err
	}
	p.known = true
	if p.found.drawsKey {
		h.DrawKey, h.Overlay = true, filepath.Join(p.dir, "overlay")
		if err := WriteOverlay(h.Overlay); err != nil {
			return err
		}
	}
	if p.found.Debug {
		p.site.note(results.Diagnostic{Code: "debug-on", Severity: results.Warning,
			Message: fmt.Sprintf("DEBUG is on in %s: it keeps every database query in memory, and makes most answers slower",
				p.app.Settings),
			Hint: "Switch it off in bench.yaml: app.override: {DEBUG: false, ALLOWED_HOSTS: [\"*\"]}, or through app.env."})
	}
	return nil
}

// copy makes the tree: the copy of the app's folder that the app is prepared in.
func (p *preparation) copy(context.Context) error {
	h := &p.site.Host
	named := len(p.app.State)
	h.Copied = nil
	for _, path := range p.app.State {
		h.Copied = append(h.Copied, filepath.Clean(path))
	}
	p.databases()
	if p.app.Owned {
		return nil
	}
	h.Tree = filepath.Join(p.dir, "app")
	if err := copyFolder(p.app.Folder(), h.Tree); err != nil {
		return err
	}
	for i, path := range h.Copied {
		from := filepath.Join(cmp.Or(p.app.StateFrom, p.app.Folder()), path)
		found, err := copyState(from, filepath.Join(h.Tree, path))
		if err != nil {
			return err
		}
		if _, own := os.Stat(filepath.Join(h.Tree, path)); !found && own != nil && i < named && len(p.app.Prepare) == 0 {
			return &ConfigError{fmt.Errorf("app.state: there is no %s in %s", path, cmp.Or(p.app.StateFrom, p.app.Folder()))}
		}
	}
	return nil
}

// databases adds the app's SQLite databases to its state: a boot never works on the developer's.
func (p *preparation) databases() {
	h := &p.site.Host
	real, err := filepath.EvalSymlinks(p.app.Folder())
	if err != nil {
		real = p.app.Folder()
	}
	for _, file := range p.found.Files {
		switch rel := within(file, p.app.Folder(), real); {
		case within(file, p.dir) != "": // a copy anyway
		case rel == "":
			p.site.note(results.Diagnostic{Code: "shared-database", Severity: results.Warning,
				Message: fmt.Sprintf("the database %s is outside the app's folder: all boots use it as it is", file),
				Hint:    "Let app.env name a path in {state}, and fill that in app.prepare: each boot then gets a copy."})
		case !slices.ContainsFunc(h.Copied, func(s string) bool { return rel == s || within(rel, s) != "" }):
			p.site.say(fmt.Sprintf("each boot gets a copy of %s", rel))
			h.Copied = append(h.Copied, rel)
		}
	}
}

// within is a path relative to the first of the folders that contains it; empty: none does.
func within(path string, folders ...string) string {
	for _, folder := range folders {
		if rel, err := filepath.Rel(folder, path); err == nil && rel != "." && filepath.IsLocal(rel) {
			return rel
		}
	}
	return ""
}

// run runs the app's own steps.
func (p *preparation) run(ctx context.Context) error {
	for _, step := range p.expanded().Prepare {
		p.site.say("preparing the app: " + p.app.Redact(strings.Join(step, " ")))
		output, err := runStep(ctx, p.site.Keeper, p.spec(step), p.timeout())
		if err != nil {
			return &PrepareError{Step: step, Output: output, Err: err}
		}
	}
	for _, path := range p.app.State {
		if _, err := os.Stat(filepath.Join(p.site.Host.Tree, path)); err != nil {
			return &ConfigError{fmt.Errorf("app.state: there is no %s in %s, and no step of app.prepare makes it",
				path, cmp.Or(p.app.StateFrom, p.app.Folder()))}
		}
	}
	return nil
}

// check asks Django whether a migration is missing.
func (p *preparation) check(ctx context.Context) error {
	app := p.expanded()
	noDatabase := p.known && p.found.Databases == 0
	if app.Settings == "" || app.AnyMigrations || noDatabase || !isFile(filepath.Join(app.Dir, "manage.py")) {
		return nil
	}
	step := []string{"python", "manage.py", "migrate", "--check", "-v0"}
	output, err := runStep(ctx, p.site.Keeper, p.spec(step), p.timeout())
	if err == nil || strings.Contains(output, "settings.DATABASES is improperly configured") {
		return nil
	}
	return &PrepareError{Step: step, Output: output, Err: fmt.Errorf("a migration is missing, or the database cannot be "+
		"reached (app.migrate_check: false leaves this question out): %w", err)}
}

func (p *preparation) timeout() time.Duration {
	return cmp.Or(p.app.PrepareTimeout, targets.DefaultPrepareTimeout)
}

// expanded is the app where it is prepared.
func (p *preparation) expanded() targets.App {
	h := p.site.Host
	places := targets.Places{State: h.State, Build: h.Build, Secret: p.secret()}
	return p.app.Expand(places).WithServices(p.urls()).In(cmp.Or(h.Tree, p.app.Folder()))
}

// urls are those of the services. Before they run, which the settings decide, readers of settings get addresses of
// the right form.
func (p *preparation) urls() map[string]string {
	urls := serviceURLs(p.serving.all)
	for _, name := range p.app.Services {
		s, err := service(name)
		if _, runs := urls[placeholder(name)]; err != nil || runs {
			continue
		}
		r := s.replica(p.dir)
		for _, port := range s.Process.Ports {
			r.ports[port] = 1 // nothing is there yet
		}
		data := renderData{Host: p.site.Host, Dir: r.dir, self: r, all: []*replica{r}}
		if url, err := render("url", s.URL, data); err == nil {
			urls[placeholder(name)] = url
		}
	}
	return urls
}

// secret is the key of the preparation's own processes.
func (p *preparation) secret() string {
	if p.site.Host.Secret == "" {
		p.site.Host.Secret = rand.Text()
	}
	return p.site.Host.Secret
}

// spec describes a process of the preparation.
func (p *preparation) spec(argv []string) proc.Spec {
	h, app := p.site.Host, p.expanded()
	h.Secret = p.secret()
	vars := map[string]string{"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
	if app.Settings != "" {
		vars["DJANGO_SETTINGS_MODULE"] = app.Settings
	}
	maps.Copy(vars, app.Environment())
	for _, s := range p.serving.all {
		s.into(vars)
	}
	overlay(vars, app, h, p.serving.all, false)
	env := slices.Clone(h.Env)
	for _, key := range slices.Sorted(maps.Keys(vars)) {
		env = append(env, key+"="+vars[key])
	}
	argv = slices.Clone(argv)
	if argv[0] == "python" || argv[0] == "python3" {
		argv[0] = cmp.Or(h.Tools.Path("python"), argv[0])
	}
	return proc.Spec{Name: filepath.Base(argv[0]), Argv: argv, Env: env, Dir: app.Dir}
}

// runStep runs a command with a deadline.
func runStep(ctx context.Context, keeper *proc.Keeper, spec proc.Spec, limit time.Duration) (string, error) {
	step, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	output, err := keeper.Run(step, spec)
	if err != nil && step.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("it had not ended after %v and was stopped; if it needs longer, raise app.prepare_timeout", limit)
	}
	return output, err
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
