package setup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
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
}

// ReadRequirements reads a requirements file.
func ReadRequirements(file string) (Requirements, error) {
	r := Requirements{file: file}
	err := r.read(file, "", nil)
	return r, err
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

// Environment returns the interpreter of a virtual environment with a project's requirements
// and uWSGI. It is created once and kept in the cache, named after its contents. The base is
// the interpreter that it is created from; empty: python3 on PATH.
//
// Packages in this file system (-e ., ./lib) are refused: they belong to one version's tree,
// which the environment outlives.
func (s Setup) Environment(ctx context.Context, r Requirements, base string) (python string, err error) {
	if r.local != "" {
		return "", fmt.Errorf("%s: a package in this file system cannot go into a cached environment: name a published "+
			"package, or create an environment by hand and name its interpreter in app.python", r.local)
	}
	if base == "" {
		base = "python3"
	}
	if base = servers.LookPath(base, s.Path); base == "" {
		return "", errors.New("creating an environment for " + r.file + ": no python3 on PATH; bench setup installs it")
	}
	tools, err := servers.FindTools(ctx, base, s.Path, nil)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(base) // of a virtual environment, what it was created from
	if err != nil {
		return "", fmt.Errorf("creating an environment for %s: %w", r.file, err)
	}
	holds := real + " " + tools["python"].Version + "\n" + uwsgiRequirement() + strings.Join(r.Lines, "\n")
	sum := sha256.Sum256([]byte(holds))
	dir := filepath.Join(s.Cache, "env-"+hex.EncodeToString(sum[:6]))
	python = filepath.Join(dir, "bin", "python")
	unlock, err := servers.LockFile(ctx, filepath.Join(s.Cache, "setup.lock"),
		func() { s.say("waiting for another setup to finish") })
	if err != nil {
		return "", err
	}
	defer unlock()
	if complete(dir) {
		return python, nil
	}
	s.say("creating an environment for %s in %s (once)", r.file, dir)
	var log strings.Builder
	s.Say = io.MultiWriter(s.Say, &log)
	if err := s.createEnvironment(ctx, r, base, dir); err != nil {
		return "", fmt.Errorf("creating an environment for %s: %w\n%s", r.file, err, lastLines(log.String(), 20))
	}
	return python, nil
}

func (s Setup) createEnvironment(ctx context.Context, r Requirements, base, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing an incomplete one: %w", err)
	}
	python := filepath.Join(dir, "bin", "python")
	pip := []string{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"}
	for _, argv := range [][]string{{base, "-m", "venv", dir}, append(slices.Clone(pip), "-r", r.file)} {
		if err := s.command(ctx, argv...); err != nil {
			return err
		}
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
