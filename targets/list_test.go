package targets

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const server = "http://127.0.0.1:8000"

// text is a list in one line: method, path, header fields and body of each request.
func (l List) text() string {
	var all []string
	for _, t := range l.Mix.Targets {
		words := []string{t.Method, t.RequestURI()}
		for _, name := range slices.Sorted(maps.Keys(t.Header)) {
			words = append(words, name+"="+strings.Join(t.Header[name], "+"))
		}
		if len(t.Body) > 0 {
			words = append(words, string(t.Body))
		}
		all = append(all, strings.Join(words, " "))
	}
	return strings.Join(all, ", ")
}

const visit = `{"log": {"entries": [
 {"startedDateTime": "2026-11-26T10:00:01.500Z", "request": {"method": "POST", "url": "http://127.0.0.1:8000/login",
  "headers": [{"name": "Content-Length", "value": "9"}, {"name": "host", "value": "x"}, {"name": "X-A", "value": "1"}],
  "postData": {"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "a", "value": "b c"}]}}},
 {"startedDateTime": "2026-11-26T11:00:00+01:00", "request": {"method": "GET",
  "url": "http://127.0.0.1:8000/ok?q=1#top",
  "headers": [{"name": ":authority", "value": "x"}, {"name": "Accept", "value": "text/html"}]}},
 {"startedDateTime": "2026-11-26T10:00:00.1Z", "request": {"method": "GET", "url": "https://fonts.example/f.woff"}},
 {"startedDateTime": "2026-11-26T10:00:00.2Z", "_fromCache": "disk",
  "request": {"method": "GET", "url": "http://127.0.0.1:8000/c"}}
]}}`

