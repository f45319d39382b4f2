package discover

import (
	"context"
	"maps"
	"slices"
	"strings"
)

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
