package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// examples are the shapes of guides and of services' documentation, with the canary in each, or a variant of it
// where a form demands other characters.
var examples = []string{
	"http://user:canaryS3cret42@127.0.0.1/", "postgres://app:canaryS3cret42@db:5432/x",
	"redis://:canaryS3cret42@cache/0",
	"https://canaryS3cret42@git.example/x.git", "amqp://guest:canary@S3cret42@mq/",
	"DATABASE_URL=mysql://a:canaryS3cret42@h/d",
	"SENTRY_DSN=https://canaryS3cret42@sentry.example/1",
	"/x?token=canaryS3cret42", "/x?a=1&access_token=canaryS3cret42&b=2", "/cb?code=canaryS3cret42",
	"/x?api_key=canaryS3cret42",
	"/x?apikey=canaryS3cret42#top", "/x?key=canaryS3cret42", "/x?sig=canaryS3cret42",
	"/x?X-Amz-Signature=canaryS3cret42",
	"/x?X-Amz-Security-Token=canaryS3cret42", "/x?user[password]=canaryS3cret42", "/x?a=b;session=canaryS3cret42",
	"Authorization: Bearer canaryS3cret42", "authorization: Basic Y2FuYXJ5UzNjcmV0NDI=",
	"Proxy-Authorization: canaryS3cret42 x",
	"Cookie: a=b; sessionid=canaryS3cret42", "Set-Cookie: csrftoken=canaryS3cret42; Path=/",
	"X-Api-Key: canaryS3cret42",
	"X-Auth-Token: canaryS3cret42", "X-CSRFToken: canaryS3cret42", `-H "Authorization: Token canaryS3cret42"`,
	`{'Authorization': 'Bearer canaryS3cret42'}`, "sent Bearer canaryS3cret42 to it",
	"sent Basic canaryS3cret42== to it",
	"--password canaryS3cret42", "--api-key=canaryS3cret42", "--token 'canaryS3cret42'",
	"curl -u me:canaryS3cret42 x",
	"SECRET_KEY=canaryS3cret42", "DJANGO_SECRET_KEY='canaryS3cret42'", "AWS_SECRET_ACCESS_KEY=canaryS3cret42",
	"PGPASSWORD=canaryS3cret42 psql", "export GITHUB_TOKEN=canaryS3cret42", "AccountKey=canaryS3cret42;x=y",
	"SECRET_KEY = 'canaryS3cret42'", "password: canaryS3cret42", `"password": "canaryS3cret42"`,
	`{\"token\":\"canaryS3cret42\"}`,
	"user=a&password=canaryS3cret42&x=1", "'secret' => 'canaryS3cret42'", "client_secret=canaryS3cret42",
	"csrfmiddlewaretoken=canaryS3cret42", "<password>canaryS3cret42</password>", "db.pass=canaryS3cret42",
	"JSESSIONID=canaryS3cret42",
	"name=\"password\"\r\n\r\ncanaryS3cret42\r\n--x",
	"-----BEGIN RSA PRIVATE KEY-----\ncanaryS3cret42\n-----END RSA PRIVATE KEY-----",
	"-----BEGIN OPENSSH PRIVATE KEY-----\ncanaryS3cret42\n",
	"ghp_canaryS3cret42canaryS3cret42", "github_pat_canaryS3cret42canaryS3cret42", "glpat-canaryS3cret42canary",
	"xoxb-1234-canaryS3cret42", "sk_live_canaryS3cret42", "sk-proj-canaryS3cret42canary", "AKIACANARYS3CRET42AA",
	"AIzacanaryS3cret42canaryS3cret42canary0", "ya29.canaryS3cret42", "eyJjYW5hcnk.canaryS3cret42.canaryS3cret42",
	"npm_canaryS3cret42canaryS3cret42", "pypi-canaryS3cret42canary", "SG.canaryS3cret42.canaryS3cret42",
	"hf_canaryS3cret42canaryS3cret42", "dop_v1_canaryS3cret42canary42", "shpat_canaryS3cret42canary",
	"dckr_pat_canaryS3cret42canary", "hvs.canaryS3cret42canary", "django-insecure-canaryS3cret42",
	"/x?pass%77ord=canaryS3cret42", "/x?user%5Bpassword%5D=canaryS3cret42", "/x?a=1&amp;token=canaryS3cret42",
	"/x?next=%2Fcb%3Ftoken%3DcanaryS3cret42", "/x?n=%252Fcb%253Fa%253D1%2526token%253DcanaryS3cret42",
	`a=1\u0026sid\u003dcanaryS3cret42`, `{\\\"password\\\":\\\"canaryS3cret42\\\"}`, `http:\/\/u:canaryS3cret42@h\/`,
	"http%3A%2F%2Fu%3AcanaryS3cret42%40h", "//u:canaryS3cret42@h/x", "postgres://u:p/canaryS3cret42@h/d",
	"mysql+x://u:p#@canaryS3cret42@h/d", "Server=h;Password=canary S3cret42;x=1", `SECRET_KEY = "canary'S3cret42"`,
	`SECRET_KEY = 'canary"S3cret42'`, `SECRET_KEY = """canaryS3cret42"""`, `SECRET_KEY: str = r"canaryS3cret42"`,
	`os.environ["DB_PASSWORD"] = "canaryS3cret42"`, `"password": "a\\b\"canaryS3cret42"`, `'password': b'canaryS3cret42'`,
	"('SECRET_KEY', 'canaryS3cret42')", `{"name": "Cookie", "value": "a=canaryS3cret42"}`, "password -> canaryS3cret42",
	"aws_secret_access_key = canaryS3cret42", "STRIPE_KEY=canaryS3cret42", "_auth=canaryS3cret42", "pw=canaryS3cret42",
	"X-Session-Id: canaryS3cret42", "Ocp-Apim-Subscription-Key: canaryS3cret42", "curl -ume:canaryS3cret42 x",
	`Authorization: Digest username="u", response="canaryS3cret42"`, "machine h login u password canaryS3cret42",
	"Passwort=canaryS3cret42", "--requirepass canaryS3cret42", "GOCSPX-canaryS3cret42canary",
	"https://h.example/api/webhooks/1/canaryS3cret42", "secret_canaryS3cret42canary", "dp.pt.canaryS3cret42canary",
	"https://hooks.slack.com/services/T0/B0/canaryS3cret42", "12345678:AAcanaryS3cret42canaryS3cret42canary",
}

