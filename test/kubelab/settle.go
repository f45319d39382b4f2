package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// labAddress is one that is not loopback's: bench refuses that for workers elsewhere. It is one of those that
// are for documents (RFC 5737), and leads nowhere outside of the lab.
var labAddress = []byte{192, 0, 2, 1}

// settle gives the lab's namespaces a /proc of their own and a loopback interface with the lab's address.
func settle() error {
	err := errors.Join(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""))
	if err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening a socket: %w", err)
	}
	defer func() { _ = unix.Close(socket) }()
	up, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	up.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, up); err != nil {
		return fmt.Errorf("starting the loopback interface: %w", err)
	}
	second, err := unix.NewIfreq("lo:lab")
	if err != nil {
		return err
	}
	if err := second.SetInet4Addr(labAddress); err != nil {
		return err
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFADDR, second); err != nil {
		return fmt.Errorf("giving the loopback interface its second address: %w", err)
	}
	return nil
}
