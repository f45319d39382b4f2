package servers

import (
	"strings"
	"testing"
)

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
