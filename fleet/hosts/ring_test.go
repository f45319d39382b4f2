package hosts

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"bench/fleet"
	"bench/internal/proc"
	"bench/internal/sshd"
	"bench/loadgen"
	"bench/loadgen/native"
	"bench/servers"
	"bench/targets"
)

// As "worker" or "keep", the test's own program is a worker or its keeper.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "keep":
		proc.Keep(os.Stdin)
	case len(os.Args) > 1 && os.Args[1] == "lacks":
		fmt.Println("missing: nginx")
		fmt.Fprint(os.Stderr, "bench: something is missing") // and no end of the line
		os.Exit(7)
	case len(os.Args) > 1 && os.Args[1] == "worker":
		if err := work(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	default:
		os.Exit(m.Run())
	}
}

// work is a worker that keeps servers, or one that loads the hosts given.
func work(args []string) error {
	dir, err := os.MkdirTemp("", "hosts-test-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	guard := loadgen.Guard{Hosts: args}
	w := fleet.Worker{
		Version: "test", Binary: testBinary, Dir: dir, Guard: guard, Duties: Exchange(guard),
		Engine: func(json.RawMessage) (loadgen.Engine, error) { return native.Engine{Shards: 1}, nil },
	}
	if len(args) == 1 && args[0] == "servers" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		station := &Station{Cache: dir, Keeper: []string{self, "keep"}, Survey: survey}
		defer station.Close()
		w.Duties = station.Duties()
	}
	return w.Serve(context.Background(), os.Stdin, os.Stdout)
}

func survey(context.Context, targets.App, []string) (servers.Host, error) {
	host := servers.ThisHost()
	path, err := exec.LookPath("python3")
	host.Tools = servers.Tools{"python": {Path: path}}
	host.Env = []string{"PATH=/usr/bin:/bin"}
	return host, err
}

// testBinary stands for the hash of the test's program.
var testBinary = strings.Repeat("0123456789abcdef", 4)

