package loadgen

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The memory reported is the process's own: the kernel's account of resources begins with what its parent had,
// which is larger here by a lot.
func TestPeakMemoryIsNotTheParents(t *testing.T) {
	const lot = 192 << 20
	if os.Getenv("PEAK_MEMORY_OF_A_CHILD") != "" {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("peak %d %d\n", PeakMemory(), int64(u.Maxrss)<<10)
		return
	}
	ballast, err := unix.Mmap(-1, 0, lot, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_POPULATE)
	if err != nil {
		t.Skipf("there are no 192 MiB of memory for this test: %v", err)
	}
	defer func() { _ = unix.Munmap(ballast) }()
	if own := PeakMemory(); own < lot {
		t.Errorf("%d bytes at most; want the %d that are in use", own, lot)
	}
	c := exec.Command(os.Args[0], "-test.run", "^TestPeakMemoryIsNotTheParents$", "-test.v")
	c.Env = append(os.Environ(), "PEAK_MEMORY_OF_A_CHILD=1")
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var peak, kernel int64
	_, after, _ := strings.Cut(string(out), "peak ")
	if _, err := fmt.Sscan(after, &peak, &kernel); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if t.Logf("the child: %d bytes; the kernel's account: %d", peak, kernel); peak < 1<<20 || peak >= lot {
		t.Errorf("the child reports %d bytes; want its own, less than its parent's %d", peak, lot)
	}
}
