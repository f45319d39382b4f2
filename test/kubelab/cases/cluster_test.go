// Package cases is loads by workers in the pods of a real control plane, each with what has to come of it. It runs
// in the lab only: make kubelab.
package cases

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// image is what the lab's nodes know the program of the workers as.
const image = "kubelab.test/bench:1"

// lab is the folder of the lab that this runs in.
var lab = os.Getenv("KUBELAB")

// others are the processes that were there before the first case: those of the lab.
var others map[int]string

func TestMain(m *testing.M) {
	if lab == "" {
		fmt.Println("these tests need a control plane, in which they run: make kubelab")
		os.Exit(0)
	}
	if err := prepare(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	others = processes()
	os.Exit(m.Run())
}

// prepare makes what the cases need of the cluster.
func prepare() error {
	if _, err := kubectl("apply", "--filename=testdata/cluster.yaml"); err != nil {
		return err
	}
	for _, namespace := range []string{"load", "tight"} { // without that account, no pod is made
		if _, err := kubectl("wait", "--for=create", "--timeout=30s", "--namespace="+namespace,
			"serviceaccount/default"); err != nil {
			return err
		}
	}
	return nil
}

// kubectl asks the cluster as one who may do everything.
func kubectl(args ...string) ([]byte, error) {
	c := exec.Command("kubectl", args...)
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, said.String())
	}
	return out, nil
}

// list is what kubectl get answers.
type list struct{ Items []object }

// object is a Job or a pod, as far as it is looked at.
type object struct {
	Metadata struct {
		Name, Namespace string
		Annotations     map[string]string
	}
	Spec struct {
		NodeName              string
		ActiveDeadlineSeconds int
	}
	Status struct {
		Phase             string
		Active, Failed    int
		FailedIndexes     string
		Conditions        []condition
		ContainerStatuses []struct {
			State struct {
				Running    *struct{}
				Terminated *struct{ ExitCode int }
			}
		}
	}
}

type condition struct{ Type, Status, Reason, Message string }

func get(t *testing.T, args ...string) []object {
	t.Helper()
	out, err := kubectl(append([]string{"get", "--output=json"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	var l list
	if err := json.Unmarshal(out, &l); err != nil {
		t.Fatalf("kubectl get %s: %v", strings.Join(args, " "), err)
	}
	return l.Items
}

// pods are the pods of the namespace in which most loads run, by their index in their Job.
func pods(t *testing.T) map[int]object {
	t.Helper()
	found := map[int]object{}
	for _, p := range get(t, "pods", "--namespace=load") {
		if i, err := strconv.Atoi(p.Metadata.Annotations["batch.kubernetes.io/job-completion-index"]); err == nil {
			found[i] = p
		}
	}
	return found
}

// process is that of a pod's container, on its node.
func (o object) process(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(lab, "pods", o.Metadata.Name, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	id, err := strconv.Atoi(string(data))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// processes are all that live in the lab's namespace, with their command lines.
func processes() map[int]string {
	found := map[int]string{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		command, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline")) // empty: it has ended
		id, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && !strings.HasPrefix(rest, "Z") {
			found[id] = strings.ReplaceAll(string(command), "\x00", " ")
		}
	}
	return found
}

// nothingLeft waits until the cluster and the machine are as they were: no Job, no pod, no process.
func nothingLeft(t *testing.T) {
	t.Helper()
	began := time.Now()
	eventually(t, 30*time.Second, "nothing to be left", func() error {
		for _, kind := range []string{"jobs", "pods"} {
			if left := get(t, kind, "--all-namespaces"); len(left) > 0 {
				return fmt.Errorf("%d %s, the first of which is %s", len(left), kind, left[0].Metadata.Name)
			}
		}
		for id, command := range processes() {
			if _, known := others[id]; !known {
				return fmt.Errorf("process %d: %s", id, command)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(lab, "pods", "*")); len(left) > 0 {
			return fmt.Errorf("a pod's folder on its node: %s", filepath.Base(left[0]))
		}
		return nil
	})
	t.Logf("no Job, no pod and no process left; seen %.1f s after the end", time.Since(began).Seconds())
}

// eventually waits until something holds.
func eventually(t *testing.T, within time.Duration, what string, holds func() error) {
	t.Helper()
	for deadline := time.Now().Add(within); ; time.Sleep(20 * time.Millisecond) {
		err := holds()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s: %v", within, what, err)
		}
	}
}