// The cases are inputs of the forms that people bring.
func TestParseList(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "body.json"), []byte(`{"a":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ says, format, text, want string }{
		{"two requests", "http", "GET http://127.0.0.1:8000/a?x=1\nX-Y: z\n\nPOST http://127.0.0.1:8000/b\n",
			"GET /a?x=1 X-Y=z, POST /b"},
		{"comments, blank lines and line ends of Windows", "", "# c\r\n\r\nGET http://127.0.0.1:8000/a\r\nA: 1\r\nA: 2\r\n",
			"GET /a A=1+2"},
		{"requests without a blank line between", "", "GET http://127.0.0.1:8000/a\nGET /b",
			"GET /a, GET /b"},
		{"paths, URLs without a method, other case", "", "/a\nget /b\nhttp://127.0.0.1:8000\n", "GET /a, GET /b, GET /"},
		{"a URL in a query", "", "GET http://127.0.0.1:8000/go?to=http://h/x", "GET /go?to=http://h/x"},
		{"a value with colons", "", "GET /\nReferer: http://h:1/\n", "GET / Referer=http://h:1/"},
		{"case 09-escaped-slash-and-unicode", "",
			"GET http://127.0.0.1:8000/a%2Fb/ü|^?q=%2F|ü", "GET /a%2Fb/%C3%BC%7C%5E?q=%2F|%C3%BC"},
		{"case 10-user-in-target-file", "", "GET http://user:pass@127.0.0.1:8000/", "GET / Authorization=Basic dXNlcjpwYXNz"},
		{"a user with escapes, and one whose header is given", "",
			"GET http://a%40b:c%3Ad@127.0.0.1:8000/\n\nGET http://u:p@127.0.0.1:8000/\nAuthorization: Bearer x\n",
			"GET / Authorization=Basic YUBiOmM6ZA==, GET / Authorization=Bearer x"},
		{"case 11-http-version-in-target", "",
			"GET http://127.0.0.1:8000/ok HTTP/1.1\nHost: h\n\nGET /b HTTP/2\n", "GET /ok Host=h, GET /b"},
		{"case 12-bom", "", "\xef\xbb\xbfGET /a\n", "GET /a"},
		{"case 31-body-files-in-targets", "", "POST http://127.0.0.1:8000/a\nContent-Type: application/json\n@body.json\n",
			`POST /a Content-Type=application/json {"a":1}`},
		{"case 37-json-targets: a list", "", ` [{"method":"GET","url":"http://127.0.0.1:8000/ok"}]`, "GET /ok"},
		{"case 37-json-targets: over several lines", "json",
			"{\"method\":\"GET\",\n \"url\":\"http://127.0.0.1:8000/ok\"}\n\n{\"url\":\"/b\"}",
			"GET /ok, GET /b"},
		{"a body in base64", "json", `{"method":"PUT","url":"http://127.0.0.1:8000/c","body":"aGk="}`, "PUT /c hi"},
		{"a body of JSON, a body file, numbers as written", "",
			`{"method":"PUT","url":"/c","body":{"a": 1},"header":{"X":[1.50,"b"],"Y":010e1}}`, ""},
		{"header fields as they are written", "",
			`{"url":"/c","body":[1],"header":{"X":[1.50,"b"],"Y":12345678901234567890}}`,
			"GET /c X=1.50+b Y=12345678901234567890 [1]"},
		{"a body file", "", `{"url":"/c","body_file":"body.json","headers":{"X":true}}`, `GET /c X=true {"a":1}`},
		{"case 38-har", "", visit,
			"GET /ok?q=1 Accept=text/html, " +
				"POST /login Content-Type=application/x-www-form-urlencoded X-A=1 a=b+c"},
		{"the server in other words", "", "GET http://127.0.0.1:08000/", ""},
	} {
		list, err := ParseList(row.format, []byte(row.text), server, Files(dir))
		if got := list.text(); row.want != "" && (err != nil || got != row.want) || row.want == "" && err == nil {
			t.Errorf("%s: %s, %v; want %s", row.says, got, err, row.want)
		}
	}
	list, err := ParseList("har", []byte(visit), server, "")
	if notes := strings.Join(list.Notes, "; "); err != nil || fmt.Sprint(list.Times) != "[0s 1.5s]" ||
		!strings.Contains(notes, "https://fonts.example left out: 1") || !strings.Contains(notes, "cache") {
		t.Errorf("a recording: times %v, notes %s, %v", list.Times, notes, err)
	}
	if list, err := ParseList("", []byte("GET HTTP://LOCALHOST/"), "http://localhost:80", ""); err != nil {
		t.Errorf("the same server in other words: %v, %v", list, err)
	}
}

func TestParseListRefuses(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	dir := t.TempDir()
	for path, text := range map[string]string{outside: "x", filepath.Join(dir, "targets"): ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ says, format, text, want string }{
		{"another server", "", "GET /\nGET http://127.0.0.1:8001/\n", "line 2: http://127.0.0.1:8001/ is on"},
		{"a file elsewhere", "", "POST /\n@/etc/passwd\n", "at or below"},
		{"a file above", "", "POST /\n@../outside\n", "at or below"},
		{"a link to elsewhere", "", "POST /\n@link\n", "at or below"},
		{"a folder", "", "POST /\n@.\n", "regular file"},
		{"a file that is not there", "", "POST /\n@none\n", "body file none"},
		{"a blank in a URL", "", "GET http://127.0.0.1:8000/a b\n", "line 1: "},
		{"a header before any request", "", "X-A: 1\n", "METHOD URL"},
		{"no requests", "", "# nothing\n", "there are none"},
		{"a length", "", "POST /\nContent-Length: 3\n", "bench frames requests"},
		{"another format", "xml", "", "want one of http, json, har"},
		{"JSON that ends early", "", `[{"url":"/"}`, "line 1"},
		{"text in place of a target", "", `["http://h/"]`, "object is expected"},
		{"a key that says nothing to us", "", "[{\"url\":\"/\"},\n{\"uri\":\"/\"}]", "uri"},
		{"a body of text", "", `{"url":"/","body":"plain text"}`, "base64"},
		{"a command of curl", "", "$ curl 'http://127.0.0.1:8000/' -H 'accept: */*' \\\n", "HAR"},
		{"a line break in a URL", "", `{"url":"/a\r\nX: y"}`, "control character"},
		{"a zero byte in a URL", "", "GET /a\x00\n", "control character"},
		{"a control byte in a field", "", "GET /\nX: a\x01\n", "control character"},
		{"something after a recording", "har", visit + "x", "after the recording"},
		{"a recording of another site", "", strings.ReplaceAll(visit, "127.0.0.1", "127.0.0.2"), "none of its 4 requests"},
	} {
		_, err := ParseList(row.format, []byte(row.text), server, Files(dir))
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v; want an error with %q", row.says, err, row.want)
		}
	}
}

// A recording is sent at its times where each entry has one, and otherwise in its order.
func TestTimesOfRecordings(t *testing.T) {
	recording := func(times ...string) string {
		var entries []string
		for i, at := range times {
			if at != "" {
				at = fmt.Sprintf(`"startedDateTime": %q, `, at)
			}
			entries = append(entries, fmt.Sprintf(`{%s"request": {"method": "GET", "url": "%s/%d"}}`, at, server, i))
		}
		return `{"log": {"entries": [` + strings.Join(entries, ", ") + `]}}`
	}
	for _, row := range []struct{ says, text, times, first string }{
		{"of browsers", recording("2026-11-27T10:00:01.5Z", "2026-11-27T11:00:00+01:00"), "[0s 1.5s]", "/1"},
		{"without a zone", recording("2026-11-27T10:00:00.000", "2026-11-27 10:00:00.25"), "[0s 250ms]", "/0"},
		{"with a zone without a colon", recording("2026-11-27T10:00:00+0100", "2026-11-27T09:00:00Z"), "[0s 0s]", "/0"},
		{"of no entry", recording("", ""), "[]", "/0"},
		{"of some entries", recording("2026-11-27T10:00:00Z", "", "2026-11-27T09:00:00Z"), "[]", "/0"},
		{"that are none", recording("27/11/2026"), "[]", "/0"},
	} {
		list, err := ParseList("", []byte(row.text), server, "")
		if err != nil || fmt.Sprint(list.Times) != row.times || list.Mix.Targets[0].Path != row.first {
			t.Errorf("%s: times %v, %+v, %v; want %s", row.says, list.Times, list.Mix.Targets, err, row.times)
		}
		if untimed := strings.Contains(strings.Join(list.Notes, ""), "in their order"); untimed != (row.times == "[]") {
			t.Errorf("%s: notes %q", row.says, list.Notes)
		}
	}
}

// Cases 09-escaped-slash-and-unicode, 13-numbers-in-env, 31-body-files-in-targets and
// 40-headers-twice-and-several-statuses, in a mix.
func TestMixAsWritten(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "b"), []byte("from a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	mix, err := ParseMix([]byte(`
- {name: a, path: /a%2Fb/ü, headers: {X-A: [1, 2.50], x-b: 010}, expect: {status: [200, 304]}, body: 007}
- {name: b, path: '/{{x}}', body_file: b, expect: {status: 204}}
`), Files(dir))
	if err != nil {
		t.Fatal(err)
	}
	got := List{Mix: mix}.text()
	if want := "GET /a%2Fb/%C3%BC X-A=1+2.50 X-B=010 007, GET /%7B%7Bx%7D%7D from a file"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
	if mix.Targets[1].Template() != "/{{x}}" {
		t.Errorf("the template of %s is %s", mix.Targets[1].Path, mix.Targets[1].Template())
	}
	for status, want := range map[int]bool{200: true, 304: true, 204: false} {
		if mix.Targets[0].Expect.StatusOK(status) != want {
			t.Errorf("status %d is expected: %t; want %t", status, !want, want)
		}
	}
	project, err := ParseProject([]byte(
		"app: {wsgi: a.b:c, settings: s, env: {PIN: 01234, RELEASE: 24.10}, prepare: [[m, 010]]}"), "")
	if env := project.App.Env; err != nil || env["PIN"] != "01234" || env["RELEASE"] != "24.10" ||
		project.App.Prepare[0][1] != "010" {
		t.Errorf("app = %+v, %v; want the numbers as written", project.App, err)
	}
}

// Cases 12-bom and 33-feeds-of-other-forms.
func TestFeedForms(t *testing.T) {
	for says, text := range map[string]string{
		"commas": "user,password\nanna,p1\n", "semicolons": "user;password\r\nanna;p1\r\n",
		"tabs": "user\tpassword\nanna\tp1\n",
		"bars": "user|password\nanna|p1\n", "blanks after commas": "user, password\nanna, p1\n",
		"quotes": "\"user\"; \"password\"\n\"anna\";\"p1\"\n", "a mark": "\xef\xbb\xbfuser,password\nanna,p1\n",
		"a mark before quotes": "\xef\xbb\xbf\"user\",\"password\"\nanna,p1\n",
		"JSON lines":           "{\"user\":\"anna\",\"password\":\"p1\"}\n", "a list": `[{"password":"p1","user":"anna"}]`,
		"an object over lines": "{\n\"user\": \"anna\",\n\"password\": \"p1\"\n}",
	} {
		f, err := ParseFeed("users.csv", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", says, err)
			continue
		}
		user, password := slices.Index(f.Columns, "user"), slices.Index(f.Columns, "password")
		if user < 0 || password < 0 || len(f.Rows) != 1 || f.Rows[0][user] != "anna" || f.Rows[0][password] != "p1" {
			t.Errorf("%s: %+v", says, f)
		}
	}
	f, err := ParseFeed("a", []byte("a\tb\tc\n1\t\t3,5\n"))
	if err != nil || fmt.Sprintf("%q", f.Rows) != `[["1" "" "3,5"]]` {
		t.Errorf("an empty value between tabs: %q, %v", f, err)
	}
	f, err = ParseFeed("a", []byte(`{"a": null, "b": 1.50, "c": true}`))
	if err != nil || fmt.Sprintf("%q", f.Rows) != `[["" "1.50" "true"]]` {
		t.Errorf("plain values: %q, %v", f, err)
	}
	for says, text := range map[string]string{
		"an object as a value": `{"a": {}}`, "a list of texts": `["a"]`, "half an object": `{"a": 1`,
		"two lists": "[{\"a\":1}]\n[{\"a\":1}]",
	} {
		if f, err := ParseFeed("a", []byte(text)); err == nil {
			t.Errorf("%s: accepted as %+v", says, f)
		}
	}
}

func FuzzParseList(f *testing.F) {
	f.Add("http", "GET http://127.0.0.1:8000/a\nX: y\n\nPOST http://127.0.0.1:8000/b\n")
	f.Add("json", `{"method":"GET","url":"http://127.0.0.1:8000/"}`)
	f.Add("", visit)
	f.Fuzz(func(t *testing.T, format, text string) {
		list, err := ParseList(format, []byte(text), server, "")
		if err != nil {
			return
		}
		if list.Mix.Validate() != nil || len(list.Times) > 0 && len(list.Times) != len(list.Mix.Targets) {
			t.Fatal("ParseList accepted what Validate refuses")
		}
		for i := range list.Mix.Targets {
			r, err := list.Mix.Targets[i].Request(t.Context(), server)
			if err != nil {
				t.Fatalf("%+v cannot be requested: %v", list.Mix.Targets[i], err)
			}
			if sent := r.URL.RequestURI(); sent != list.Mix.Targets[i].RequestURI() {
				t.Fatalf("%q becomes %q", list.Mix.Targets[i].RequestURI(), sent)
			}
		}
	})
}
