package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// specification is what the first process of a container prepares before it becomes the container's program.
type specification struct {
	Root     string            // the folder that becomes its file system
	Program  string            // that of its image, which becomes /bench
	Host     string            // its name
	Args     []string          // of the program
	Env      []string          // of the program
	Mounts   map[string]string // folders of its volumes by where they are mounted
	User     int
	Group    int
	ReadOnly bool // its file system, except for volumes
}

// runContainer is the first process of a container, in namespaces that its parent has made. It returns only if the
// program could not be started.
func runContainer(args []string) int {
	runtime.LockOSThread() // the rights that a thread has dropped are those that its exec lacks
	data, err := os.ReadFile(args[0])
	if err != nil {
		return failed("reading what the container is", err)
	}
	var s specification
	if err := json.Unmarshal(data, &s); err != nil {
		return failed("reading what the container is", err)
	}
	if err := errors.Join(unix.Sethostname([]byte(s.Host)), s.mountAll(), s.dropRights()); err != nil {
		return failed("preparing the container", err)
	}
	env := append([]string{"HOSTNAME=" + s.Host, "PATH=/"}, s.Env...)
	err = syscall.Exec("/bench", append([]string{"/bench"}, s.Args...), env)
	return failed("starting the container's program", err)
}

// mountAll makes the container's file system: the program of its image, what every runtime adds, and volumes.
func (s specification) mountAll() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keeping mounts from the machine: %w", err)
	}
	if err := unix.Mount(s.Root, s.Root, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting its file system: %w", err)
	}
	files := map[string]string{"/bench": s.Program, "/etc/hosts": "/etc/hosts"}
	for _, device := range []string{"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"} {
		files[device] = device
	}
	for at, from := range files {
		to := filepath.Join(s.Root, at)
		err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, nil, 0o644),
			unix.Mount(from, to, "", unix.MS_BIND, ""))
		if err != nil {
			return fmt.Errorf("mounting %s: %w", at, err)
		}
	}
	for at, from := range s.Mounts {
		to := filepath.Join(s.Root, at)
		if err := errors.Join(os.MkdirAll(to, 0o755), unix.Mount(from, to, "", unix.MS_BIND, "")); err != nil {
			return fmt.Errorf("mounting the volume at %s: %w", at, err)
		}
	}
	return s.enter()
}

// enter makes the file system the only one that the container sees.
func (s specification) enter() error {
	proc := filepath.Join(s.Root, "proc")
	err := errors.Join(os.MkdirAll(proc, 0o755), unix.Mount("proc", proc, "proc", unix.MS_NOSUID|unix.MS_NODEV, ""))
	if err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	if s.ReadOnly {
		if err := unix.Mount("", s.Root, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			return fmt.Errorf("making its file system read-only: %w", err)
		}
	}
	if err := errors.Join(unix.Chroot(s.Root), unix.Chdir("/")); err != nil {
		return fmt.Errorf("entering its file system: %w", err)
	}
	return nil
}

// mostCapabilities is above the number of any that Linux has.
const mostCapabilities = 63

// dropRights makes the process the container's user, who can get no right that it has not.
func (s specification) dropRights() error {
	for c := range mostCapabilities {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil {
			break // the first that this kernel does not have
		}
	}
	err := errors.Join(syscall.Setgroups([]int{}), syscall.Setgid(s.Group), syscall.Setuid(s.User))
	if err != nil {
		return fmt.Errorf("becoming user %d: %w", s.User, err)
	}
	// A change of user has made the kernel forget with whom this process is to end.
	err = errors.Join(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
		unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0))
	if err != nil {
		return fmt.Errorf("refusing new rights: %w", err)
	}
	return nil
}
