package servers

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"bench/targets"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func testApp(t *testing.T) targets.App {
	t.Helper()
	project, err := targets.Bundled()
	if err != nil {
		t.Fatal(err)
	}
	return project.App
}

var testHost = Host{Cores: 4, Somaxconn: 4096, User: "root"}

// golden compares text with a file in testdata and writes what differs next to it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		_ = os.WriteFile(path+".got", []byte(got), 0o644)
		diff, _ := exec.Command("diff", "-u", path, path+".got").Output()
		t.Errorf("%s differs (test with -update to accept):\n%s", path, diff)
	}
}

func TestRenderedTopologies(t *testing.T) {
	all := map[string]string{
		"runserver-one-thread":    "runserver:threads=off",
		"runserver-as-documented": "runserver:profile=as-documented",
		"uwsgi-as-documented":     "uwsgi:workers=8,threads=2,profile=as-documented",
		"nginx-uwsgi-machines":    "nginx-uwsgi:backends=2,workers=1,cpu=40",
		"gunicorn-uvicorn":        "gunicorn:class=uvicorn,static=whitenoise,profile=as-documented",
		"apache-as-documented":    "apache-modwsgi:workers=3,threads=2,static=whitenoise,profile=as-documented",
		"granian-asgi":            "granian:interface=asgi,static=whitenoise",
		"nginx-uwsgi-cache":       "nginx-uwsgi:cache=lock,balance=round_robin",
		"nginx-uwsgi-unix":        "nginx-uwsgi:backends=1,socket=unix,static=whitenoise",
		"nginx-uwsgi-three":       "nginx-uwsgi:backends=3,workers=1,threads=4,proxies=2",
	}
	for _, name := range Names() {
		all[name] = name
	}
	for name, text := range all {
		topology, err := ParseTopology(text)
		if err != nil {
			t.Fatal(err)
		}
		b, err := topology.Canonical(testApp(t), testHost)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		golden(t, filepath.Join("render", name), b.String())
	}
}

func TestNamesStartWithTheSimplest(t *testing.T) {
	if got := strings.Join(Names(), " "); !strings.HasPrefix(got, "runserver uwsgi nginx-uwsgi") {
		t.Errorf("Names = %s", got)
	}
	// One without an order comes last, whatever its name: the first is the baseline.
	newcomer := fstest.MapFS{}
	for _, name := range append(Names(), "aaa") {
		text := preforkTopology["topology.yaml"].Data
		for i, known := range Names() {
			if name == known {
				text = append(fmt.Appendf(nil, "order: %d", i+1), text...)
			}
		}
		newcomer[name+"/topology.yaml"] = &fstest.MapFile{Data: text}
	}
	newcomer["shared/own.py.tmpl"] = preforkTopology["own.py.tmpl"]
	want := strings.Join(append(Names(), "aaa"), " ")
	if got := strings.Join((catalog{embedded: newcomer}).names(), " "); got != want {
		t.Errorf("with a newcomer: %s; want %s", got, want)
	}
}

func TestEquivalentTopologiesAreEqual(t *testing.T) {
	for _, row := range []struct{ a, b string }{
		{"./gun", "./gun/"},
		{"./gun", "./a/../gun"},
		{"./gun", "gun/"},
		{"/srv/gun", "/srv//gun/."},
		{"uwsgi:workers=2,threads=1", "uwsgi:threads=1, workers=2"},
		{"url:http://Host:1/", "url:HTTP://host:1"},
	} {
		a, errA := ParseTopology(row.a)
		b, errB := ParseTopology(row.b)
		if a != b || errA != nil || errB != nil {
			t.Errorf("%s is %q and %s is %q (%v, %v); want them equal", row.a, a, row.b, b, errA, errB)
		}
	}
	if a, _ := ParseTopology("gun"); a.Kind() != Embedded {
		t.Errorf("gun is %v; want a name without a slash to be embedded", a.Kind())
	}
}

func TestErrorsOfBadTopologiesSayWhatIsWanted(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"nginx-uwgsi", "did you mean nginx-uwsgi?"},
		{"no-such-server", "is unknown. Want one of runserver, uwsgi, nginx-uwsgi"},
		{"uwsgi:wokers=2", "did you mean workers?"},
		{"uwsgi:workers=0", "want a whole number from 1 to 256"},
		{"uwsgi:workers=two", "want a whole number from 1 to 256"},
		{"runserver:threads=maybe", "want one of on, off"},
		{"uwsgi:profile=fast", "want controlled or as-documented"},
		{"uwsgi:workers", "want param=value"},
		{"uwsgi:workers=1,workers=2", "given twice"},
		{"", "want NAME"},
		{"url:", "want url:http"},
		{"a b=url:http://h:1", "the label"},
		{"gunicorn=url:", "want url:http"},
		{"gunicorn=uwsgi", "want NAME"},
		{"./does/not/exist", "topology.yaml"},
	} {
		topology, err := ParseTopology(row.text)
		if err == nil {
			_, err = topology.Canonical(testApp(t), testHost)
		}
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%q: %v; want an error with %q", row.text, err, row.want)
		}
	}
}

func TestTopologyOfAFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mine")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "topology.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const good = `summary: mine
tools: [python]
tiers: {python: app}
processes:
- {name: p, tier: python, ports: [http], argv: ['{{.Tool "python"}}', '{{.Port "http"}}'], stop: INT}
entry: {process: p, port: http}
`
	write(good)
	b, err := Topology{Name: dir}.Canonical(testApp(t), testHost)
	if err != nil || strings.Join(b.Processes[0].Argv, " ") != "python 1" || (Topology{Name: dir}).Short() != "mine" {
		t.Errorf("Canonical = %+v, %v", b.Processes, err)
	}
	for _, row := range []struct{ says, text, want string }{
		{"an unknown key", good + "x: 1\n", "[7:1]"},
		{"no processes", "summary: x\n", "no processes"},
		{"an unknown stop", strings.Replace(good, "INT", "HUP", 1), "want INT, TERM, QUIT or KILL"},
		{"a tier without a role", strings.Replace(good, "tiers: {python: app}", "tiers: {python: boss}", 1),
			"want app, server, proxy or database"},
		{"an unknown probe", strings.Replace(good, "stop: INT", "stop: INT, stats: psychic", 1), "want one of uwsgi"},
		{"an unknown entry port", strings.Replace(good, "port: http}", "port: https}", 1), "entry: no process"},
		{"an unknown port", strings.Replace(good, `.Port "http"`, `.Port "stats"`, 1), `no port "stats"`},
		{"an unknown tool", strings.Replace(good, `.Tool "python"`, `.Tool "pyton"`, 1),
			"not among the topology's tools: python"},
		{"a file outside", strings.Replace(good, "stop: INT", "stop: INT, files: [{template: t, path: ../x}]", 1),
			"outside the process's folder"},
	} {
		write(row.text)
		if _, err := (Topology{Name: dir}).Canonical(testApp(t), testHost); err == nil ||
			!strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v; want an error with %q", row.says, err, row.want)
		}
	}
}

// Characters that are special to nginx or uWSGI must not get into their files.
func TestPathsThatCannotBeWrittenAreRefused(t *testing.T) {
	for _, bad := range []string{"/a;b", "/a$b", "/a%b", "/a\nb", `/a"b`, "/a{b", "/a b", "/a=b", "/a@b", "/a#b"} {
		app := testApp(t)
		app.Dir = bad
		if _, err := (Topology{Name: "nginx-uwsgi"}).Blueprint(app, testHost.canonical(nil)); err == nil ||
			!strings.Contains(err.Error(), "cannot be written") {
			t.Errorf("folder %q: %v; want it refused", bad, err)
		}
	}
}

func TestFingerprintDependsOnlyOnWhatIsRun(t *testing.T) {
	fingerprint := func(topology Topology, h Host) string {
		b, err := topology.Canonical(testApp(t), h)
		if err != nil {
			t.Fatal(err)
		}
		return b.Fingerprint()
	}
	base := fingerprint(Topology{Name: "uwsgi"}, testHost)
	moved := testHost
	moved.Dir, moved.Ports, moved.Env = "/elsewhere", []int{1, 2, 3}, []string{"HOME=/x"}
	moved.Tools = Tools{"uwsgi": {Path: "/opt/uwsgi"}}
	if fingerprint(Topology{Name: "uwsgi"}, moved) != base {
		t.Error("where it is booted changes the fingerprint")
	}
	if fingerprint(Topology{Name: "uwsgi", Params: "workers=9"}, testHost) == base {
		t.Error("the number of workers does not change the fingerprint")
	}
}

