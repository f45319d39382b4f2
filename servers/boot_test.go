package servers

import (
	"bufio"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"bench/internal/proc"
	"bench/targets"

	"go.uber.org/goleak"
)

// The test binary is its own keeper.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "keep-watch" {
		proc.Keep(os.Stdin)
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// testSite is a site that boots clusters with the system's Python.
func testSite(t *testing.T) *Site {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 on PATH")
	}
	keeper, err := NewKeeper([]string{os.Args[0], "keep-watch"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := keeper.Close(); err != nil {
			t.Error(err)
		}
	})
	host := ThisHost()
	host.Tools = Tools{"python": {Path: python}}
	return &Site{Host: host, Keeper: keeper, Scratch: t.TempDir(), Locks: t.TempDir(), Timeout: 20 * time.Second}
}

// A user-defined topology: a prefork server unknown to bench. Its workers use CPU time; its
// master does not.
var preforkTopology = fstest.MapFS{
	"topology.yaml": {Data: []byte(`
summary: a user-defined prefork server
params:
  - {name: workers, default: "3", min: 1, max: 64, help: worker processes}
concurrency: '{{.Param.workers}}'
tools: [python]
tiers: {master: server, worker: app}
processes:
  - name: own
    tier: master
    worker_tier: worker
    workers: '{{.Param.workers}}'
    ports: [http]
    files: [{template: own.py.tmpl, path: own.py}]
    argv: ['{{.Tool "python"}}', own.py]
    stop: KILL
    stats: procs
entry: {process: own, port: http}
`)},
	"own.py.tmpl": {Data: []byte(`
import os, socket, time
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", {{.Port "http"}}))
listener.listen({{.Host.Backlog}})
for i in range({{.Param.workers}}):
    if os.fork() == 0:
        while True:
            connection, _ = listener.accept()
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(4096)
            end = time.process_time() + 0.02
            while time.process_time() < end: pass
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            connection.close()
while True:
    os.wait()
`)},
}

// counting counts how often each file is read.
type counting struct {
	fs.FS
	mu    *sync.Mutex
	reads map[string]int
}

func (c counting) Open(name string) (fs.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads[name]++
	return c.FS.Open(name)
}

func TestBootOfAUserDefinedTopology(t *testing.T) {
	site := testSite(t)
	files := counting{preforkTopology, &sync.Mutex{}, map[string]int{}}
	from := builtin()
	from.open = func(string) fs.FS { return files }
	topology, err := ParseTopology("./own:workers=4")
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := site.boot(t.Context(), from, topology, targets.App{Dir: t.TempDir(), Health: "/"})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	for name, n := range files.reads {
		if n != 1 {
			t.Errorf("%s was read %d times in one boot", name, n)
		}
	}
	if len(files.reads) != 2 {
		t.Errorf("read %v; want the definition and its template", files.reads)
	}
	if cluster.Boot.Workers != 4 {
		t.Errorf("ready with %d workers seen; want 4", cluster.Boot.Workers)
	}
	expectUsage(t, cluster)
	if tier := cluster.Blueprint().WorkersTier(); tier != "worker" {
		t.Errorf("the app's tier is %s", tier)
	}
	dir := cluster.Blueprint().Dir
	if err := cluster.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the boot's folder is still there: %v", err)
	}
}

// expectUsage checks that ten requests of 20 ms each are charged to the workers, and next to
// nothing to their master.
func expectUsage(t *testing.T, cluster *Cluster) {
	t.Helper()
	before, err := cluster.Usage()
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		request, err := http.NewRequest(http.MethodGet, cluster.URL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Close = true
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	after, err := cluster.Usage()
	if err != nil || len(before) != 2 || len(after) != 2 {
		t.Fatalf("usage %+v, then %+v, %v; want two tiers", before, after, err)
	}
	master, worker := after[0], after[1] // sorted by tier
	if master.Tier != "master" || master.Processes != 1 || worker.Processes != 4 {
		t.Errorf("usage %+v; want one master and four workers", after)
	}
	spent := [2]time.Duration{master.CPU - before[0].CPU, worker.CPU - before[1].CPU}
	if spent[1] < 190*time.Millisecond || spent[0] > 20*time.Millisecond {
		t.Errorf("the master spent %v and the workers %v; want 0 and 200 ms", spent[0], spent[1])
	}
}

// A server that is already running is checked, and otherwise left alone.
func TestBootOfARunningServerOwnsNoProcess(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	topology, err := ParseTopology("url:" + server.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	site := &Site{Scratch: t.TempDir(), Locks: filepath.Join(t.TempDir(), "none"), Timeout: 5 * time.Second}
	cluster, err := site.Boot(t.Context(), topology, targets.App{Health: "/"})
	if err != nil {
		t.Fatal(err)
	}
	if usage, err := cluster.Usage(); cluster.URL() != server.URL || len(usage) != 0 || err != nil {
		t.Errorf("a cluster at %s with usage %v, %v; want %s and none", cluster.URL(), usage, err, server.URL)
	}
	if err := cluster.Close(); err != nil {
		t.Error(err)
	}
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	http.DefaultClient.CloseIdleConnections()
}

// Of a server that somebody else started on this machine, the processes are found by the socket that listens.
func TestUsageOfARunningServer(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3")
	}
	// A master that listens, and a worker that burns 0.3 s of CPU time and then waits, as servers that fork do.
	const script = `
import os, socket, sys, time
s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1], flush=True)
if os.fork() == 0:
    while time.process_time() < 0.3: pass
    print("burnt", flush=True)
sys.stdin.read()
`
	command := exec.Command(python, "-c", script)
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = stdin.Close()
		_ = command.Wait()
	}()
	lines := bufio.NewScanner(stdout)
	lines.Scan()
	c := &Cluster{blueprint: Blueprint{
		Topology: Topology{Name: string(Running)}, URL: "http://127.0.0.1:" + strings.TrimSpace(lines.Text()),
	}}
	lines.Scan()
	usage, err := c.Usage()
	if err != nil || len(usage) != 1 {
		t.Fatalf("usage %+v, %v; want that of one tier", usage, err)
	}
	if u := usage[0]; u.Tier != RunningTier || u.Processes != 2 || u.PSS == 0 ||
		u.CPU < 300*time.Millisecond || u.CPU > 3*time.Second {
		t.Errorf("%+v; want two processes and 0.3 s", u)
	}
	elsewhere := &Cluster{blueprint: Blueprint{Topology: Topology{Name: string(Running)}, URL: "http://192.0.2.1:80"}}
	if usage, err := elsewhere.Usage(); err != nil || len(usage) != 0 {
		t.Errorf("usage %+v, %v of another machine's server", usage, err)
	}
}

