package setup

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// list is what a file says about the packages of a project.
type list struct {
	lines  []string // as in a requirements file
	python string   // which interpreters will do, such as ">=3.12"; empty: any
	pinned bool     // the lines name every package, also those that others need
	local  string   // the first package that is in this file system
}

// readers read the files that list packages, by their name. Any other file is a requirements file.
var readers = map[string]func(file string) (list, error){
	"pyproject.toml": readPyproject,
	"uv.lock":        readUV,
	"poetry.lock":    readPoetry,
}

// unreadable are files that list packages in a form that bench does not read, with what makes a form of
// them that it does.
var unreadable = map[string]string{
	"Pipfile":          "pipenv requirements > requirements.txt",
	"Pipfile.lock":     "pipenv requirements > requirements.txt",
	"pdm.lock":         "pdm export -o requirements.txt",
	"environment.yml":  "pip freeze > requirements.txt in that environment",
	"environment.yaml": "pip freeze > requirements.txt in that environment",
	"setup.py":         "pip freeze > requirements.txt in an environment that has the project",
	"setup.cfg":        "pip freeze > requirements.txt in an environment that has the project",
}

func parseTOML(file string, into any) error {
	data, err := os.ReadFile(file)
	if err == nil {
		_, err = toml.Decode(strings.TrimPrefix(string(data), "\ufeff"), into)
	}
	if err != nil {
		return fmt.Errorf("reading the requirements in %s: %w", file, err)
	}
	return nil
}

// pyproject is the part of a pyproject.toml that says what the project needs to run.
type pyproject struct {
	Project struct {
		Dependencies   []string `toml:"dependencies"`
		Dynamic        []string `toml:"dynamic"`
		RequiresPython string   `toml:"requires-python"`
	} `toml:"project"`
	Tool struct {
		Poetry struct {
			Dependencies map[string]any `toml:"dependencies"`
		} `toml:"poetry"`
	} `toml:"tool"`
}

func readPyproject(file string) (l list, err error) {
	var p pyproject
	if err := parseTOML(file, &p); err != nil {
		return l, err
	}
	l.python = p.Project.RequiresPython
	if slices.Contains(p.Project.Dynamic, "dependencies") {
		return l, fmt.Errorf("%s leaves its dependencies to another file: name that one, or a lock file", file)
	}
	for _, line := range p.Project.Dependencies {
		l.add(strings.TrimSpace(line))
	}
	if len(p.Project.Dependencies) > 0 {
		return l, nil
	}
	for _, name := range slices.Sorted(maps.Keys(p.Tool.Poetry.Dependencies)) {
		if err := l.addPoetry(name, p.Tool.Poetry.Dependencies[name]); err != nil {
			return l, fmt.Errorf("%s: tool.poetry.dependencies.%s: %w", file, name, err)
		}
	}
	if len(l.lines) == 0 && l.local == "" {
		return l, fmt.Errorf("%s lists no packages: want dependencies under [project]; or name another file", file)
	}
	return l, nil
}

// add adds a line, and notes one that refers to this file system.
func (l *list) add(line string) {
	if l.local == "" && (inFolder(line) || strings.Contains(line, "@ file:")) {
		l.local = line
	}
	l.lines = append(l.lines, line)
}

// addPoetry adds a package in Poetry's own notation: a version, or a table.
func (l *list) addPoetry(name string, of any) error {
	version, marker := "", ""
	switch of := of.(type) {
	case string:
		version = of
	case map[string]any:
		if of["optional"] == true {
			return nil
		}
		if of["path"] != nil {
			l.local = cmp.Or(l.local, name)
			return nil
		}
		if of["git"] != nil || of["url"] != nil {
			return errors.New("packages from git or a URL are read from poetry.lock: name that")
		}
		version, _ = of["version"].(string)
		marker, _ = of["markers"].(string)
		if extras, ok := of["extras"].([]any); ok {
			name += "[" + strings.Trim(fmt.Sprint(extras...), "[]") + "]"
			if len(extras) > 1 {
				return errors.New("several extras are read from poetry.lock: name that")
			}
		}
	default:
		return errors.New("want a version or a table; or name poetry.lock")
	}
	if name == "python" {
		l.python = poetryVersion(version)
		return nil
	}
	line := name + poetryVersion(version)
	if marker != "" {
		line += " ; " + marker
	}
	l.add(line)
	return nil
}

var plainNumber = regexp.MustCompile(`^\d+(\.\d+)*$`)

// poetryVersion turns Poetry's ^1.2 and ~1.2 into what pip reads.
func poetryVersion(version string) string {
	var all []string
	for part := range strings.SplitSeq(version, ",") {
		part = strings.ReplaceAll(part, " ", "")
		switch {
		case part == "" || part == "*":
		case strings.HasPrefix(part, "^"):
			all = append(all, ">="+part[1:], "<"+nextVersion(part[1:], caretAt(part[1:])))
		case strings.HasPrefix(part, "~") && !strings.HasPrefix(part, "~="):
			all = append(all, ">="+part[1:], "<"+nextVersion(part[1:], min(1, strings.Count(part, "."))))
		case plainNumber.MatchString(part) || strings.HasSuffix(part, ".*"):
			all = append(all, "=="+part)
		default:
			all = append(all, part)
		}
	}
	return strings.Join(all, ",")
}

// caretAt is the position of the first number that is not 0, which ^ keeps.
func caretAt(version string) int {
	parts := strings.Split(version, ".")
	for i, part := range parts {
		if part != "0" {
			return i
		}
	}
	return len(parts) - 1
}

// nextVersion is the version after all that have the same numbers up to a position.
func nextVersion(version string, at int) string {
	parts := strings.Split(version, ".")[:at+1]
	var last int
	_, _ = fmt.Sscan(parts[at], &last)
	parts[at] = fmt.Sprint(last + 1)
	return strings.Join(parts, ".")
}

