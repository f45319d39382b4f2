package cases

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// clients are the kubectls to be had: the lab's, and what this machine has of another version.
func clients() map[string]string {
	found := map[string]string{}
	for _, client := range []string{"kubectl", os.Getenv("KUBELAB_KUBECTL")} {
		if client == "" {
			continue
		}
		if out, err := exec.Command(client, "version", "--client").Output(); err == nil {
			found["kubectl "+regexp.MustCompile(`v1\.\d+\.\d+`).FindString(string(out))] = client
		}
	}
	return found
}

// What bench has counted is what the server has: in total, and of the workers together, each of which is a pod. The
// user has the permissions that the documents list, and the namespace enforces the restricted standard.
func TestLoadIsCounted(t *testing.T) {
	for name, client := range clients() {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			b := start(t, as{"loader", client}, s.url, "--duration", "5s")
			b.underWay(t, s, 100)
			running := pods(t)
			t.Logf("the server is asked %.1f s after the start of bench", time.Since(b.began).Seconds())
			b.end(t, 0)
			r := b.result(t)
			if r.Counts.Intended != 1000 || r.Counts.OK != 1000 || s.requests.Load() != 1000 || r.Grade == "INVALID" {
				t.Errorf("%s: %+v; the server has counted %d", r.Grade, r.Counts, s.requests.Load())
			}
			var sum int64
			for i, w := range r.Workers {
				sum += w.Counts.OK
				if w.Name != fmt.Sprintf("pod-%d", i) || w.Host != running[i].Metadata.Name {
					t.Errorf("worker %d is %+v; its pod is %s", i, w, running[i].Metadata.Name)
				}
				t.Logf("%s on %s: %d of %d, %s", w.Name, running[i].Spec.NodeName, w.Counts.OK, w.Counts.Intended, w.Grade)
			}
			if len(r.Workers) != 4 || sum != 1000 {
				t.Errorf("%d workers with %d responses; want 4 with 1000", len(r.Workers), sum)
			}
			t.Logf("%s %s: bench has counted %d, its workers %d, the server %d",
				r.Status, r.Grade, r.Counts.OK, sum, s.requests.Load())
			nothingLeft(t)
		})
	}
}

// watched follows the Jobs of the namespace, until the last that was seen of each is asked for.
func watched(t *testing.T) (jobs func() []object) {
	t.Helper()
	c := exec.Command("kubectl", "get", "jobs", "--namespace=load", "--watch", "--output=json")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var seen []object
	over := make(chan struct{})
	go func() {
		defer close(over)
		for d := json.NewDecoder(out); ; {
			var o object
			if d.Decode(&o) != nil {
				return
			}
			seen = append(seen, o)
		}
	}()
	end := func() []object {
		_ = c.Process.Kill() // ended if this fails
		<-over
		_ = c.Wait() // killed
		return seen
	}
	t.Cleanup(func() { _ = end() })
	return end
}

// victim is the pod that is harmed in these cases: neither the first nor the last.
const victim = 2

