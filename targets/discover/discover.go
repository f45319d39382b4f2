package discover

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Search is what is searched, and what the search may use.
type Search struct {
	Dir      string            // absolute
	Settings string            // the settings module to use; empty: the likeliest
	User     map[string]string // the user's environment
	Env      []string          // the environment that servers get, KEY=value
	Scratch  string            // a folder for copies
	Run      Runner
	Ask      Asker
	OnPath   func(name string) string
	// Own is an interpreter of last resort, which need not be named in bench.yaml.
	Own string
	// Made is an interpreter with the packages of a list, which is then the only one to use.
	Made Made
	// Choose asks which of several candidates is meant; nil: the first.
	Choose func(what string, candidates []Candidate) (int, error)
	Say    func(string)
}

// Made is an environment that was made from a list of packages.
type Made struct {
	Python string // empty: there is none
	List   string // relative to the folder that is searched
}

// packageLists are the files that list a project's packages, those that pin them all first.
var packageLists = []string{
	"uv.lock", "poetry.lock", "requirements.txt", "requirements/production.txt", "requirements/prod.txt",
	"requirements/base.txt", "requirements/requirements.txt", "requirements/common.txt", "pyproject.toml",
}

// PackageLists are the lists of a folder, and of the project in it, likeliest first.
func PackageLists(dir string) (lists []string) {
	folders := []string{"."}
	if tree, err := ReadTree(os.DirFS(dir)); err == nil {
		if projects := tree.Projects(); len(projects) > 0 && projects[0].Dir != "." {
			folders = []string{projects[0].Dir, "."}
		}
	}
	for _, folder := range folders {
		for _, name := range packageLists {
			if name = filepath.Join(folder, name); isFile(filepath.Join(dir, name)) {
				lists = append(lists, name)
			}
		}
	}
	return lists
}

// NothingFoundError says that a folder holds no app that can be recognised.
type NothingFoundError struct {
	Dir   string
	Files int
	Above string // a folder above with a manage.py; empty: none
}

func (e *NothingFoundError) Error() string {
	if e.Above != "" {
		return fmt.Sprintf("looking for an app in %s: there is none in or below it, but %s has a manage.py: "+
			"run bench init there, or name the folder: bench init %[2]s", e.Dir, e.Above)
	}
	return fmt.Sprintf("looking for an app in %s: none of its %d files is a manage.py or defines a WSGI or ASGI "+
		"application: name the folder that has it (bench init DIR), or write bench.yaml by hand (README, section "+
		"\"Your own project\")",
		e.Dir, e.Files)
}

// NotLoadedError says why an app that was found could not be loaded.
type NotLoadedError struct {
	What     string
	Python   string
	Failure  *failure
	Attempts []string // what else was tried
}

func (e *NotLoadedError) Error() string {
	text := fmt.Sprintf("loading %s with %s: %v", e.What, e.Python, e.Failure)
	for _, other := range e.Attempts {
		text += "\n  also tried: " + other
	}
	return text + "\n" + e.hint()
}

func (e *NotLoadedError) hint() string {
	switch {
	case e.Failure.Module != "":
		return fmt.Sprintf("install the project's packages for that interpreter, or activate the environment that has %s, "+
			"and run bench init again", e.Failure.Module)
	case len(e.Failure.Wants) > 0:
		return fmt.Sprintf("set %s in the environment, and run bench init again: bench.yaml then names it under app.env_from",
			strings.Join(e.Failure.Wants, " and "))
	}
	return "fix that, or name other settings with --settings MODULE, and run bench init again"
}

// Discover finds the app in a folder, asks it for its routes, and proposes how to measure it.
func Discover(ctx context.Context, s Search) (Proposal, error) {
	tree, err := ReadTree(os.DirFS(s.Dir))
	if err != nil {
		return Proposal{}, fmt.Errorf("reading %s: %w", s.Dir, err)
	}
	projects := tree.Projects()
	if len(projects) == 0 {
		return Proposal{}, &NothingFoundError{s.Dir, len(tree.Files), managedAbove(s.Dir)}
	}
	e := explorer{Search: s, tree: tree}
	if e.project, err = e.chooseProject(projects); err != nil {
		return Proposal{}, err
	}
	e.dir = filepath.Join(s.Dir, filepath.FromSlash(e.project.Dir))
	e.readEnvFile()
	ways, err := e.ways()
	if err != nil {
		return Proposal{}, err
	}
	if err := e.load(ctx, ways); err != nil {
		return Proposal{}, err
	}
	return e.propose(), nil
}

