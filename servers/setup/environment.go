package setup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
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
	local string // the first line that names a folder, with its place
}

// ReadRequirements reads a requirements file.
func ReadRequirements(file string) (Requirements, error) {
	r := Requirements{file: file}
	return r, r.read(file, nil)
}

func (r *Requirements) read(file string, within []string) error {
	if slices.Contains(within, file) {
		return fmt.Errorf("%s names itself, by way of %s", file, strings.Join(within[1:], ", "))
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the requirements: %w", err)
	}
	for i, line := range strings.Split(strings.ReplaceAll(string(data), "\\\n", " "), "\n") {
		if line = strings.Join(strings.Fields(withoutComment(line)), " "); line == "" {
			continue
		}
		if m := inclusion.FindStringSubmatch(line); m != nil {
			if err := r.read(filepath.Join(filepath.Dir(file), m[1]), append(within, file)); err != nil {
				return err
			}
			continue
		}
		if inFolder(line) && r.local == "" {
			r.local = fmt.Sprintf("%s:%d: %s", file, i+1, line)
		}
		r.Lines = append(r.Lines, line)
	}
	return nil
}

func withoutComment(line string) string {
	if strings.HasPrefix(strings.TrimSpace(line), "#") {
		return ""
	}
	line, _, _ = strings.Cut(line, " #")
	return line
}

// inclusion is a line that names another list, of requirements or of constraints: for telling
// lists apart that makes no difference.
var inclusion = regexp.MustCompile(`^(?:-[rc] ?|--(?:requirement|constraint)[ =])(.+)$`)

func inFolder(line string) bool {
	first, _, _ := strings.Cut(line, " ")
	return first == "-e" || strings.HasPrefix(first, "--editable") || strings.HasPrefix(first, ".") || strings.HasPrefix(first, "/") ||
		strings.Contains(line, "file:") || strings.HasSuffix(first, ".whl") && !strings.Contains(first, "://")
}

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
// What lies in a folder (-e ., ./lib) is refused: the folder belongs to one version's tree,
// and an environment outlives that.
func (s Setup) Environment(ctx context.Context, r Requirements, base string) (python string, err error) {
	if r.local != "" {
		return "", fmt.Errorf("%s: what lies in a folder cannot be put into an environment that is kept: name a published package, or make an environment by hand and give it as app.python", r.local)
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
	sum := sha256.Sum256([]byte(tools.Versions["python"] + "\n" + uwsgiRequirement() + strings.Join(r.Lines, "\n")))
	dir := filepath.Join(s.Cache, "env-"+hex.EncodeToString(sum[:6]))
	python = filepath.Join(dir, "bin", "python")
	unlock, err := servers.LockFile(ctx, filepath.Join(s.Cache, "setup.lock"), func() { s.say("waiting for another set-up to end") })
	if err != nil {
		return "", err
	}
	defer unlock()
	if whole(dir) {
		return python, nil
	}
	s.say("making an environment for %s in %s (once)", r.file, dir)
	if err := s.makeEnvironment(ctx, r, base, dir); err != nil {
		return "", fmt.Errorf("making an environment for %s: %w", r.file, err)
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
	if err := s.command(ctx, python, "-m", "compileall", "-q", filepath.Join(dir, "lib")); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, readyFile), nil, 0o600)
}

// uwsgiRequirement is the version of uWSGI that bench is tested with.
func uwsgiRequirement() string { return requirements[strings.Index(requirements, "uwsgi=="):] }

// whole reports whether an environment was made to its end, and still has its programs.
func whole(dir string) bool {
	// Stat follows links: an interpreter that was removed since makes the environment void.
	return exists(filepath.Join(dir, readyFile)) && exists(filepath.Join(dir, "bin", "python")) && exists(filepath.Join(dir, "bin", "uwsgi"))
}
