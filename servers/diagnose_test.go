package servers

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// The values of secrets are in no log that is shown or kept.
func TestLogsAreShownWithoutSecrets(t *testing.T) {
	p := Process{Name: "p", Home: t.TempDir()}
	write(t, filepath.Join(p.Home, "p.log"), "connecting to postgres://u:s3cret-value@db\n")
	c := &Cluster{blueprint: Blueprint{Processes: []Process{p}, secrets: map[string]string{"PASSWORD": "s3cret-value"}}}
	for _, text := range []string{c.diagnose(errors.New("ended")).Error(), string(c.Evidence()["logs/p.log"])} {
		if strings.Contains(text, "s3cret") || !strings.Contains(text, "(the value of PASSWORD)") {
			t.Errorf("%q; want the secret left out", text)
		}
	}
}

// What a log shows, in the words of the programs that wrote it.
func TestLogsAreExplained(t *testing.T) {
	for _, row := range []struct{ says, log, diagnostic, hint string }{
		{"14-environment-not-passed", "  File \"settings.py\", line 2\nKeyError: 'SECRET_KEY'",
			"needs the variable SECRET_KEY", "app.env_from: [SECRET_KEY]"},
		{"django-environ", "django.core.exceptions.ImproperlyConfigured: Set the DATABASE_URL environment variable",
			"needs the variable DATABASE_URL", "app.env_from: [DATABASE_URL]"},
		{"python-decouple", "decouple.UndefinedValueError: API_KEY not found. Declare it as envvar or define a default.",
			"needs the variable API_KEY", "app.env_from: [API_KEY]"},
		{"environs", `environs.exceptions.EnvError: Environment variable "REDIS_URL" not set`, "REDIS_URL", "[REDIS_URL]"},
		{"another KeyError", "Traceback\nKeyError: 'name'", "does not load", ""},
		{"DisallowedHost", "Invalid HTTP_HOST header: '127.0.0.1:8000'. You may need to add '127.0.0.1' to ALLOWED_HOSTS.",
			"refuses the host name 127.0.0.1", "app.host"},
		{"a log without a symptom", "all is well", "", ""},
	} {
		diagnostic, hint := explain(row.log)
		if !strings.Contains(diagnostic, row.diagnostic) || !strings.Contains(hint, row.hint) ||
			(diagnostic == "") != (row.diagnostic == "") {
			t.Errorf("%s: %q, %q; want %q, %q", row.says, diagnostic, hint, row.diagnostic, row.hint)
		}
	}
}
