package probe

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

// prefork is a server that is not in the table: its workers accept on one socket. Its argument
// says what the last worker does before and after accepting.
const prefork = `
import os, socket, sys, time
workers, mode = int(sys.argv[1]), sys.argv[2]
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(64)
print(listener.getsockname()[1], flush=True)

def serve(last):
    if last and mode == "imports":
        while not os.path.exists(sys.argv[3]): pass
    while True:
        connection, _ = listener.accept()
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(4096)
        status = b"500 No" if last and mode == "fails" else b"200 OK"
        connection.sendall(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\n\r\nhello")
        connection.close()

for i in range(workers):
    if os.fork() == 0:
        serve(i == workers - 1)
while True:
    os.wait()
`

// imported is the file, beside the script, whose existence ends the import of a worker.
const imported = "imported"

// startPrefork starts such a server and stops it when the test ends. The second result ends an import.
func startPrefork(t *testing.T, workers int, mode string) (process Process, importEnds func()) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 on PATH")
	}
	script := filepath.Join(t.TempDir(), "prefork.py")
	if err := os.WriteFile(script, []byte(prefork), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, script, strconv.Itoa(workers), mode, filepath.Join(filepath.Dir(script), imported))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	importEnds = func() {
		if err := os.WriteFile(filepath.Join(filepath.Dir(script), imported), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Process{PID: cmd.Process.Pid, Entry: port, HTTP: true, Health: "/", Workers: workers}, importEnds
}

// lookUntil looks for workers until the number wanted has been seen, or the time is up.
func lookUntil(t *testing.T, p Probe, want int, limit time.Duration) (seen []Worker) {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end) && len(seen) < want; {
		var err error
		if seen, err = p.Workers(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return seen
}

func TestProcsFindsEveryWorkerOfAPreforkServer(t *testing.T) {
	process, _ := startPrefork(t, 4, "works")
	seen := lookUntil(t, procs.Open(process), 4, 5*time.Second)
	if len(seen) != 4 {
		t.Fatalf("%d workers were found; want 4", len(seen))
	}
	for _, w := range seen {
		if w.PID == process.PID || !w.Served {
			t.Errorf("worker %+v; want the children, not the master %d", w, process.PID)
		}
	}
}

// A worker that is importing its app uses CPU time and switches contexts, but is not ready.
func TestProcsDoesNotCountAWorkerThatIsStillImporting(t *testing.T) {
	process, importEnds := startPrefork(t, 3, "imports")
	p := procs.Open(process)
	if seen := lookLonger(t, p, 2); len(seen) != 2 {
		t.Errorf("%d workers were seen while one was importing; want 2", len(seen))
	}
	importEnds()
	if seen := lookUntil(t, p, 3, 10*time.Second); len(seen) != 3 {
		t.Errorf("%d workers were seen in the end; want 3", len(seen))
	}
}

func TestProcsDoesNotCountAWorkerThatFails(t *testing.T) {
	process, _ := startPrefork(t, 3, "fails")
	if seen := lookLonger(t, procs.Open(process), 2); len(seen) != 2 {
		t.Errorf("%d workers were seen, one of which answers 500; want 2", len(seen))
	}
}

// lookLonger looks until the number wanted has been seen, and three times more for one too many.
func lookLonger(t *testing.T, p Probe, want int) (seen []Worker) {
	t.Helper()
	seen = lookUntil(t, p, want, 10*time.Second)
	for range 3 {
		var err error
		if seen, err = p.Workers(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return seen
}

func TestProcsCountsWorkersThatEnd(t *testing.T) {
	process, _ := startPrefork(t, 2, "works")
	p := procs.Open(process)
	seen := lookUntil(t, p, 2, 5*time.Second)
	if len(seen) != 2 {
		t.Fatalf("%d workers were found; want 2", len(seen))
	}
	before, err := p.Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(seen[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		after, err := p.Read(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if after.Since(before).Counters["respawns"] == 1 {
			return
		}
	}
	t.Error("the end of a worker was not counted")
}

func ExampleLookup() {
	kind, err := Lookup("nginx")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range kind.Counters {
		fmt.Printf("%s: %s\n", c.Name, c.Means)
	}
	before := Reading{Counters: map[string]float64{"requests": 40}}
	now := Reading{Counters: map[string]float64{"requests": 52}}
	fmt.Println("since then:", now.Since(before).Counters["requests"])
	// Output:
	// accepts: connections accepted
	// handled: connections handled: fewer than accepted if a limit was reached
	// requests: requests, including those for files and for these statistics
	// since then: 12
}

func TestDescendantsGoFromTheTopDown(t *testing.T) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		t.Fatal(err)
	}
	process, _ := startPrefork(t, 2, "works")
	tree, err := descendants(fs, process.PID)
	if err != nil || len(tree) == 0 || tree[0].PID != process.PID {
		t.Errorf("descendants = %v, %v; want the process itself first", tree, err)
	}
}

// Workers that leave marks are counted once they have left one, and noticed when they end; a file that is not a
// mark, or of a process that has ended before anybody looked, is nobody.
func TestMarksFindsThoseThatLeftOne(t *testing.T) {
	process, _ := startPrefork(t, 2, "works")
	workers := lookUntil(t, procs.Open(process), 2, 5*time.Second)
	if len(workers) != 2 {
		t.Fatalf("%d workers were found; want 2", len(workers))
	}
	process.Dir = t.TempDir()
	p := marks.Open(process)
	if seen, err := p.Workers(t.Context()); len(seen) != 0 || err != nil {
		t.Errorf("before any mark: %v, %v", seen, err)
	}
	if err := os.Mkdir(filepath.Join(process.Dir, "marks"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{strconv.Itoa(workers[0].PID), "4194305", "README"} {
		if err := os.WriteFile(filepath.Join(process.Dir, "marks", name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if seen, err := p.Workers(t.Context()); err != nil || len(seen) != 1 || seen[0] != workers[0] {
		t.Errorf("workers %v, %v; want %v", seen, err, workers[0])
	}
	if err := syscall.Kill(workers[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if reading, err := p.Read(t.Context()); err == nil && reading.Counters["respawns"] == 1 {
			return
		}
	}
	t.Error("the end of a worker was not counted")
}
