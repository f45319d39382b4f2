package claims

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bench/internal/proof"
	judging "bench/reports/claims"
	"bench/results"
	"bench/scenarios/claims"
)

// A mutation is a claim's experiment in a world in which the cause of its answer is another: other servers, or
// another deed, with the same predictions.
type mutation struct {
	says       string
	claim      string
	edits      []string // of its file, in pairs: a text and what stands there instead
	prediction string
	answer     string // that the world gives to it
}

// mutations has at least one for each claim.
var mutations = []mutation{
	{"runserver has two processes", "single-process",
		[]string{"runserver, topology: runserver}", "runserver, topology: 'uwsgi:workers=2'}"}, "work", judging.Fails},
	{"two processes are one", "many-cores",
		[]string{"two, topology: 'uwsgi:workers=2'}", "two, topology: 'uwsgi:workers=1'}"}, "two", judging.Fails},
	{"threads are processes", "many-cores",
		[]string{"'uwsgi:workers=1,threads=8'", "'uwsgi:workers=8'"}, "threads", judging.Fails},
	{"without the free-threaded build", "free-threading",
		[]string{"interpreter: python3.14t\n", ""}, "threads", judging.Fails},
	{"runserver serves one connection at a time", "concurrency",
		[]string{"topology: runserver}", "topology: 'runserver:threads=off'}"}, "unlimited", judging.Fails},
	{"uWSGI has more threads than the database has connections", "safe-concurrency",
		[]string{"workers=2,threads=4", "workers=2,threads=64"}, "uwsgi", judging.Fails},
	{"the server in Python is uWSGI", "c-is-fast",
		[]string{"'gunicorn:workers=1', wsgi", "'uwsgi-http-socket:workers=1', wsgi"}, "bare", judging.Fails},
	{"uWSGI starts a thread for each connection", "low-memory",
		[]string{"one, topology: 'uwsgi:workers=1'}", "one, topology: runserver}"}, "idle", judging.Fails},
	{"the protocols are exchanged", "uwsgi-protocol", []string{
		"uwsgi-counted, topology: 'nginx-uwsgi:backends=1,workers=2'",
		"uwsgi-counted, topology: 'nginx-uwsgi-http:workers=2'",
		" http-counted, topology: 'nginx-uwsgi-http:workers=2'",
		" http-counted, topology: 'nginx-uwsgi:backends=1,workers=2'",
	}, "plain", judging.Holds},
	{"the protocols are exchanged", "uwsgi-protocol-gunicorn", []string{
		"uwsgi-counted, topology: 'nginx-gunicorn-uwsgi:workers=2'", "uwsgi-counted, topology: 'nginx-gunicorn:workers=2'",
		" http-counted, topology: 'nginx-gunicorn:workers=2'", " http-counted, topology: 'nginx-gunicorn-uwsgi:workers=2'",
	}, "plain", judging.Holds},
	{"nginx passes requests on as they come", "slow-clients", []string{
		"name: nginx, topology: 'nginx-uwsgi:backends=1,workers=2'",
		"name: nginx, topology: 'nginx-uwsgi:backends=1,workers=2,buffering=off'",
	}, "bodies", judging.Fails},
	{"Django serves the files behind nginx", "static-files", []string{
		"nginx, topology: 'nginx-uwsgi:backends=1,workers=2'",
		"nginx, topology: 'nginx-uwsgi:backends=1,workers=2,static=django'",
	}, "than-runserver", judging.Fails},
	{"nginx keeps nothing", "page-cache", []string{"workers=4,cache=on", "workers=4,cache=off"}, "spared", judging.Fails},
	{"in turn is to the least busy", "balancing", []string{",balance=round_robin", ""}, "method", judging.Fails},
	{"the second machine is not there", "several-machines", []string{
		"two, topology: 'nginx-uwsgi:backends=2,", "two, topology: 'nginx-uwsgi:backends=1,",
	}, "twice", judging.Fails},
	{"there is no second instance", "fail-over",
		[]string{"'nginx-uwsgi:backends=2,workers=3'", "'nginx-uwsgi:backends=1,workers=6'"}, "get", judging.Fails},
	{"something behind nginx takes 5 ms", "small-sites", []string{
		"nginx, topology: 'nginx-uwsgi:backends=1,workers=2'}",
		"nginx, topology: 'nginx-uwsgi:backends=1,workers=2', env: {SHOP_BURN_US: '5000'}}",
	}, "some", judging.Fails},
	{"a reload is a kill", "hot-reload", []string{"signal: HUP server", "kill: server"}, "hup", judging.Fails},
	{"both servers are killed in turn", "hot-reload", []string{"signal: 'HUP uwsgi[1]'", "kill: 'uwsgi[1]'",
		"signal: 'HUP uwsgi[2]'", "kill: 'uwsgi[2]'"}, "rolling", judging.Fails},
	{"nginx leaves files to uWSGI's workers", "slow-clients", []string{
		"name: nginx, topology: 'nginx-uwsgi:backends=1,workers=2'", "name: nginx, topology: 'uwsgi:workers=2'",
	}, "downloads", judging.Fails},
	{"nobody supervises", "kept-running",
		[]string{"'supervisor-uwsgi:workers=2'", "'uwsgi:workers=2'"}, "master", judging.Fails},
	{"the noise is one's own", "many-apps",
		[]string{"SHOP_SLOW_PATH: /app2/", "SHOP_SLOW_PATH: /app1/"}, "neighbour", judging.Fails},
	{"a page costs Apache 3 ms more", "apache", []string{
		"'apache-modwsgi:workers=2'}", "'apache-modwsgi:workers=2', env: {SHOP_BURN_US: '3000'}}",
	}, "pages", judging.Fails},
	{"one worker is missing", "overload", []string{"'uwsgi:workers=2'", "'uwsgi:workers=1'"}, "uwsgi", judging.Fails},
	{"one worker is missing", "gunicorn-instead",
		[]string{"'nginx-gunicorn:workers=2'", "'nginx-gunicorn:workers=1'"}, "throughput", judging.Fails},
	{"one worker is missing", "granian-instead",
		[]string{"'nginx-granian:workers=2'", "'nginx-granian:workers=1'"}, "throughput", judging.Fails},
	{"one worker is missing", "asgi-instead", []string{"'nginx-uvicorn:workers=2'", "'nginx-uvicorn:workers=1'"}, "page",
		judging.Fails},
	{"nginx serves WhiteNoise's files", "whitenoise-instead",
		[]string{"'uwsgi:workers=2,static=whitenoise'", "'nginx-uwsgi:backends=1,workers=2'"}, "static", judging.Holds},
	{"nginx has a quarter of the connections", "many-connections",
		[]string{"connections=16384", "connections=4096"}, "held", judging.Fails},
	{"nginx has a quarter of the connections", "connection-ladder",
		[]string{"connections=17000", "connections=4096"}, "nginx-100k-held", judging.Fails},
	{"threads wait for async views", "async-views",
		[]string{"'uvicorn:workers=2'", "'uwsgi:workers=2,threads=8'"}, "few", judging.Fails},
	{"no connection is kept", "upstream-keepalive", []string{
		"kept, topology: 'nginx-gunicorn:workers=2,threads=4'}",
		"kept, topology: 'nginx-gunicorn:workers=2,threads=4,keepalive=off'}",
	}, "throughput", judging.Fails},
}