func ExampleParseTopology() {
	for _, text := range []string{"uwsgi:workers=4,threads=2", "./my/../gun/:workers=2", "url:HTTP://Localhost:8000/"} {
		t, err := ParseTopology(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(t, "is", t.Kind())
	}
	// Output:
	// uwsgi:threads=2,workers=4 is embedded
	// ./gun:workers=2 is folder
	// url:http://localhost:8000 is url
}

func ExampleTopology_Blueprint() {
	host := Host{Cores: 2, Somaxconn: 4096, Dir: "/scratch", Ports: []int{20001, 20002}}
	host.Tools = Tools{"uwsgi": {Path: "/usr/bin/uwsgi"}}
	app := targets.App{Dir: "/srv/mysite", WSGI: "mysite.wsgi:application", Health: "/healthz"}
	b, err := Topology{Name: "uwsgi", Params: "workers=3"}.Blueprint(app, host)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(b.Topology)
	fmt.Println(b.URL, strings.Join(b.Processes[0].Argv, " "))
	// Output:
	// uwsgi:profile=controlled,reload=none,static=uwsgi,threads=1,workers=3
	// http://127.0.0.1:20001 /usr/bin/uwsgi --ini uwsgi.ini
}

// The log that a boot error shows is that of the process that ended, whatever others have logged.
func TestABootErrorShowsTheLogOfTheProcessThatEnded(t *testing.T) {
	site := testSite(t)
	process := func(name, does string) string {
		return fmt.Sprintf("  - {name: %s, tier: a, ports: [http], stop: KILL,"+
			" argv: ['{{.Tool \"python\"}}', -c, \"import time; %s\"]}\n", name, does)
	}
	for _, row := range []struct {
		says, second string // what the second process does
		want         []string
	}{
		{"it ends with a message", "print('the second says so', flush=True); raise SystemExit(3)",
			[]string{"process second", "exit status 3", "last lines of the log of second:", "the second says so"}},
		{"it ends with a known one", "raise ImportError('x')", []string{"the app does not import", "the log of second:"}},
		{"it ends without a word", "raise SystemExit(4)", []string{"exit status 4", "the log of second is empty"}},
		{"it gets a signal", "import os; os.kill(os.getpid(), 9)", []string{"signal: killed", "the log of second is empty"}},
	} {
		files := fstest.MapFS{"topology.yaml": {Data: []byte(`
summary: two processes
concurrency: '1'
tools: [python]
tiers: {a: server}
processes:
` + process("first", "print('SyntaxError: of the first', flush=True); time.sleep(60)") +
			process("second", "time.sleep(0.3); "+row.second) +
			process("third", "print('Traceback of the third', flush=True); time.sleep(60)") + `
entry: {process: second, port: http}
`)}}
		from := builtin()
		from.open = func(string) fs.FS { return files }
		topology, err := ParseTopology("./two")
		if err != nil {
			t.Fatal(err)
		}
		_, err = site.boot(t.Context(), from, topology, targets.App{Health: "/"})
		if err == nil {
			t.Fatalf("%s: it booted", row.says)
		}
		for _, want := range row.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: want %q in\n%v", row.says, want, err)
			}
		}
		if strings.Contains(err.Error(), "of the first") || strings.Contains(err.Error(), "of the third") {
			t.Errorf("%s: another process's log is shown:\n%v", row.says, err)
		}
	}
}
