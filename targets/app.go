package targets

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bench/internal/strict"
)

// ProjectFile is the name of the file that makes a folder a project that bench can boot.
const ProjectFile = "bench.yaml"

// App is what the servers need to know about a web application. Its strings may contain {state},
// a folder that every boot gets a fresh copy of, {build}, one that all boots share, and {secret}, a
// random key that the processes of a boot share.
type App struct {
	Name     string `json:"name"`
	Dir      string `json:"-"`                  // where its modules are; not in records, which travel
	Root     string `json:"-"`                  // the whole project: the folder of its bench.yaml
	WSGI     string `json:"wsgi,omitempty"`     // module:attribute, or module:factory() to be called; empty: none
	ASGI     string `json:"asgi,omitempty"`     // likewise
	Settings string `json:"settings,omitempty"` // of a Django project; empty: not one
	Python   string `json:"python,omitempty"`   // interpreter; empty: bench's own
	// Requirements is a requirements file for pip; if no interpreter is given, bench creates an
	// environment from it.
	Requirements string `json:"requirements,omitempty"`
	Health       string `json:"health"` // path that answers 2xx or 3xx when the app works
	// HealthHeader are headers that a request for Health needs.
	HealthHeader map[string]string `json:"-"`
	// Host is the Host header of every request that names no other; empty: DefaultHost.
	Host   string `json:"host,omitempty"`
	Static Static `json:"static"`
	// Env is the app's environment, as literal texts. EnvFrom names variables of bench's own
	// environment, and EnvFile a file of KEY=VALUE lines; what they give is in Secrets.
	Env     map[string]string `json:"env,omitempty"`
	EnvFrom []string          `json:"env_from,omitempty"`
	EnvFile string            `json:"env_file,omitempty"`
	Secrets map[string]string `json:"-"` // never written anywhere
	// DebugEnv is added where a topology runs with DEBUG on.
	DebugEnv map[string]string `json:"debug_env,omitempty"`
	// Override replaces settings of Django, by name.
	Override map[string]any `json:"override,omitempty"`
	// State are files and folders within Root that every boot gets a fresh copy of. They are taken from
	// StateFrom, if that is not Root itself: files that git ignores are not part of a version.
	State []string `json:"state,omitempty"`
	// Services are servers that the app asks, such as its database, of which bench runs its own; see servers.Service.
	Services  []string   `json:"services,omitempty"`
	Owned     bool       `json:"-"` // Dir is bench's own: nothing in it has to be left alone
	StateFrom string     `json:"-"`
	Prepare   [][]string `json:"prepare,omitempty"` // run once, in order, before the first boot
	// PrepareTimeout bounds each step; 0: DefaultPrepareTimeout.
	PrepareTimeout time.Duration `json:"prepare_timeout_ns,omitempty"`
	// AnyMigrations leaves out the question whether a migration is missing.
	AnyMigrations bool `json:"any_migrations,omitempty"`
}

// DefaultHost is the Host header of requests unless the app names another: the same for every topology,
// since an app may answer with links to itself.
const DefaultHost = "127.0.0.1"

// DefaultPrepareTimeout bounds a step of the preparation that names no other limit.
const DefaultPrepareTimeout = 5 * time.Minute

// Static says which URL prefix is served from which folder.
type Static struct {
	URL  string `json:"url"`
	Root string `json:"root"`
}

// Project is the content of a bench.yaml: the app, the requests to send it and the objectives.
type Project struct {
	App        App
	Mix        Mix      // without targets: the scenario's own mix is used
	Objectives []string // for results.ParseObjective
	Flags      map[string]any
}

type projectFile struct {
	App        *appFile       `yaml:"app"`
	Mix        []Entry        `yaml:"mix"`
	Objectives []string       `yaml:"objectives"`
	Flags      map[string]any `yaml:"flags"`
}

// appFile is the app section of a bench.yaml.
type appFile struct {
	Name           string            `yaml:"name"`
	Dir            string            `yaml:"dir"`
	WSGI           string            `yaml:"wsgi"`
	ASGI           string            `yaml:"asgi"`
	Settings       string            `yaml:"settings"`
	Python         string            `yaml:"python"`
	Requirements   string            `yaml:"requirements"`
	Health         healthFile        `yaml:"health"`
	Host           string            `yaml:"host"`
	Static         Static            `yaml:"static"`
	Env            map[string]string `yaml:"env"`
	EnvFrom        []string          `yaml:"env_from"`
	EnvFile        string            `yaml:"env_file"`
	DebugEnv       map[string]string `yaml:"debug_env"`
	Override       map[string]any    `yaml:"override"`
	State          []string          `yaml:"state"`
	Services       []string          `yaml:"services"`
	Prepare        [][]string        `yaml:"prepare"`
	PrepareTimeout time.Duration     `yaml:"prepare_timeout"`
	MigrateCheck   *bool             `yaml:"migrate_check"`
}

