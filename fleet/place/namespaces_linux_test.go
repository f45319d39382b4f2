package place_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bench/fleet"
	"bench/fleet/place"
	"bench/internal/proof"
	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/results"
	"bench/targets"
)

// ring is several hosts, as far as a kernel can make them: network namespaces on one bridge, which has an
// address of its own, where the hub and the server are.
type ring struct {
	hub   string   // its address
	names []string // of the namespaces
	hosts []string // their addresses
}

// rings counts those of this process: each has names and a network of its own.
var rings atomic.Int32

// endIn ends what is left in a namespace: a session of sshd does not notice that its link is down.
func endIn(name string) {
	out, _ := exec.Command("ip", "netns", "pids", name).Output()
	for pid := range strings.FieldsSeq(string(out)) {
		if id, err := strconv.Atoi(pid); err == nil {
			_ = syscall.Kill(id, syscall.SIGKILL)
		}
	}
}

// newRing makes namespaces, or skips the test where that is not possible.
func newRing(t *testing.T, n int) ring {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces are root's")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("there is no ip (apt-get install iproute2)")
	}
	id := fmt.Sprintf("%dx%d", os.Getpid(), rings.Add(1))
	bridge, net := "bb"+id, fmt.Sprintf("10.213.%d.", (os.Getpid()*8+int(rings.Load()))%250)
	r := ring{hub: net + "1"}
	must := func(line string) {
		t.Helper()
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Skipf("ip %s: %v: %s", line, err, out)
		}
	}
	remove := func(line string) {
		t.Cleanup(func() { _ = exec.Command("ip", strings.Fields(line)...).Run() })
	}
	must("link add " + bridge + " type bridge")
	remove("link del " + bridge)
	must("addr add " + r.hub + "/24 dev " + bridge)
	must("link set " + bridge + " up")
	for i := range n {
		name, veth, host := fmt.Sprintf("bench%s-%d", id, i), fmt.Sprintf("bv%sx%d", id, i), fmt.Sprint(net, i+2)
		must("netns add " + name)
		remove("netns del " + name)
		t.Cleanup(func() { endIn(name) })
		must("link add " + veth + " type veth peer name eth0 netns " + name)
		must("link set " + veth + " master " + bridge + " up")
		must("-n " + name + " addr add " + host + "/24 dev eth0")
		must("-n " + name + " link set eth0 up")
		must("-n " + name + " link set lo up")
		r.names, r.hosts = append(r.names, name), append(r.hosts, host)
	}
	return r
}

// serve answers at the hub's address.
func (r ring) serve(t *testing.T) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", r.hub+":0")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok")
	}))
	_ = s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// plan is a load on a server.
func plan(url string, length time.Duration) loadgen.Plan {
	return loadgen.Plan{
		URL: url, Mode: loadgen.Open, Pacer: pacing.Constant{PerSecond: 100}, Duration: length,
		Mix:   targets.Mix{Targets: []targets.Target{{Name: "home", Method: "GET", Path: "/"}}},
		Conns: loadgen.Conns{Max: 16}, Timeout: time.Second,
	}
}

// workers starts a worker in each namespace, which joins the hub by TLS, with a clock as far off as it is told.
type workers struct {
	fleet     *fleet.Fleet
	processes []*exec.Cmd
}

