package setup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"bench/servers"
)

// Requirements are the packages that a project requires: the lines of a pip requirements
// file and of those it includes, without comments.
type Requirements struct {
	file  string
	Lines []string
	local string
	// derived says that the file is not one for pip, which gets the lines instead.
	derived bool
	python  string // which interpreters will do; empty: any
	pinned  bool   // the lines name every package
}

// ReadRequirements reads a requirements file.
func ReadRequirements(file string) (Requirements, error) {
	r := Requirements{file: file}
	l, is, err := readList(file)
	if err != nil || is {
		r.Lines, r.derived, r.python, r.pinned = l.lines, true, l.python, l.pinned
		if l.local != "" {
			r.local = fmt.Sprintf("%s: %s", file, l.local)
		}
		return r, err
	}
	return r, r.read(file, "", nil)
}

// constrains marks a line of a constraints file, which installs nothing by itself.
const constrains = "constraint: "

func (r *Requirements) read(file, mark string, within []string) error {
	if slices.Contains(within, file) {
		return fmt.Errorf("%s includes itself, through %s", file, strings.Join(within[1:], ", "))
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the requirements: %w", err)
	}
	for _, line := range requirementLines(string(data)) {
		if table.MatchString(line) {
			return fmt.Errorf("%s is not a requirements file: %s is a line of TOML or of an INI file", file, line)
		}
		m := inclusion.FindStringSubmatch(line)
		if m == nil || strings.Contains(m[2], "://") || strings.Contains(m[2], "${") {
			if inFolder(line) && r.local == "" {
				r.local = fmt.Sprintf("%s: %s", file, line)
			}
			r.Lines = append(r.Lines, mark+line)
			continue
		}
		other, mark := m[2], mark
		if !filepath.IsAbs(other) {
			other = filepath.Join(filepath.Dir(file), other)
		}
		if strings.HasPrefix(m[1], "-c") || m[1] == "--constraint" {
			mark = constrains
		}
		if err := r.read(other, mark, append(slices.Clone(within), file)); err != nil {
			return err
		}
	}
	return nil
}