// explorer is a search under way.
type explorer struct {
	Search
	tree    Tree
	project Project
	dir     string // of the project, absolute

	envFile   string // relative to the folder searched
	inEnvFile map[string]string

	way       way
	found     answer
	variables Variables
	override  map[string]any
	notes     []string // what bench init did not know
	changes   []string // likewise, about what it had to replace
	sqlite    bool     // whether the project's database was replaced by an empty SQLite one
	own       database // that was replaced
}

func (e *explorer) say(format string, args ...any) {
	if e.Say != nil {
		e.Say(fmt.Sprintf(format, args...))
	}
}

func (e *explorer) note(format string, args ...any) {
	e.notes = append(e.notes, fmt.Sprintf(format, args...))
}

func (e *explorer) change(format string, args ...any) {
	e.changes = append(e.changes, fmt.Sprintf(format, args...))
}

// chooseProject asks which of several projects is meant.
func (e *explorer) chooseProject(projects []Project) (Project, error) {
	if len(projects) == 1 || projects[0].Dir == "." && projects[0].Django {
		return projects[0], nil
	}
	var candidates []Candidate
	var others []string
	for i, p := range projects {
		why := "has a manage.py"
		if !p.Manage && len(p.Apps) > 0 {
			why = p.Apps[0].Name + ", " + p.Apps[0].Why
		}
		candidates = append(candidates, Candidate{p.Dir, why})
		if i > 0 {
			others = append(others, p.Dir)
		}
	}
	at, err := e.choose("projects", candidates)
	if err != nil {
		return Project{}, err
	}
	if at == 0 {
		e.note("there are other projects in this folder, each of which `bench init DIR` describes: %s", shortList(others, 4))
	}
	return projects[at], nil
}

func (e *explorer) choose(what string, candidates []Candidate) (int, error) {
	if e.Choose == nil || len(candidates) < 2 {
		return 0, nil
	}
	return e.Choose(what, candidates)
}

// readEnvFile reads the project's .env file, in case the project itself does not.
func (e *explorer) readEnvFile() {
	for _, dir := range e.folders() {
		text, err := os.ReadFile(filepath.Join(dir, ".env"))
		if err != nil {
			continue
		}
		if e.inEnvFile = readEnv(string(text)); len(e.inEnvFile) > 0 {
			e.envFile, _ = filepath.Rel(e.Dir, filepath.Join(dir, ".env"))
			return
		}
	}
}

// folders are those from the project's up to the one that was searched.
func (e *explorer) folders() (dirs []string) {
	for dir := e.dir; ; dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
		if dir == e.Dir || dir == filepath.Dir(dir) {
			return dirs
		}
	}
}

// way is one way to load the app.
type way struct {
	settings    Candidate // of a Django project
	application Candidate // of another app
	python      Interpreter
}

func (w way) what() string {
	if w.settings.Name != "" {
		return w.settings.Name
	}
	return w.application.Name
}

// mostWays bounds the attempts to load an app.
const mostWays = 12

// ways lists how the app may be loaded: the likeliest settings or application first, and each of them
// with the likeliest interpreter.
func (e *explorer) ways() (ways []way, err error) {
	pythons := Interpreters(e.User, e.folders(), e.Ask, e.OnPath)
	if e.Made.Python != "" {
		pythons = []Interpreter{{e.Made.Python, "made from " + e.Made.List}}
	}
	if e.Own != "" {
		pythons = append(pythons, Interpreter{e.Own, "bench's own environment"})
	}
	if len(pythons) == 0 {
		return nil, errors.New("looking for a Python interpreter: there is none beside the project or on PATH: " +
			"install python3")
	}
	add := func(w way) {
		for _, w.python = range pythons {
			ways = append(ways, w)
		}
	}
	if !e.project.Django {
		at, err := e.choose("applications", e.project.Apps)
		if err != nil {
			return nil, err
		}
		for _, c := range slices.Concat(e.project.Apps[at:at+1], e.project.Apps[:at], e.project.Apps[at+1:]) {
			add(way{application: c})
		}
		return ways[:min(len(ways), mostWays)], nil
	}
	settings := e.project.Settings
	switch {
	case e.Settings != "":
		settings = []Candidate{{e.Settings, "--settings names it"}}
	case e.User["DJANGO_SETTINGS_MODULE"] != "":
		settings = slices.Concat([]Candidate{{e.User["DJANGO_SETTINGS_MODULE"], "DJANGO_SETTINGS_MODULE names it"}}, settings)
	case len(settings) == 0:
		return nil, fmt.Errorf("looking for the settings of the project in %s: no module looks like them: "+
			"name it with --settings MODULE", e.dir)
	}
	at, err := e.choose("settings", settings)
	if err != nil {
		return nil, err
	}
	for _, c := range slices.Concat(settings[at:at+1], settings[:at], settings[at+1:]) {
		add(way{settings: c})
	}
	return ways[:min(len(ways), mostWays)], nil
}

