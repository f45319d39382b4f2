package servers

import (
	"path/filepath"
	"strings"
	"testing"

	"bench/targets"
)

// fakeDjango has just enough of django.conf to read settings, so that the test needs no Django.
// As Django's, its settings are read when they are first asked for, and not while the module is imported.
const fakeDjango = `
import importlib, os
class Settings:
    configured = False
    def __getattr__(self, name):
        return getattr(importlib.import_module(os.environ["DJANGO_SETTINGS_MODULE"]), name)
settings = Settings()
`

// What bench finds out about a project's settings, with what it does about that.
func TestSettingsAreRead(t *testing.T) {
	for _, row := range []struct {
		says, settings string
		override       map[string]any
		notes          string
		copied         string
		drawsKey       bool
		err            string
	}{
		{"24-debug-on", "DEBUG = True\nSECRET_KEY = 'x'\nDATABASES = {}\n", nil, "debug-on", "", false, ""},
		{"DEBUG is replaced", "DEBUG = True\nSECRET_KEY = 'x'\nDATABASES = {}\n", map[string]any{"DEBUG": false},
			"", "", false, ""},
		{"a database in the tree", `
import os
DEBUG, SECRET_KEY = False, 'x'
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': os.path.join(os.getcwd(), 'db.sqlite3')}}
`, nil, "", "db.sqlite3", false, ""},
		{"a database elsewhere", `
DEBUG, SECRET_KEY = False, 'x'
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': '/srv/elsewhere.sqlite3'}}
`, nil, "shared-database", "", false, ""},
		{"a key that every process draws", "import os\nDEBUG = False\nSECRET_KEY = os.urandom(9).hex()\nDATABASES = {}\n",
			nil, "", "", true, ""},
		{"14-environment-not-passed", "import os\nSECRET_KEY = os.environ['BENCHLESS_KEY']\n", nil, "", "", false,
			"app.env_from: [BENCHLESS_KEY]"},
	} {
		site := testSite(t)
		site.Host.Tools["django"] = Tool{Version: "5.2"}
		dir := t.TempDir()
		write(t, filepath.Join(dir, "django/conf.py"), fakeDjango)
		write(t, filepath.Join(dir, "site1/settings.py"), row.settings)
		write(t, filepath.Join(dir, "db.sqlite3"), "rows")
		app := targets.App{Dir: dir, Settings: "site1.settings", WSGI: "site1.wsgi:application", Health: "/"}
		app.Override = row.override
		err := site.Prepare(t.Context(), app, t.TempDir())
		if row.err != "" {
			if err == nil || !strings.Contains(err.Error(), row.err) {
				t.Errorf("%s: %v; want an error that says %q", row.says, err, row.err)
			}
			continue
		}
		var notes []string
		for _, d := range site.Notes {
			notes = append(notes, d.Code)
		}
		copied := strings.Join(site.Host.Copied, " ")
		if err != nil || strings.Join(notes, " ") != row.notes || copied != row.copied ||
			site.Host.DrawKey != row.drawsKey {
			t.Errorf("%s: %v, notes %v, copied %q, a key of its own %v", row.says, err, notes, copied, site.Host.DrawKey)
		}
		if copied != "" && read(t, filepath.Join(site.Host.Tree, copied)) != "rows" {
			t.Errorf("%s: the copy is not the database", row.says)
		}
	}
}
