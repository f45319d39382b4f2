package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"k8s.io/klog/v2"
)

// images are the names that nodes know, each with the program that it has.
type images map[string]string

// String implements flag.Value.
func (images) String() string { return "" }

// Set implements flag.Value.
func (i images) Set(text string) error {
	name, program, found := strings.Cut(text, "=")
	if !found || name == "" {
		return errors.New("want NAME=PROGRAM")
	}
	program, err := filepath.Abs(program)
	i[name] = program
	return err
}

// users are those of the cluster who may do nothing, until somebody gives them a role.
type users []string

// String implements flag.Value.
func (users) String() string { return "" }

// Set implements flag.Value.
func (u *users) Set(name string) error {
	*u = append(*u, name)
	return nil
}

// lab is what kubelab up was asked for.
type lab struct {
	nodes   int
	images  images
	users   users
	command []string
	dir     string
	began   time.Time
}

func parseLab(args []string) (*lab, error) {
	l := &lab{images: images{}, began: time.Now()}
	flags := flag.NewFlagSet("kubelab up", flag.ContinueOnError)
	flags.IntVar(&l.nodes, "nodes", 3, "how many nodes the cluster has")
	flags.Var(l.images, "image", "`NAME=PROGRAM`: an image that nodes know, and the program that it has")
	flags.Var(&l.users, "user", "`NAME` of a user, whose kubeconfig is $KUBELAB/keys/NAME.kubeconfig (repeatable)")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if l.command = flags.Args(); len(l.command) == 0 {
		return nil, errors.New("a command is missing: kubelab up … -- COMMAND …")
	}
	return l, nil
}

// runUp runs the lab in namespaces of its own: no port of it is open on this machine, and the kernel ends all of its
// processes with the first.
func runUp(args []string) int {
	if _, err := parseLab(args); err != nil {
		failed("reading the command line", err)
		return 2
	}
	if os.Geteuid() != 0 {
		return failed("starting nodes", errors.New("pods get namespaces and users of their own: run it as root"))
	}
	ctx, stop := untilSignalled()
	defer stop()
	self, err := os.Executable()
	if err != nil {
		return failed("finding this program", err)
	}
	inside := exec.CommandContext(ctx, self, append([]string{"inside"}, args...)...)
	inside.Stdin, inside.Stdout, inside.Stderr = os.Stdin, os.Stdout, os.Stderr
	inside.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET,
	}
	inside.Cancel = func() error { return inside.Process.Signal(syscall.SIGTERM) }
	inside.WaitDelay = time.Minute
	if err := inside.Run(); inside.ProcessState == nil {
		return failed("starting the lab in namespaces of its own", err)
	}
	return inside.ProcessState.ExitCode()
}

// runInside is the first process in the lab's namespaces.
func runInside(args []string) int {
	l, err := parseLab(args)
	if err != nil {
		return failed("reading the command line", err)
	}
	ctx, stop := untilSignalled()
	defer stop()
	if err := settle(); err != nil {
		return failed("making the lab's namespaces usable", err)
	}
	code, err := l.run(ctx)
	if err != nil {
		code = failed("running a command in the lab", err)
	}
	if ctx.Err() != nil {
		return 130
	}
	return code
}

// run starts the cluster, runs the command, and ends all that it started.
func (l *lab) run(ctx context.Context) (code int, err error) {
	if l.dir, err = os.MkdirTemp("", "kubelab-"); err != nil {
		return 0, fmt.Errorf("making the lab's folder: %w", err)
	}
	defer func() { err = errors.Join(err, l.clean(err != nil && ctx.Err() == nil)) }()
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard) // of the nodes' clients, whose errors are those of the API server
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("finding this program: %w", err)
	}
	// kubectl by its own name, so that messages are those that its users see.
	if err := os.MkdirAll(filepath.Join(l.dir, "bin"), 0o755); err != nil {
		return 0, fmt.Errorf("making the lab's folder: %w", err)
	}
	if err := os.Symlink(self, filepath.Join(l.dir, "bin", "kubectl")); err != nil {
		return 0, fmt.Errorf("putting kubectl there: %w", err)
	}
	c, err := startControlPlane(ctx, l.dir, self)
	defer c.Close()
	if err != nil {
		return 0, err
	}
	fmt.Printf("control plane is ready after %.1f s\n", time.Since(l.began).Seconds())
	for _, name := range l.users {
		if _, err := c.keys.kubeconfig(name, c.server, name, "", "load"); err != nil {
			return 0, err
		}
	}
	nodes, end := context.WithCancel(ctx)
	defer end()
	wait, err := serveNodes(nodes, c, l.nodes, l.images)
	defer wait()
	defer end() // before it is waited for
	if err != nil {
		return 0, err
	}
	if err := c.await(ctx, time.Minute, "nodes", c.nodesReady(l.nodes)); err != nil {
		return 0, err
	}
	fmt.Printf("%d nodes are ready after %.1f s; memory: %s\n", l.nodes, time.Since(l.began).Seconds(), c.memory())
	return l.carryOut(ctx, c)
}

// carryOut runs the command until it ends, or the lab is told to end, or the control plane fails.
func (l *lab) carryOut(ctx context.Context, c *controlPlane) (int, error) {
	cmd := exec.Command(l.command[0], l.command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "KUBELAB="+l.dir, "KUBECONFIG="+c.admin,
		"PATH="+filepath.Join(l.dir, "bin")+":"+os.Getenv("PATH"))
	p, err := startChild(filepath.Base(l.command[0]), filepath.Join(l.dir, "logs", "command"), cmd)
	if err != nil {
		return 0, err
	}
	defer p.end(20 * time.Second)
	select {
	case <-p.over:
		fmt.Printf("memory at the end: %s\n", c.memory())
		return p.cmd.ProcessState.ExitCode(), nil
	case err := <-c.failed():
		return 0, err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// clean removes the lab's folder. If the lab has failed by itself, the logs in it are kept, to be read.
func (l *lab) clean(failed bool) error {
	if !failed {
		return os.RemoveAll(l.dir)
	}
	var errs []error
	for _, folder := range []string{"keys", "etcd", "pods", "bin"} {
		errs = append(errs, os.RemoveAll(filepath.Join(l.dir, folder)))
	}
	fmt.Fprintf(os.Stderr, "kubelab: the logs are kept in %s\n", filepath.Join(l.dir, "logs"))
	return errors.Join(errs...)
}

// memory is what the processes of the control plane hold, by the kernel's count.
func (c *controlPlane) memory() string {
	var parts []string
	total := 0
	for _, p := range c.children {
		resident := 0
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid)) // it may have ended
		for line := range strings.Lines(string(status)) {
			_, _ = fmt.Sscanf(line, "VmRSS: %d kB", &resident) // other lines do not match
		}
		total += resident
		parts = append(parts, fmt.Sprintf("%s %d", p.name, resident>>10))
	}
	return fmt.Sprintf("%d MiB (%s)", total>>10, strings.Join(parts, ", "))
}
