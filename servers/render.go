package servers

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"bench/targets"
)

// renderData is what the templates of a topology see; docs/TOPOLOGIES.md lists it.
type renderData struct {
	Param    map[string]string
	App      targets.App
	Host     Host
	Dir      string // folder of the process being rendered
	Copy     int    // of the file being rendered, from 1
	URL      string // of the service being rendered
	state    string
	tools    []string // that the topology declares, with its parameters
	self     *replica
	services []served
	all      []*replica
}

// replica is a process before it starts, with its ports.
type replica struct {
	name       string // with its number where there are several
	definition ProcessDefinition
	dir        string
	ports      map[string]int
	host       Host
	ip         string // where it listens
	apart      bool   // it is on another host than whoever sees it
	relay      int    // where others reach its first port, if bench stands between; 0: it does not
}

// seen is the replica as the other processes see it.
func (r *replica) seen(from *replica) *replica {
	seen := *r
	seen.apart = from.host.Name != r.host.Name
	if r.relay == 0 {
		return &seen
	}
	seen.ports = maps.Clone(r.ports)
	seen.ports[r.definition.Ports[0]] = r.relay
	return &seen
}

// Tool is the path of a program that the topology declares among its tools.
func (d renderData) Tool(name string) (string, error) {
	if !slices.Contains(d.tools, name) {
		return "", fmt.Errorf("tool %q is not among the topology's tools: %s", name, strings.Join(d.tools, ", "))
	}
	if d.Host.Name != "" && d.Host.Tools.Path(name) == "" {
		return "", d.Host.lacks(name)
	}
	return d.Host.Tools.Path(name), nil
}

// Fact is something known about a tool other than its path; empty if unknown.
func (d renderData) Fact(tool, name string) string { return d.Host.Tools[tool].Facts[name] }

// Port is a port of the replica by its name in the definition.
func (r *replica) Port(name string) (int, error) {
	port, known := r.ports[name]
	if !known {
		return 0, fmt.Errorf("process %s has no port %q", r.definition.Name, name)
	}
	return port, nil
}

// Listen is where the replica listens on a port of it.
func (r *replica) Listen(name string) (string, error) {
	port, err := r.Port(name)
	return fmt.Sprintf("%s:%d", r.ip, port), err
}

// Listen is where the process being rendered listens on a port of it: on the loopback interface, or on the
// address of its host where others have to reach it.
func (d renderData) Listen(name string) (string, error) { return d.self.Listen(name) }

// IP is the address on which the process being rendered listens.
func (d renderData) IP() string { return d.self.ip }

// Port is a port of the process being rendered.
func (d renderData) Port(name string) (int, error) { return d.self.Port(name) }

// HasPort distinguishes processes of different topologies that share a template.
func (d renderData) HasPort(name string) bool { return d.self.HasPort(name) }

// HasPort reports whether the replica has a port of that name.
func (r *replica) HasPort(name string) bool {
	_, known := r.ports[name]
	return known
}

// Unix is the path of a socket file of the replica.
func (r *replica) Unix() (string, error) { return r.socket("app") }

// Vassal is the path of the socket file of one of the servers that the replica keeps, by its number from 1.
func (r *replica) Vassal(n int) (string, error) { return r.socket(fmt.Sprintf("app%d", n)) }

// Vassal is the path of the socket file of one of the servers that the process being rendered keeps.
func (d renderData) Vassal(n int) (string, error) { return d.self.Vassal(n) }

// socket is the path of a socket file in the replica's folder.
func (r *replica) socket(name string) (string, error) {
	if r.apart {
		return "", fmt.Errorf("process %s is on host %s, and a socket file reaches nobody on another: "+
			"place both on one host, or use TCP", r.name, r.host.Name)
	}
	path := filepath.Join(r.dir, name+".sock")
	return path, fitsSocket(path)
}

// Unix is the path of a socket file of the process being rendered.
func (d renderData) Unix() (string, error) { return d.self.Unix() }

// Address is where the process being rendered takes requests: its first port.
func (d renderData) Address() (string, error) { return d.self.Address() }

// Address is where the replica takes requests: its first port.
func (r *replica) Address() (string, error) {
	if len(r.definition.Ports) == 0 {
		return "", fmt.Errorf("process %s has no port", r.definition.Name)
	}
	return r.Listen(r.definition.Ports[0])
}

// HasParam distinguishes topologies that share a template.
func (d renderData) HasParam(name string) bool {
	_, has := d.Param[name]
	return has
}

// Caches reports whether a proxy is asked to keep responses.
func (d renderData) Caches() bool { return d.HasParam("cache") && d.Param["cache"] != "off" }

