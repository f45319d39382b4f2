package accesslog

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// seconds writes three lines whose times are a second apart.
func seconds(line string) string {
	var out strings.Builder
	for i := range 3 {
		out.WriteString(strings.ReplaceAll(line, "00:00", fmt.Sprintf("00:0%d", i)) + "\n")
	}
	return out.String()
}

// numbered writes three lines with numbers that grow by a step.
func numbered(line string, first, step int) string {
	return fmt.Sprintf(line+"\n"+line+"\n"+line+"\n", first, first+step, first+2*step)
}

const banner = "*** Starting (64bit) on [Thu Nov 26 10:00:00 2026] ***\nspawned worker 1 (pid: 12, cores: 2)\n"

// Case 15-replay-formats, and its kind: two seconds of arrivals from each.
func TestFormats(t *testing.T) {
	for _, row := range []struct{ says, text, request string }{
		{"common",
			seconds(`192.0.2.1 - - [26/Nov/2026:10:00:00 +0000] "GET /a?x=1 HTTP/1.1" 200 5 "-" "curl"`), "GET /a?x=1"},
		{"with microseconds", seconds(`192.0.2.1 - - [26/Nov/2026:10:00:00.123456 +0000] "HEAD / HTTP/1.1" 200`), "HEAD /"},
		{"behind syslog",
			seconds(`Nov 26 10:00:00 web logger: h - - [26/Nov/2026:10:00:00 +0100] "GET /a HTTP/1.1" 200`), "GET /a"},
		{"of a balancer, without a zone",
			seconds(`h:1 [26/Nov/2026:10:00:00.250] in out/1 0/0/1 200 "GET /a HTTP/1.1"`), "GET /a"},
		{"ISO in brackets", seconds(`192.0.2.0 - - [2026-11-26T10:00:00.250+01:00] "GET /a HTTP/1.1" 200 12`), "GET /a"},
		{"of the development server",
			"Watching for file changes\n" + seconds(`[26/Nov/2026 10:00:00] "GET /a HTTP/1.1" 200 12`), "GET /a"},
		{"of an application server", banner + seconds(`[pid: 12|app: 0|req: 0/2] 192.0.2.1 () {26 vars in 261 bytes} `+
			`[Thu Nov 26 10:00:00 2026] POST /a => generated 10 bytes in 8 msecs (HTTP/1.1 200) 3 headers`), "POST /a"},
		{"JSON",
			seconds(`{"time":"2026-11-26T10:00:00+01:00","request_uri":"/a","status":200,"request_method":"PUT"}`), "PUT /a"},
		{"JSON with the request line",
			seconds(`{"@timestamp":"2026-11-26T10:00:00.5Z","request":"GET /a HTTP/1.1"}`), "GET /a"},
		{"JSON with objects in it",
			numbered(`{"level":"info","ts":166432164%d.5,"request":{"method":"GET","uri":"/a"}}`, 0, 1), "GET /a"},
		{"JSON with a text of seconds", numbered(`{"msec":"166432164%d.123","uri":"/a"}`, 0, 1), "GET /a"},
		{"of a cloud's balancer",
			seconds(`h2 2026-11-26T10:00:00.123456Z app/lb/1 192.0.2.1:1 10.0.0.1:80 0.0 0.1 0.0 200 200 34 366 ` +
				`"GET https://h.example:443/a?x=1 HTTP/2.0" "curl" - -`), "GET /a?x=1"},
		{"W3C extended", "#Software: x\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query sc-status\n" +
			seconds("2026-11-26 10:00:00 10.0.0.1 GET /a x=1 200"), "GET /a?x=1"},
		{"W3C extended, with tabs", "#Version: 1.0\n#Fields: date\ttime\tcs-method\tcs-uri-stem\tcs-uri-query\n" +
			seconds("2026-11-26\t10:00:00\tGET\t/a\t-"), "GET /a"},
		{"CSV with a header", "timestamp,method,url\n" + seconds(`"2026-11-26T10:00:00Z","GET","http://h/a"`), "GET /a"},
		{"CSV of another country", "Time;Path\r\n" + seconds("2026-11-26 10:00:00;/a\r"), "GET /a"},
		{"tabs with a header", "ts\tstatus\n" + numbered("17000000%02d\t200", 0, 1), " "},
		{"tabs", seconds("2026-11-26T10:00:00Z\tGET\t/a"), "GET /a"},
		{"date and time", seconds("2026-11-26 10:00:00.5 GET /a"), "GET /a"},
		{"seconds", numbered("17000000%02d.25 GET /a", 0, 1), "GET /a"},
		{"milliseconds", numbered("17000000%05d", 0, 1000), " "},
		{"microseconds", numbered("17000000%08d 200", 0, 1_000_000), " "},
		{"of a cache", numbered("17000000%02d.123    5 192.0.2.1 MISS/200 100 GET http://h/a - DIRECT", 0, 1), "GET /a"},
		{"seconds from any start", "# c\n0.5\n1.5\n2.5\n", " "},
		{"values with names", seconds(`time=2026-11-26T10:00:00Z level=info method=GET path="/a?x=1" status=200`),
			"GET /a?x=1"},
		{"values with names, behind a time",
			seconds(`2026-11-26T10:00:00.5+01:00 router: at=info method=PUT path="/a" host=h status=200`), "PUT /a"},
		{"values with names, between tabs",
			seconds("time:26/Nov/2026:10:00:00 +0000\thost:h\treq:GET /a HTTP/1.1"), "GET /a"},
		{"time of the day only", "#Date: 2026-11-26 09:00:00\n#Fields: time c-ip cs-method cs-uri-stem\n" +
			seconds("10:00:00 192.0.2.1 GET /a"), "GET /a"},
		{"W3C extended, with empty columns", "#Fields: date time sc-bytes cs-method cs-uri-stem\n" +
			seconds("2026-11-26\t10:00:00\t\tGET\t/a"), "GET /a"},
		{"W3C extended, whose fields change", "#Fields: date time cs-uri-stem\n2026-11-26 10:00:00 /a\n" +
			"#Fields: cs-uri-stem date time\n/a 2026-11-26 10:00:01\n/a 2026-11-26 10:00:02\n", "GET /a"},
		{"two times in brackets", seconds(`[2026-11-26 10:00:00 +0000] [7] [INFO] h - - [26/Nov/2026:10:00:00 +0000] ` +
			`"GET /a 1.1" 200`), "GET /a"},
		{"colours", seconds("h - - [26/Nov/2026 10:00:00] \"\x1b[33mGET /a HTTP/1.1\x1b[0m\" 404 -"), "GET /a"},
		{"escaped bytes", seconds(`h - - [26/Nov/2026:10:00:00 +0000] "GET /a?q=\x22\xc3\xa4\" HTTP/1.1" 200`),
			"GET /a?q=%22%c3%a4%22"},
		{"a method with a hyphen", seconds(`h - - [26/Nov/2026:10:00:00 +0000] "M-SEARCH /a HTTP/1.1" 200`), "M-SEARCH /a"},
		{"slashes between day, month and year", seconds("2026/11/26 10:00:00.5 GET /a 200"), "GET /a"},
		{"JSON with bytes escaped otherwise", seconds(`{"ts":"2026-11-26T10:00:00Z","uri":"/a","agent":"\x22"}`), "GET /a"},
		{"JSON with names of its own", seconds(`{"time":"2026-11-26T10:00:00Z","properties":` +
			`{"httpMethod":"GET","requestUri":"/a","requestQuery":"x=1"}}`), "GET /a?x=1"},
		{"JSON with dots in names",
			seconds(`{"@timestamp":"2026-11-26T10:00:00Z","http.request.method":"GET","url.path":"/a"}`), "GET /a"},
		{"JSON with how long it took", seconds(`{"time":0.003,"time_iso8601":"2026-11-26T10:00:00Z","uri":"/a"}`), "GET /a"},
		{"JSON around a line of a log",
			seconds(`{"log":"h - - [x] \"GET /a HTTP/1.1\" 200\n","time":"2026-11-26T10:00:00Z"}`),
			"GET /a"},
		{"JSON beside messages", `{"ts":1.5,"msg":"started"}` + "\n" + seconds(`{"ts":"2026-11-26T10:00:00Z","uri":"/a"}`),
			"GET /a"},
		{"JSON in an array", "[\n" + strings.TrimSuffix(seconds(`{"ts":"2026-11-26T10:00:00Z","uri":"/a"},`), ",\n") + "\n]",
			"GET /a"},
		{"JSON in an array, on one line",
			`[{"ts":0.5,"uri":"/a"},{"ts":1.5,"uri":"/a"},{"ts":2.5,"uri":"/a"}]`, "GET /a"},
		{"JSON of several lines",
			numbered("{\n  \"ts\": %d.5,\n  \"request\": {\n    \"uri\": \"/a\"\n  }\n}", 0, 1), "GET /a"},
		{"a byte order mark", "\xef\xbb\xbf" + seconds("2026-11-26T10:00:00Z"), " "},
	} {
		for says, text := range map[string]string{"": row.text, ", packed": packed(row.text), ", in UTF-16": wide(row.text)} {
			l, err := Read(strings.NewReader(text), true)
			if err != nil || len(l.Requests) != 3 || l.Requests[2].At != 2*time.Second || l.Requests[0].At != 0 {
				t.Errorf("%s%s: %+v, %v; want 3 requests in 2 s", row.says, says, l, err)
				continue
			}
			if got := l.Requests[1].Method + " " + l.Requests[1].Path; got != row.request {
				t.Errorf("%s%s: %q; want %q", row.says, says, got, row.request)
			}
		}
	}
}