// text is the file of the mutated claim.
func (m mutation) text(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "scenarios", "claims", m.claim+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for i := 0; i < len(m.edits); i += 2 {
		if !strings.Contains(text, m.edits[i]) {
			t.Errorf("%s: %s: the file has no %q", m.claim, m.says, m.edits[i])
		}
		text = strings.ReplaceAll(text, m.edits[i], m.edits[i+1])
	}
	return text
}

// Every claim has a world in which its cause is another, and which is an experiment that can be carried out.
func TestEveryClaimHasAMutation(t *testing.T) {
	for _, name := range claims.Names() {
		if !slices.ContainsFunc(mutations, func(m mutation) bool { return m.claim == name }) {
			t.Errorf("%s has no mutation", name)
		}
	}
	for _, m := range mutations {
		c, err := claims.Parse(m.claim, m.claim+".yaml", []byte(m.text(t)), "")
		if err != nil {
			t.Errorf("%s: %v", m.says, err)
			continue
		}
		if !slices.ContainsFunc(record(c).Predictions, func(p results.Prediction) bool { return p.Name == m.prediction }) {
			t.Errorf("%s: %s has no prediction %s", m.says, m.claim, m.prediction)
		}
	}
}

// The real servers of a mutated world give the answer that the cause makes, so that no claim is confirmed by its
// experiment whatever is true. It takes ten minutes: make proof, or -tags proof and -run with the name of a claim.
func TestMutatedWorlds(t *testing.T) {
	if !proof.Full {
		t.Skip("boots the servers of every claim: make proof")
	}
	bench := filepath.Join(t.TempDir(), "bench")
	if out, err := exec.Command("go", "build", "-o", bench, "bench/cmd/bench").CombinedOutput(); err != nil {
		t.Fatalf("building bench: %v\n%s", err, out)
	}
	for _, m := range mutations {
		t.Run(m.claim+"/"+strings.ReplaceAll(m.says, " ", "-"), func(t *testing.T) { m.try(t, bench) })
	}
}

func (m mutation) try(t *testing.T, bench string) {
	dir := t.TempDir()
	file := filepath.Join(dir, m.claim+".yaml")
	if err := os.WriteFile(file, []byte(m.text(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(bench, "claims", "--file", file, "--app", "bundled", "--quick", "--out", dir,
		"--shared-machine", "--blocks", strconv.Itoa(fewestBlocks)).CombinedOutput()
	reports, _ := filepath.Glob(filepath.Join(dir, "*", "report.json"))
	if len(reports) != 1 {
		t.Fatalf("no report: %v\n%s", err, out)
	}
	data, err := os.ReadFile(reports[0])
	if err != nil {
		t.Fatal(err)
	}
	var report judging.Report
	if err := json.Unmarshal(data, &report); err != nil {
		t.Fatal(err)
	}
	c := report.Claims[0]
	if strings.Contains(c.Reason, "not installed") {
		t.Skip(c.Reason)
	}
	for _, p := range c.Predictions {
		if p.Name == m.prediction && p.Answer != m.answer {
			t.Errorf("%s, but %s %s: %s (%s)", m.says, p.Name, p.Answer, p.Figure, p.Why)
		}
	}
	t.Logf("%s: %s: %s", m.says, c.Verdict, c.Reason)
}
