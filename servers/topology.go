package servers

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Topology names a way to deploy an app, with its parameters. It is comparable: two equal
// values describe the same thing. Name is that of an embedded topology, the path of a
// folder that holds one, or "url" for something that already runs.
type Topology struct {
	Name   string
	Params string // sorted k=v, joined by commas; for "url" the URL
}

// ParseTopology reads NAME, NAME:k=v,k=v or url:URL. Whether the name and the parameters
// exist is for Define to say.
func ParseTopology(text string) (Topology, error) {
	name, rest, _ := strings.Cut(text, ":")
	if name == "url" {
		u, err := url.Parse(rest)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			return Topology{}, fmt.Errorf("topology %q: want url:http://HOST:PORT", text)
		}
		return Topology{Name: name, Params: rest}, nil
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
	return Topology{Name: name, Params: joinParams(params)}, nil
}

// String is the inverse of ParseTopology.
func (t Topology) String() string {
	if t.Params == "" {
		return t.Name
	}
	return t.Name + ":" + t.Params
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
	if t.Name == "url" || t.Params == "" {
		return params
	}
	for pair := range strings.SplitSeq(t.Params, ",") {
		key, value, _ := strings.Cut(pair, "=")
		params[key] = value
	}
	return params
}

// With returns the topology with one parameter set.
func (t Topology) With(key, value string) Topology {
	params := t.params()
	params[key] = value
	t.Params = joinParams(params)
	return t
}

// Without returns the topology without one parameter.
func (t Topology) Without(key string) Topology {
	if t.Name == "url" {
		return t
	}
	params := t.params()
	delete(params, key)
	t.Params = joinParams(params)
	return t
}

// Param is the value of a parameter that is given, or nothing.
func (t Topology) Param(key string) string { return t.params()[key] }

// Short is a name for files and charts: the last element of a path, without parameters.
func (t Topology) Short() string {
	name := strings.TrimRight(t.Name, "/")
	return name[strings.LastIndexByte(name, '/')+1:]
}

// Profiles of a topology: the reserved parameter "profile" says which.
const (
	// Controlled makes only the server differ: DEBUG off, no request log, no reloader.
	Controlled = "controlled"
	// AsDocumented is what the server's own documentation tells people to start.
	AsDocumented = "as-documented"
)
