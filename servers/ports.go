package servers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Ports are TCP ports that no other bench on this machine takes while they
// are held. Close releases them.
type Ports struct {
	Numbers []int
	locks   []*os.File
}

// The range lies below the kernel's ephemeral ports (32768 on Linux), so that no outgoing
// connection of a load can occupy a port between its reservation and its use.
const firstPort, lastPort = 20000, 32000

// ReservePorts holds n ports. A port is held by a lock on a file in dir, which the kernel
// releases however its holder dies; asking the kernel for port 0 and closing it again would
// leave a gap in which another bench could get the same number. It is free on 127.0.0.1 and on the further
// addresses.
func ReservePorts(dir string, n int, ips ...string) (*Ports, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("reserving %d ports: %w", n, err)
	}
	p := &Ports{}
	at := firstPort + rand.IntN(lastPort-firstPort)
	for range lastPort - firstPort {
		if len(p.Numbers) == n {
			return p, nil
		}
		if at++; at >= lastPort {
			at = firstPort
		}
		lock, err := lockPort(dir, at, append(ips, loopback))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("reserving %d ports: %w", n, err), p.Close())
		}
		if lock != nil {
			p.Numbers, p.locks = append(p.Numbers, at), append(p.locks, lock)
		}
	}
	err := fmt.Errorf("reserving %d ports: only %d of %d to %d are free", n, len(p.Numbers), firstPort, lastPort)
	return nil, errors.Join(err, p.Close())
}

// lockPort returns nil without an error when the port is taken.
func lockPort(dir string, port int, ips []string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("port-%d.lock", port)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if err := errors.Join(err, f.Close()); !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
		}
		return nil, nil
	}
	for _, ip := range ips {
		l, err := net.Listen("tcp4", net.JoinHostPort(ip, strconv.Itoa(port)))
		if err != nil {
			return nil, f.Close() // in use
		}
		if err := l.Close(); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

// Close releases the ports.
func (p *Ports) Close() error {
	var errs []error
	for _, lock := range p.locks {
		errs = append(errs, lock.Close())
	}
	p.locks = nil
	return errors.Join(errs...)
}

// LockFile waits for an exclusive lock on a file, which the kernel releases when the process
// dies. It keeps two bench processes of one user from creating the same thing at once. If it
// has to wait, it calls say once.
func LockFile(ctx context.Context, path string, say func()) (unlock func(), err error) {
	f, err := Lock(ctx, path, say)
	if err != nil {
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

// Lock is LockFile for those who start processes: the lock lasts until the file is closed by this process
// and by all that inherited it, so that it outlives a bench that is killed as long as they work on.
func Lock(ctx context.Context, path string, say func()) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	for waited := false; ; waited = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), f.Close())
		}
		if !waited {
			say()
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("waiting for the lock on %s: %w", path, context.Cause(ctx)), f.Close())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
