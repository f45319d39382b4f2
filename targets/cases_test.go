package targets

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Inputs from public bug reports, named as where they were collected, and others like them.
func TestCasesOfProjectFiles(t *testing.T) {
	const app = "app:\n  wsgi: site1.wsgi:application\n  settings: site1.settings\n"
	for _, row := range []struct {
		says, text string
		right      func(Project) bool
		err        string // or what the error says
	}{
		{"13-numbers-in-env", app + "  env: {PIN: 01234, RELEASE: 24.10, ROWS: 1_000, MASK: 0x1F}\n", func(p Project) bool {
			return maps.Equal(p.App.Env, map[string]string{"PIN": "01234", "RELEASE": "24.10", "ROWS": "1_000", "MASK": "0x1F"})
		}, ""},
		{"the same where DEBUG is on", app + "  debug_env: {A: 007, B: no}\n", func(p Project) bool {
			return maps.Equal(p.App.DebugEnv, map[string]string{"A": "007", "B": "no"})
		}, ""},
		{"numbers in headers", app + "mix: [{name: a, path: /, headers: {X-Version: 1.10}}]\n", func(p Project) bool {
			return p.Mix.Targets[0].Header.Get("X-Version") == "1.10"
		}, ""},
		{"14-environment-not-passed", app + "  env_from: [SECRET_KEY, DATABASE_URL]\n  env_file: .env\n",
			func(p Project) bool { return len(p.App.EnvFrom) == 2 && p.App.EnvFile == ".env" }, ""},
		{"a value where a name belongs", app + "  env_from: [SECRET_KEY=s3]\n", nil, "values belong in app.env"},
		{"a variable in two places", app + "  env: {A: b}\n  env_from: [A]\n", nil, "name it in one of the two"},
		{"25-health-needs-a-header: the host of the mix", app +
			"mix: [{name: a, path: /, headers: {Host: shop.example}}]\n", func(p Project) bool {
			return p.App.HealthRequest(true)["Host"] == "shop.example"
		}, ""},
		{"25-health-needs-a-header: headers of its own", app +
			"  health: {path: /up, headers: {x-token: 007}}\n", func(p Project) bool {
			return p.App.Health == "/up" && p.App.HealthRequest(true)["X-Token"] == "007"
		}, ""},
		{"a health path", app + "  health: /up\n", func(p Project) bool { return p.App.Health == "/up" }, ""},
		{"headers of the health path with a misspelt key", app + "  health: {path: /, header: {A: b}}\n", nil, "header"},
		{"two hosts in the mix", app + "mix: [{name: a, path: /, headers: {Host: a}}, {name: b, path: /}]\n",
			func(p Project) bool { return p.App.Host == "" && p.App.HealthRequest(true)["Host"] == DefaultHost }, ""},
		{"a host", app + "  host: shop.example\n", func(p Project) bool { return p.App.HostHeader() == "shop.example" }, ""},
		{"a URL as a host", app + "  host: http://shop.example/\n", nil, "want a name"},
		{"settings", app + "  override: {DEBUG: false, ALLOWED_HOSTS: [a]}\n", func(p Project) bool {
			return p.App.Override["DEBUG"] == false && len(p.App.Override["ALLOWED_HOSTS"].([]any)) == 1
		}, ""},
		{"a setting in lower case", app + "  override: {debug: false}\n", nil, "not the name of a setting"},
		{"state", app + "  state: [db.sqlite3, media/]\n", func(p Project) bool { return len(p.App.State) == 2 }, ""},
		{"state elsewhere", app + "  state: [../db.sqlite3]\n", nil, "within the app's folder"},
		{"state that is everything", app + "  state: [.]\n", nil, "within the app's folder"},
		{"a deadline", app + "  prepare_timeout: 90s\n  migrate_check: false\n", func(p Project) bool {
			return p.App.PrepareTimeout == 90*time.Second && p.App.AnyMigrations
		}, ""},
	} {
		p, err := ParseProject([]byte(row.text), "")
		switch {
		case row.err != "":
			if err == nil || !strings.Contains(err.Error(), row.err) {
				t.Errorf("%s: %v; want an error that says %q", row.says, err, row.err)
			}
		case err != nil || !row.right(p):
			t.Errorf("%s: %+v, %v", row.says, p.App, err)
		}
	}
}

// 22-app-in-a-subfolder: the error names the folder that was meant.
func TestCaseOfAProjectBelow(t *testing.T) {
	for _, row := range []struct {
		says  string
		files []string
		want  string
	}{
		{"22-app-in-a-subfolder", []string{"services/shop/bench.yaml"}, "--app services/shop"},
		{"the nearest of two", []string{"a/b/c/bench.yaml", "z/bench.yaml"}, "--app z"},
		{"none in what others wrote", []string{"node_modules/a/bench.yaml", "env/pyvenv.cfg", "env/lib/bench.yaml"},
			"bench init"},
		{"none", nil, "bench init"},
	} {
		dir := t.TempDir()
		for _, name := range row.files {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := LoadProject(dir); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v; want an error that says %q", row.says, err, row.want)
		}
	}
}

func TestEnvFile(t *testing.T) {
	text := "\ufeff# comment\r\n\r\nA=1\r\nexport B = two words # not this\nC='a # b'\nD=\"x\\ny\" # c\nE=\nF=a#b\n" +
		"URL=postgres://u:p@h/db?a=b\nKEY=\"-----BEGIN\nline\n-----END\"\nG='it\\'s'\nH=#only\nI=01234\nJ=\"a\\$b\\d\"\n"
	want := map[string]string{
		"A": "1", "B": "two words", "C": "a # b", "D": "x\ny", "E": "", "F": "a#b", "URL": "postgres://u:p@h/db?a=b",
		"KEY": "-----BEGIN\nline\n-----END", "G": "it's", "H": "", "I": "01234", "J": `a$b\d`,
	}
	if got, err := ParseEnvFile(text); err != nil || !maps.Equal(got, want) {
		t.Errorf("ParseEnvFile = %q, %v; want %q", got, err, want)
	}
	for _, bad := range []string{"no equals sign s3cret", "A='open s3cret", "=s3cret", "A B=s3cret"} {
		_, err := ParseEnvFile("X=1\n" + bad)
		if err == nil || !strings.Contains(err.Error(), "line 2") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("ParseEnvFile(%q) = %v; want an error with its line and without its text", bad, err)
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	app := App{
		EnvFrom: []string{"KEY"}, Secrets: map[string]string{"KEY": "s3cret-value", "N": "1"},
		Env: map[string]string{"N": "2"},
	}
	if vars := app.Environment(); vars["KEY"] != "s3cret-value" || vars["N"] != "2" {
		t.Errorf("the environment is %v; want the secret, and literals first", vars)
	}
	if masked := app.Masked().Environment()["KEY"]; masked != "(hidden)" || app.Secrets["KEY"] != "s3cret-value" {
		t.Errorf("masked: %q", masked)
	}
	if got := app.Redact("1 key: s3cret-value."); got != "1 key: (the value of KEY)." {
		t.Errorf("Redact = %q", got)
	}
}
