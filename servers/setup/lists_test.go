package setup

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Lists of packages as projects have them. 39-pyproject is named as where it was collected.
func TestCasesOfLists(t *testing.T) {
	for _, row := range []struct {
		says, name, text string
		lines            []string
		python           string
		local            bool
		err              string
	}{
		{"39-pyproject", "pyproject.toml", "[project]\nname=\"x\"\nversion=\"1\"\ndependencies=[\"django\"]\n",
			[]string{"django"}, "", false, ""},
		{"a pyproject with a Python version", "pyproject.toml",
			"[project]\nrequires-python = \">=3.12\"\ndependencies = [\"django>=5,<6\", \"x @ file:///srv/x\"]\n",
			[]string{"django>=5,<6", "x @ file:///srv/x"}, ">=3.12", true, ""},
		{"Poetry's own table", "pyproject.toml", `
[tool.poetry.dependencies]
python = "^3.10"
django = "^4.2.1"
celery = {version = "~5.3", markers = "sys_platform == 'linux'"}
psycopg = {version = "3.1.*", extras = ["binary"]}
later = {version = "1", optional = true}
`, []string{"celery>=5.3,<5.4 ; sys_platform == 'linux'", "django>=4.2.1,<5", "psycopg[binary]==3.1.*"},
			">=3.10,<4", false, ""},
		{"dynamic dependencies", "pyproject.toml", "[project]\ndynamic = [\"dependencies\"]\n",
			nil, "", false, "another file"},
		{"a pyproject without packages", "pyproject.toml", "[tool.black]\nline-length = 100\n",
			nil, "", false, "lists no packages"},
		{"broken TOML", "pyproject.toml", "[project\n", nil, "", false, "pyproject.toml"},
		{"uv.lock", "uv.lock", `
version = 1
requires-python = ">=3.12"
[[package]]
name = "mysite"
version = "0.1.0"
source = { virtual = "." }
dependencies = [
  { name = "django" },
  { name = "tzdata", marker = "sys_platform == 'win32'" },
  { name = "psycopg", extra = ["binary"] },
  { name = "tool" },
]
[package.dev-dependencies]
dev = [{ name = "pytest" }]
[[package]]
name = "django"
version = "5.2.1"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "asgiref" }, { name = "tzdata", marker = "sys_platform == 'cygwin'" }]
[[package]]
name = "asgiref"
version = "3.8.1"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "tzdata"
version = "2025.1"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "psycopg"
version = "3.2.0"
source = { registry = "https://pypi.org/simple" }
[package.optional-dependencies]
binary = [{ name = "psycopg-binary", marker = "python_full_version < '3.14'" }]
[[package]]
name = "psycopg-binary"
version = "3.2.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "pytest"
version = "8.0.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "tool"
version = "1.0"
source = { git = "https://example.org/tool?rev=main#0123abc" }
`, []string{"django==5.2.1", "asgiref==3.8.1", "tzdata==2025.1 ; sys_platform == 'cygwin' or sys_platform == 'win32'",
			"psycopg==3.2.0", "psycopg-binary==3.2.0 ; python_full_version < '3.14'",
			"tool @ git+https://example.org/tool@0123abc"}, ">=3.12", false, ""},
		{"poetry.lock with groups", "poetry.lock", `
[[package]]
name = "django"
version = "5.2.1"
optional = false
groups = ["main"]
[[package]]
name = "pytest"
version = "8.0.0"
optional = false
groups = ["dev"]
[[package]]
name = "tzdata"
version = "2025.1"
optional = false
groups = ["main", "dev"]
markers = "sys_platform == \"win32\""
[metadata]
python-versions = "^3.12"
`, []string{"django==5.2.1", "tzdata==2025.1 ; sys_platform == \"win32\""}, ">=3.12,<4", false, ""},
		{"Pipfile.lock", "Pipfile.lock", "{}", nil, "", false, "pipenv requirements > requirements.txt"},
		{"pdm.lock", "pdm.lock", "", nil, "", false, "pdm export"},
		{"TOML under another name", "requirements.txt", "[project]\ndependencies = []\n",
			nil, "", false, "not a requirements file"},
		{"a requirements file", "requirements.txt", "django==5.2 # the newest\n", []string{"django==5.2"}, "", false, ""},
	} {
		file := filepath.Join(t.TempDir(), row.name)
		if err := os.WriteFile(file, []byte(row.text), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := ReadRequirements(file)
		switch {
		case row.err != "":
			if err == nil || !strings.Contains(err.Error(), row.err) {
				t.Errorf("%s: %v; want an error that says %q", row.says, err, row.err)
			}
		case err != nil || !slices.Equal(r.Lines, row.lines) || r.python != row.python || (r.Local() != "") != row.local:
			t.Errorf("%s: %q, Python %q, local %q, %v; want %q, Python %q",
				row.says, r.Lines, r.python, r.Local(), err, row.lines, row.python)
		}
	}
}

func TestPythonVersions(t *testing.T) {
	for _, row := range []struct {
		version, want string
		met           bool
	}{
		{"3.11.7", ">=3.10", true}, {"3.11.7", ">=3.12", false}, {"3.9.1", ">=3.10", false},
		{"3.12.0", ">=3.10,<3.12", false}, {"3.11.7", "==3.11.*", true}, {"3.10.1", "==3.11.*", false},
		{"3.11.7", "!=3.11.7", false}, {"3.11.7", "~=3.9", true}, {"4.0.0", "~=3.9", false},
		{"3.11.7", "~=3.11.2", true}, {"3.12.1", "~=3.11.2", false}, {"3.14.0rc1", ">=3.14", true},
		{"3.11.7", "", true}, {"3.11.7", ">3.11", false}, {"3.11.7", "<=3.11", false}, {"3.11.0", ">= 3.11, < 4", true},
	} {
		if met := satisfies(row.version, row.want); met != row.met {
			t.Errorf("%s meets %q: %v", row.version, row.want, met)
		}
	}
}

func TestPoetryVersions(t *testing.T) {
	for written, want := range map[string]string{
		"^1.2.3": ">=1.2.3,<2", "^0.2.3": ">=0.2.3,<0.3", "^0.0.3": ">=0.0.3,<0.0.4", "^1": ">=1,<2", "^0": ">=0,<1",
		"~1.2.3": ">=1.2.3,<1.3", "~1": ">=1,<2", "*": "", "1.2": "==1.2", "1.*": "==1.*", ">=1, <2": ">=1,<2",
		"~=1.4": "~=1.4",
	} {
		if got := poetryVersion(written); got != want {
			t.Errorf("%s becomes %q; want %q", written, got, want)
		}
	}
}

func TestReasonsOfInstallers(t *testing.T) {
	noise := strings.Repeat("  copying build/lib/x.py\n", 100)
	for _, row := range []struct{ says, log, want, hint string }{
		{"no such version", noise + "ERROR: Could not find a version that satisfies the requirement nonsense\n" +
			"ERROR: No matching distribution found for nonsense\n", "No matching distribution found for nonsense", ""},
		{"no headers", noise + "core/x.c:1:10: fatal error: Python.h: No such file or directory\n" + noise +
			"ERROR: Failed building wheel for x\n", "Python.h", "python3-dev"},
		{"no compiler", noise + "error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory\n" + noise,
			"gcc", "gcc libc6-dev"},
		{"no network", noise + "WARNING: Retrying: Failed to establish a new connection: [Errno 101]\n" + noise,
			"new connection", "index cannot be reached"},
		{"PostgreSQL", noise + "Error: pg_config executable not found.\n" + noise, "pg_config", "libpq-dev"},
		{"nothing that is known", "one\ntwo\n", "one\ntwo", ""},
	} {
		got := reason(row.log)
		if !strings.Contains(got, row.want) || !strings.Contains(got, row.hint) || len(got) > 600 {
			t.Errorf("%s: %q; want %q and %q", row.says, got, row.want, row.hint)
		}
	}
}
