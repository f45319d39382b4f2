package servers

import (
	"context"
	"errors"
	"os"
	"regexp"
)

// symptom is a line in a log and what it means. The first match counts, so specific symptoms come
// before general ones. In the diagnostic and the hint, $1 is what the first group matched.
type symptom struct {
	pattern    *regexp.Regexp
	diagnostic string
	hint       string
}

var symptoms = []symptom{
	{regexp.MustCompile(`(?i)address already in use|that port is already in use`), "a port is taken",
		"Another program listens there: stop it (`ss -ltnp` names it), or run bench again, which picks other ports."},
	{regexp.MustCompile(`(?i)no such table|relation ".*" does not exist|unapplied migration`),
		"the database lacks a table",
		"A migration is missing: add [python, manage.py, migrate, --noinput] to app.prepare in bench.yaml."},
	{regexp.MustCompile(`(?m)^KeyError: '([A-Z][A-Z0-9_]*)'|Set the (\w+) environment variable|` +
		`UndefinedValueError: (\w+) not found|[Ee]nvironment variable "?(\w+)"? (?:not set|is not set|is required)`),
		"the app needs the variable $1$2$3$4, which is not in its environment",
		"bench passes on only HOME, PATH, TMPDIR and USER. To pass this one on, name it in bench.yaml: " +
			"app.env_from: [$1$2$3$4]; or give a value in app.env."},
	{regexp.MustCompile(`(?i)invalid HTTP_HOST header: '([^':]+)`), "Django refuses the host name $1",
		"Name a host that ALLOWED_HOSTS has, with app.host in bench.yaml, or replace the setting: " +
			"app.override: {ALLOWED_HOSTS: [\"*\"]}."},
	{regexp.MustCompile(`open\("[^"]*python[^"]*\.so"\)|UNABLE to load uWSGI plugin|unable to find .*plugin`),
		"uWSGI lacks a plugin",
		"Install it (Debian: apt-get install uwsgi-plugin-python3) or run `bench setup`."},
	{regexp.MustCompile(`ModuleNotFoundError|ImportError|No module named`), "the app does not import",
		"A module is missing for this interpreter: install the app's requirements in it, or name the right one with " +
			"app.python in bench.yaml."},
	{regexp.MustCompile(`SyntaxError|IndentationError`), "the app does not import",
		"Its code has a syntax error; the log names file and line."},
	{regexp.MustCompile(`ImproperlyConfigured`), "Django refuses the settings",
		"The log names the setting; app.env in bench.yaml sets the app's environment."},
	{regexp.MustCompile(`(?m)^Traceback|no app loaded|unable to load app`), "the app does not load",
		"The log shows the exception."},
	{regexp.MustCompile(`\[emerg\]|\[strict-mode\]|unrecognized option`), "the server refuses its configuration",
		"`bench render` prints the configuration; the log names the line."},
	{regexp.MustCompile(`(?i)too many open files`), "the limit on open files is too low", "Raise it: ulimit -n 20000."},
	{regexp.MustCompile(`(?i)permission denied`), "no permission for a file or port", "Check who owns the app's files."},
}

// explain returns what a log shows to be wrong, and what to do; empty: nothing that is known.
func explain(log string) (diagnostic, hint string) {
	for _, s := range symptoms {
		if at := s.pattern.FindStringSubmatchIndex(log); at != nil {
			return string(s.pattern.ExpandString(nil, s.diagnostic, log, at)),
				string(s.pattern.ExpandString(nil, s.hint, log, at))
		}
	}
	return "", ""
}

// suspects are the processes whose logs may show the cause: the one that ended, the one that could not be
// started, or all of them while they run: databases last, which say the same whether an app uses them or not.
func (c *Cluster) suspects() []Process {
	started, all := len(c.processes), c.blueprint.Processes
	if c.IsOnFleet() {
		started = len(all)
	}
	select {
	case <-c.dead:
		return all[c.deadIndex : c.deadIndex+1]
	default:
		if started < len(all) {
			return all[started : started+1]
		}
		var servers, databases []Process
		for _, p := range all {
			if p.Service {
				databases = append(databases, p)
			} else {
				servers = append(servers, p)
			}
		}
		return append(servers, databases...)
	}
}

// diagnose looks for the cause of a failed boot in the processes' logs. It keeps the end of the log that
// shows the cause, or of the first one that is not empty: servers are started before what stands in front
// of them.
func (c *Cluster) diagnose(err error) error {
	failure := &BootError{Topology: c.blueprint.Topology, Err: err}
	var status statusError
	answered := errors.As(err, &status)
	if answered {
		failure.Diagnostic, failure.Hint = c.blueprint.meaning(status)
	}
	for _, p := range c.suspects() {
		diagnostic, hint := explain(c.logTail(p, 200))
		if failure.Log == "" || diagnostic != "" {
			failure.Process, failure.Log = p.Name, c.logTail(p, 20)
		}
		if diagnostic != "" && (!answered || status.status >= 500) { // a refusal explains itself
			failure.Diagnostic, failure.Hint = diagnostic, hint
			return failure
		}
	}
	switch {
	case answered:
	case errors.Is(err, context.DeadlineExceeded):
		failure.Diagnostic = "not ready within the timeout"
	case errors.Is(err, os.ErrNotExist):
		failure.Diagnostic = "a file is missing"
	}
	return failure
}