func leaks(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "s3cret42") || strings.Contains(text, "y2fuyxj5uznjcmv0nd")
}

func TestEveryShapeIsRedactedInEverySurrounding(t *testing.T) {
	if len(examples) < 40 {
		t.Fatalf("only %d shapes", len(examples))
	}
	for _, example := range examples {
		quoted, err := json.Marshal(example)
		if err != nil {
			t.Fatal(err)
		}
		for _, surrounding := range []string{
			"%s", "booting x: %s", "a\nb: %s\nc", "\t%s\t", "(%s)", "%s %s", "reading %s: no such file", "«%s»",
		} {
			text := strings.ReplaceAll(surrounding, "%s", example)
			got := Redact(text)
			if leaks(got) {
				t.Errorf("%q becomes %q", text, got)
			}
			if again := Redact(got); again != got {
				t.Errorf("%q, redacted twice, becomes %q", got, again)
			}
		}
		for _, form := range []string{`{"a": %s, "n": 1}`, `[%s]`, `{"password": %s}`, `{%s: true}`, `{"a":{"b":[1,%s]}}`} {
			got := JSON(fmt.Appendf(nil, form, quoted))
			if leaks(string(got)) || !json.Valid(got) {
				t.Errorf("%s as JSON becomes %s", example, got)
			}
		}
		for size := 1; size < 20; size += 6 {
			var out bytes.Buffer
			w := NewWriter(&out)
			for rest := []byte("x\n" + example + "\ny\n"); len(rest) > 0; {
				n := min(size, len(rest))
				if _, err := w.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(example, "name=") && leaks(out.String()) || !strings.HasPrefix(out.String(), "x\n") {
				t.Errorf("%q, written %d bytes at a time, becomes %q", example, size, out.String())
			}
		}
	}
}

// A string of JSON is a secret by what stands before it, however it looks itself.
func TestSecretsByTheirPlaceInJSON(t *testing.T) {
	for encoded, want := range map[string]string{
		`{"password": "x", "next": "y"}`:                     `{"password": "[redacted]", "next": "y"}`,
		`{"Cookie": ["x", "y"], "next": ["z"]}`:              `{"Cookie": ["[redacted]", "[redacted]"], "next": ["z"]}`,
		`{"headers": {"Authorization": [["x"]]}}`:            `{"headers": {"Authorization": [["[redacted]"]]}}`,
		`[["Authorization", "x"], ["Accept", "y"]]`:          `[["Authorization", "[redacted]"], ["Accept", "y"]]`,
		`["--token", "x", "--name", "y"]`:                    `["--token", "[redacted]", "--name", "y"]`,
		`["-u", "me:x"]`:                                     `["-u", "[redacted]"]`,
		`[{"name": "cookie", "value": "x"}, {"value": "y"}]`: `[{"name": "cookie", "value": "[redacted]"}, {"value": "y"}]`,
		`{"pass\u0077ord": "x", "token": "", "key": 5}`:      `{"pass\u0077ord": "[redacted]", "token": "", "key": 5}`,
		`{"pin": "1234", "key": "a.pem"}`:                    `{"pin": "[redacted]", "key": "a.pem"}`,
		`{"pin": "0,1", "otp": "[2,3]"}`:                     `{"pin": "0,1", "otp": "[2,3]"}`,
	} {
		if got := string(JSON([]byte(encoded))); got != want {
			t.Errorf("%s becomes %s; want %s", encoded, got, want)
		}
	}
}

// What bench itself says, and what servers usually log, stays as it is.
func TestOrdinaryTextsStayThemselves(t *testing.T) {
	for _, text := range []string{
		"", "p99 < 100ms", "http://127.0.0.1:8000/users/@me?page=2&sort=name", "nginx-uwsgi:backends=2,workers=2",
		"the basic comparison", "a token is missing", "unexpected token in line 3", "the session has ended",
		"design=5",
		"sessions: 12", "signal=9", "passed: 12", "10 passed, 2 failed", "author: me",
		"--show-secrets on a terminal only", "bench load --pin 0,1", "--pin=3", "/a?x=1%26y=2", `"path": "\\/a"`,
		"100%25 of it",
		"primary_key=id", "keys=3", "CACHE_KEY=page", "https://127.0.0.1:1/a@b", "see //host/path@2",
		"key=value", "x: key", "basic auth is not supported", "token bucket: empty", "digest differs",
		"git@github.com:a/b.git",
		"The SECRET_KEY setting must not be empty.", "KeyError: 'SECRET_KEY'", "*** uWSGI is running (pid 7) ***",
		"2026/11/27 04:00:00 [notice] 1#1: using the \"epoll\" event method", "GET /static/shop.css HTTP/1.1",
		"process uwsgi (7) ended: exit status 1", "2cb0e8c9f0b1d7a1e8d6a9a6d0d7c1f8",
		"127.0.0.1 - - [27/Nov/2026] \"GET / HTTP/1.1\" 200",
		"cells/001-uwsgi-page-rate-300-r2/cell.json", "python manage.py migrate --noinput", "monkey: 5",
		"compass=north",
	} {
		if got := Redact(text); got != text {
			t.Errorf("%q becomes %q", text, got)
		}
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := JSON(quoted); string(got) != string(quoted) {
			t.Errorf("as JSON, %s becomes %s", quoted, got)
		}
	}
}

func FuzzJSONStaysJSON(f *testing.F) {
	for _, example := range examples {
		f.Add(example)
	}
	f.Fuzz(func(t *testing.T, text string) {
		encoded, err := json.Marshal(map[string]any{text: text, "b": []string{text}, "token": text})
		if err != nil {
			t.Skip()
		}
		if got := JSON(encoded); !json.Valid(got) {
			t.Errorf("%s becomes %s", encoded, got)
		}
	})
}

func BenchmarkRedact(b *testing.B) {
	line := "2026/11/27 04:00:00 [notice] 1#1: using the \"epoll\" event method and some more words\n"
	text := strings.Repeat(line, 200)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Redact(text)
	}
}