func packed(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return out.String()
}

func wide(text string) string {
	out := []byte("\xff\xfe")
	for _, unit := range utf16.Encode([]rune(strings.TrimPrefix(text, "\xef\xbb\xbf"))) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return string(out)
}

// Case 16-replay-last-line-cut: what is not a request is skipped, counted, and said to be cut.
func TestLinesThatAreSkipped(t *testing.T) {
	whole := seconds(`192.0.2.1 - - [26/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5`)
	for _, row := range []struct {
		says, text    string
		kept, skipped int
		cut           bool
	}{
		{"a log that is being written", whole + `192.0.2.1 - - [26/Nov/2026:10:00:0`, 3, 1, true},
		{"one line and a half", whole[:strings.Index(whole, "\n")+1] + `192.0.2.1 - - [26/Nov`, 1, 1, true},
		{"a list of times", "1.5\n2.5\n2026-", 2, 1, true},
		{"a list of times, cut in a number", "1700000001\n1700000002\n17000000", 2, 1, true},
		{"a JSON array", `[{"ts":1700000000,"uri":"/"},{"ts":17000`, 1, 1, true},
		{"a package", packed(whole)[:60], 1, 1, true},
		{"a line beyond all bounds", whole + strings.Repeat("x", 3<<20) + "\n" + whole, 6, 1, false},
		{"JSON", `{"ts":1700000000,"uri":"/"}` + "\n" + `{"ts":17000`, 1, 1, true},
		{"no end of the last line", strings.TrimSuffix(whole, "\n"), 3, 0, false},
		{"errors among the requests", "Traceback\n" + whole + "  File\nValueError\n", 3, 3, false},
		{"comments and blank lines", "# c\n\n" + whole, 3, 0, false},
	} {
		l, err := Read(strings.NewReader(row.text), false)
		if err != nil || len(l.Requests) != row.kept || l.Skipped != row.skipped || l.Cut != row.cut {
			t.Errorf("%s: %+v, %v; want %d kept, %d skipped, cut: %t", row.says, l, err, row.kept, row.skipped, row.cut)
		}
	}
}