func (r ring) workers(t *testing.T, shifts map[int]int) *workers {
	t.Helper()
	o := options(t)
	w := &workers{processes: make([]*exec.Cmd, len(r.names))}
	tokens := filepath.Join(t.TempDir(), "tokens")
	o.Join = place.Joining{Listen: r.hub + ":0", Tokens: tokens, Wait: 20 * time.Second, Say: func(string) {
		for i, name := range r.names {
			argv := []string{"netns", "exec", name}
			if shift := shifts[i]; shift != 0 {
				argv = append(argv, "unshare", "--time", "--monotonic", fmt.Sprint(shift), "--fork", "--kill-child")
			}
			argv = append(argv, o.Program, "join", filepath.Join(tokens, fmt.Sprintf("worker-%d.json", i+1)), r.hub)
			w.processes[i] = exec.Command("ip", argv...)
			w.processes[i].Env = o.Env
			w.processes[i].SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if err := w.processes[i].Start(); err != nil {
				t.Error(err)
			}
		}
	}}
	p, err := place.Parse(fmt.Sprint("join:", len(r.names)), o)
	if err != nil {
		t.Fatal(err)
	}
	w.fleet, err = fleet.Open(t.Context(), fleet.Config{
		Place: p, Version: "test", Binary: binary, Dir: filepath.Join(t.TempDir(), "hub"),
	})
	t.Cleanup(func() {
		for _, process := range w.processes {
			if process != nil && process.Process != nil {
				_ = syscall.Kill(-process.Process.Pid, syscall.SIGKILL)
				_ = process.Wait()
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// measure carries out a plan, with something happening once responses come, and says how long it took from then on.
func (w *workers) measure(t *testing.T, p loadgen.Plan, happens func()) (m loadgen.Measurement, after time.Duration) {
	t.Helper()
	var once sync.Once
	var since time.Time
	m, err := w.fleet.Measure(t.Context(), p, loadgen.Watch{Second: func(l loadgen.Live) {
		if l.Counts.OK > 0 {
			once.Do(func() { since = time.Now(); happens() })
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	after = time.Since(since)
	_ = w.fleet.Close() // those that are gone say why
	return m, after
}

// Workers on several hosts, with clocks ten minutes apart, are one load: every request once, by clocks that
// are known to within their bounds.
func TestNamespacesAreOneLoad(t *testing.T) {
	t.Parallel()
	r := newRing(t, proof.Size(4, 8))
	url := r.serve(t)
	shifts := map[int]int{1: 600, 2: -600}
	if exec.Command("unshare", "--time", "--monotonic", "600", "--fork", "true").Run() != nil {
		t.Log("clocks are not shifted: unshare --time does not work here")
		shifts = nil
	}
	m, _ := r.workers(t, shifts).measure(t, plan(url, 2*time.Second), func() {})
	if m.Counts.OK != 200 || len(m.Workers) != len(r.names) {
		t.Errorf("%+v from %d workers; want 200 successful requests", m.Counts, len(m.Workers))
	}
	for i, w := range m.Workers {
		off := (w.ClockOffset - time.Duration(shifts[i])*time.Second).Abs()
		if w.Lost != "" || off > w.ClockBound {
			t.Errorf("worker %d: lost %q; its clock is off by %v ± %v; the true offset is %d s",
				i, w.Lost, w.ClockOffset, w.ClockBound, shifts[i])
		}
		t.Logf("worker %d: clock off by %v ± %v, started %v late", i, w.ClockOffset, w.ClockBound, w.StartLate)
	}
}

// harms are what may become of a host, or of the process there, in the middle of a load.
var harms = []struct {
	name   string
	do     func(r ring, w *workers, i int)
	within time.Duration // until the load has ended; the loss itself is known earlier
}{
	{"link down", func(r ring, _ *workers, i int) {
		_ = exec.Command("ip", "-n", r.names[i], "link", "set", "eth0", "down").Run()
	}, 6 * time.Second},
	{"killed", func(_ ring, w *workers, i int) {
		_ = syscall.Kill(-w.processes[i].Process.Pid, syscall.SIGKILL)
	}, 4 * time.Second},
	{"stopped", func(_ ring, w *workers, i int) {
		_ = syscall.Kill(-w.processes[i].Process.Pid, syscall.SIGSTOP)
	}, 6 * time.Second},
}

// A host that is cut off, or a process there that is killed or stopped, is named; the load ends at once, and
// its figures are those of the others.
func TestNamespacesThatAreHarmed(t *testing.T) {
	t.Parallel()
	const victim = 1
	for _, harm := range harms[:proof.Size(1, len(harms))] {
		t.Run(harm.name, func(t *testing.T) {
			r := newRing(t, 3)
			w := r.workers(t, nil)
			m, after := w.measure(t, plan(r.serve(t), time.Minute), func() { harm.do(r, w, victim) })
			if after > harm.within {
				t.Errorf("the load ended after %v; want %v", after, harm.within)
			}
			t.Logf("the load ended %v after that: %s", after.Round(time.Millisecond), m.Fault)
			var others results.Counts
			for i, of := range m.Workers {
				if lost := of.Lost != ""; lost != (i == victim) {
					t.Errorf("worker %d: lost %q", i, of.Lost)
				}
				if i != victim {
					others = others.Plus(of.Counts)
				}
			}
			if m.Grade != results.Invalid || !strings.Contains(m.Fault, "worker-2") || m.Counts != others {
				t.Errorf("%s, %q, %+v; want an invalid load that names worker-2, and the counts of the others, %+v",
					m.Grade, m.Fault, m.Counts, others)
			}
		})
	}
}

// Three sshd on three hosts: each gets the program, and one that is cut off is named.
func TestNamespacesBySSH(t *testing.T) {
	t.Parallel()
	r := newRing(t, 3)
	o := options(t)
	o.SSH = r.sshd(t)
	o.Args = append(o.Args, r.hub)
	p, err := place.Parse("ssh:gen0,gen1,gen2", o)
	if err != nil {
		t.Fatal(err)
	}
	w := new(workers)
	if w.fleet, err = fleet.Open(t.Context(), fleet.Config{
		Place: p, Version: "test", Binary: binary, Dir: filepath.Join(t.TempDir(), "hub"),
	}); err != nil {
		t.Fatal(err)
	}
	m, after := w.measure(t, plan(r.serve(t), time.Minute), func() { harms[0].do(r, w, 2) })
	t.Logf("the load ended %v after the cut: %s", after.Round(time.Millisecond), m.Fault)
	if m.Grade != results.Invalid || !strings.Contains(m.Fault, "gen2") || after > 10*time.Second {
		t.Errorf("%s, %q after %v; want an invalid load that names gen2", m.Grade, m.Fault, after)
	}
	lost := slices.IndexFunc(m.Workers, func(w results.Worker) bool { return w.Lost != "" })
	if lost != 2 || m.Counts.OK == 0 {
		t.Errorf("worker %d is lost, %+v; want that to be the third, and responses to the others", lost, m.Counts)
	}
}

// sshd starts OpenSSH's server in each namespace, and returns the command that reaches them as gen0, gen1 …
func (r ring) sshd(t *testing.T) (ssh []string) {
	t.Helper()
	const program = "/usr/sbin/sshd"
	if _, err := os.Stat(program); err != nil {
		t.Skip("there is no sshd (apt-get install openssh-server)")
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, key := range []string{"host", "user"} {
		out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file(key)).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	_ = os.MkdirAll("/run/sshd", 0o755) // Debian's server wants it
	known := fmt.Sprintf("Host *\n  IdentitiesOnly yes\n  IdentityAgent none\n  IdentityFile %s\n"+
		"  UserKnownHostsFile %s\n  StrictHostKeyChecking accept-new\n", file("user"), file("known"))
	for i, name := range r.names {
		config := fmt.Sprintf("ListenAddress %s\nHostKey %s\nAuthorizedKeysFile %s\nPidFile none\nStrictModes no\n"+
			"UsePAM no\nSetEnv XDG_CACHE_HOME=%s\n", r.hosts[i], file("host"), file("user.pub"), file(fmt.Sprint("cache", i)))
		if err := os.WriteFile(file(name), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		server := exec.Command("ip", "netns", "exec", name, program, "-D", "-f", file(name))
		if err := server.Start(); err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
		known += fmt.Sprintf("Host gen%d\n  HostName %s\n", i, r.hosts[i])
		r.answers(t, r.hosts[i]+":22")
	}
	if err := os.WriteFile(file("config"), []byte(known), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"ssh", "-F", file("config")}
}

// answers waits until somebody listens.
func (r ring) answers(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ctx.Done():
			t.Skipf("%s does not answer: %v", address, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