// requirementLines are the logical lines of a requirements file, as pip reads it: a line that
// ends in a backslash continues on the next one, unless that is a comment.
func requirementLines(text string) (lines []string) {
	var joined string
	flush := func() {
		if line := strings.Join(strings.Fields(comment.ReplaceAllString(joined, "")), " "); line != "" {
			lines = append(lines, line)
		}
		joined = ""
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		start, more := strings.CutSuffix(line, `\`)
		switch isComment := strings.HasPrefix(strings.TrimSpace(line), "#"); {
		case isComment:
			flush()
		case more:
			joined += start + " "
		default:
			joined += line
			flush()
		}
	}
	flush()
	return lines
}

// table is the heading of a section in other formats.
var table = regexp.MustCompile(`^\[[^\]]+\]$`)

var comment = regexp.MustCompile(`(^|\s)#.*$`)

// inclusion is a line that includes another file, of requirements or of constraints.
var inclusion = regexp.MustCompile(`^(-[rc]|--requirement|--constraint)[ =]?(.+)$`)

// source is an option that names a location of packages, or something to install from source.
var source = regexp.MustCompile(`^(?:-e|--editable|-f|--find-links)[ =]?(.+)$`)

var archive = regexp.MustCompile(`\.(whl|zip|tar|tar\.\w+|tgz)$`)

// inFolder reports whether a line refers to something in this file system.
func inFolder(line string) bool {
	if strings.Contains(line, "file:") {
		return true
	}
	if m := source.FindStringSubmatch(line); m != nil {
		return !strings.Contains(m[1], "://")
	}
	first, _, _ := strings.Cut(line, " ")
	return !strings.HasPrefix(first, "-") && !strings.Contains(first, "://") &&
		(strings.HasPrefix(first, ".") || strings.Contains(first, "/") || archive.MatchString(first))
}

// File is where the list was read from; empty if there is none.
func (r Requirements) File() string { return r.file }

// Local is the first line that refers to something in this file system, which a cached
// environment cannot contain; empty: none.
func (r Requirements) Local() string { return r.local }

// Differ lists what only one of two projects requires.
func (r Requirements) Differ(other Requirements) (gone, added []string) {
	without := func(all, those []string) (rest []string) {
		for _, line := range all {
			if !slices.Contains(those, line) {
				rest = append(rest, line)
			}
		}
		return rest
	}
	return without(r.Lines, other.Lines), without(other.Lines, r.Lines)
}

// place is where the environment of a list of packages is kept, and what it is created from.
type place struct{ base, version, dir string }

func (p place) python() string { return filepath.Join(p.dir, "bin", "python") }

// place finds the place of an environment, whether or not it was created. The base is the interpreter that it is
// created from; empty: python3 on PATH.
//
// Packages in this file system (-e ., ./lib) are refused: they belong to one version's tree,
// which the environment outlives.
func (s Setup) place(ctx context.Context, r Requirements, base string) (at place, err error) {
	if r.local != "" {
		return at, fmt.Errorf("%s: a package in this file system cannot go into a cached environment: name a published "+
			"package, or create an environment by hand and name its interpreter in app.python", r.local)
	}
	if base == "" {
		base, err = s.interpreter(ctx, r.python)
	} else if path := servers.LookPath(base, s.Path); path != "" {
		base = path
	} else {
		err = fmt.Errorf("%s is not a program", base)
	}
	if err != nil {
		return at, fmt.Errorf("creating an environment for %s: %w", r.file, err)
	}
	tools, err := servers.FindTools(ctx, base, s.Path, nil)
	if err != nil {
		return at, err
	}
	real, err := filepath.EvalSymlinks(base) // of a virtual environment, what it was created from
	if err != nil {
		return at, fmt.Errorf("creating an environment for %s: %w", r.file, err)
	}
	holds := real + " " + tools["python"].Version + "\n" + uwsgiRequirement() + strings.Join(r.Lines, "\n")
	if r.pinned {
		holds += "\nno others"
	}
	sum := sha256.Sum256([]byte(holds))
	return place{base, tools["python"].Version, filepath.Join(s.Cache, "env-"+hex.EncodeToString(sum[:6]))}, nil
}

// Made returns the interpreter of the environment that Environment would return, or "" if that would have to
// create it.
func (s Setup) Made(ctx context.Context, r Requirements, base string) (python string, err error) {
	at, err := s.place(ctx, r, base)
	if err != nil || !complete(at.dir) {
		return "", err
	}
	return at.python(), nil
}

// Environment returns the interpreter of a virtual environment with a project's requirements
// and uWSGI. It is created once and kept in the cache, named after its contents.
func (s Setup) Environment(ctx context.Context, r Requirements, base string) (python string, err error) {
	at, err := s.place(ctx, r, base)
	if err != nil {
		return "", err
	}
	if err := usable(s.Cache); err != nil {
		return "", err
	}
	if s, err = s.locked(ctx); err != nil {
		return "", err
	}
	defer s.lock.Close()
	if complete(at.dir) {
		return at.python(), nil
	}
	s.say("creating an environment for %s with Python %s and %s in %s (once)", r.file, at.version, s.installer(), at.dir)
	var log strings.Builder
	s.Say = io.MultiWriter(s.Say, &log)
	if err := s.createEnvironment(ctx, r, at.base, at.dir); err != nil {
		return "", fmt.Errorf("creating an environment for %s: %w\n%s", r.file, err, reason(log.String()))
	}
	return at.python(), nil
}

func (s Setup) createEnvironment(ctx context.Context, r Requirements, base, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing an incomplete one: %w", err)
	}
	python := filepath.Join(dir, "bin", "python")
	if err := s.command(ctx, base, "-m", "venv", dir); err != nil {
		return err
	}
	file := r.file
	if r.derived {
		file = filepath.Join(dir, "requirements.txt")
		if err := os.WriteFile(file, []byte(strings.Join(r.Lines, "\n")+"\n"), 0o600); err != nil {
			return err
		}
	}
	pip := s.pip(python)
	install := append(slices.Clone(pip), "-r", file)
	if r.pinned {
		install = append(install, "--no-deps")
	}
	if err := s.command(ctx, install...); err != nil {
		return err
	}
	if !exists(filepath.Join(dir, "bin", "uwsgi")) {
		list := filepath.Join(dir, "uwsgi.txt")
		if err := os.WriteFile(list, []byte(uwsgiRequirement()), 0o600); err != nil {
			return err
		}
		if err := s.command(ctx, append(slices.Clone(pip), "--no-deps", "--require-hashes", "-r", list)...); err != nil {
			return err
		}
	}
	// Some packages contain files that Python cannot compile, such as templates.
	_ = s.try(ctx, python, "-m", "compileall", "-q", filepath.Join(dir, "lib"))
	if err := ctx.Err(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, readyFile), nil, 0o600)
}

