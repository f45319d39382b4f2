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

// Requirements are the packages that a project asks for: the lines of a pip requirements
// file and of those it names, without comments.
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

// constrains marks a line of a list of constraints, which installs nothing by itself.
const constrains = "constraint: "

func (r *Requirements) read(file, mark string, within []string) error {
	if slices.Contains(within, file) {
		return fmt.Errorf("%s names itself, by way of %s", file, strings.Join(within[1:], ", "))
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
// ends in a backslash goes on in the next one, which a comment ends.
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

// inclusion is a line that names another list, of requirements or of constraints.
var inclusion = regexp.MustCompile(`^(-[rc]|--requirement|--constraint)[ =]?(.+)$`)

// source is an option that names a place of packages, or something to install from its sources.
var source = regexp.MustCompile(`^(?:-e|--editable|-f|--find-links)[ =]?(.+)$`)

var archive = regexp.MustCompile(`\.(whl|zip|tar|tar\.\w+|tgz)$`)

// inFolder reports whether a line is about something in this file system.
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

// File is where the list was read from; empty: there is none.
func (r Requirements) File() string { return r.file }

// Local is the first line that names something in this file system, which no environment that
// is kept can hold; empty: none.
func (r Requirements) Local() string { return r.local }

// Differ lists what only one of two projects asks for.
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

// Environment is the interpreter of a virtual environment that holds what a project asks
// for, and uWSGI. It is made once and kept in the cache, named after what it holds. The base
// is the interpreter that it is made from; empty: python3 on PATH.
//
// What lies in this file system (-e ., ./lib) is refused: it belongs to one version's tree, and
// an environment outlives that.
func (s Setup) Environment(ctx context.Context, r Requirements, base string) (python string, err error) {
	if r.local != "" {
		return "", fmt.Errorf("%s: what lies in this file system cannot be put into an environment that is kept: name a "+
			"published package, or make an environment by hand and give it as app.python", r.local)
	}
	if base == "" {
		base = "python3"
	}
	if base = servers.LookPath(base, s.Path); base == "" {
		return "", errors.New("making an environment for " + r.file + ": no python3 on PATH; bench setup installs it")
	}
	tools, err := servers.FindTools(ctx, base, s.Path, nil)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(base) // of a virtual environment, what it was made from
	if err != nil {
		return "", fmt.Errorf("making an environment for %s: %w", r.file, err)
	}
	holds := real + " " + tools["python"].Version + "\n" + uwsgiRequirement() + strings.Join(r.Lines, "\n")
	sum := sha256.Sum256([]byte(holds))
	dir := filepath.Join(s.Cache, "env-"+hex.EncodeToString(sum[:6]))
	python = filepath.Join(dir, "bin", "python")
	unlock, err := servers.LockFile(ctx, filepath.Join(s.Cache, "setup.lock"),
		func() { s.say("waiting for another set-up to end") })
	if err != nil {
		return "", err
	}
	defer unlock()
	if whole(dir) {
		return python, nil
	}
	s.say("making an environment for %s in %s (once)", r.file, dir)
	var log strings.Builder
	s.Say = io.MultiWriter(s.Say, &log)
	if err := s.makeEnvironment(ctx, r, base, dir); err != nil {
		return "", fmt.Errorf("making an environment for %s: %w\n%s", r.file, err, lastLines(log.String(), 20))
	}
	return python, nil
}

func (s Setup) makeEnvironment(ctx context.Context, r Requirements, base, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing a half-made one: %w", err)
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
	// Some packages come with files that no Python compiles, such as templates.
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

// whole reports whether an environment was made to its end, and still has its programs.
func whole(dir string) bool {
	// Stat follows links: an interpreter that was removed since makes the environment void.
	return exists(filepath.Join(dir, readyFile)) &&
		exists(filepath.Join(dir, "bin", "python")) && exists(filepath.Join(dir, "bin", "uwsgi"))
}
