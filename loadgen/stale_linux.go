package loadgen

import "golang.org/x/sys/unix"

// Untaken reports whether the kernel knows that what was last written to a broken TCP connection met
// a closed end: it was answered with a reset after the server's close (EPIPE), or not acknowledged at
// all, though the close came later than the request.
func Untaken(fd int) bool {
	if code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err == nil && code == int(unix.EPIPE) {
		return true
	}
	unacknowledged, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	return err == nil && unacknowledged > 0
}
