package servers

import (
	"net"
	"testing"
	"time"
)

// The queue is what was connected and nobody accepted: the kernel's own count, on both families of addresses,
// and whatever else there is on the machine.
func TestListenQueues(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("%s is left out: %v", address, err)
			continue
		}
		defer l.Close()
		port := l.Addr().(*net.TCPAddr).Port
		for want := range 4 {
			if got, err := listenQueues(); err != nil || got[port] != want {
				t.Fatalf("%s: %d connections wait, %v; want %d", address, got[port], err, want)
			}
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for begun := time.Now(); time.Since(begun) < 5*time.Second; time.Sleep(time.Millisecond) {
				if got, _ := listenQueues(); got[port] == want+1 {
					break // the kernel has finished the handshake
				}
			}
		}
		accepted, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer accepted.Close()
		if got, err := listenQueues(); err != nil || got[port] != 3 {
			t.Errorf("%s: after one was accepted, %d wait, %v; want 3", address, got[port], err)
		}
	}
	if got, _ := listenQueues(); got[1] != 0 {
		t.Errorf("nobody listens on port 1, but %d wait", got[1])
	}
}