// load tries one way after another, until the app loads and answers.
func (e *explorer) load(ctx context.Context, ways []way) error {
	var first *NotLoadedError
	var failed []string
	var silent *explorer // the first that loads, and answers nothing
	for i, w := range ways {
		if silent != nil && silent.way.what() == w.what() {
			continue // another interpreter would not change that
		}
		try := *e
		try.way = w
		why, err := try.attempt(ctx)
		if err != nil {
			return err
		}
		if why == nil {
			if try.answers() {
				*e = try
				break
			}
			if silent == nil {
				silent = &try
			}
			why = &failure{Type: "every route fails", Message: try.firstFailure()}
		}
		text := fmt.Sprintf("%s with %s: %v", w.what(), w.python.Path, why)
		if first == nil {
			first = &NotLoadedError{w.what(), w.python.Path, why, nil}
		} else if len(first.Attempts) < 4 {
			first.Attempts = append(first.Attempts, text)
		}
		if w.what() != ways[min(i+1, len(ways)-1)].what() { // that another interpreter lacks the packages says nothing
			failed = append(failed, text)
		}
	}
	switch {
	case e.way.what() != "" && len(failed) > 0:
		e.note("these do not work: %s", strings.Join(failed, "; "))
	case e.way.what() == "" && silent != nil:
		*e = *silent
	case e.way.what() == "":
		return first
	}
	return nil
}

// answers reports whether any route does something else than fail.
func (e *explorer) answers() bool {
	return slices.ContainsFunc(e.found.Routes, func(r Route) bool { return r.group("") != Fails })
}

func (e *explorer) firstFailure() string {
	for _, r := range e.found.Routes {
		if r.Failure != nil {
			return r.Path + ": " + r.Failure.Error()
		}
	}
	return "no exception is known"
}

// mostVariables bounds the variables that are supplied, one attempt each.
const mostVariables = 25

// attempt loads the app and asks its routes, supplying what its settings miss. It returns what keeps the
// app from loading, if anything.
func (e *explorer) attempt(ctx context.Context) (*failure, error) {
	e.say("trying %s with %s (%s)", e.way.what(), e.way.python.Path, e.way.python.Why)
	for range mostVariables {
		why, err := e.describe(ctx)
		if err != nil || why != nil {
			return why, err
		}
		if why, err = e.settle(ctx); err != nil || why != nil {
			return why, err
		}
		if e.answers() || !e.supplyRoutes() {
			return nil, nil
		}
	}
	return nil, nil
}

// describe asks the project for its description, again and again while something can be supplied.
func (e *explorer) describe(ctx context.Context) (*failure, error) {
	for range mostVariables {
		var err error
		if e.found, err = e.ask(ctx, false); err != nil {
			return &failure{Type: "not an interpreter", Message: err.Error()}, ctx.Err()
		}
		why := e.failure()
		if why == nil || !e.supply(why) {
			return why, nil
		}
	}
	return e.failure(), nil
}

// supplyRoutes provides what the routes miss; false: nothing new.
func (e *explorer) supplyRoutes() bool {
	for _, r := range e.found.Routes {
		if r.Failure != nil && e.supply(r.Failure) {
			return true
		}
	}
	return false
}

// failure is why the app did not load: of a project whose applications all fail, the first one's reason.
func (e *explorer) failure() *failure {
	if e.found.Error != nil {
		return e.found.Error
	}
	for _, a := range e.found.Applications {
		if a.Error == nil {
			return nil
		}
	}
	if len(e.found.Applications) > 0 {
		return e.found.Applications[0].Error
	}
	return nil
}

// supply provides what a failure asks for; false: nothing new.
func (e *explorer) supply(why *failure) bool {
	if strings.Contains(why.Message, "SECRET_KEY setting must not be empty") && e.override["SECRET_KEY"] == nil {
		e.set("SECRET_KEY", secretPlaceholder)
		return true
	}
	if e.override["DATABASES"] == nil && why.Type == "ImproperlyConfigured" && e.decideDatabase() {
		return true // the driver of its database may be missing
	}
	some := false
	for _, name := range why.Wants {
		some = e.variables.supply(name, e.User, e.envFile, e.inEnvFile) || some
	}
	return some
}

func (e *explorer) set(setting string, value any) {
	e.override = maps.Clone(e.override)
	if e.override == nil {
		e.override = map[string]any{}
	}
	e.override[setting] = value
}

// A secret of the right length, for what is asked here; each boot gets one of its own.
const trialSecret = "a-secret-for-the-trial-that-bench-init-makes-0123456789"

