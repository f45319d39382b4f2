package native

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// On every sampledConns-th connection, every sampledResponses-th response is read with the time
// at which the kernel got it. The difference from the time at which it was read is this
// program's own delay, which every latency includes.
const (
	sampledConns     = 16
	sampledResponses = 8
)

func (s *shard) sample() bool {
	if s.sampling--; s.sampling < 0 {
		s.sampling = sampledResponses - 1
		return true
	}
	return false
}

// readStamped reads, and records how long the bytes had been waiting in the kernel.
func (s *shard) readStamped(c *conn) (int, syscall.Errno) {
	var control [64]byte
	iov := unix.Iovec{Base: &s.buf[0]}
	iov.SetLen(len(s.buf))
	message := unix.Msghdr{Iov: &iov, Control: &control[0]}
	message.SetIovlen(1)
	message.SetControllen(len(control))
	n, _, errno := syscall.RawSyscall(syscall.SYS_RECVMSG, uintptr(c.fd), uintptr(unsafe.Pointer(&message)), 0)
	if errno != 0 || n == 0 || c.request == nil {
		return int(n), errno
	}
	header := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	if uint64(message.Controllen) >= uint64(unix.CmsgLen(16)) &&
		header.Level == unix.SOL_SOCKET && header.Type == unix.SCM_TIMESTAMPNS {
		stamp := (*unix.Timespec)(unsafe.Pointer(&control[unix.CmsgLen(0)]))
		// Both are readings of the real-time clock; a step between the two shows as a negative
		// or absurd delay, and is left out.
		if delay := time.Duration(time.Now().UnixNano() - stamp.Nano()); delay >= 0 && delay < time.Minute && !s.proving {
			s.rec.Woke(delay)
		}
	}
	return int(n), errno
}
