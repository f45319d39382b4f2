package servers

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"bench/servers/probe"
)

func TestServicesAreChecked(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"postgres", ""}, {"postgres, redis", ""}, {"own", ""},
		{"postgre", "did you mean postgres?"}, {"mysql", "want some of postgres, redis, or own"}, {"", "is unknown"},
		{"own,redis", "own stands alone"},
	} {
		_, err := ParseServices(row.text)
		if got := err == nil; got != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("ParseServices(%q): %v; want %q", row.text, err, row.want)
		}
	}
	for _, name := range Services() {
		s, err := service(name)
		if err != nil {
			t.Fatal(err)
		}
		kind, err := probe.Lookup(s.Process.Stats)
		if err != nil || kind.Ready == nil || s.Socket == "" || s.URL == "" || s.Role == "" || s.Summary == "" {
			t.Errorf("%s: %+v, %v: it has to say where it is, what it is, and when it serves", name, s, err)
		}
	}
}

func TestAnAppsOwnSchemeIsKept(t *testing.T) {
	s, err := service("postgres")
	if err != nil {
		t.Fatal(err)
	}
	placed, err := s.at(s.replica("/boot"), Host{Tools: Tools{"postgres": {Path: "postgres"}}})
	if err != nil {
		t.Fatal(err)
	}
	const at = "://bench@/bench?host=/boot/postgres&port=5432"
	for own, want := range map[string]string{
		"": "postgresql" + at, "postgis://u:p@db/x": "postgis" + at, "postgresql+asyncpg://db/x": "postgresql+asyncpg" + at,
		"sqlite:///x": "postgresql" + at, "mysql://db/x": "postgresql" + at,
		"postgresql" + at + "&application_name=a": "postgresql" + at + "&application_name=a",
	} {
		vars := map[string]string{"DATABASE_URL": own}
		if placed.into(vars); vars["DATABASE_URL"] != want || vars["PGHOST"] != "/boot/postgres" {
			t.Errorf("%q becomes %v; want %q", own, vars, want)
		}
	}
	if _, err := s.at(s.replica("/"+strings.Repeat("long", 30)), Host{}); err == nil {
		t.Error("a socket's path of more than 102 bytes passed")
	}
}

// Only the address of a server is replaced in Django's settings.
func TestSettingsArePointedAtServices(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 on PATH")
	}
	const tail = `
import json, sys
settings = json.load(sys.stdin)
found, foreign = services_of(settings)
use(settings, {"postgres": {"HOST": "/s", "PORT": "5432", "USER": "bench", "NAME": "bench"},
               "redis": {"URL": "unix:///s/redis.sock", "TCP": "redis://127.0.0.1:1"}})
print(json.dumps([found, foreign, settings]))`
	for _, row := range []struct{ says, settings, want string }{
		{"engine, options and the time that connections are kept stay",
			`{"DATABASES": {"default": {"ENGINE": "django.contrib.gis.db.backends.postgis", "NAME": "shop", "HOST": "db",
			 "PASSWORD": "p", "CONN_MAX_AGE": 60, "OPTIONS": {"sslmode": "require", "pool": true}}}}`,
			`[{"postgres": ["shop"]}, [], {"DATABASES": {"default": {"ENGINE": "django.contrib.gis.db.backends.postgis",
			 "NAME": "shop", "HOST": "/s", "PORT": "5432", "USER": "bench", "PASSWORD": "", "CONN_MAX_AGE": 60,
			 "OPTIONS": {"pool": true}}}}]`},
		{"of SQLite and another kind, the first moves when asked",
			`{"DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3", "OPTIONS": {"timeout": 5}},
			 "log": {"ENGINE": "django.db.backends.mysql", "HOST": "m"}}}`,
			`[{}, ["mysql at m"], {"DATABASES": {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "bench",
			 "HOST": "/s", "PORT": "5432", "USER": "bench", "PASSWORD": "", "OPTIONS": {}},
			 "log": {"ENGINE": "django.db.backends.mysql", "HOST": "m"}}}]`},
		{"caches, channels and addresses keep the number of their database",
			`{"DATABASES": {"default": {}}, "CACHES": {"default": {"BACKEND": "django_redis.cache.RedisCache",
			 "LOCATION": ["redis://a/3", "redis://b/3"], "OPTIONS": {"PASSWORD": "p", "CLIENT_CLASS": "c"}},
			 "local": {"BACKEND": "x.LocMemCache", "LOCATION": "l"}}, "CELERY_BROKER_URL": "rediss://r:1/7",
			 "CHANNEL_LAYERS": {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer",
			  "CONFIG": {"hosts": [["r", 6379]], "capacity": 5}}}}`,
			`[{"redis": []}, [], {"DATABASES": {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "bench",
			 "HOST": "/s", "PORT": "5432", "USER": "bench", "PASSWORD": "", "OPTIONS": {}}},
			 "CACHES": {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "unix:///s/redis.sock?db=3",
			 "OPTIONS": {"CLIENT_CLASS": "c"}}, "local": {"BACKEND": "x.LocMemCache", "LOCATION": "l"}},
			 "CELERY_BROKER_URL": "redis://127.0.0.1:1/7", "CHANNEL_LAYERS": {"default":
			 {"BACKEND": "channels_redis.core.RedisChannelLayer",
			 "CONFIG": {"hosts": ["unix:///s/redis.sock?db=0"], "capacity": 5}}}}]`},
	} {
		command := exec.Command(python, "-c", string(servicesModule)+tail)
		command.Stdin = strings.NewReader(row.settings)
		out, err := command.Output()
		if err != nil {
			t.Fatalf("%s: %v", row.says, err)
		}
		if got, want := canonicalJSON(t, string(out)), canonicalJSON(t, row.want); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", row.says, got, want)
		}
	}
}

func canonicalJSON(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	out, _ := json.Marshal(v) // keys are sorted
	return string(out)
}

func TestRenderedServices(t *testing.T) {
	app := testApp(t)
	app.Services = []string{"postgres", "redis"}
	b, err := Topology{Name: "nginx-gunicorn"}.Canonical(app, testHost)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "render/services", b.String())
	if b.WorkersTier() != "python" || b.Roles["postgres"] != "database" || b.Roles["nginx"] != "proxy" {
		t.Errorf("workers in %s, roles %v", b.WorkersTier(), b.Roles)
	}
}