// ask runs the probe once, with what is known so far.
func (e *explorer) ask(ctx context.Context, routes bool) (answer, error) {
	state, err := os.MkdirTemp(e.Scratch, "state-")
	if err != nil {
		return answer{}, fmt.Errorf("asking the project: %w", err)
	}
	defer os.RemoveAll(state)
	expand := strings.NewReplacer("{state}", state, "{build}", state, secretPlaceholder, trialSecret).Replace
	p := probe{run: e.Run, python: e.way.python.Path, dir: e.dir, scratch: e.Scratch}
	p.env = append(slices.Clone(e.Env), e.variables.pairs(expand)...)
	override := expanded(e.override, expand).(map[string]any)
	delete(override, "STATIC_ROOT") // the probe collects into a folder of its own
	q := question{Kind: "plain", Application: e.way.application.Name, Ask: routes, Host: host, Override: override}
	if e.project.Django {
		q.Kind, q.Settings = "django", e.way.settings.Name
		q.WSGI, q.ASGI = names(e.project.WSGI), names(e.project.ASGI)
		if first := e.found.Settings.WSGI; first != "" && e.way.settings.Name != "" {
			q.WSGI = unique(append([]string{colon(first)}, q.WSGI...))
		}
		if first := e.found.Settings.ASGI; first != "" {
			q.ASGI = unique(append([]string{colon(first)}, q.ASGI...))
		}
	}
	return p.ask(ctx, q)
}

// host is the Host header of requests, as bench sends it.
const host = "127.0.0.1"

// settle decides what bench has to change to run the project, and asks its routes under that.
func (e *explorer) settle(ctx context.Context) (*failure, error) {
	e.changes = nil
	if e.project.Django {
		e.decideSettings()
		e.decideDatabase()
		e.noteDatabase()
	}
	e.say("asking %d routes", len(e.found.Paths))
	described := e.found
	var err error
	if e.found, err = e.ask(ctx, true); err != nil {
		return nil, err
	}
	if e.found.Error != nil && len(e.found.Routes) == 0 {
		return e.found.Error, nil
	}
	if e.found.Database.Error != nil && e.sqlite {
		e.change("its migrations do not run on SQLite (%v): name a database server in app.env, or app.override",
			e.found.Database.Error)
	}
	e.found.OwnSettings, e.found.Settings.Debug = described.OwnSettings, described.Settings.Debug
	return nil, nil
}

// decideSettings overrides what keeps Django from being measured as it would be deployed.
func (e *explorer) decideSettings() {
	s := e.found.Settings
	if s.Debug {
		e.set("DEBUG", false)
	}
	if !slices.ContainsFunc(s.AllowedHosts, func(h string) bool { return h == "*" || h == host }) {
		e.set("ALLOWED_HOSTS", []any{host, "localhost"})
	}
	if s.SSLRedirect {
		e.set("SECURE_SSL_REDIRECT", false)
	}
	if s.Staticfiles && strings.HasPrefix(s.StaticURL, "/") && s.StaticURL != "/" {
		e.set("STATIC_ROOT", "{build}/static")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Caches)) {
		if failed := s.Caches[name].Error; failed != nil {
			e.change("the cache %q does not answer (%v): replaced by one in each process's memory", name, failed)
			e.set("CACHES", replacedCaches(s.Caches))
		}
	}
}

// replacedCaches are the project's caches, in memory.
func replacedCaches(caches map[string]cache) map[string]any {
	replaced := map[string]any{}
	for name := range caches {
		replaced[name] = map[string]any{"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": name}
	}
	return replaced
}

// decideDatabase keeps servers away from the developer's database; false if it is none that a server
// could load.
func (e *explorer) decideDatabase() bool {
	db, has := e.found.OwnSettings["default"]
	if !has || db.Engine == "" || strings.Contains(db.Engine, "dummy") || isSQLite(db.Engine) {
		return false
	}
	e.sqlite = true
	replaced := map[string]any{}
	for name := range e.found.OwnSettings {
		replaced[name] = map[string]any{"ENGINE": "django.db.backends.sqlite3", "NAME": "{state}/" + name + ".sqlite3"}
	}
	e.set("DATABASES", replaced)
	e.own = db
	return true
}

// noteDatabase says that the project's database was replaced.
func (e *explorer) noteDatabase() {
	if e.sqlite {
		e.change("the database %s (%s) was not used, since bench must not load it: an empty SQLite database stands in",
			e.own.Name, e.own.Engine)
	}
}

func isSQLite(engine string) bool {
	return strings.Contains(engine, "sqlite") || strings.Contains(engine, "spatialite")
}
