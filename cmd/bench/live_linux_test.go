package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/sys/unix"
)

// window is a terminal of a program under test, and what the program has written on it.
type window struct {
	ptmx, tty *os.File
	mu        sync.Mutex
	shown     bytes.Buffer
}

// opened opens a terminal of the given size.
func opened(t testing.TB, columns, rows uint16) *window {
	t.Helper()
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = ptmx.Close() })
	number, err := unix.IoctlGetInt(int(ptmx.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(ptmx.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	w := &window{ptmx: ptmx}
	if w.tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	w.resize(t, columns, rows)
	return w
}

func (w *window) resize(t testing.TB, columns, rows uint16) {
	t.Helper()
	size := &unix.Winsize{Col: columns, Row: rows}
	if err := unix.IoctlSetWinsize(int(w.ptmx.Fd()), unix.TIOCSWINSZ, size); err != nil {
		t.Fatal(err)
	}
}

// start starts bench with its messages on the terminal and its data elsewhere, in a session of its own.
func (w *window) start(t testing.TB, stdout *bytes.Buffer, args ...string) *exec.Cmd {
	t.Helper()
	bench, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(bench, args...)
	c.Env = append(os.Environ(), "TERM=xterm-256color", "BENCH_SHARED_MACHINE=true")
	c.Stdout, c.Stderr = stdout, w.tty
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 2}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.tty.Close() // it ends with the program
	go func() {
		part := make([]byte, 4096)
		for {
			n, err := w.ptmx.Read(part)
			w.mu.Lock()
			w.shown.Write(part[:n])
			w.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return c
}

// text is what was written on the terminal after a place.
func (w *window) text(after int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shown.String()[after:]
}

// await waits until a text was written after a place, and returns where the writing then ended.
func (w *window) await(t testing.TB, after int, want string) int {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if shown := w.text(after); strings.Contains(shown, want) {
			return after + len(shown)
		}
	}
	t.Fatalf("%q is never shown; shown is %q", want, w.text(after))
	return 0
}

// What moves the cursor to a column, and everything that is not text.
var (
	toColumn = regexp.MustCompile(`\x1b\[(?:\d+;)?(\d+)[HG]`)
	controls = regexp.MustCompile(`\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x1f]`)
)

// On a terminal, a load is shown by a view that fits it, also after the terminal became narrower, and that leaves
// the terminal as it was; with --live=false there are lines, and nothing that moves the cursor.
func TestLoadOnATerminal(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	load := []string{"load", server.URL, "--rate", "50", "-c", "2", "--no-report", "-d"}
	t.Run("live", func(t *testing.T) {
		var out bytes.Buffer
		w := opened(t, 120, 30)
		c := w.start(t, &out, append(load, "4s")...)
		w.await(t, 0, ansi.SetModeAltScreenSaveCursor)
		w.await(t, 0, "bench load")
		at := w.await(t, 0, "p99")
		w.resize(t, 60, 20)
		w.await(t, at, "bench load") // it is drawn anew
		w.await(t, 0, ansi.ResetModeAltScreenSaveCursor)
		_ = c.Wait() // a busy machine may make the load INVALID
		drawn, _, _ := strings.Cut(w.text(at), ansi.ResetModeAltScreenSaveCursor)
		for _, moved := range toColumn.FindAllStringSubmatch(drawn, -1) {
			if column, _ := strconv.Atoi(moved[1]); column > 60 {
				t.Errorf("the cursor moves to column %d of 60", column)
			}
		}
		for _, piece := range controls.Split(drawn, -1) {
			if ansi.StringWidth(piece) > 60 {
				t.Errorf("%q in a window of 60 columns", piece)
			}
		}
		if !strings.Contains(out.String(), "requests per second") || strings.Contains(out.String(), "\x1b") {
			t.Errorf("the data are %q", out.String())
		}
	})
	t.Run("lines", func(t *testing.T) {
		var out bytes.Buffer
		w := opened(t, 120, 30)
		c := w.start(t, &out, append(load, "1s", "--live=false")...)
		_ = c.Wait()
		if shown := w.text(0); strings.Contains(shown, "\x1b") {
			t.Errorf("without a view, the cursor is moved: %q", shown)
		}
		if !strings.Contains(out.String(), "requests per second") {
			t.Errorf("the data are %q", out.String())
		}
	})
}
