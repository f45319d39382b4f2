package results

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestHistoryKeepsEveryLine(t *testing.T) {
	dir := t.TempDir()
	m := Manifest{
		Kind: KindGate, Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), App: AppRecord{Name: "shop", Commit: "abc"},
		Tools: map[string]string{"python": "3.11"}, Host: Host{CPU: "x", Cores: 2},
	}
	var writers sync.WaitGroup
	for i := range 20 {
		writers.Go(func() {
			e := NewEntry(m, fmt.Sprintf("/somewhere/run-%d", i))
			e.Metrics["cpu_ms_per_request"] = float64(i)
			if err := AppendHistory(dir, []Entry{e, e}); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	entries, bad, err := ReadHistory(dir)
	if err != nil || bad != 0 || len(entries) != 40 {
		t.Fatalf("%d entries, %d bad, %v; want 40 from 20 writers at once", len(entries), bad, err)
	}
	if e := entries[0]; e.App != "shop" || e.Environment.Python != "3.11" || e.Fingerprint == "" || filepath.IsAbs(e.Run) {
		t.Errorf("entry %+v", e)
	}
}

// A truncated line spoils neither the ones before nor the ones after.
func TestHistorySurvivesATruncatedLine(t *testing.T) {
	dir := t.TempDir()
	e := NewEntry(Manifest{Kind: KindGate}, "run")
	if err := AppendHistory(dir, []Entry{e}); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, HistoryFile), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"schema":"bench.hist`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := AppendHistory(dir, []Entry{e}); err != nil {
		t.Fatal(err)
	}
	if entries, bad, err := ReadHistory(dir); err != nil || len(entries) != 2 || bad != 1 {
		t.Errorf("%d entries, %d bad, %v; want 2 and 1", len(entries), bad, err)
	}
}

func TestEnvironmentsDifferByWhatMatters(t *testing.T) {
	tools := map[string]string{"python": "3.11", "django": "5.2"}
	m := Manifest{Host: Host{CPU: "x", Cores: 2, Kernel: "6.1"}, Tools: tools}
	first := NewEntry(m, "a").Fingerprint
	if again := NewEntry(m, "b").Fingerprint; again != first {
		t.Errorf("the same environment has two fingerprints, %s and %s", first, again)
	}
	m.Host.Kernel = "6.2"
	if other := NewEntry(m, "a").Fingerprint; other == first {
		t.Error("another kernel has the same fingerprint: one once passed for a slowdown of 37 %")
	}
}

func FuzzReadHistory(f *testing.F) {
	f.Add(`{"schema":"bench.history/1","metrics":{"a":1}}` + "\nx\n")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, HistoryFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, _ = ReadHistory(dir) // must not panic
	})
}

// Lines of the first version call the maximum throughput max_rate.
func TestHistoryOfTheFirstVersionIsRead(t *testing.T) {
	dir := t.TempDir()
	line := `{"schema":"bench.history/1","metrics":{"max_rate":900,"p50_ms":3},"ratios":{"max_rate":1.1}}` + "\n" +
		`{"schema":"bench.history/9","metrics":{"max_rate":900}}` + "\n"
	if err := os.WriteFile(filepath.Join(dir, HistoryFile), []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	entries, bad, err := ReadHistory(dir)
	if err != nil || bad != 1 || len(entries) != 1 {
		t.Fatalf("%d entries, %d bad, %v; want one, and one of an unknown version", len(entries), bad, err)
	}
	if e := entries[0]; e.Schema != HistorySchema || e.Metrics["max_throughput"] != 900 ||
		e.Ratios["max_throughput"] != 1.1 || e.Metrics["p50_ms"] != 3 || len(e.Metrics) != 2 {
		t.Errorf("entry %+v", e)
	}
}

// A line that no entry can have is skipped, whatever its length.
func TestHistorySurvivesALongLine(t *testing.T) {
	for _, length := range []int{longestLine, longestLine + 1, 3 * longestLine} {
		dir := t.TempDir()
		e := NewEntry(Manifest{Kind: KindGate}, "run")
		if err := AppendHistory(dir, []Entry{e}); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, HistoryFile)
		line, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		long := append(bytes.Repeat([]byte("x"), length), '\n')
		if err := os.WriteFile(file, slices.Concat(line, long, line, long), 0o600); err != nil {
			t.Fatal(err)
		}
		if entries, bad, err := ReadHistory(dir); err != nil || len(entries) != 2 || bad != 2 {
			t.Errorf("%d bytes: %d entries, %d bad, %v; want 2 and 2", length, len(entries), bad, err)
		}
	}
}

// Neither a pipe, which nobody writes or reads, nor a link is taken for the history.
func TestOnlyAFileIsTheHistory(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	for says, place := range map[string]func(file string) error{
		"a pipe":   func(file string) error { return syscall.Mkfifo(file, 0o600) },
		"a link":   func(file string) error { return os.Symlink(elsewhere, file) },
		"a folder": func(file string) error { return os.Mkdir(file, 0o700) },
	} {
		dir := t.TempDir()
		if err := place(filepath.Join(dir, HistoryFile)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ReadHistory(dir); err == nil {
			t.Errorf("%s was read", says)
		}
		if err := AppendHistory(dir, []Entry{NewEntry(Manifest{}, "run")}); err == nil {
			t.Errorf("%s was written", says)
		}
	}
	if _, err := os.Lstat(elsewhere); err == nil {
		t.Error("the link's target was written")
	}
}