// Replicas are the processes of one kind, for the addresses of a process's peers.
func (d renderData) Replicas(kind string) ([]*replica, error) {
	var found []*replica
	for _, r := range d.all {
		if r.definition.Name == kind {
			found = append(found, r.seen(d.self))
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no process %q", kind)
	}
	return found, nil
}

// Peers are all processes but those of the one being rendered: how a proxy finds its servers, whatever
// their name.
func (d renderData) Peers() (found []*replica) {
	for _, r := range d.all {
		if r.definition.Name != d.self.definition.Name {
			found = append(found, r.seen(d.self))
		}
	}
	return found
}

// PeersHave reports whether the peers have such a port, which says what protocol they speak.
func (d renderData) PeersHave(port string) bool {
	return slices.ContainsFunc(d.Peers(), func(r *replica) bool { return r.HasPort(port) })
}

// PythonPath is where a Python server looks for modules: in its own folder, for what bench puts
// there, then in the app's, then where the app's own environment says.
func (d renderData) PythonPath() string {
	path := d.Dir + ":" + d.App.Dir
	if own := d.App.Env["PYTHONPATH"]; own != "" {
		path += ":" + own
	}
	return path
}

// Controlled reports whether only the server may differ between the topologies.
func (d renderData) Controlled() bool { return d.Param["profile"] == Controlled }

type mimeType struct{ Type, Extension string }

// MIME lists the types of static files, the same for every server that needs a list.
func (d renderData) MIME() []mimeType {
	return []mimeType{
		{"text/html", "html"}, {"text/css", "css"}, {"text/javascript", "js"}, {"application/json", "json"},
		{"text/plain", "txt"}, {"application/octet-stream", "bin"}, {"image/svg+xml", "svg"}, {"image/png", "png"},
		{"image/jpeg", "jpg"}, {"image/gif", "gif"}, {"image/webp", "webp"}, {"image/x-icon", "ico"},
		{"font/woff2", "woff2"}, {"application/wasm", "wasm"}, {"application/pdf", "pdf"}, {"application/xml", "xml"},
	}
}

var renderFuncs = template.FuncMap{
	"mul": func(factors ...any) (int, error) {
		product := 1
		for _, f := range factors {
			n, err := toInt(f)
			if err != nil {
				return 0, err
			}
			product *= n
		}
		return product, nil
	},
	"add": func(a, b any) (int, error) {
		x, errX := toInt(a)
		y, errY := toInt(b)
		if errX != nil || errY != nil {
			return 0, fmt.Errorf("add %v %v: want two whole numbers", a, b)
		}
		return x + y, nil
	},
	"div": func(a, b any) (int, error) {
		x, errX := toInt(a)
		y, errY := toInt(b)
		if errX != nil || errY != nil || y == 0 {
			return 0, fmt.Errorf("div %v %v: want two whole numbers", a, b)
		}
		return x / y, nil
	},
	"atLeast": func(low, n any) (int, error) {
		a, errA := toInt(low)
		b, errB := toInt(n)
		if errA != nil || errB != nil {
			return 0, fmt.Errorf("atLeast %v %v: want two whole numbers", low, n)
		}
		return max(a, b), nil
	},
	"upto": func(n any) (numbers []int, err error) {
		last, err := toInt(n)
		for i := 1; i <= last; i++ {
			numbers = append(numbers, i)
		}
		return numbers, err
	},
	// quote quotes a string for nginx; checkPaths has refused what it cannot escape.
	"quote":     func(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` },
	"trimSlash": func(s string) string { return strings.TrimRight(s, "/") },
}

func toInt(v any) (int, error) {
	switch v := v.(type) {
	case int:
		return v, nil
	case string:
		return strconv.Atoi(v)
	}
	return 0, fmt.Errorf("%v is not a whole number", v)
}

// renderWords renders each word, and leaves out those that render empty.
func renderWords(name string, words []string, data renderData) (rendered []string, err error) {
	for i, word := range words {
		text, err := render(fmt.Sprintf("%s[%d]", name, i), word, data)
		if err != nil {
			return nil, err
		}
		if text != "" {
			rendered = append(rendered, text)
		}
	}
	return rendered, nil
}

func render(name, text string, data renderData) (string, error) {
	t, err := template.New(name).Funcs(renderFuncs).Option("missingkey=error").Parse(text)
	if err != nil {
		return "", fmt.Errorf("rendering %s: %w", name, err)
	}
	var out strings.Builder
	if err := t.Execute(&out, data); err != nil {
		return "", fmt.Errorf("rendering %s: %w", name, err)
	}
	return out.String(), nil
}

// renderInt renders a template to a whole number; an empty one gives the default.
func renderInt(name, text string, fallback int, data renderData) (int, error) {
	if text == "" {
		return fallback, nil
	}
	value, err := render(name, text, data)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil {
		return 0, fmt.Errorf("rendering %s: %q is not a whole number", name, value)
	}
	return n, nil
}

// renderBool renders true, false, or nothing, which is false.
func renderBool(name, text string, data renderData) (bool, error) {
	value, err := render(name, text, data)
	if err != nil || strings.TrimSpace(value) == "" {
		return false, err
	}
	is, err := strconv.ParseBool(strings.TrimSpace(value))
	if err != nil {
		return false, fmt.Errorf("rendering %s: %q is neither true nor false", name, value)
	}
	return is, nil
}
