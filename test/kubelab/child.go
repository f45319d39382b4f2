package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// child is a process of the lab's, in a process group of its own. The kernel kills it when the lab is gone, however
// that ended: the thread that starts it is one of Go's, which live as long as the process.
type child struct {
	name string
	log  string // its file
	cmd  *exec.Cmd
	over chan struct{}
	err  error // how it ended; read after over
}

func startChild(name, log string, c *exec.Cmd) (*child, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	defer func() { _ = out.Close() }() // the child has its own
	if c.Stdout == nil {
		c.Stdout, c.Stderr = out, out
	}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p := &child{name: name, log: log, cmd: c, over: make(chan struct{})}
	go func() {
		p.err = c.Wait()
		close(p.over)
	}()
	return p, nil
}

// failure is that the child has ended, with the last that it said.
func (p *child) failure() error {
	<-p.over
	text, _ := os.ReadFile(p.log) // without it, the exit code has to do
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return fmt.Errorf("%s has ended: %w; the end of %s:\n%s",
		p.name, cause(p.err), filepath.Base(p.log), bytes.Join(lines[max(0, len(lines)-5):], []byte("\n")))
}

func cause(err error) error {
	if err == nil {
		return errors.New("nobody asked it to")
	}
	return err
}

// end asks the child to end, and kills its group where that takes longer than allowed.
func (p *child) end(within time.Duration) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // gone if this fails
	select {
	case <-p.over:
	case <-time.After(within):
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // what is left of its group, if anything
	<-p.over
}

// freePorts finds ports on loopback that nobody listens on. All are held until all are found, so that they differ.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("looking for a free port: %w", err)
		}
		defer func() { _ = l.Close() }()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// eventually waits until something holds, and says what was missing if that takes too long.
func eventually(ctx context.Context, within time.Duration, what string, holds func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var err error
	for {
		now := holds(ctx)
		if now == nil {
			return nil
		}
		if err == nil || ctx.Err() == nil { // that the time is over hides nothing
			err = now
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w: %w", what, context.Cause(ctx), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
