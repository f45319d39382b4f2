package place_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"bench/internal/strict"
)

// cluster is a folder that stands for a Kubernetes cluster. Some of its files are what it does: pods.json and
// events.json are what it answers instead of the truth, refusal is what it says to a Job, instead is what its
// containers run instead of workers, and detached is what it says to whoever attaches. The others are what was
// done to it: job.yaml, calls, and for each pod the process and the exit code of its worker.
type cluster struct{ dir string }

func (c cluster) file(name string) string { return filepath.Join(c.dir, name) }

func (c cluster) read(name string) string {
	data, err := os.ReadFile(c.file(name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		panic(err)
	}
	return string(data)
}

func (c cluster) write(name, text string) {
	if err := os.WriteFile(c.file(name), []byte(text), 0o600); err != nil {
		panic(err)
	}
}

// calls are the commands that kubectl was given, in order.
func (c cluster) calls() string { return c.read("calls") }

// job is the Job that was made; nil: none.
func (c cluster) job() *job {
	text := c.read("job.yaml")
	if text == "" {
		return nil
	}
	var j job
	if err := strict.YAML([]byte(text), &j); err != nil {
		panic(err)
	}
	return &j
}

// kubectl does what the program of that name does with a cluster, and returns its exit code.
func kubectl(c cluster, args []string) int {
	calls, err := os.OpenFile(c.file("calls"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(calls, args[0])
	_ = calls.Close()
	j := c.job()
	subject := args[len(args)-1]
	for _, arg := range args[1:] {
		if !strings.HasPrefix(arg, "-") {
			subject = arg
		}
	}
	switch {
	case args[0] == "create":
		if said := c.read("refusal"); said != "" {
			fmt.Fprintln(os.Stderr, said)
			return 1
		}
		manifest, _ := io.ReadAll(os.Stdin)
		c.write("job.yaml", string(manifest))
	case args[0] == "attach" && c.read("detached") != "":
		fmt.Fprintln(os.Stderr, c.read("detached"))
		return 1
	case args[0] == "attach":
		return c.attach(strings.TrimPrefix(subject, "pod/"))
	case args[0] == "delete":
		_ = os.Remove(c.file("job.yaml"))
	case subject == "events":
		fmt.Println(c.read("events.json"))
	case c.read("pods.json") != "":
		fmt.Println(strings.ReplaceAll(c.read("pods.json"), "JOB", j.Metadata.Name))
	default:
		var list struct{ Items []any }
		for i := range j.Spec.Completions {
			list.Items = append(list.Items, c.pod(*j, fmt.Sprintf("%s-%d-x2z7q", j.Metadata.Name, i)))
		}
		c.print(list)
	}
	return 0
}

func (c cluster) print(value any) {
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		panic(err)
	}
}

// pod is what the cluster says about a pod: it runs until its worker has an exit code.
func (c cluster) pod(j job, name string) any {
	index := strings.Split(strings.TrimPrefix(name, j.Metadata.Name+"-"), "-")[0]
	phase, state := "Running", map[string]any{"running": map[string]any{"startedAt": "2026-01-01T00:00:00Z"}}
	if text := c.read(name + ".exit"); text != "" {
		code, _ := strconv.Atoi(text)
		phase, state = "Succeeded", map[string]any{"terminated": map[string]any{"exitCode": code, "reason": "Completed"}}
		if code != 0 {
			phase, state = "Failed", map[string]any{"terminated": map[string]any{"exitCode": code, "reason": "Error"}}
		}
	}
	worker := map[string]any{"name": "worker", "state": state}
	return map[string]any{
		"metadata": map[string]any{
			"name": name, "annotations": map[string]string{"batch.kubernetes.io/job-completion-index": index},
		},
		"status": map[string]any{"phase": phase, "containerStatuses": []any{worker}},
	}
}

// attach is the worker of a pod, as a process of this machine. Like the real one, it ends well whatever
// becomes of the worker.
func (c cluster) attach(name string) int {
	worker := exec.Command(os.Args[0], c.job().Spec.Template.Spec.Containers[0].Args...)
	if instead := c.read("instead"); instead != "" {
		worker = exec.Command("/bin/sh", "-c", instead)
	}
	worker.Stdin, worker.Stdout, worker.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := worker.Start(); err != nil {
		panic(err)
	}
	c.write(name+".process", strconv.Itoa(worker.Process.Pid))
	_ = worker.Wait() // the exit code says it
	code := worker.ProcessState.ExitCode()
	if signal := worker.ProcessState.Sys().(syscall.WaitStatus); signal.Signaled() {
		code = 128 + int(signal.Signal())
	}
	c.write(name+".exit", strconv.Itoa(code))
	return 0
}

// workers are the processes of the workers, by the names of their pods.
func (c cluster) workers() map[string]int {
	files, err := filepath.Glob(c.file("*.process"))
	if err != nil {
		panic(err)
	}
	processes := map[string]int{}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".process")
		if id, err := strconv.Atoi(c.read(name + ".process")); err == nil { // it may not have been written yet
			processes[name] = id
		}
	}
	return processes
}
