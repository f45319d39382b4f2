package place_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bench/fleet"
	"bench/fleet/place"
	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/targets"
)

// inCluster are workers in a cluster that is made up, whose pods may take some time until they run.
func inCluster(t *testing.T, where string, ready time.Duration) (*place.Kubernetes, cluster) {
	t.Helper()
	c, o := cluster{t.TempDir()}, options(t)
	o.Pods = place.Pods{
		Kubectl: []string{o.Program, "kubectl", c.dir}, Image: "registry.example.com/bench:1", CPU: "1", Memory: "512Mi",
		Ready: ready, Load: time.Second,
	}
	p, err := place.Parse(where, o)
	if err != nil {
		t.Fatal(err)
	}
	return p.(*place.Kubernetes), c
}

// nothingLeft checks that no Job and no worker is there any more.
func nothingLeft(t *testing.T, c cluster) {
	t.Helper()
	if c.job() != nil || !strings.HasSuffix(c.calls(), "delete\n") {
		t.Errorf("a Job is left, after %q", c.calls())
	}
	for name, process := range c.workers() {
		if err := syscall.Kill(process, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("the worker of %s runs: %v", name, err)
		}
	}
}

func TestWorkersInPods(t *testing.T) {
	t.Parallel()
	p, c := inCluster(t, "k8s:2", 20*time.Second)
	load(t, p)
	if len(c.workers()) != 2 {
		t.Errorf("workers in %v; want 2 pods", c.workers())
	}
	nothingLeft(t, c)
}

// pods are what a cluster answers about the first pod of a Job.
func pods(status string) string {
	return `{"items":[{"metadata":{"name":"JOB-0-abcde","annotations":{"batch.kubernetes.io/job-completion-index":"0"}},` +
		`"status":` + status + `}]}`
}

func waiting(reason, message string) string {
	return pods(`{"phase":"Pending","containerStatuses":[{"state":{"waiting":{"reason":"` + reason +
		`","message":"` + message + `"}}}]}`)
}

func terminated(reason, code, message string) string {
	return pods(`{"phase":"Failed","containerStatuses":[{"state":{"terminated":{"reason":"` + reason +
		`","exitCode":` + code + `,"message":"` + message + `"}}}]}`)
}

// What a cluster refuses, or cannot do, is said with the name of what failed, why, and what to do; what was
// made is deleted.
func TestPodsThatDoNotStart(t *testing.T) {
	t.Parallel()
	const quota = `{"items":[{"reason":"FailedCreate",` +
		`"message":"Error creating: pods \"x\" is forbidden: exceeded quota: team"}]}`
	for _, row := range []struct {
		name, file, text string
		says             []string
	}{
		{"forbidden", "refusal", `Error from server (Forbidden): error when creating "STDIN": jobs.batch is ` +
			`forbidden: User "dev" cannot create resource "jobs" in API group "batch" in the namespace "default"`,
			[]string{"jobs.batch is forbidden", "permissions that docs/MANY-MACHINES.md lists"}},
		{"no cluster", "refusal", "The connection to the server localhost:8080 was refused - did you specify the right host?",
			[]string{"was refused", "kubectl get pods works by hand"}},
		{"no such context", "refusal", `error: context "lab" does not exist`, []string{"get-contexts"}},
		{"no image", "pods.json", waiting("ErrImagePull", "manifest unknown"),
			[]string{"pod bench-", "-0-abcde: ErrImagePull: manifest unknown; push the image"}},
		{"no image, later", "pods.json", waiting("ImagePullBackOff", "Back-off"), []string{"push the image"}},
		{"root", "pods.json", waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"),
			[]string{"make image"}},
		{"another processor", "pods.json", terminated("StartError", "128", "exec /bench: exec format error"),
			[]string{"exit code 128", "kind of processor"}},
		{"another version", "pods.json", terminated("Error", "2", "Usage\\nbench: unknown command worker"),
			[]string{"exit code 2: bench: unknown command worker", "this version"}},
		{"killed between messages", "pods.json", terminated("Error", "137", "+OK\\r\\nPING\\r\\n"),
			[]string{"Error, exit code 137; something has killed it"}},
		{"killed within a message", "pods.json", terminated("Error", "137", "+OK\\r\\nPUB fleet.1 2"),
			[]string{"Error, exit code 137; something has killed it"}},
		{"failed after messages", "pods.json", terminated("Error", "1", "+OK\\r\\nbench: no room\\n"),
			[]string{"Error, exit code 1: bench: no room; see kubectl describe"}},
		{"killed", "pods.json", terminated("OOMKilled", "137", ""), []string{"--pod-memory"}},
		{"evicted", "pods.json", pods(`{"phase":"Failed","reason":"Evicted","message":"It was low on resource: memory."}`),
			[]string{"Evicted", "low on resource"}},
		{"no node", "pods.json", pods(`{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False",` +
			`"reason":"Unschedulable","message":"0/3 nodes are available: 3 Insufficient cpu."}]}`),
			[]string{"0 of the 1 pods", "3 Insufficient cpu", "ask for less"}},
		{"no quota", "events.json", quota, []string{"0 of the 1 pods", "exceeded quota", "larger quota"}},
		{"silent", "events.json", `{"items":[]}`, []string{"0 of the 1 pods", "does not say why"}},
		{"unknown pods", "pods.json", `{"items":[{"metadata":{"name":"stranger"}}]}`, []string{"stranger", "1.24"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p, c := inCluster(t, "k8s:1", time.Millisecond)
			if row.file == "events.json" {
				c.write("pods.json", `{"items":[]}`)
			}
			c.write(row.file, row.text)
			_, err := fleet.Open(t.Context(), fleet.Config{Place: p, Version: "test", Binary: binary, Dir: t.TempDir()})
			if !errors.Is(err, fleet.ErrNotStarted) {
				t.Fatalf("%v; want workers not started", err)
			}
			for _, words := range row.says {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%v; want %q in it", err, words)
				}
			}
			nothingLeft(t, c)
		})
	}
}