// A pod whose process is killed under load is named with how it ended; the load ends, and is invalid. The Job
// controller sees the same, and ends the other pods.
func TestPodIsKilled(t *testing.T) {
	for name, client := range clients() {
		t.Run(name, func(t *testing.T) {
			s, jobs := serve(t), watched(t)
			b := start(t, as{"loader", client}, s.url)
			b.underWay(t, s, 300)
			p := pods(t)[victim]
			killed := time.Now()
			if err := syscall.Kill(p.process(t), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			b.end(t, 5, p.Metadata.Name, "exit code 137")
			t.Logf("after the kill: the last request after %.2f s, bench has ended after %.2f s",
				time.Unix(0, s.last.Load()).Sub(killed).Seconds(), time.Since(killed).Seconds())
			r := b.result(t)
			if r.Grade != "INVALID" || r.Counts.Sent > s.requests.Load() {
				t.Errorf("%s with %d sent; the server has counted %d", r.Grade, r.Counts.Sent, s.requests.Load())
			}
			t.Logf("%s: %d in the totals, without the lost pod's; the server has counted %d",
				r.Grade, r.Counts.Sent, s.requests.Load())
			failure(t, jobs())
			nothingLeft(t)
		})
	}
}

// failure checks that the Job controller has seen a failed pod, and ended the Job for it.
func failure(t *testing.T, jobs []object) {
	t.Helper()
	failed := 0
	var reasons []string
	for _, j := range jobs {
		failed = max(failed, j.Status.Failed)
		for _, c := range j.Status.Conditions {
			if said := c.Type + " " + c.Reason; !slices.Contains(reasons, said) {
				reasons = append(reasons, said)
			}
		}
	}
	if failed == 0 || !slices.Contains(reasons, "FailureTarget BackoffLimitExceeded") {
		t.Errorf("the Job's status has %d failed pods, and the conditions %q", failed, reasons)
	}
	t.Logf("the Job's own status, seen %d times: %d failed; %s", len(jobs), failed, strings.Join(reasons, ", "))
}

// A pod that somebody deletes under load, as those do who drain a node.
func TestPodIsDeleted(t *testing.T) {
	s := serve(t)
	b := start(t, loader, s.url)
	b.underWay(t, s, 300)
	p := pods(t)[victim]
	began := time.Now()
	if _, err := kubectl("delete", "pod", "--namespace=load", "--wait=false", p.Metadata.Name); err != nil {
		t.Fatal(err)
	}
	b.end(t, 5, p.Metadata.Name)
	t.Logf("bench has ended %.2f s after the pod was deleted", time.Since(began).Seconds())
	nothingLeft(t)
}

// Six pods on three nodes are two on each.
func TestPodsSpreadOverNodes(t *testing.T) {
	s := serve(t)
	b := start(t, loader, s.url, "--workers", "k8s:6", "--duration", "3s")
	b.underWay(t, s, 1)
	on := map[string]int{}
	for _, p := range pods(t) {
		on[p.Spec.NodeName]++
	}
	b.end(t, 0)
	if len(on) != 3 || on["node-1"] != 2 || on["node-2"] != 2 || on["node-3"] != 2 {
		t.Errorf("pods on nodes: %v; want 2 on each of 3", on)
	}
	t.Logf("pods on nodes: %v", on)
	nothingLeft(t)
}

// What keeps pods from running is said in the cluster's words, with what to do; nothing is measured or left.
func TestPodsThatCannotRun(t *testing.T) {
	for _, row := range []struct {
		name    string
		who     as
		options []string
		code    int
		says    []string
	}{
		{"an image that nobody has", loader, []string{"--image", "kubelab.test/absent:1"}, 6,
			[]string{"ErrImagePull", "not found", "push the image"}},
		{"a quota that is too small", as{"loader", "kubectl --namespace tight"}, []string{"--pod-wait", "5s"}, 6,
			[]string{"2 of the 4 pods", "exceeded quota", "larger quota"}},
		{"a user without permission", as{"stranger", "kubectl"}, nil, 6,
			[]string{"forbidden", "stranger", "permissions that docs/MANY-MACHINES.md lists"}},
		{"a user who may not attach", as{"onlooker", "kubectl"}, nil, 6,
			[]string{"attach: ", "forbidden", "onlooker", "permissions that docs/MANY-MACHINES.md lists"}},
		{"a namespace that is not there", as{"admin", "kubectl --namespace absent"}, nil, 6,
			[]string{`namespaces "absent" not found`, "make the namespace"}},
		{"more CPU than a node has", loader, []string{"--pod-cpu", "64", "--pod-wait", "5s"}, 6,
			[]string{"0 of the 4 pods", "Insufficient cpu", "ask for less"}},
		{"more pods than the nodes hold", loader, []string{"--workers", "k8s:13", "--pod-wait", "5s"}, 6,
			[]string{"12 of the 13 pods", "Insufficient cpu", "ask for less"}},
		{"a context that is not there", as{"loader", "kubectl --context absent"}, nil, 6,
			[]string{"absent", "get-contexts"}},
		{"an image with another bench", loader, []string{"--image", "kubelab.test/other:1"}, 7,
			[]string{"all workers have to be the same program"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := serve(t)
			b := start(t, row.who, s.url, row.options...)
			b.end(t, row.code, row.says...)
			if n := s.requests.Load(); n != 0 {
				t.Errorf("the server was asked %d times", n)
			}
			nothingLeft(t)
		})
	}
}

// Ctrl-C under load ends it; what was measured is printed, and nothing is left.
func TestInterruptedUnderLoad(t *testing.T) {
	s := serve(t)
	b := start(t, loader, s.url)
	b.underWay(t, s, 300)
	began := time.Now()
	if err := b.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	b.end(t, 130)
	r := b.result(t)
	if r.Status != "PARTIAL" || r.Counts.Sent != s.requests.Load() {
		t.Errorf("%s with %d sent; the server has counted %d", r.Status, r.Counts.Sent, s.requests.Load())
	}
	t.Logf("%s: bench has counted %d, the server %d; it ended %.2f s after Ctrl-C",
		r.Status, r.Counts.Sent, s.requests.Load(), time.Since(began).Seconds())
	nothingLeft(t)
}

// A bench that is killed under load takes the load with it: the pods' input ends. Their Job goes by itself ten
// minutes after its end, which the case makes one second.
func TestBenchIsKilledUnderLoad(t *testing.T) {
	s := serve(t)
	b := start(t, loader, s.url)
	b.underWay(t, s, 300)
	killed := time.Now()
	if err := b.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "the end of the pods", func() error {
		for i, p := range pods(t) {
			if p.Status.Phase != "Succeeded" && p.Status.Phase != "Failed" {
				return fmt.Errorf("pod %d is %s", i, p.Status.Phase)
			}
		}
		return nil
	})
	t.Logf("after kill -9 of bench: the last request after %.2f s; all pods seen to have ended after %.2f s",
		max(0, time.Unix(0, s.last.Load()).Sub(killed).Seconds()), time.Since(killed).Seconds())
	jobs := get(t, "jobs", "--namespace=load")
	if len(jobs) != 1 {
		t.Fatalf("%d Jobs; want 1, which goes later", len(jobs))
	}
	change(t, jobs[0], `{"spec":{"ttlSecondsAfterFinished":1}}`)
	nothingLeft(t)
}

