package servers

import (
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// Topology names a way to deploy an app, with its parameters. It is comparable: as
// ParseTopology returns them, two values that describe the same thing are equal.
type Topology struct {
	Name   string // of an embedded topology, or the path of a folder that contains one
	Params string // sorted k=v, joined by commas; for a running server its URL
	Label  string // what a running server is called; empty: url
}

// DefaultTopology is what commands that measure one topology use by default: the most complete
// of the embedded ones.
const DefaultTopology = "nginx-uwsgi"

// Kind is where a topology's description comes from.
type Kind string

const (
	Embedded Kind = "embedded" // it comes with bench
	Folder   Kind = "folder"   // a user's folder
	Running  Kind = "url"      // already running: not booted; observed as far as its processes are found
)

// Kind follows from the name: a path contains a slash.
func (t Topology) Kind() Kind {
	switch {
	case t.Name == string(Running):
		return Running
	case strings.ContainsRune(t.Name, filepath.Separator):
		return Folder
	}
	return Embedded
}

// Boots reports whether bench starts the topology's processes.
func (t Topology) Boots() bool { return t.Kind() != Running }

// Target is the URL of a running server.
func (t Topology) Target() string {
	if t.Boots() {
		return ""
	}
	return t.Params
}

// ParseTopology reads NAME, PATH or either with :k=v,k=v, or url:URL, which may have a label:
// LABEL=url:URL. Define checks whether the name exists, and Blueprint the parameters.
func ParseTopology(text string) (Topology, error) {
	name, rest, _ := strings.Cut(text, ":")
	if name == string(Running) {
		return parseRunning(text, rest)
	}
	if label, kind, labelled := strings.Cut(name, "="); labelled && kind == string(Running) {
		if !plainName(label) {
			const format = "topology %q: the label %q: want letters, digits and -_. such as gunicorn=url:http://HOST:PORT"
			return Topology{}, fmt.Errorf(format, text, label)
		}
		t, err := parseRunning(text, rest)
		t.Label = label
		return t, err
	}
	if name == "" || strings.ContainsAny(name, " \t\r\n,=") {
		return Topology{}, fmt.Errorf("topology %q: want NAME or NAME:param=value,param=value", text)
	}
	params := map[string]string{}
	if rest != "" {
		for pair := range strings.SplitSeq(rest, ",") {
			key, value, found := strings.Cut(pair, "=")
			key, value = strings.TrimSpace(key), strings.TrimSpace(value)
			if !found || key == "" || value == "" || strings.ContainsAny(pair, "\r\n:") {
				return Topology{}, fmt.Errorf("topology %q: parameter %q: want param=value", text, pair)
			}
			if _, twice := params[key]; twice {
				return Topology{}, fmt.Errorf("topology %q: parameter %s is given twice", text, key)
			}
			params[key] = value
		}
	}
	return Topology{Name: canonicalName(name), Params: joinParams(params)}, nil
}

// canonicalName makes paths of one folder equal: ./gun, ./gun/ and ./a/../gun. A path left
// without a slash gets one back, since the slash is what makes it a path.
func canonicalName(name string) string {
	if !strings.ContainsRune(name, filepath.Separator) {
		return name
	}
	clean := filepath.Clean(name)
	if !strings.ContainsRune(clean, filepath.Separator) {
		clean = "." + string(filepath.Separator) + clean
	}
	return clean
}

// parseRunning reads the URL of a running server. Host and scheme are case-insensitive, and a
// slash at the end does not matter.
func parseRunning(text, target string) (Topology, error) {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return Topology{}, fmt.Errorf("topology %q: want %s:http://HOST:PORT", text, Running)
	}
	end := len(u.Scheme) + len("://") + len(u.Host)
	if end > len(target) || !strings.EqualFold(target[:end], u.Scheme+"://"+u.Host) {
		end = 0 // the host is escaped: keep it as given
	}
	return Topology{
		Name: string(Running), Params: strings.TrimRight(strings.ToLower(target[:end])+target[end:], "/"),
	}, nil
}

// String is the inverse of ParseTopology.
func (t Topology) String() string {
	text := t.Name
	if t.Label != "" {
		text = t.Label + "=" + text
	}
	if t.Params != "" {
		text += ":" + t.Params
	}
	return text
}

func joinParams(params map[string]string) string {
	pairs := make([]string, 0, len(params))
	for _, key := range slices.Sorted(maps.Keys(params)) {
		pairs = append(pairs, key+"="+params[key])
	}
	return strings.Join(pairs, ",")
}

func (t Topology) params() map[string]string {
	params := map[string]string{}
	if !t.Boots() || t.Params == "" {
		return params
	}
	for pair := range strings.SplitSeq(t.Params, ",") {
		key, value, _ := strings.Cut(pair, "=")
		params[key] = value
	}
	return params
}

// With returns the topology with one parameter set. A running server has none.
func (t Topology) With(key, value string) Topology {
	if !t.Boots() {
		return t
	}
	params := t.params()
	params[key] = value
	t.Params = joinParams(params)
	return t
}

// Without returns the topology without one parameter.
func (t Topology) Without(key string) Topology {
	if !t.Boots() {
		return t
	}
	params := t.params()
	delete(params, key)
	t.Params = joinParams(params)
	return t
}

// Param is the value of a parameter, or empty if it was not given.
func (t Topology) Param(key string) string { return t.params()[key] }

// Short is a name for files and charts: the last element of a path, without parameters, or the label
// of a running server.
func (t Topology) Short() string {
	if t.Label != "" {
		return t.Label
	}
	name := strings.TrimRight(t.Name, "/")
	return name[strings.LastIndexByte(name, '/')+1:]
}

// Profiles of a topology: the reserved parameter "profile" says which.
const (
	// Controlled makes only the server differ: DEBUG off, no request log, no reloader.
	Controlled = "controlled"
	// AsDocumented is what the server's own documentation recommends.
	AsDocumented = "as-documented"
)
