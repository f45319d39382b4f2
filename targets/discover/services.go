package discover

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
)

// Server is one that bench runs while it asks the app, in place of one that its settings name.
type Server struct {
	URL      string
	Settings map[string]string // for the module of services
	Close    func() error
}

// Services are how servers that the app itself asks, such as its database, are replaced by bench's own.
type Services struct {
	Start  func(ctx context.Context, kind string, databases []string) (Server, error)
	Module string // the Python module, that knows which ones settings name
}

// lending are the servers that run during a search, by kind, with the databases that they were started with.
type lending struct {
	Services
	servers   map[string]Server
	databases map[string][]string
	refused   map[string]error
}

func lend(s Services) *lending {
	return &lending{s, map[string]Server{}, map[string][]string{}, map[string]error{}}
}

// start makes sure that there is a server with those databases; false: there can be none.
func (l *lending) start(ctx context.Context, kind string, databases []string) bool {
	if l.Start == nil || l.refused[kind] != nil {
		return false
	}
	if old, has := l.servers[kind]; has {
		if !slices.ContainsFunc(databases, func(d string) bool { return !slices.Contains(l.databases[kind], d) }) {
			return true
		}
		databases = unique(append(databases, l.databases[kind]...))
		delete(l.servers, kind)
		l.refused[kind] = old.Close()
	}
	if l.refused[kind] != nil {
		return false
	}
	server, err := l.Start(ctx, kind, databases)
	if err != nil {
		l.refused[kind] = err
		return false
	}
	l.servers[kind], l.databases[kind] = server, databases
	return true
}

func (l *lending) close() (err error) {
	for _, server := range l.servers {
		err = errors.Join(err, server.Close())
	}
	return err
}

// settings are where the servers are.
func (l *lending) settings() map[string]map[string]string {
	all := map[string]map[string]string{}
	for kind, server := range l.servers {
		all[kind] = server.Settings
	}
	return all
}

// urls are placeholders of servers, each followed by the URL that it stands for.
func (l *lending) urls() (pairs []string) {
	for kind, server := range l.servers {
		pairs = append(pairs, placeholder(kind), server.URL)
	}
	return pairs
}

// placeholder stands in bench.yaml for the URL of a server that bench runs.
func placeholder(kind string) string { return "{" + kind + "}" }

// The kind of service that a project on PostgreSQL asks.
const postgres = "postgres"

// serve replaces the servers that the settings name by bench's own, where their programs are installed.
func (e *explorer) serve(ctx context.Context) {
	e.services = nil
	for kind, databases := range e.found.Services {
		if e.lent.start(ctx, kind, databases) {
			e.services = append(e.services, kind)
		}
	}
	slices.Sort(e.services)
}

// onPostgres is what a file says of a project whose database is PostgreSQL, beside its settings.
var onPostgres = regexp.MustCompile(`(?i)\b(psycopg|asyncpg)|\bpostgres(ql)?(\+\w+)?://|` +
	`image:\s*["']?\S*(postgres|postgis)`)

// wantsPostgres reports whether the project's lists of packages, its example of an environment or its containers
// say that its database is PostgreSQL.
func (e *explorer) wantsPostgres() bool {
	return slices.ContainsFunc(e.tree.Files, func(name string) bool {
		return !strings.HasSuffix(name, ".py") && onPostgres.MatchString(e.tree.Text(name))
	})
}
