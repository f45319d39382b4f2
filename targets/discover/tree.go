package discover

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Limits of what is read: a folder may be a whole home directory.
const (
	mostDepth   = 7
	mostEntries = 30_000
	mostBytes   = 1 << 20
)

// Tree is the files of a folder that can say what it holds.
type Tree struct {
	FS    fs.FS
	Files []string // slash paths, sorted
	// Databases are the SQLite files, by what they begin with.
	Databases []string
}

// skipped are folders that hold other people's code, or results.
var skipped = []string{
	"node_modules", "__pycache__", "site-packages", "dist-packages", "migrations", "locale", "media", "bench-runs",
	"bower_components", "htmlcov", "staticfiles",
}

// readable are files besides Python's that name an app or its settings.
var readable = []string{
	"pyproject.toml", "setup.cfg", "pytest.ini", "tox.ini", "Pipfile", "Pipfile.lock", "Procfile", "uv.lock",
	"poetry.lock", "pdm.lock", "development.ini", "production.ini",
	"environment.yml", "compose.yml", "compose.yaml", "docker-compose.yml", "docker-compose.yaml",
}

// ReadTree lists the files. Folders that cannot be read are left out.
func ReadTree(from fs.FS) (Tree, error) {
	t := Tree{FS: from}
	entries := 0
	err := fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			if name == "." {
				return err
			}
			return fs.SkipDir
		}
		if entries++; entries > mostEntries {
			return fs.SkipAll
		}
		if !entry.IsDir() {
			if wanted(entry.Name()) {
				t.Files = append(t.Files, name)
			} else if holdsDatabase(from, name) {
				t.Databases = append(t.Databases, name)
			}
			return nil
		}
		if name != "." && (t.foreign(name) || strings.Count(name, "/") >= mostDepth) {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		return t, fmt.Errorf("listing the files: %w", err)
	}
	return t, nil
}

// holdsDatabase reports whether a file is an SQLite database, also in its first bytes.
func holdsDatabase(from fs.FS, name string) bool {
	if !slices.Contains([]string{".sqlite3", ".sqlite", ".db", ".db3"}, path.Ext(name)) {
		return false
	}
	f, err := from.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	const mark = "SQLite format 3\x00"
	first := make([]byte, len(mark))
	_, err = io.ReadFull(f, first)
	return err == nil && string(first) == mark
}

// Beside is the folder of the project that a folder holds itself, or one folder below; false if it
// holds none. It reads little, and so misses projects further down.
func Beside(from fs.FS) (dir string, found bool) {
	t := Tree{FS: from}
	for _, pattern := range []string{"*.py", "*/*.py", "*/*/*.py"} {
		names, _ := fs.Glob(from, pattern) // the patterns are well-formed
		for _, name := range names {
			if top, _, below := strings.Cut(name, "/"); !below || !t.foreign(top) && !t.foreign(path.Dir(name)) {
				t.Files = append(t.Files, name)
			}
		}
	}
	slices.Sort(t.Files)
	for _, p := range t.Projects() {
		if depth(p.Dir) < 2 {
			return p.Dir, true
		}
	}
	return "", false
}

// foreign reports whether a folder is not the project's own code: hidden, an environment, or the
// template of a project.
func (t Tree) foreign(name string) bool {
	base := path.Base(name)
	if strings.HasPrefix(base, ".") || strings.Contains(base, "{{") || slices.Contains(skipped, base) {
		return true
	}
	_, err := fs.Stat(t.FS, path.Join(name, "pyvenv.cfg"))
	return err == nil
}

func wanted(name string) bool {
	return strings.HasSuffix(name, ".py") || slices.Contains(readable, name) ||
		strings.HasPrefix(name, "requirements") || strings.HasPrefix(name, "Dockerfile") ||
		strings.HasPrefix(name, ".env") || name == ".flaskenv"
}

// Has reports whether a file was listed.
func (t Tree) Has(name string) bool {
	_, found := slices.BinarySearch(t.Files, path.Clean(name))
	return found
}

// Text is a file's content; empty if it cannot be read, or is too long to be written by hand.
func (t Tree) Text(name string) string {
	if info, err := fs.Stat(t.FS, name); err != nil || info.Size() > mostBytes {
		return ""
	}
	data, err := fs.ReadFile(t.FS, name)
	if err != nil {
		return ""
	}
	return string(data)
}

// below lists the Python files of a folder and the folders below it.
func (t Tree) below(dir string) (names []string) {
	for _, name := range t.Files {
		if strings.HasSuffix(name, ".py") && within(name, dir) {
			names = append(names, name)
		}
	}
	return names
}

func within(name, dir string) bool { return dir == "." || strings.HasPrefix(name, dir+"/") }

// module is the dotted name under which a file below dir is imported from there; empty if it has none.
func module(file, dir string) string {
	name := strings.TrimSuffix(file, ".py")
	if dir != "." {
		name = strings.TrimPrefix(name, dir+"/")
	}
	name = strings.TrimSuffix(name, "/__init__")
	dotted := strings.ReplaceAll(name, "/", ".")
	for part := range strings.SplitSeq(dotted, ".") {
		if !identifier.MatchString(part) {
			return ""
		}
	}
	return dotted
}

// moduleFile is the file below dir that a dotted name stands for; empty if there is none.
func (t Tree) moduleFile(dotted, dir string) string {
	base := path.Join(dir, strings.ReplaceAll(dotted, ".", "/"))
	for _, name := range []string{base + ".py", base + "/__init__.py"} {
		if t.Has(name) {
			return name
		}
	}
	return ""
}