// locked is a package of a lock file.
type locked struct {
	Name     string            `toml:"name"`
	Version  string            `toml:"version"`
	Source   map[string]string `toml:"source"`
	Needs    []need            `toml:"dependencies"`
	Optional map[string][]need `toml:"optional-dependencies"`
}

// need is a package that another one needs.
type need struct {
	Name    string   `toml:"name"`
	Version string   `toml:"version"` // where there are several
	Marker  string   `toml:"marker"`
	Extra   []string `toml:"extra"`
}

// readUV lists what a project needs to run, as uv has locked it: without groups for development.
func readUV(file string) (l list, err error) {
	var lock struct {
		RequiresPython string   `toml:"requires-python"`
		Packages       []locked `toml:"package"`
	}
	if err := parseTOML(file, &lock); err != nil {
		return l, err
	}
	w := walk{packages: lock.Packages, markers: map[int][]string{}}
	roots := 0
	for _, p := range lock.Packages {
		if p.Source["virtual"] == "." || p.Source["editable"] == "." {
			roots++
			w.all(p.Needs, "")
		}
	}
	if roots == 0 {
		return l, fmt.Errorf("%s has no package that is the project itself: name another file", file)
	}
	for i, p := range lock.Packages {
		if markers, needed := w.markers[i]; needed {
			l.addLocked(p.Name, p.Version, uvSource(p), strings.Join(markers, " or "))
		}
	}
	l.python, l.pinned = lock.RequiresPython, true
	return l, nil
}

// uvSource is where a package comes from, other than an index; local: this file system.
func uvSource(p locked) string {
	for _, key := range []string{"editable", "directory", "path", "virtual"} {
		if p.Source[key] != "" {
			return local
		}
	}
	if git := p.Source["git"]; git != "" {
		address, commit, _ := strings.Cut(git, "#")
		address, _, _ = strings.Cut(address, "?")
		return "git+" + address + "@" + commit
	}
	return p.Source["url"]
}

const local = "local"

func (l *list) addLocked(name, version, source, marker string) {
	line := name + "==" + version
	switch source {
	case "":
	case local:
		l.local = cmp.Or(l.local, name)
		return
	default:
		line = name + " @ " + source
	}
	if marker != "" {
		line += " ; " + marker
	}
	l.add(line)
}

// walk finds the packages that others need, and under which conditions.
type walk struct {
	packages []locked
	markers  map[int][]string // by package; none: always
}

func (w *walk) all(needs []need, under string) {
	for _, n := range needs {
		at := slices.IndexFunc(w.packages, func(p locked) bool {
			return p.Name == n.Name && (n.Version == "" || p.Version == n.Version)
		})
		if at < 0 {
			continue
		}
		marker := both(under, n.Marker)
		if w.mark(at, marker) {
			w.all(w.packages[at].Needs, marker)
		}
		for _, extra := range n.Extra {
			w.all(w.packages[at].Optional[extra], marker)
		}
	}
}

// mark notes that a package is needed under a condition; false: that was known.
func (w *walk) mark(at int, marker string) bool {
	known, seen := w.markers[at]
	switch {
	case seen && (len(known) == 0 || slices.Contains(known, marker)):
		return false
	case marker == "":
		w.markers[at] = nil
	default:
		w.markers[at] = append(known, marker)
	}
	return true
}

// both is the condition that two conditions hold.
func both(a, b string) string {
	switch {
	case a == "" || a == b:
		return b
	case b == "":
		return a
	}
	return "(" + a + ") and (" + b + ")"
}

// readPoetry lists the packages of a poetry.lock that are not for development only. Locks of Poetry 1.5
// to 1.8 do not say which these are: then all are listed, which does no harm.
func readPoetry(file string) (l list, err error) {
	var lock struct {
		Packages []struct {
			Name     string            `toml:"name"`
			Version  string            `toml:"version"`
			Optional bool              `toml:"optional"`
			Category string            `toml:"category"`
			Groups   []string          `toml:"groups"`
			Markers  any               `toml:"markers"`
			Source   map[string]string `toml:"source"`
		} `toml:"package"`
		Metadata struct {
			Python string `toml:"python-versions"`
		} `toml:"metadata"`
	}
	if err := parseTOML(file, &lock); err != nil {
		return l, err
	}
	for _, p := range lock.Packages {
		development := p.Category != "" && p.Category != "main" || len(p.Groups) > 0 && !slices.Contains(p.Groups, "main")
		if p.Optional || development {
			continue
		}
		source := ""
		switch s := p.Source; s["type"] {
		case "git":
			source = "git+" + s["url"] + "@" + s["resolved_reference"]
		case "url":
			source = s["url"]
		case "directory", "file":
			source = local
		}
		marker, _ := p.Markers.(string)
		if of, byGroup := p.Markers.(map[string]any); byGroup {
			marker, _ = of["main"].(string)
		}
		l.addLocked(p.Name, p.Version, source, marker)
	}
	if len(l.lines) == 0 && l.local == "" {
		return l, fmt.Errorf("%s lists no packages", file)
	}
	l.python, l.pinned = poetryVersion(lock.Metadata.Python), true
	return l, nil
}

// readList reads a file that is not a requirements file; false: it is one.
func readList(file string) (l list, is bool, err error) {
	name := filepath.Base(file)
	if fix, cannot := unreadable[name]; cannot {
		return l, true, fmt.Errorf("%s is not a list that bench reads: %s, and name that", file, fix)
	}
	read, is := readers[name]
	if !is && filepath.Ext(name) == ".toml" {
		read, is = readPyproject, true
	}
	if !is {
		return l, false, nil
	}
	l, err = read(file)
	return l, true, err
}
