package targets

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
)

// hostFaults are the mistakes in the headers that requests get.
func (a App) hostFaults() (faults []error) {
	if strings.ContainsAny(a.Host, "/ \t\r\n@") {
		faults = append(faults, fmt.Errorf("app.host %q: want a name or name:port, such as shop.example", a.Host))
	}
	for _, name := range slices.Sorted(maps.Keys(a.HealthHeader)) {
		if !validToken(name) || strings.ContainsAny(a.HealthHeader[name], "\r\n\x00") {
			faults = append(faults, fmt.Errorf("app.health: the header %q has a name or value that HTTP does not allow", name))
		}
	}
	return faults
}

// envFaults are the mistakes in the environment and in the settings that are replaced.
func (a App) envFaults() (faults []error) {
	for _, m := range []struct {
		key  string
		vars map[string]string
	}{{"env", a.Env}, {"debug_env", a.DebugEnv}} {
		for _, name := range slices.Sorted(maps.Keys(m.vars)) {
			if !validVariable(name) || strings.ContainsRune(m.vars[name], 0) {
				faults = append(faults, fmt.Errorf("app.%s: %q is not the name of a variable, or its value has a NUL", m.key, name))
			}
		}
	}
	for _, name := range a.EnvFrom {
		if _, twice := a.Env[name]; twice {
			faults = append(faults, fmt.Errorf("app.env_from: %s is also in app.env: name it in one of the two", name))
		}
		if !validVariable(name) {
			faults = append(faults, fmt.Errorf("app.env_from: %q is not the name of a variable; values belong in app.env", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Override)) {
		if !dotted(name) || strings.Contains(name, ".") || name != strings.ToUpper(name) {
			faults = append(faults, fmt.Errorf("app.override: %q is not the name of a setting, such as DEBUG", name))
		}
	}
	return faults
}

// validVariable reports whether a program's environment can have a variable of that name.
func validVariable(name string) bool { return name != "" && !strings.ContainsAny(name, "= \t\r\n\x00") }

// stateFaults are the paths of the state that are not within the app's folder.
func (a App) stateFaults() (faults []error) {
	for _, path := range a.State {
		if clean := filepath.Clean(path); !filepath.IsLocal(clean) || clean == "." {
			faults = append(faults, fmt.Errorf("app.state: %q: want a file or folder within the app's folder; for one "+
				"elsewhere, let app.env name a path in {state} and fill that in app.prepare", path))
		}
	}
	return faults
}

// HostHeader is the Host header of requests that name no other.
func (a App) HostHeader() string { return cmp.Or(a.Host, DefaultHost) }

// HealthRequest are the headers of a request for the health path. To a server that bench has booted,
// Host is the same as in the load, which does not name its port.
func (a App) HealthRequest(booted bool) map[string]string {
	header := map[string]string{}
	if host := a.Host; host != "" || booted {
		header["Host"] = cmp.Or(host, DefaultHost)
	}
	for name, value := range a.HealthHeader {
		header[http.CanonicalHeaderKey(name)] = value
	}
	return header
}

// Environment are the variables of the app: literals before what bench's own environment and the
// environment file give.
func (a App) Environment() map[string]string {
	vars := maps.Clone(a.Secrets)
	if vars == nil {
		vars = map[string]string{}
	}
	maps.Copy(vars, a.Env)
	return vars
}

// Masked is the app with its secrets' values left out, for what is shown or hashed.
func (a App) Masked() App {
	names := append(slices.Collect(maps.Keys(a.Secrets)), a.EnvFrom...)
	a.Secrets = map[string]string{}
	for _, name := range names {
		a.Secrets[name] = "(hidden)"
	}
	return a
}

// leastSecret is the length from which a value is searched for in texts: shorter ones, such as 1 or
// true, occur anywhere.
const leastSecret = 6

// Redact removes the values of the app's secrets from a text.
func (a App) Redact(text string) string {
	for name, value := range a.Secrets {
		if len(value) >= leastSecret {
			text = strings.ReplaceAll(text, value, "(the value of "+name+")")
		}
	}
	return text
}

// ParseEnvFile reads lines of KEY=VALUE, as .env files have them: with comments, quotes and a leading
// export. An error names the line and not its text, which may be a secret.
func ParseEnvFile(text string) (map[string]string, error) {
	vars := map[string]string{}
	var errs []error
	lines := strings.Split(strings.TrimPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "\ufeff"), "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if line == "" || line[0] == '#' {
			continue
		}
		at := i + 1
		name, value, found := strings.Cut(line, "=")
		name = strings.TrimSpace(strings.TrimPrefix(name, "export "))
		value = strings.TrimSpace(value)
		for quoted(value) == open && i+1 < len(lines) { // a value of several lines
			i++
			value += "\n" + strings.TrimRight(lines[i], " \t")
		}
		if !found || !validVariable(name) || quoted(value) == open {
			errs = append(errs, fmt.Errorf("line %d: want NAME=VALUE, and an end to every quote", at))
			continue
		}
		vars[name] = unquoted(value)
	}
	return vars, errors.Join(errs...)
}

// The states of quotes at the start of a value.
const (
	bare   = iota
	open   // a quote that does not end
	closed // a quoted text, and perhaps a comment after it
)

func quoted(value string) int {
	if value == "" || !strings.ContainsRune(`'"`, rune(value[0])) {
		return bare
	}
	if _, rest := quotedText(value); rest < 0 {
		return open
	}
	return closed
}

// quotedText is the text between the quotes that a value starts with, and where the rest begins; -1:
// the quotes do not end.
func quotedText(value string) (text string, rest int) {
	quote := value[0]
	var out strings.Builder
	for i := 1; i < len(value); i++ {
		switch c := value[i]; {
		case c == quote:
			return out.String(), i + 1
		case c == '\\' && i+1 < len(value) && (quote == '"' || value[i+1] == quote || value[i+1] == '\\'):
			i++
			out.WriteString(escaped(value[i], quote))
		default:
			out.WriteByte(c)
		}
	}
	return "", -1
}

// escaped is what a backslash and a character stand for.
func escaped(c, quote byte) string {
	switch {
	case c == 'n' && quote == '"':
		return "\n"
	case c == 't' && quote == '"':
		return "\t"
	case c == '\\' || c == '"' || c == '\'' || c == '$':
		return string(c)
	}
	return "\\" + string(c)
}

func unquoted(value string) string {
	if quoted(value) == closed {
		text, _ := quotedText(value)
		return text
	}
	for i := 1; i < len(value); i++ { // a comment begins after a blank
		if value[i] == '#' && (value[i-1] == ' ' || value[i-1] == '\t') {
			return strings.TrimSpace(value[:i])
		}
	}
	if strings.HasPrefix(value, "#") {
		return ""
	}
	return value
}