// healthFile is a path, or a path with the headers that it needs.
type healthFile struct {
	Path    string            `yaml:"path"`
	Headers map[string]string `yaml:"headers"`
}

// UnmarshalYAML is part of the YAML library's InterfaceUnmarshaler.
func (h *healthFile) UnmarshalYAML(decode func(any) error) error {
	if decode(&h.Path) == nil {
		return nil
	}
	type fields healthFile
	return decode((*fields)(h))
}

func (f appFile) app() App {
	return App{
		Name: f.Name, Dir: f.Dir, WSGI: f.WSGI, ASGI: f.ASGI, Settings: f.Settings,
		Python: f.Python, Requirements: f.Requirements,
		Health: f.Health.Path, HealthHeader: f.Health.Headers, Host: f.Host, Static: f.Static,
		Env: f.Env, EnvFrom: f.EnvFrom, EnvFile: f.EnvFile, DebugEnv: f.DebugEnv,
		Override: f.Override, State: f.State, Services: f.Services, Prepare: f.Prepare, PrepareTimeout: f.PrepareTimeout,
		AnyMigrations: f.MigrateCheck != nil && !*f.MigrateCheck,
	}
}

// LoadProject reads DIR/bench.yaml.
func LoadProject(dir string) (Project, error) {
	path := filepath.Join(dir, ProjectFile)
	data, err := os.ReadFile(path)
	if below := projectsBelow(dir); errors.Is(err, os.ErrNotExist) && len(below) > 0 {
		return Project{}, fmt.Errorf("reading the app in %s: there is no %s, but there is %s: name its folder with --app %s",
			dir, ProjectFile, filepath.Join(below[0], ProjectFile), below[0])
	}
	if errors.Is(err, os.ErrNotExist) {
		const format = "reading the app in %s: there is no %s; " +
			"`bench init` writes one (docs/OWN-APP.md)"
		return Project{}, fmt.Errorf(format, dir, ProjectFile)
	}
	if err != nil {
		return Project{}, fmt.Errorf("reading the app in %s: %w", dir, err)
	}
	project, err := ParseProject(data, Files(dir))
	if err != nil {
		return Project{}, fmt.Errorf("%s: %w", path, err)
	}
	root, err := filepath.Abs(dir)
	if err != nil {
		return Project{}, fmt.Errorf("reading the app in %s: %w", dir, err)
	}
	project.App.Root, project.App.Dir = root, filepath.Join(root, project.App.Dir)
	if info, err := os.Stat(project.App.Dir); err != nil || !info.IsDir() {
		return Project{}, fmt.Errorf("%s: app.dir: %s is not a folder", path, project.App.Dir)
	}
	if project.App.Name == "" {
		project.App.Name = filepath.Base(root)
	}
	if p := project.App.Python; strings.ContainsRune(p, os.PathSeparator) && !filepath.IsAbs(p) {
		project.App.Python = filepath.Join(root, p)
	}
	if list := project.App.Requirements; list != "" {
		if !filepath.IsAbs(list) {
			project.App.Requirements = filepath.Join(root, list)
		}
		if _, err := os.Stat(project.App.Requirements); err != nil {
			return Project{}, fmt.Errorf("%s: app.requirements: %w", path, err)
		}
	}
	return project, nil
}

// ParseProject reads the text of a bench.yaml. The app's folder is relative to it. A file
// without an app may set flags or a mix, whose bodies may be in files of the given folder.
func ParseProject(data []byte, files Files) (Project, error) {
	var f projectFile
	if err := strict.YAML(data, &f); err != nil {
		return Project{}, err
	}
	p := Project{Objectives: f.Objectives, Flags: f.Flags}
	if f.App != nil {
		p.App = f.App.app()
	}
	if dir := p.App.Dir; dir != "" && !filepath.IsLocal(dir) {
		return Project{}, fmt.Errorf("app.dir %q: want a folder below that of bench.yaml, such as src", dir)
	}
	if p.App.Health == "" {
		p.App.Health = "/"
	}
	if f.App != nil {
		if err := p.App.Validate(); err != nil {
			return Project{}, err
		}
	}
	if len(f.Mix) > 0 {
		mix, err := MixOf(f.Mix, files)
		if err != nil {
			return Project{}, fmt.Errorf("mix: %w", err)
		}
		p.Mix = mix
	}
	if p.App.Host == "" {
		p.App.Host = p.Mix.commonHost()
	}
	return p, nil
}

