package discover

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// A value in bench.yaml that stands for a random one; see targets.App.
const secretPlaceholder = "{secret}"

// standIns are values for environment variables that the project wants and nobody has set, by name.
// The first row that matches counts.
var standIns = []struct {
	name  *regexp.Regexp
	value string
}{
	{databaseURL, "sqlite:///{state}/db.sqlite3"},
	{regexp.MustCompile(`(?i)(REDIS|BROKER|CACHE|CELERY|QUEUE).*(URL|URI)$`), "redis://127.0.0.1:6379/0"},
	{regexp.MustCompile(`(?i)(EMAIL|MAIL).*(URL|URI)$`), "consolemail://"},
	{regexp.MustCompile(`(?i)SECRET|_KEY$|TOKEN|SALT|PASSWORD|PASSWD`), secretPlaceholder},
	{regexp.MustCompile(`(?i)DEBUG|SSL|SECURE|TLS|ENABLE|USE_`), "False"},
	{regexp.MustCompile(`(?i)HOSTS$`), "127.0.0.1,localhost"},
	{regexp.MustCompile(`(?i)ADMIN_URL|_PATH$|PREFIX`), "bench/"},
	{regexp.MustCompile(`(?i)(URL|URI|ORIGINS?)$`), "http://127.0.0.1"},
	{regexp.MustCompile(`(?i)PORT$`), "5432"},
	{regexp.MustCompile(`(?i)HOST$|DOMAIN`), "127.0.0.1"},
	{regexp.MustCompile(`(?i)MAIL|FROM`), "bench@example.com"},
	{regexp.MustCompile(`(?i)TIMEOUT|SECONDS|AGE|SIZE|COUNT|LIMIT|WORKERS|_ID$`), "1"},
}

// databaseURL is the name of a variable that says where the database is.
var databaseURL = regexp.MustCompile(`(?i)(DATABASE|DB)_?(URL|URI|DSN)$`)

func namesDatabase(variable string) bool { return databaseURL.MatchString(variable) }

func standIn(name string) string {
	for _, row := range standIns {
		if row.name.MatchString(name) {
			return row.value
		}
	}
	return "bench"
}

// Variables are the environment variables that the project needs.
type Variables struct {
	Literal map[string]string // stand-ins
	From    []string          // that the user's environment has
	File    string            // that gives others; empty: none
	values  map[string]string // of all of them
	urls    string            // the service that URLs of databases lead to; empty: SQLite
}

// supply finds a value for a variable that the project wants: in the user's environment, in its .env
// file, or a stand-in. False: it was supplied before, and did not help.
func (v *Variables) supply(name string, user map[string]string, file string, inFile map[string]string) bool {
	if _, had := v.values[name]; had {
		return false
	}
	if v.values == nil {
		v.values, v.Literal = map[string]string{}, map[string]string{}
	}
	if value := user[name]; value != "" {
		v.values[name], v.From = value, append(v.From, name)
	} else if value, has := inFile[name]; has {
		v.File = file
		maps.Copy(v.values, inFile)
		v.values[name] = value
	} else {
		value := standIn(name)
		if v.urls != "" && namesDatabase(name) {
			value = placeholder(v.urls)
		}
		v.values[name], v.Literal[name] = value, value
	}
	return true
}

// pairs are the variables as KEY=value, with the placeholders replaced.
func (v Variables) pairs(expand func(string) string) (pairs []string) {
	for _, name := range slices.Sorted(maps.Keys(v.values)) {
		pairs = append(pairs, fmt.Sprintf("%s=%s", name, expand(v.values[name])))
	}
	return pairs
}
