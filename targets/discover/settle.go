package discover

import (
	"cmp"
	"context"
	"maps"
	"net"
	"slices"
	"strings"
)

// settle decides what bench has to change to run the project, and asks its routes under that.
func (e *explorer) settle(ctx context.Context) (*failure, error) {
	e.changes = nil
	if e.project.Django {
		if e.allowed == nil {
			e.allowed = e.found.Settings.AllowedHosts
		}
		e.serve(ctx)
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
	name := cmp.Or(e.host, host)
	if !slices.ContainsFunc(e.allowed, func(h string) bool { return h == "*" || h == name }) {
		e.set("ALLOWED_HOSTS", []any{name, "localhost"})
	}
	if s.SSLRedirect {
		e.set("SECURE_SSL_REDIRECT", false)
	}
	if s.Staticfiles && strings.HasPrefix(s.StaticURL, "/") && s.StaticURL != "/" {
		e.set("STATIC_ROOT", "{build}/static")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Caches)) {
		lent := strings.Contains(strings.ToLower(s.Caches[name].Backend), "redis") && slices.Contains(e.services, "redis")
		if failed := s.Caches[name].Error; failed != nil && !lent {
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
	if slices.Contains(e.services, postgres) && e.found.Services[postgres] != nil {
		e.sqlite, e.own = false, db
		delete(e.override, "DATABASES")
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
	why := e.lent.refused[postgres]
	switch {
	case e.sqlite && why != nil:
		e.change("the database %s (%s) was not used, since bench must not load it: an empty SQLite database stands in "+
			"for a PostgreSQL of its own (%v)", e.own.Name, e.own.Engine, why)
	case e.sqlite:
		e.change("the database %s (%s) was not used, since bench must not load it: an empty SQLite database stands in",
			e.own.Name, e.own.Engine)
	case slices.Contains(e.services, postgres):
		e.change("the database %s is an empty one, on a PostgreSQL of each boot's own: put data into it, by a command "+
			"under prepare (psql -f, pg_restore or loaddata), for figures that mean something", e.own.Name)
	}
}

func isSQLite(engine string) bool {
	return strings.Contains(engine, "sqlite") || strings.Contains(engine, "spatialite")
}

// otherHost asks again under a name that the settings allow, where nothing answers under the usual one: which pages
// there are may depend on it.
func (e *explorer) otherHost(ctx context.Context) error {
	if e.reaches() {
		return nil
	}
	for _, name := range hostNames(e.allowed) {
		try := *e
		try.host = name
		why, err := try.settle(ctx)
		if err != nil {
			return err
		}
		if why == nil && try.reaches() {
			*e = try
			return nil
		}
	}
	return nil
}

// reaches reports whether any route is there for a visitor, or for a user.
func (e *explorer) reaches() bool {
	return slices.ContainsFunc(e.found.Routes, func(r Route) bool {
		group := r.group(e.found.Settings.LoginURL)
		return group != Fails && group != Refuses
	})
}

// mostHosts bounds the names that are tried.
const mostHosts = 4

// hostNames are the names of hosts among those that settings allow, a few of them.
func hostNames(allowed []string) (names []string) {
	for _, name := range allowed {
		if domain, any := strings.CutPrefix(name, "."); any {
			names = append(names, domain, "www."+domain)
		} else if strings.Contains(name, ".") && !strings.Contains(name, "*") && net.ParseIP(name) == nil {
			names = append(names, name)
		}
	}
	return names[:min(len(names), mostHosts)]
}