// Validate reports everything that prevents the app from being booted.
func (a App) Validate() error {
	var errs []error
	if !a.Described() {
		errs = append(errs, errors.New("app: want wsgi, such as mysite.wsgi:application, or asgi, or both"))
	}
	for _, c := range [][2]string{{"wsgi", a.WSGI}, {"asgi", a.ASGI}} {
		if key, name := c[0], c[1]; name != "" && !callable(name) {
			errs = append(errs, fmt.Errorf("app.%s %q: want module:attribute, such as mysite.%s:application, "+
				"or module:factory()", key, name, key))
		}
	}
	if a.Settings != "" && !dotted(a.Settings) {
		errs = append(errs, fmt.Errorf("app.settings %q: want a module, such as mysite.settings", a.Settings))
	}
	if !strings.HasPrefix(a.Health, "/") {
		errs = append(errs, fmt.Errorf("app.health %q: want a path that starts with /", a.Health))
	}
	if u := a.Static.URL; u != "" && (!strings.HasPrefix(u, "/") || !strings.HasSuffix(u, "/") || u == "/") {
		errs = append(errs, fmt.Errorf("app.static.url %q: want a path such as /static/, with a slash at both ends", u))
	}
	if (a.Static.URL == "") != (a.Static.Root == "") {
		errs = append(errs, errors.New("app.static: url and root must be given together"))
	}
	errs = append(errs, a.hostFaults()...)
	errs = append(errs, a.envFaults()...)
	errs = append(errs, a.stateFaults()...)
	if a.PrepareTimeout < 0 {
		errs = append(errs, fmt.Errorf("app.prepare_timeout %v: want a time such as 10m", a.PrepareTimeout))
	}
	for i, argv := range a.Prepare {
		if len(argv) == 0 {
			errs = append(errs, fmt.Errorf("app.prepare[%d]: empty command", i))
		}
	}
	return errors.Join(errs...)
}

// Described reports whether there is an app: something that a server can load.
func (a App) Described() bool { return a.WSGI != "" || a.ASGI != "" }

// callable reports whether s names an application, or a factory that returns one.
func callable(s string) bool {
	module, attribute, found := strings.Cut(strings.TrimSuffix(s, "()"), ":")
	return found && dotted(module) && dotted(attribute)
}

// dotted reports whether s is a dotted Python name. The names go into configuration files, so
// nothing else may pass.
func dotted(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" {
			return false
		}
		for i, c := range part {
			letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
			if !letter && (i == 0 || c < '0' || c > '9') {
				return false
			}
		}
	}
	return true
}

// Places are what the placeholders in an app's strings stand for in one boot.
type Places struct {
	State, Build string // folders
	Secret       string // a random key
}

// Expand returns the app with its placeholders replaced.
func (a App) Expand(p Places) App {
	return a.replaced(strings.NewReplacer("{state}", p.State, "{build}", p.Build, "{secret}", p.Secret).Replace)
}

// WithServices returns the app with the placeholders of services, such as {name}, replaced by their URLs.
func (a App) WithServices(urls map[string]string) App {
	if len(urls) == 0 {
		return a
	}
	var pairs []string
	for placeholder, url := range urls {
		pairs = append(pairs, placeholder, url)
	}
	return a.replaced(strings.NewReplacer(pairs...).Replace)
}

// Folder is the whole project's: Root, or Dir where that is unknown.
func (a App) Folder() string { return cmp.Or(a.Root, a.Dir) }

// In returns the app with its project in another folder: paths in the old one become paths in that.
func (a App) In(folder string) App {
	old, dir := a.Folder(), folder
	if rel, err := filepath.Rel(old, a.Dir); err == nil {
		dir = filepath.Join(folder, rel)
	}
	if old != "" && old != folder {
		move := func(s string) string {
			if s == old {
				return folder
			}
			return strings.ReplaceAll(s, old+string(filepath.Separator), folder+string(filepath.Separator))
		}
		a = a.replaced(move)
		a.Secrets = mapValues(a.Secrets, move)
	}
	if root := a.Static.Root; root != "" && !filepath.IsAbs(root) && !strings.HasPrefix(root, "{") {
		a.Static.Root = filepath.Join(dir, root)
	}
	a.Root, a.Dir = folder, dir
	return a
}

// replaced returns the app with a function applied to the strings that name places.
func (a App) replaced(replace func(string) string) App {
	a.Static.Root = replace(a.Static.Root)
	a.Env = mapValues(a.Env, replace)
	a.DebugEnv = mapValues(a.DebugEnv, replace)
	a.Override = replaceTexts(a.Override, replace).(map[string]any)
	prepare := make([][]string, len(a.Prepare))
	for i, argv := range a.Prepare {
		for _, word := range argv {
			prepare[i] = append(prepare[i], replace(word))
		}
	}
	a.Prepare = prepare
	return a
}

// replaceTexts replaces the texts within a value of a YAML file.
func replaceTexts(v any, replace func(string) string) any {
	switch v := v.(type) {
	case string:
		return replace(v)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = replaceTexts(item, replace)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[key] = replaceTexts(item, replace)
		}
		return out
	}
	return v
}

func mapValues(m map[string]string, f func(string) string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = f(v)
	}
	return out
}
