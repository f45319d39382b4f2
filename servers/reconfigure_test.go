package servers

import (
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"bench/targets"
)

// A server that answers with what its file holds, and reads that again on SIGHUP.
var answeringTopology = fstest.MapFS{
	"topology.yaml": {Data: []byte(`
summary: a server that answers with what its file holds
params:
  - {name: answer, default: old, choices: [old, new], help: what it answers}
  - {name: copies, default: "1", min: 1, max: 2, help: processes}
  - {name: unused, default: "1", min: 1, max: 2, help: in no file}
concurrency: "1"
tools: [python]
tiers: {python: app}
processes:
  - name: server
    replicas: '{{.Param.copies}}'
    tier: python
    ports: [http]
    files: [{template: server.py.tmpl, path: server.py}, {template: answer.tmpl, path: answer}]
    argv: ['{{.Tool "python"}}', server.py]
    stop: KILL
    reload: HUP
entry: {process: server, port: http}
`)},
	"answer.tmpl": {Data: []byte(`{{.Param.answer}}`)},
	"server.py.tmpl": {Data: []byte(`
import http.server, signal
def read(*_):
    global answer
    with open("answer", "rb") as f:
        answer = f.read()
read()
signal.signal(signal.SIGHUP, read)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
http.server.HTTPServer(("127.0.0.1", {{.Port "http"}}), Handler).serve_forever()
`)},
}

// A process gets the files of another configuration, on the ports that it has, and reads them; what was changed
// stays when something else is. What cannot be is said before.
func TestReconfigure(t *testing.T) {
	t.Parallel()
	from := builtin()
	from.open = func(string) fs.FS { return answeringTopology }
	topology, err := ParseTopology("./own")
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := testSite(t).boot(t.Context(), from, topology, targets.App{Dir: t.TempDir(), Health: "/"})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	answers := func() string {
		response, err := http.Get(cluster.URL())
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	server := Address{Name: "server"}
	for _, row := range []struct {
		of       Address
		settings []Setting
		want     string
	}{
		{server, []Setting{{"answer", "new"}}, ""}, {Address{Name: "app"}, nil, ""},
		{Address{Name: "proxy"}, nil, "no such process"},
		{Address{Name: "server", Worker: true}, nil, "leave out .worker"},
		{server, []Setting{{"answer", "newer"}}, "want one of old, new"}, {server, []Setting{{"answr", "new"}}, "answer?"},
		{server, []Setting{{"copies", "2"}}, "there would be 2 processes server instead of 1"},
		{server, []Setting{{"unused", "2"}}, "no file of server depends on that"},
	} {
		err := cluster.Blueprint().Reloads(row.of, row.settings)
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%v of %v: %v; want %q", row.settings, row.of, err, row.want)
		}
	}
	if got := answers(); got != "old" || cluster.IsDisturbed() {
		t.Fatalf("at first it answers %q, disturbed: %v", got, cluster.IsDisturbed())
	}
	for _, settings := range [][]Setting{{{"answer", "new"}}, {{"unused", "2"}}} {
		found, err := cluster.Reconfigure(server, settings)
		if err != nil || len(found) != 1 {
			t.Fatalf("%v: %v, %v; want the one process", settings, found, err)
		}
		for end := time.Now().Add(5 * time.Second); answers() != "new" && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		if got := answers(); got != "new" {
			t.Errorf("after %v, it answers %q", settings, got)
		}
	}
	if cluster.Died() != nil || !cluster.Disturbed("server", time.Now()) {
		t.Error("a process that was told to read its files is one to which something was done, and has not failed")
	}
}

// Only what bench started has files.
func TestARunningServerHasNoFiles(t *testing.T) {
	b := Blueprint{URL: "http://127.0.0.1:1"}
	err := b.Reloads(Address{Name: "server"}, nil)
	if err == nil || !strings.Contains(err.Error(), "bench did not start") {
		t.Errorf("%v", err)
	}
}
