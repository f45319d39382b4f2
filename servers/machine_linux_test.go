package servers

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A time-out of a socket ends at a tick of the kernel's, as the timer of a delayed acknowledgement does. Work
// that begins there and ends before the next tick is what clocks that are sampled at ticks do not see. What it used
// is what the kernel says of this process.
func TestMachineCountsWorkBetweenTicks(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	wait := unix.NsecToTimeval((4 * time.Millisecond).Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		t.Fatal(err)
	}
	before, err := ReadMachine()
	if err != nil || before.Busy == 0 {
		t.Skipf("the cores' clock is not to be had: %v", err)
	}
	for range 150 {
		_, _, err := unix.Recvfrom(fd, make([]byte, 1), 0)
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
		for began := time.Now(); time.Since(began) < 2500*time.Microsecond; {
		}
	}
	after, err := ReadMachine()
	if err != nil {
		t.Fatal(err)
	}
	own, busy := after.Own-before.Own, after.Busy-before.Busy
	if least := own - own/10 - 20*time.Millisecond; busy < least {
		t.Errorf("the cores were busy for %v, though this process alone used %v", busy, own)
	}
}