// Logs of another kind are refused, also those that begin with numbers or times.
func TestOtherLogsAreRefused(t *testing.T) {
	for says, text := range map[string]string{
		"nothing": "", "comments": "# nothing\n", "words": "yesterday GET /\n", "no day": "[99/Nov/2026:18:00:00 +0000]\n",
		"before any time": "-5\n", "no number": "NaN\n", "beyond all time": "9999999999999999999999\n",
		"system calls of processes": "12345 openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY) = 3\n12346 read(3, \"\", 1) = 0\n",
		"system calls with times":   "1700000000.123456 openat(AT_FDCWD, \"/x\", O_RDONLY) = 3\n",
		"errors of a server":        "[Thu Nov 26 10:00:00.123456 2026] [core:error] [pid 12] AH00124: x\n",
		"messages":                  "2026-11-26T10:00:00Z INFO starting up the service\n",
		"messages in brackets":      "[2026-11-26T10:00:00Z] INFO starting\n",
		"mostly something else":     "1.5\n2.5\nx y\nx z\n3.5\n",
		"JSON of a program":         `{"time":"2026-11-26T10:00:00Z","level":"INFO","message":"worker started"}`,
		"measurements in JSON":      `{"time":1700000000,"cpu":0.3,"memory":5}`,
		"errors with requests":      "2026/11/26 10:00:00 [error] 1#1: refused, request: \"GET /a HTTP/1.1\"\n",
		"a broken package":          "\x1f\x8b\x08 nothing",
	} {
		if l, err := Read(strings.NewReader(text), false); err == nil {
			t.Errorf("%s: read as %+v", says, l)
		}
	}
}

// Requests in the same second are spread over it, and times that go back are sorted.
func TestTimesAreSpreadAndSorted(t *testing.T) {
	const log = `h - - [22/Nov/2026:18:00:01 +0100] "GET / HTTP/1.1" 200 5
h - - [22/Nov/2026:18:00:00 +0100] "GET /first HTTP/1.1" 200 5
h - - [22/Nov/2026:18:00:01 +0100] "GET /a HTTP/1.1" 200 5
`
	l, err := Read(strings.NewReader(log), true)
	if err != nil || fmt.Sprint(l.Times()) != "[0s 1s 1.5s]" || l.Requests[0].Path != "/first" {
		t.Errorf("%+v, %v", l, err)
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{
		"1.5\n2.5\n", "x [22/Nov/2026:18:00:00 +0000] \"GET / HTTP/1.1\"\n",
		"#Fields: date time cs-uri-stem\n2026-11-26 10:00:00 /\n",
		`{"ts":1700000000.5,"request":{"uri":"/"}}`, "ts,url\n1700000000000,/a\n", "-292277022399\n0001-01-01T00:00:00Z\n",
	} {
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, keep bool) {
		l, err := Read(strings.NewReader(text), keep)
		for i, r := range l.Requests {
			if err != nil || r.At < 0 || i > 0 && r.At < l.Requests[i-1].At || r.Path != "" && r.Path[0] != '/' {
				t.Fatalf("Read(%q) = %+v, %v", text, l, err)
			}
		}
	})
}