// pip is the command that installs into an environment: uv's, which is faster, or its own.
func (s Setup) pip(python string) []string {
	if uv := servers.LookPath("uv", s.Path); uv != "" {
		return []string{uv, "pip", "install", "--quiet", "--python", python}
	}
	return []string{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"}
}

// installer is the program that the packages are installed with.
func (s Setup) installer() string {
	if servers.LookPath("uv", s.Path) != "" {
		return "uv"
	}
	return "pip"
}

// reasons are the lines in which an installer says why it failed, the most telling first, and what to do.
var reasons = []struct {
	line *regexp.Regexp
	hint string
}{
	{regexp.MustCompile(`(?i).*fatal error: Python\.h.*`), "Install Python's C headers: apt-get install python3-dev."},
	{regexp.MustCompile(`(?i).*(?:pg_config executable not found|mysql_config|mariadb_config).*`),
		"Install the database's C headers (libpq-dev, default-libmysqlclient-dev), or require a package that is built."},
	{regexp.MustCompile(`(?i).*command '[^']*(?:gcc|cc)' failed: No such file.*|.*(?:gcc|cc): (?:command )?not found.*`),
		"Install a C compiler: apt-get install gcc libc6-dev."},
	{regexp.MustCompile(`(?i).*(?:name resolution|new connection|connection (?:refused|reset|broken)|timed out|` +
		`max retries|network is unreachable|5\d\d server error|error sending request|dns error).*`),
		"The package index cannot be reached: check the network, or PIP_INDEX_URL."},
	{regexp.MustCompile(`.*(?:No matching distribution found|Could not find a version|requires a different Python|` +
		`No solution found|not found in the package registry|has no version|Requires-Python).*`), ""},
	{regexp.MustCompile(`(?i).*(?:fatal )?error: .*`), ""},
}

// reason is what the log of an installer says of why it failed, without the rest of it.
func reason(log string) string {
	for _, r := range reasons {
		var lines []string
		for _, line := range r.line.FindAllString(log, -1) {
			const longest = 300
			if line = strings.TrimSpace(line); len(line) > longest {
				line = line[:longest] + "…"
			}
			if !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
		const most = 3
		if lines = lines[:min(most, len(lines))]; len(lines) > 0 {
			return strings.TrimSpace(strings.Join(lines, "\n") + "\n" + r.hint)
		}
	}
	return lastLines(log, 5)
}

func lastLines(text string, n int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-n):], "\n")
}

// uwsgiRequirement is the version of uWSGI that bench is tested with.
func uwsgiRequirement() string { return requirements[strings.Index(requirements, "uwsgi=="):] }

// complete reports whether an environment was completed and still has its programs.
func complete(dir string) bool {
	// Stat follows links: an environment whose interpreter has been removed does not count.
	return exists(filepath.Join(dir, readyFile)) &&
		exists(filepath.Join(dir, "bin", "python")) && exists(filepath.Join(dir, "bin", "uwsgi"))
}
