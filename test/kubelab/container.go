package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/node/api"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// container is a process in namespaces of its own. What it says goes to its log and to whoever is attached.
type container struct {
	log  string // its file
	once bool   // its input ends with the first that is attached
	cmd  *exec.Cmd
	in   io.WriteCloser
	over chan struct{} // closed when it has ended, and all that it said was passed on

	mu      sync.Mutex
	file    *os.File
	hearers map[io.Writer]bool
}

// startContainer starts the container of a pod, in a folder for its files.
func startContainer(self, dir, program string, pod *corev1.Pod) (*container, error) {
	spec, err := specify(dir, program, pod)
	if err != nil {
		return nil, err
	}
	c := &container{
		log: filepath.Join(dir, "log"), once: pod.Spec.Containers[0].StdinOnce,
		cmd: exec.Command(self, "container", spec), over: make(chan struct{}), hearers: map[io.Writer]bool{},
	}
	if c.file, err = os.Create(c.log); err != nil {
		return nil, fmt.Errorf("making its log: %w", err)
	}
	c.cmd.Stdout, c.cmd.Stderr = c, c // one and the same: their lines do not mix
	c.cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid: true, Pdeathsig: syscall.SIGKILL,
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
	}
	if pod.Spec.Containers[0].Stdin {
		if c.in, err = c.cmd.StdinPipe(); err != nil {
			return nil, fmt.Errorf("making its input: %w", err)
		}
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting it: %w", err)
	}
	id := strconv.Itoa(c.cmd.Process.Pid)
	if err := os.WriteFile(filepath.Join(dir, "pid"), []byte(id), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("noting its process: %w", err), c.cmd.Process.Kill(), c.cmd.Wait())
	}
	go func() {
		_ = c.cmd.Wait() // the process' state says it
		_ = c.file.Close()
		close(c.over)
	}()
	return c, nil
}

// specify writes down what the container's first process has to prepare.
func specify(dir, program string, pod *corev1.Pod) (file string, err error) {
	is := pod.Spec.Containers[0]
	s := specification{
		Root: filepath.Join(dir, "root"), Program: program, Host: pod.Name, Args: is.Args, Mounts: map[string]string{},
	}
	if len(is.Command) > 0 {
		return "", fmt.Errorf("exec: %q: executable file not found in $PATH", is.Command[0])
	}
	for _, e := range is.Env {
		s.Env = append(s.Env, e.Name+"="+e.Value)
	}
	if c := pod.Spec.SecurityContext; c != nil && c.RunAsUser != nil && c.RunAsGroup != nil {
		s.User, s.Group = int(*c.RunAsUser), int(*c.RunAsGroup)
	}
	if c := is.SecurityContext; c != nil && c.ReadOnlyRootFilesystem != nil {
		s.ReadOnly = *c.ReadOnlyRootFilesystem
	}
	for _, m := range is.VolumeMounts {
		from := filepath.Join(dir, "volumes", m.Name)
		if err := errors.Join(os.MkdirAll(from, 0o700), os.Chmod(from, 0o777)); err != nil { // an emptyDir is everybody's
			return "", fmt.Errorf("making volume %s: %w", m.Name, err)
		}
		s.Mounts[m.MountPath] = from
	}
	if err := os.MkdirAll(s.Root, 0o755); err != nil {
		return "", fmt.Errorf("making its file system: %w", err)
	}
	data, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("writing down what it is: %w", err)
	}
	file = filepath.Join(dir, "container.json")
	return file, os.WriteFile(file, data, 0o600)
}

// Write passes on what the container has said. One that no longer listens is left out.
func (c *container) Write(data []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for h := range c.hearers {
		if _, err := h.Write(data); err != nil {
			delete(c.hearers, h)
		}
	}
	return c.file.Write(data)
}

// attach connects somebody to the container until that has ended or they are gone.
func (c *container) attach(ctx context.Context, streams api.AttachIO) error {
	if out := streams.Stdout(); out != nil {
		c.mu.Lock()
		c.hearers[out] = true
		c.mu.Unlock()
		defer func() {
			c.mu.Lock()
			delete(c.hearers, out)
			c.mu.Unlock()
		}()
	}
	if in := streams.Stdin(); in != nil && c.in != nil {
		go func() {
			_, _ = io.Copy(c.in, in) // ends with either side
			if c.once {
				_ = c.in.Close()
			}
		}()
	}
	select {
	case <-c.over:
	case <-ctx.Done():
	}
	return nil
}

func (c *container) ended() bool {
	select {
	case <-c.over:
		return true
	default:
		return false
	}
}

// end asks the container to end, and kills it when its time is over.
func (c *container) end(grace time.Duration) {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // gone if this fails
	select {
	case <-c.over:
	case <-time.After(grace):
		_ = c.cmd.Process.Kill()
		<-c.over
	}
}

// mostSaid is what a kubelet takes from a log as the message of a container that has failed.
const mostSaid = 2 << 10

// terminated is how the container has ended, as a kubelet says it.
func (c *container) terminated(started metav1.Time) corev1.ContainerState {
	status := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	code, reason, said := status.ExitStatus(), "Completed", ""
	if status.Signaled() {
		code = 128 + int(status.Signal())
	}
	if code != 0 {
		text, _ := os.ReadFile(c.log) // without it, the code has to do
		reason, said = "Error", string(bytes.ToValidUTF8(text[max(0, len(text)-mostSaid):], nil))
	}
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: int32(code), Reason: reason, Message: said, StartedAt: started, FinishedAt: metav1.Now(),
		ContainerID: "kubelab://" + filepath.Base(filepath.Dir(c.log)),
	}}
}
