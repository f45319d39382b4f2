package loadgen_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/results"

	"golang.org/x/sys/unix"
)

// A machine with a hundred ports: a load that needs more is refused before it starts, and one that finds them
// taken names them and is invalid, whatever the engine. The machine is a network of its own, in which the test
// runs once more.
func TestFewPorts(t *testing.T) {
	if os.Getenv("FEW_PORTS") != "" {
		fewPorts(t)
		return
	}
	c := exec.Command(os.Args[0], "-test.run", "^TestFewPorts$", "-test.v")
	c.Env = append(os.Environ(), "FEW_PORTS=1")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := c.CombinedOutput()
	switch refused := (*exec.ExitError)(nil); {
	case errors.As(err, &refused) && refused.ExitCode() == noNetwork:
		t.Skipf("this network cannot be set up: %s", out)
	case errors.As(err, &refused):
		t.Errorf("%s", out)
	case err != nil:
		t.Skipf("no network of its own for this test: %v", err)
	}
}

// noNetwork is the exit code of a test whose network could not be set up.
const noNetwork = 77

func setUpNetwork() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	loopback, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	loopback.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, loopback); err != nil {
		return fmt.Errorf("starting the loopback interface: %w", err)
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte("40000 40099"), 0)
}

func fewPorts(t *testing.T) {
	if err := setUpNetwork(); err != nil {
		fmt.Println(err)
		os.Exit(noNetwork)
	}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	each(t, func(t *testing.T, e loadgen.Engine) {
		load := plan(server.URL, func(p *loadgen.Plan) { p.Conns.Max = 101 })
		_, err := loadgen.Local{Engine: e}.Measure(t.Context(), load, loadgen.Watch{})
		if !errors.Is(err, loadgen.ErrTooFew) {
			t.Errorf("101 connections with 100 ports: %v; want it refused", err)
		}
	})
	var taken []net.Conn
	for {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			break // the last port
		}
		taken = append(taken, c)
	}
	defer func() {
		for _, c := range taken {
			_ = c.Close()
		}
	}()
	if len(taken) < 90 {
		t.Fatalf("only %d connections took all ports; want about 100", len(taken))
	}
	each(t, func(t *testing.T, e loadgen.Engine) {
		m := measure(t, e, plan(server.URL, func(p *loadgen.Plan) {
			p.Mode, p.Pacer, p.Duration = loadgen.Open, pacing.Constant{PerSecond: 200}, 50*time.Millisecond
		}))
		if m.Counts.ConnectError != m.Counts.Sent || m.Limited == 0 || m.Grade != results.Invalid ||
			!hasCause(m, "generator-limits") {
			t.Errorf("no port is left: %+v, %d limited, %s, %v; want it INVALID, because of this machine",
				m.Counts, m.Limited, m.Grade, m.Diagnostics)
		}
	})
}