// A worker that fails as soon as it is attached to has its own words in the message.
func TestWorkerFailsInItsPod(t *testing.T) {
	t.Parallel()
	p, c := inCluster(t, "k8s:1", 20*time.Second)
	c.write("instead", "echo no room >&2; exit 3")
	_, err := fleet.Open(t.Context(), fleet.Config{Place: p, Version: "test", Binary: binary, Dir: t.TempDir()})
	for _, words := range []string{"worker pod-0: ", "pod bench-", "no room", "exit code 3"} {
		if !errors.Is(err, fleet.ErrNotStarted) || !strings.Contains(err.Error(), words) {
			t.Errorf("%v; want %q in it", err, words)
		}
	}
	nothingLeft(t, c)
}

// Where kubectl cannot attach to a pod that runs, that is said, with what to do.
func TestPodsCannotBeAttachedTo(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ says, hint string }{
		{`Error from server (Forbidden): pods "x" is forbidden: User "dev" cannot create resource "pods/attach"`,
			"permissions that docs/MANY-MACHINES.md lists"},
		{"Error: unknown flag: --quiet\nSee 'kubectl attach --help' for usage.", "use a newer kubectl"},
	} {
		p, c := inCluster(t, "k8s:1", 20*time.Second)
		c.write("detached", row.says)
		_, err := fleet.Open(t.Context(), fleet.Config{Place: p, Version: "test", Binary: binary, Dir: t.TempDir()})
		first, _, _ := strings.Cut(row.says, "\n")
		for _, words := range []string{"worker pod-0: ", " attach: " + first, row.hint} {
			if !errors.Is(err, fleet.ErrNotStarted) || !strings.Contains(err.Error(), words) {
				t.Errorf("%v; want %q in it", err, words)
			}
		}
		nothingLeft(t, c)
	}
}

// Without kubectl nothing is made, and nothing is tried afterwards.
func TestNoKubectl(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"no-such-kubectl", "/nonexistent/kubectl", os.TempDir()} {
		o := options(t)
		o.Pods = place.Pods{Kubectl: []string{command}, Ready: time.Second}
		p, err := place.Parse("k8s:3", o)
		if err != nil {
			t.Fatal(err)
		}
		_, err = fleet.Open(t.Context(), fleet.Config{Place: p, Version: "test", Binary: binary, Dir: t.TempDir()})
		if !errors.Is(err, fleet.ErrNotStarted) || strings.Count(err.Error(), "install kubectl") != 1 ||
			!strings.Contains(err.Error(), "workers pod-0, pod-1, pod-2: ") || !strings.Contains(err.Error(), command) {
			t.Errorf("%s: %v; want it said once, for all workers, with what to do", command, err)
		}
	}
}

// A load that is interrupted while pods are waited for ends at once, and leaves nothing.
func TestInterruptedWhilePodsStart(t *testing.T) {
	t.Parallel()
	p, c := inCluster(t, "k8s:1", time.Hour)
	c.write("pods.json", `{"items":[]}`)
	cause := errors.New("Ctrl-C")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for !strings.Contains(c.calls(), "get") {
			time.Sleep(time.Millisecond)
		}
		cancel(cause)
	}()
	_, err := fleet.Open(ctx, fleet.Config{Place: p, Version: "test", Binary: binary, Dir: t.TempDir()})
	if !errors.Is(err, cause) {
		t.Errorf("%v; want %v", err, cause)
	}
	nothingLeft(t, c)
}

// A pod that is killed under load is named, with how it ended.
func TestPodIsLost(t *testing.T) {
	t.Parallel()
	p, c := inCluster(t, "k8s:2", 20*time.Second)
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	f, err := fleet.Open(t.Context(), fleet.Config{Place: p, Version: "test", Binary: binary, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var victim string
	kill := sync.OnceFunc(func() {
		for name, process := range c.workers() {
			if strings.Contains(name, "-1-") {
				victim = name
				_ = syscall.Kill(process, syscall.SIGKILL) // that it is gone is what the test is about
			}
		}
	})
	m, err := f.Measure(t.Context(), loadgen.Plan{
		URL: server.URL, Mode: loadgen.Open, Pacer: pacing.Constant{PerSecond: 20}, Duration: time.Minute,
		Mix:   targets.Mix{Targets: []targets.Target{{Name: "home", Method: "GET", Path: "/"}}},
		Conns: loadgen.Conns{Max: 2}, Timeout: time.Second,
	}, loadgen.Watch{Second: func(loadgen.Live) { kill() }})
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if lost := m.Workers[1].Lost; victim == "" || m.Workers[0].Lost != "" ||
		!strings.Contains(lost, "pod "+victim+": Error, exit code 137; something has killed it") {
		t.Errorf("%q and %q are lost; want the loss of pod %q explained", m.Workers[0].Lost, lost, victim)
	}
	nothingLeft(t, c)
}