// topology is a proxy in front of two servers, which answer with a file of the app. Its servers may be slow to
// start, and a proxy is not ready before they are.
func topology(t *testing.T) servers.Topology {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"topology.yaml": `summary: a proxy and two servers
tools: [python]
tiers: {front: proxy, files: server}
processes:
  - name: files
    replicas: "2"
    tier: files
    ports: [http]
    dir: app
    argv: ['{{.Tool "python"}}', -m, http.server, --bind, '{{.IP}}', '{{.Port "http"}}']
    stop: KILL
  - name: front
    tier: front
    ports: [http]
    files: [{template: front.py.tmpl, path: front.py}]
    argv: ['{{.Tool "python"}}', front.py]
    stop: KILL
entry: {process: front, port: http}
`,
		"front.py.tmpl": `import http.server, itertools, time, urllib.request
peers = itertools.cycle([{{range .Peers}}"{{.Address}}", {{end}}])
class Front(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        while True: # as a proxy does: one of the two may not listen yet
            try:
                body = urllib.request.urlopen("http://" + next(peers) + self.path).read()
                break
            except OSError:
                time.sleep(0.01)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("{{.IP}}", {{.Port "http"}}), Front).serve_forever()
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return servers.Topology{Name: dir}
}

// fleetOf is the fleet of a file, with this program as its workers.
func fleetOf(t *testing.T, text string, ssh ...string) *Fleet {
	t.Helper()
	file, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return New(file, Options{
		Version: "test", Program: self, Binary: testBinary, Dir: t.TempDir(), SSH: ssh,
		// Under the race detector, a program sleeps for a second before it ends unless it is told not to.
		Env:   append(os.Environ(), "GORACE=atexit_sleep_ms=0"),
		Serve: []string{"worker", "servers"}, Load: []string{"worker"}, Allow: func(h string) []string { return []string{h} },
	})
}

// open opens a fleet and brings it an app.
func open(t *testing.T, text string, ssh ...string) (*Fleet, *servers.Site, targets.App) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3")
	}
	f := fleetOf(t, text, ssh...)
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := f.Open(t.Context(), []string{"front", "files"}); err != nil {
		t.Fatal(err)
	}
	app := targets.App{Dir: t.TempDir(), Health: "/hello"}
	if err := os.WriteFile(filepath.Join(app.Dir, "hello"), []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	site := &servers.Site{Host: servers.ThisHost(), Scratch: t.TempDir(), Timeout: 20 * time.Second}
	if err := f.Settle(t.Context(), site, app, false, nil); err != nil {
		t.Fatal(err)
	}
	return f, site, app
}

// measure boots the topology, and sends it a load from the host that is there for that.
func measure(t *testing.T, f *Fleet, site *servers.Site, app targets.App) *servers.Cluster {
	t.Helper()
	cluster, err := site.Boot(t.Context(), topology(t), app)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Close() })
	m, err := f.Measurer().Measure(t.Context(), loadgen.Plan{
		URL: cluster.URL(), Mode: loadgen.Closed, Duration: 200 * time.Millisecond, Timeout: 5 * time.Second,
		Mix: targets.Mix{Targets: []targets.Target{
			{Name: "hello", Method: "GET", Path: "/hello", Expect: targets.Expect{Contains: "hello"}},
		}},
		Conns: loadgen.Conns{Max: 2},
	}, loadgen.Watch{})
	if err != nil || m.Counts.OK == 0 || m.Counts.OK != m.Counts.Intended {
		t.Fatalf("%+v, %v: want every response right", m.Counts, err)
	}
	return cluster
}

// namespaces makes network namespaces on one bridge, with the addresses 10.78.N.1 and so on.
func namespaces(t *testing.T, names ...string) {
	t.Helper()
	if _, err := exec.LookPath("ip"); err != nil || os.Getuid() != 0 {
		t.Skip("needs root and ip (apt-get install iproute2)")
	}
	network := fmt.Sprintf("10.78.%d.", os.Getpid()%250)
	bridge := "bh" + strconv.Itoa(os.Getpid())
	run := func(line string) error {
		out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", line, err, out)
		}
		return nil
	}
	if err := run("link add " + bridge + " type bridge"); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = run("link del " + bridge) })
	if err := run("link set " + bridge + " up"); err != nil {
		t.Skip(err)
	}
	for i, name := range names {
		end := fmt.Sprintf("%s.%d", bridge, i)
		t.Cleanup(func() { _ = run("netns del " + name) })
		for _, line := range []string{
			"netns add " + name, "link add " + end + " type veth peer name eth0 netns " + name,
			"link set " + end + " master " + bridge + " up",
			fmt.Sprintf("-n %s addr add %s%d/24 dev eth0", name, network, i+1), "-n " + name + " link set eth0 up",
			"-n " + name + " link set lo up",
		} {
			if err := run(line); err != nil {
				t.Skip(err)
			}
		}
	}
}

// inside are the processes in a network namespace.
func inside(t *testing.T, name string) (pids []int) {
	t.Helper()
	out, err := exec.Command("ip", "netns", "pids", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	for word := range strings.FieldsSeq(string(out)) {
		pid, _ := strconv.Atoi(word)
		pids = append(pids, pid)
	}
	return pids
}

func within(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after 5 s, not yet: %s", what)
		}
	}
}

// Ring 1: each process in a network namespace of its own, and the load from another. What ran where shows in what
// was used; a worker that is killed takes its servers with it and is named, and nothing is left anywhere.
func TestServersInNamespaces(t *testing.T) {
	id := strconv.Itoa(os.Getpid())
	front, one, two, gen := "bf"+id, "ba"+id, "bb"+id, "bg"+id
	namespaces(t, front, one, two, gen)
	f, site, app := open(t, fmt.Sprintf("hosts: {front: {netns: [%s]}, app: {netns: [%s, %s]}, gen: {netns: [%s]}}\n"+
		"place: {front: front, files: app, load: gen}\n", front, one, two, gen))
	cluster := measure(t, f, site, app)
	used, err := cluster.UsageByHost(t.Context())
	for _, host := range []string{"front", "app-1", "app-2"} {
		if usage := used[host]; err != nil || len(usage) != 1 || usage[0].CPU == 0 || usage[0].PSS == 0 {
			t.Errorf("host %s used %+v (%v)", host, usage, err)
		}
	}
	if lost := f.known[0]; lost.Name != "app-1" || lost.Address == "" || !slices.Contains(f.Record()[0].Runs, "files") {
		t.Errorf("the record of app-1 is %+v", f.Record()[0])
	}
	for _, pid := range inside(t, two) {
		if line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.Contains(string(line), "\x00worker\x00") {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	select {
	case <-cluster.Dead():
	case <-time.After(5 * time.Second):
		t.Fatal("a killed worker was not noticed")
	}
	if died := cluster.Died(); died == nil || !strings.Contains(died.Error(), "host app-2") {
		t.Errorf("%v: want the host's name", died)
	}
	within(t, "its servers have ended", func() bool { return len(inside(t, two)) == 0 })
	_ = f.Close() // before the cluster: as if bench were gone
	for _, name := range []string{front, one, gen} {
		within(t, "nothing runs in "+name, func() bool { return len(inside(t, name)) == 0 })
	}
}

// Ring 2: the same by OpenSSH.
func TestServersBySSH(t *testing.T) {
	t.Parallel()
	ssh, _ := sshd.Start(t)
	f, site, app := open(t, "hosts: {app: {ssh: [good1], addresses: [127.0.0.1]}, gen: {local: [here]}}\n"+
		"place: {front: app, files: app, load: gen}\n", ssh...)
	cluster := measure(t, f, site, app)
	if err := cluster.Close(); err != nil {
		t.Error(err)
	}
}

// A command that is run on every host says where it comes from, and which host it failed on. A host of the load
// alone is left out.
func TestACommandOnEveryHost(t *testing.T) {
	t.Parallel()
	f := fleetOf(t, "hosts: {app: {local: [127.0.0.1]}, gen: {netns: [bench-nowhere]}}\nplace: {files: app, load: gen}\n")
	var said []string
	err := f.Command(t.Context(), []string{"lacks"}, func(host, text string) { said = append(said, host+": "+text) })
	slices.Sort(said)
	if want := []string{"app: bench: something is missing", "app: missing: nginx"}; !slices.Equal(said, want) {
		t.Errorf("it said %q: want %q", said, want)
	}
	if err == nil || !strings.Contains(err.Error(), "host app: exit status 7") {
		t.Errorf("%v: want the host and how it ended", err)
	}
}

// What keeps a host from taking part ends the opening, with the host's name and what to do.
func TestHostsThatCannot(t *testing.T) {
	t.Parallel()
	for hosts, want := range map[string]string{
		"{app: {netns: [bench-nowhere]}, gen: {local: [here]}}":                          "worker app: ",
		"{app: {local: [here], addresses: [192.0.2.1]}, gen: {netns: [x]}}":              "host app: 192.0.2.1 is not",
		"{app: {local: [here], addresses: [127.0.0.1], cores: 9999}, gen: {netns: [x]}}": "host app: cores: 9999",
	} {
		f := fleetOf(t, "hosts: "+hosts+"\nplace: {files: app, load: gen}\n")
		if err := f.Open(t.Context(), []string{"files"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v: want %q", hosts, err, want)
		}
	}
}