func change(t *testing.T, job object, patch string) {
	t.Helper()
	if _, err := kubectl("patch", "job", job.Metadata.Name, "--namespace=load", "--patch="+patch); err != nil {
		t.Fatal(err)
	}
}

// A bench that is killed before it has attached leaves pods that wait for their input until their Job's deadline:
// the time for pods, the load and five minutes. The case makes it one second.
func TestBenchIsKilledBeforeItAttached(t *testing.T) {
	s := serve(t)
	slow := filepath.Join(t.TempDir(), "kubectl") // it never attaches, and ends with bench
	script := "#!/bin/sh\n[ \"$1\" = attach ] && exec cat >/dev/null\nexec kubectl \"$@\"\n"
	if err := os.WriteFile(slow, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	b := start(t, as{"loader", slow}, s.url, "--pod-wait", "1m")
	var job object
	eventually(t, 30*time.Second, "the pods", func() error {
		jobs, running := get(t, "jobs", "--namespace=load"), 0
		for _, p := range pods(t) {
			if p.Status.Phase == "Running" {
				running++
			}
		}
		if len(jobs) == 1 && running == 4 {
			job = jobs[0]
			return nil
		}
		return fmt.Errorf("%d Jobs with %d running pods; bench says:\n%s", len(jobs), running, b.said())
	})
	if err := b.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-b.over
	// A minute for pods, ten seconds of load, and as long as a request may take, and the drain.
	if d := job.Spec.ActiveDeadlineSeconds; d < 370 || d > 400 {
		t.Errorf("the Job's deadline is %d s", d)
	}
	if left := len(pods(t)); left != 4 {
		t.Errorf("%d pods are left after bench; want 4, which wait", left)
	}
	t.Logf("4 pods wait for their input; the Job's deadline is %d s, and now one", job.Spec.ActiveDeadlineSeconds)
	change(t, job, `{"spec":{"activeDeadlineSeconds":1,"ttlSecondsAfterFinished":1}}`)
	nothingLeft(t)
}
