package cases

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// target is a server that counts what it is asked.
type target struct {
	url      string
	requests atomic.Int64
	last     atomic.Int64 // when, in nanoseconds of Unix time
}

// serve starts a server at the lab's address, which pods reach.
func serve(t *testing.T) *target {
	t.Helper()
	l, err := net.Listen("tcp", "192.0.2.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &target{url: "http://" + l.Addr().String() + "/counted"}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/counted" {
			s.requests.Add(1)
			s.last.Store(time.Now().UnixNano())
		}
		_, _ = w.Write([]byte("here\n")) // a client that is gone is the client's to report
	})}
	go func() { _ = server.Serve(l) }() // ends when it is closed
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// bench is a load under way.
type bench struct {
	cmd        *exec.Cmd
	out, words text
	began      time.Time
	over       chan struct{}
}

// text is what a program has said so far, which may be read while it goes on.
type text struct {
	mu   sync.Mutex
	said bytes.Buffer
}

func (t *text) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.said.Write(data)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.said.String()
}

// as is who runs kubectl, and where.
type as struct{ user, kubectl string }

var loader = as{"loader", "kubectl"}

// start starts a load of ten seconds from four pods, unless options say otherwise.
func start(t *testing.T, who as, url string, options ...string) *bench {
	t.Helper()
	home := t.TempDir()
	b := &bench{began: time.Now(), over: make(chan struct{})}
	args := []string{"load", url, "--allow-host", "192.0.2.1", "--workers", "k8s:4", "--image", image, "--rate", "200",
		"--duration", "10s", "--json", "--no-report", "--kubectl", who.kubectl}
	b.cmd = exec.Command(os.Getenv("BENCH"), append(args, options...)...)
	b.cmd.Dir, b.cmd.Stdout, b.cmd.Stderr = home, &b.out, &b.words
	b.cmd.Env = append(os.Environ(), "HOME="+home, "BENCH_CACHE="+filepath.Join(home, "cache"),
		"KUBECONFIG="+filepath.Join(lab, "keys", who.user+".kubeconfig"))
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = b.cmd.Wait() // the process' state says it
		close(b.over)
	}()
	t.Cleanup(func() {
		_ = b.cmd.Process.Kill() // it has ended, or the test has failed
		<-b.over
	})
	return b
}

// underWay waits until the server has been asked n times.
func (b *bench) underWay(t *testing.T, s *target, n int64) {
	t.Helper()
	eventually(t, time.Minute, "the load", func() error {
		select {
		case <-b.over:
			t.Fatalf("bench has ended with %d before the load was under way:\n%s", b.code(), b.said())
		default:
		}
		if s.requests.Load() < n {
			return errors.New("the server is not asked yet; bench says:\n" + b.said())
		}
		return nil
	})
}

// end waits for the end, and checks the exit code and what bench says.
func (b *bench) end(t *testing.T, code int, says ...string) {
	t.Helper()
	select {
	case <-b.over:
	case <-time.After(2 * time.Minute):
		t.Fatal("bench does not end")
	}
	for line := range strings.Lines(b.said()) {
		t.Log("bench: " + strings.TrimPrefix(strings.TrimSpace(line), "bench: "))
	}
	if b.code() != code {
		t.Errorf("exit code %d; want %d", b.code(), code)
	}
	all := b.said() + b.out.String()
	for _, words := range says {
		if !strings.Contains(all, words) {
			t.Errorf("bench does not say %q", words)
		}
	}
	t.Logf("exit code %d after %.1f s", b.code(), time.Since(b.began).Seconds())
}

func (b *bench) code() int    { return b.cmd.ProcessState.ExitCode() }
func (b *bench) said() string { return b.words.String() }

// result is what bench has counted, as far as it is looked at.
type result struct {
	Status, Grade string
	Reasons       []any
	Counts        struct{ Intended, Sent, OK int64 }
	Workers       []struct {
		Name, Host, Grade string
		Counts            struct{ Intended, OK int64 }
	}
}

func (b *bench) result(t *testing.T) (r result) {
	t.Helper()
	if err := json.Unmarshal([]byte(b.out.String()), &r); err != nil {
		t.Fatalf("%v in %q", err, b.out.String())
	}
	return r
}