func TestPortsAreHeldUntilTheyAreReleased(t *testing.T) {
	dir := t.TempDir()
	seen := map[int]bool{}
	var held []*Ports
	for range 20 {
		p, err := ReservePorts(dir, 5)
		if err != nil {
			t.Fatal(err)
		}
		for _, port := range p.Numbers {
			if seen[port] {
				t.Fatalf("port %d was given twice", port)
			}
			seen[port] = true
		}
		held = append(held, p)
	}
	for _, p := range held {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Ten benches at once, as processes, boot twenty times each, and with a hundred ports their ranges overlap: a
// server that listens on a reserved port never finds it taken by another's.
func TestPortsOfManyProcessesDoNotCollide(t *testing.T) {
	if dir := os.Getenv("PORTS_OF_A_PROCESS"); dir != "" {
		for range 20 {
			if err := listenOnReserved(dir, 100); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	dir := t.TempDir()
	var benches sync.WaitGroup
	for range 10 {
		benches.Go(func() {
			c := exec.Command(os.Args[0], "-test.run", "^TestPortsOfManyProcessesDoNotCollide$")
			c.Env = append(os.Environ(), "PORTS_OF_A_PROCESS="+dir)
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	benches.Wait()
}

// listenOnReserved listens on reserved ports, all at the same time, and releases them.
func listenOnReserved(dir string, n int) error {
	ports, err := ReservePorts(dir, n)
	if err != nil {
		return err
	}
	for _, port := range ports.Numbers {
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return errors.Join(err, ports.Close())
		}
		defer l.Close()
	}
	return ports.Close()
}

func TestDiagnose(t *testing.T) {
	for _, row := range []struct{ log, want string }{
		{"bind(): Address already in use [core/socket.c line 769]", "a port is taken"},
		{"nginx: [emerg] bind() to 127.0.0.1:1 failed (98: Address already in use)", "a port is taken"},
		{"ModuleNotFoundError: No module named 'shop'\nTraceback", "the app does not import"},
		{"django.db.utils.OperationalError: no such table: shop_product", "the database lacks a table"},
		{"django.core.exceptions.ImproperlyConfigured: x", "Django refuses the settings"},
		{"nginx: [emerg] unknown directive \"x\"", "the server refuses its configuration"},
		{"[strict-mode] unknown config directive: x", "the server refuses its configuration"},
		{"all is well", ""},
	} {
		dir := t.TempDir()
		c := &Cluster{blueprint: Blueprint{Topology: Topology{Name: "x"}, Processes: []Process{{Name: "p", Home: dir}}}}
		if err := os.WriteFile(filepath.Join(dir, "p.log"), []byte("first\n"+row.log+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var boot *BootError
		if !errors.As(c.diagnose(errors.New("ended")), &boot) || boot.Diagnostic != row.want ||
			!strings.Contains(boot.Error(), "first") {
			t.Errorf("%q: diagnostic %q; want %q, and the log", row.log, boot.Diagnostic, row.want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want int
	}{{"", "abc", 3}, {"kitten", "sitting", 3}, {"uwsgi", "uwgsi", 2}, {"same", "same", 0}} {
		if got := editDistance(row.a, row.b); got != row.want {
			t.Errorf("editDistance(%q, %q) = %d; want %d", row.a, row.b, got, row.want)
		}
	}
}

func FuzzParseTopology(f *testing.F) {
	for _, text := range []string{"runserver", "nginx-uwsgi:backends=2,workers=1", "url:http://127.0.0.1:1", "./a/b:x=y",
		"a/../..", "gunicorn=url:http://h:1/p", "url:HTTP://A%20b/c/"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		topology, err := ParseTopology(text)
		if err != nil {
			return
		}
		again, err := ParseTopology(topology.String())
		if err != nil || again != topology {
			t.Fatalf("%q reads as %#v, then as %#v (%v)", text, topology, again, err)
		}
	})
}

func TestHowWorkersWaitForWork(t *testing.T) {
	for _, row := range []struct {
		topology                 string
		queues, workers, threads int
		tier                     string
	}{
		{"runserver", 1, 1, 0, "python"},
		{"runserver:threads=off", 1, 1, 1, "python"},
		{"uwsgi:workers=3,threads=2", 1, 3, 2, "python"},
		{"nginx-uwsgi:backends=2,workers=4", 2, 4, 1, "python"},
	} {
		topology, err := ParseTopology(row.topology)
		if err != nil {
			t.Fatal(err)
		}
		b, err := topology.Canonical(testApp(t), testHost)
		if err != nil {
			t.Fatal(err)
		}
		queues, workers, threads := b.Queueing()
		if queues != row.queues || workers != row.workers || threads != row.threads || b.WorkersTier() != row.tier {
			t.Errorf("%s: %d queues of %d workers with %d threads, tier %s; want %+v", row.topology, queues, workers, threads,
				b.WorkersTier(), row)
		}
	}
}

// A tool that belongs in the environment of the app's own interpreter is not for bench setup.
func TestMissingToolSaysWhereItBelongs(t *testing.T) {
	for _, row := range []struct {
		topology, python, list string
		tools                  Tools
		want                   string
	}{
		{"uwsgi", "", "", nil, "topology uwsgi: uwsgi is not installed: run `bench setup`"},
		{"uwsgi", "/app/python", "", nil, "/app/python -m pip install uwsgi"},
		{"nginx-uwsgi", "/app/python", "", Tools{"uwsgi": {Path: "/app/uwsgi"}},
			"topology nginx-uwsgi: nginx is not installed: run `bench setup`"},
		{"gunicorn", "", "", Tools{"python": {Path: "/venv/python"}},
			"gunicorn is not installed: run `bench setup --with gunicorn`"},
		{"gunicorn", "", "requirements.txt", Tools{"python": {Path: "/venv/python"}},
			"gunicorn is not in requirements.txt: add gunicorn to that list"},
		{"./preload", "/venv/python", "", Tools{"python": {Path: "/venv/python"}}, "/venv/python -m pip install gunicorn"},
	} {
		from := builtin()
		from.open = func(string) fs.FS { return written(t) }
		err := define(t, from, row.topology).Missing(Host{Tools: row.tools})
		var missing *MissingToolError
		if !errors.As(err, &missing) {
			t.Errorf("%s: %v; want a tool to be missing", row.topology, err)
			continue
		}
		if missing.For(targets.App{Python: row.python, Requirements: row.list}); !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s for %q: %v; want %q", row.topology, row.python, err, row.want)
		}
	}
}
