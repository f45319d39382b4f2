package discover

import (
	_ "embed" // for the script that logs a user in
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Proposal is how bench would measure an app: what a bench.yaml says, with the reasons.
type Proposal struct {
	Dir       string         `json:"dir"`           // of the app, within the folder of bench.yaml
	Framework string         `json:"framework"`     // with its version
	Python    Interpreter    `json:"python"`        // its path as bench.yaml says it; empty: bench's own
	List      string         `json:"requirements"`  // of packages, from which bench makes the environment; empty: none
	Version   string         `json:"version"`       // of the interpreter
	Settings  Candidate      `json:"settings"`      // of a Django project
	Others    []Candidate    `json:"others"`        // other settings, or other applications
	WSGI      string         `json:"wsgi"`          // empty: none
	ASGI      string         `json:"asgi"`          // likewise
	Static    string         `json:"static"`        // URL prefix; empty: none
	Override  map[string]any `json:"override"`      // settings that bench changes
	Variables Variables      `json:"variables"`     // of the environment
	State     []string       `json:"state"`         // files that each boot gets a copy of
	Services  []string       `json:"services"`      // servers that each boot gets one of its own of
	Host      string         `json:"host"`          // that requests name; empty: the usual one
	Prepare   [][]string     `json:"prepare"`       // commands
	Health    string         `json:"health"`        // path; empty: none answers
	Mix       []Pick         `json:"mix"`           // what is requested
	Cookie    string         `json:"cookie"`        // that the mix sends; empty: none
	Routes    map[Group]int  `json:"routes"`        // how many of each group
	Notes     []string       `json:"notes"`         // what bench init did not know
	Database  string         `json:"database"`      // in words
	Arguments int            `json:"not_requested"` // routes that take arguments
}

// propose turns what is known into a proposal.
func (e *explorer) propose() Proposal {
	p := Proposal{
		Dir: e.project.Dir, Python: e.interpreter(), Version: e.found.Python, Framework: e.framework(),
		Settings: e.way.settings, Services: e.services, Host: e.host,
		Variables: e.variables, Routes: map[Group]int{}, Arguments: e.found.WithArguments,
	}
	if p.Python.Path == "" {
		p.List = e.Made.List
	}
	for _, c := range slices.Concat(e.project.Settings, e.project.Apps) {
		if c.Name != e.way.what() {
			p.Others = append(p.Others, c)
		}
	}
	for _, a := range e.found.Applications {
		switch {
		case a.Error != nil:
			e.note("%s does not load: %v", a.Name, a.Error)
		case a.Kind == "asgi":
			p.ASGI = a.Name
		default:
			p.WSGI = a.Name
		}
	}
	e.decideState(&p)
	e.decideStatic(&p)
	login := e.found.Settings.LoginURL
	for _, r := range e.found.Routes {
		p.Routes[r.group(login)]++
	}
	p.Mix = pick(e.found.Routes, login)
	p.Health = health(e.found.Routes, p.Mix)
	e.decideLogin(&p)
	p.Override, p.Variables = e.override, e.variables
	e.noteRoutes(p)
	p.Notes = slices.Concat(e.changes, e.notes)
	return p
}

//go:embed bench_probe/login_script.py
var loginScript string

// decideLogin lets the mix come from a user who is logged in, where more pages answer one than answer a
// visitor.
func (e *explorer) decideLogin(p *Proposal) {
	picks := pick(e.found.LoginRoutes, e.found.Settings.LoginURL)
	answers := func(routes []Route) (n int) {
		for _, r := range routes {
			if r.Status == 200 && r.Failure == nil {
				n++
			}
		}
		return n
	}
	if why := e.found.LoginError; why != nil {
		e.note("no user could be logged in (%v)", why)
	}
	if answers(e.found.LoginRoutes) <= answers(e.found.Routes) || len(picks) == 0 {
		return
	}
	p.Mix, p.Cookie = picks, e.found.Cookie
	command := e.manage("shell")
	command = append(command[:slices.Index(command, "shell")+1], "-c", loginScript)
	p.Prepare = append(p.Prepare, command)
	// The session is bound to the key under which it was made.
	fixed := strings.NewReplacer(secretPlaceholder, trialSecret).Replace
	if e.override != nil {
		e.override = expanded(e.override, fixed).(map[string]any)
	}
	for name, value := range e.variables.Literal {
		e.variables.Literal[name] = fixed(value)
	}
}

func (e *explorer) framework() string {
	if e.found.Django != "" {
		return "Django " + e.found.Django
	}
	return e.found.Framework
}

// interpreter is the chosen one as bench.yaml should name it: relative where it is the project's.
func (e *explorer) interpreter() Interpreter {
	python := e.way.python
	if python.Path == e.Own || python.Path == e.Made.Python {
		return Interpreter{Why: python.Why}
	}
	if rel, err := filepath.Rel(e.Dir, python.Path); err == nil && filepath.IsLocal(rel) {
		python.Path = rel
	} else if base := filepath.Base(python.Path); e.OnPath(base) == python.Path {
		python.Path = base
	}
	return python
}

// decideState says what every boot needs a copy of, and how the database gets its tables.
func (e *explorer) decideState(p *Proposal) {
	if !e.project.Django { // what its code opens is not known: all that there are
		p.State = slices.Clone(e.tree.Databases)
		return
	}
	db, has := e.found.OwnSettings["default"]
	if !has || db.Engine == "" {
		return
	}
	p.Database = db.Engine[strings.LastIndex(db.Engine, ".")+1:]
	migrate := e.sqlite || e.found.Database.Pending > 0
	if isSQLite(db.Engine) && !strings.Contains(db.Name, ":memory:") {
		rel, err := filepath.Rel(e.Dir, db.Name)
		inside := err == nil && filepath.IsLocal(rel)
		switch {
		case !isFile(db.Name):
			e.set("DATABASES", freshDatabases(e.found.OwnSettings))
			e.note("there is no database yet: each boot gets a new one with empty tables; put some data into it, " +
				"by a command under prepare, for figures that mean something")
		case inside:
			p.State = append(p.State, e.databaseFiles()...)
		default:
			e.note("the database %s is outside the project: every boot uses the file itself", db.Name)
		}
	}
	if migrate {
		p.Prepare = append(p.Prepare, e.manage("migrate"))
	}
}

// freshDatabases are new SQLite files for all of the project's databases.
func freshDatabases(own map[string]database) map[string]any {
	fresh := map[string]any{}
	for alias, db := range own {
		engine, name := db.Engine, filepath.Base(db.Name)
		if !isSQLite(engine) {
			engine, name = "django.db.backends.sqlite3", alias+".sqlite3"
		}
		fresh[alias] = map[string]any{"ENGINE": engine, "NAME": "{state}/" + name}
	}
	return fresh
}

// databaseFiles are the SQLite files within the folder of bench.yaml, relative to it: the project may lie below.
func (e *explorer) databaseFiles() (files []string) {
	for _, alias := range slices.Sorted(maps.Keys(e.found.OwnSettings)) {
		db := e.found.OwnSettings[alias]
		rel, err := filepath.Rel(e.Dir, db.Name)
		if err == nil && isSQLite(db.Engine) && filepath.IsLocal(rel) && isFile(db.Name) {
			files = append(files, filepath.ToSlash(rel))
		}
	}
	return unique(files)
}

// manage is a command of Django's own.
func (e *explorer) manage(command string) []string {
	words := "python manage.py "
	if !e.project.Manage {
		words = "python -m django "
	}
	return strings.Fields(words + command + " --noinput -v0")
}

// decideStatic says which files servers may serve themselves.
func (e *explorer) decideStatic(p *Proposal) {
	if e.override["STATIC_ROOT"] == nil {
		return
	}
	if why := e.found.Static; why != nil || e.found.Collected == 0 {
		delete(e.override, "STATIC_ROOT")
		if why != nil {
			e.note("collectstatic does not work (%v): static files are left out", why)
		}
		return
	}
	p.Static = e.found.Settings.StaticURL
	p.Prepare = append(p.Prepare, e.manage("collectstatic"))
}

// noteRoutes says what the routes left unknown.
func (e *explorer) noteRoutes(p Proposal) {
	for _, r := range e.found.Routes {
		if r.Failure != nil {
			e.note("%s fails: %v", r.Path, r.Failure)
		} else if r.Status >= 500 {
			e.note("%s answers %d", r.Path, r.Status)
		}
		if len(e.notes) > 12 {
			break
		}
	}
	if p.Arguments > 0 {
		e.note("%d routes take arguments: add paths that your visitors ask for to mix", p.Arguments)
	}
	if e.found.Left > 0 {
		e.note("%d routes were not asked: links that change something, or beyond the limit", e.found.Left)
	}
	if e.found.Error != nil {
		e.note("the search ended early: %v", e.found.Error)
	}
	switch n := len(p.Mix); {
	case p.Health == "":
		e.note("no route answers a visitor with 2xx or 3xx: set health and mix by hand")
	case p.Routes[Login] > n && p.Cookie == "" && !e.keepsSessions():
		e.note("%d routes ask for a login, and sessions are kept in %s, where bench cannot make one by itself: "+
			"the mix holds what answers without one (docs/MIX.md: a session can log in)",
			p.Routes[Login], e.found.Settings.Sessions)
	case n == 0 && p.Routes[Login] > 0:
		e.note("every page asks for a login: the mix holds what answers without one")
	case n == 0:
		e.note("no route answers a visitor with 200: set mix by hand")
	}
}

// keepsSessions reports whether the project's sessions are in its database.
func (e *explorer) keepsSessions() bool {
	return slices.Contains([]string{"", "db", "cached_db"}, e.found.Settings.Sessions)
}

// Summary says in a few lines what was found.
func (p Proposal) Summary() (lines []string) {
	where := ""
	if p.Dir != "." {
		where = " in " + p.Dir
	}
	lines = append(lines, fmt.Sprintf("found %s%s, Python %s (%s)", strings.TrimSpace(p.Framework+" app"), where,
		p.Version, p.Python.Why))
	if p.Settings.Name != "" {
		lines = append(lines, fmt.Sprintf("settings: %s (%s)", p.Settings.Name, p.Settings.Why))
	}
	var groups []string
	for _, g := range Groups() {
		if n := p.Routes[g]; n > 0 {
			groups = append(groups, fmt.Sprintf("%d %s", n, g))
		}
	}
	return append(lines, "routes: "+strings.Join(groups, ", "))
}
