package results

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// sampleCell is a cell with two intervals and every kind of data.
func sampleCell() *Cell {
	h := func(values ...int64) *Packed {
		histogram := NewHistogram()
		for _, v := range values {
			_ = histogram.RecordValue(v)
		}
		return Pack(histogram)
	}
	var first, second Counts
	first.Add(OK, 3)
	first.Add(HTTPError, 1)
	first.StaleRetry = 1
	second.Add(Timeout, 1)
	second.Add(Dropped, 2)
	c := &Cell{
		Index: 1, Topology: "uwsgi", Scenario: "page", Load: "rate-300", Mode: OpenLoop, Rate: 300, Connections: 64,
		Pacer: "poisson 7 constant 300/s",
		Block: 2, Position: 1, Seed: 7, Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Duration: 1, Elapsed: 1.5,
		Boot: Boot{BootMS: 160, FirstRequestMS: 12, Settled: true, Workers: 2}, Grade: Valid,
		Generator: Generator{Engine: "vegeta", CPUSeconds: 0.1, MaxRSS: 1 << 20},
		Intervals: []Interval{
			{Start: 0, Length: time.Second, Counts: first, Hists: map[Series]*Packed{
				{Response, "home"}: h(900, 1500), {Response, "css"}: h(300), {Failure, "home"}: h(200), {Connect, ""}: h(40),
			}},
			{Start: time.Second, Length: time.Second, Counts: second, Hists: map[Series]*Packed{
				{Response, "home"}: h(1_000_000),
			}},
		},
		Usage: []Usage{
			{At: 0, Tier: "python", CPU: time.Second, PSS: 50 << 20, Processes: 2, Threads: 2},
			{At: 1500 * time.Millisecond, Tier: "python", CPU: 1400 * time.Millisecond, PSS: 51 << 20, Processes: 2, Threads: 2},
		},
	}
	c.Counts = TotalCounts(c.Intervals)
	return c
}

func dense(p *Packed) *Histogram {
	h := NewHistogram()
	p.MergeInto(h)
	return h
}

func sampleRun(t *testing.T) string {
	t.Helper()
	d, err := Create(t.TempDir(), Manifest{
		Kind: KindCompare, Name: "compare", Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Baseline: "uwsgi",
		Topologies: []TopologyRecord{{Name: "uwsgi"}}, Scenarios: []ScenarioRecord{{Name: "page"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Seal(sampleCell(), map[string][]byte{"logs/uwsgi.log": []byte("hello\n")}); err != nil {
		t.Fatal(err)
	}
	if err := d.Finish(Complete, 2*time.Second); err != nil {
		t.Fatal(err)
	}
	return d.Path
}

func TestSealedCellReadsBackEqual(t *testing.T) {
	run, err := Load(sampleRun(t))
	if err != nil {
		t.Fatal(err)
	}
	want, got := sampleCell(), run.Cells[0]
	if run.Manifest.Status != Complete || run.Manifest.Elapsed != 2 {
		t.Errorf("manifest = %+v; want it complete after 2 s", run.Manifest)
	}
	for i, iv := range want.Intervals {
		for series, h := range iv.Hists {
			if other := got.Intervals[i].Hists[series]; other == nil || !dense(h).Equals(dense(other)) {
				t.Errorf("interval %d: %v reads back differently", i, series)
			}
		}
	}
	for _, c := range []*Cell{want, got} {
		for i := range c.Intervals {
			c.Intervals[i].Hists = nil
		}
	}
	if !reflect.DeepEqual(want, got) {
		t.Errorf("cell read back = %+v; want %+v", got, want)
	}
}

func TestFilesArePrivate(t *testing.T) {
	dir := sampleRun(t)
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		info, _ := entry.Info()
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v; want no permissions for others", path, info.Mode())
		}
		if strings.Contains(path, ".tmp") {
			t.Errorf("%s was left behind", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDamagedRunsAreRefusedWithTheFilesName(t *testing.T) {
	cell := "cells/001-uwsgi-page-rate-300-r2/"
	for _, row := range []struct {
		says   string
		damage func(dir string) error
		want   string
	}{
		{"no checksums", func(dir string) error {
			return os.Remove(filepath.Join(dir, "SHA256SUMS"))
		}, "not a run directory"},
		{"a truncated histogram log", func(dir string) error {
			return os.Truncate(filepath.Join(dir, cell, "latency.hlog"), 100)
		}, "latency.hlog: differs from its checksum"},
		{"a missing file", func(dir string) error { return os.Remove(filepath.Join(dir, cell, "counts.csv")) }, "counts.csv"},
		{"a changed manifest", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "manifest.json"), []byte("{}"), 0o600)
		}, "manifest.json: differs"},
		{"garbage for checksums", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte("x"), 0o600)
		}, "line 1 is not a checksum"},
		{"half a list", func(dir string) error {
			info, err := os.Stat(filepath.Join(dir, "SHA256SUMS"))
			return errors.Join(err, os.Truncate(filepath.Join(dir, "SHA256SUMS"), info.Size()/2))
		}, "differs from its own checksum"},
		{"an empty list", func(dir string) error {
			return os.Truncate(filepath.Join(dir, "SHA256SUMS"), 0)
		}, "does not list it"},
		{"a list of the first version, without the cell", func(dir string) error {
			list, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
			for line := range strings.Lines(string(list)) {
				if strings.HasSuffix(line, "manifest.json\n") {
					list = []byte(line)
				}
			}
			return errors.Join(err, os.WriteFile(filepath.Join(dir, "SHA256SUMS"), list, 0o600))
		}, "1 cells were sealed, but SHA256SUMS lists 0"},
		{"a folder of cells that is a link", func(dir string) error {
			cells := filepath.Join(dir, "cells")
			return errors.Join(os.Rename(cells, dir+"-elsewhere"), os.Symlink(dir+"-elsewhere", cells))
		}, "is a link"},
		{"a pipe for a list", func(dir string) error {
			list := filepath.Join(dir, "SHA256SUMS")
			return errors.Join(os.Remove(list), syscall.Mkfifo(list, 0o600))
		}, "not a regular file"},
		{"a checksum of a file outside", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(strings.Repeat("0", 64)+"  ../../etc/passwd\n"), 0o600)
		}, "line 1 is not a checksum"},
	} {
		dir := sampleRun(t)
		if err := row.damage(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: Load = %v; want an error with %q", row.says, err, row.want)
		}
	}
}

// Every single bit of the list counts.
func TestAFlippedBitInTheListIsNoticed(t *testing.T) {
	dir := sampleRun(t)
	file := filepath.Join(dir, "SHA256SUMS")
	list, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(list) * 8 {
		list[bit/8] ^= 1 << (bit % 8)
		if c, err := parseChecksums(list); err == nil {
			t.Errorf("with bit %d flipped, the list has %d files", bit, len(c.files))
		}
		list[bit/8] ^= 1 << (bit % 8)
	}
	if _, err := parseChecksums(list); err != nil {
		t.Error(err)
	}
}

// A cell with a figure that cannot have been measured is neither written nor read.
func TestImpossibleFiguresAreRefused(t *testing.T) {
	longer := func(c *Cell) {
		h := NewHistogram()
		for range 4 {
			_ = h.RecordValue(5_000_000)
		}
		c.Intervals[0].Hists[Series{Service, "home"}] = Pack(h)
		c.Intervals[0].Counts.Add(OK, 1)
		c.Counts = TotalCounts(c.Intervals)
	}
	for says, spoil := range map[string]func(*Cell){
		"more successful responses than responses": func(c *Cell) { c.Successful = c.Counts.OK + 1 },
		"as many as a counter can hold":            func(c *Cell) { c.Successful = 1<<64 - 1 },
		"no duration":                              func(c *Cell) { c.Duration = 1e-300 },
		"a duration of ages":                       func(c *Cell) { c.Duration = 1e300 },
		"negative CPU time":                        func(c *Cell) { c.Generator.CPUSeconds = -1 },
		"a lead-in longer than the load":           func(c *Cell) { c.LeadIn = 2 },
		"thirds of more than all":                  func(c *Cell) { c.Thirds = []uint64{3, 0, 1} },
		"counts that come round":                   func(c *Cell) { c.Counts.OK, c.Counts.Reset = 1<<63, 1<<63 },
		"a histogram of more than there was": func(c *Cell) {
			c.Intervals[0].Hists[Series{Response, "js"}] = c.Intervals[0].Hists[Series{Response, "home"}]
		},
		"service times above the response times": longer,
	} {
		c := sampleCell()
		spoil(c)
		d, err := CreateOn(Folder(t.TempDir()), "x", Manifest{Name: "x"})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Seal(c, nil); err == nil || !strings.Contains(err.Error(), "impossible") {
			t.Errorf("%s: Seal = %v", says, err)
		}
	}
}

// A complete run holds every cell of its plan.
func TestACompleteRunHasAllItsCells(t *testing.T) {
	d, err := CreateOn(Folder(t.TempDir()), "x", Manifest{
		Name: "x", Planned: 2, Topologies: []TopologyRecord{{Name: "uwsgi"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Seal(sampleCell(), nil); err != nil {
		t.Fatal(err)
	}
	if err := d.Finish(Complete, time.Second); err == nil || !strings.Contains(err.Error(), "2 were planned") {
		t.Errorf("Finish = %v", err)
	}
	if err := d.Finish(Partial, time.Second); err != nil {
		t.Error(err)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	dir := sampleRun(t)
	text := []byte(`{"schema":"bench.run/99"}`)
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(sum(text)+"  manifest.json\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), `schema "bench.run/99"`) {
		t.Errorf("Load = %v; want it to name the schema", err)
	}
}

func TestSealRefusesCountsThatDoNotAddUp(t *testing.T) {
	d, err := Create(t.TempDir(), Manifest{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	c := sampleCell()
	c.Counts.Intended++
	if err := d.Seal(c, nil); err == nil || !strings.Contains(err.Error(), "do not add up") {
		t.Errorf("Seal = %v; want it to refuse", err)
	}
	if err := d.Seal(sampleCell(), map[string][]byte{"../x": nil}); err == nil {
		t.Error("Seal accepted a file outside the cell's folder")
	}
}

// A disk that fills up at any moment leaves only complete files. A limit on the file size, which
// the kernel applies in the middle of a write, stands for it.
func TestNothingIsHalfWrittenWhenTheDiskIsFull(t *testing.T) {
	if os.Getenv("BENCH_TEST_FSIZE") == "" {
		t.Skip("run in a separate process by TestFullDisk")
	}
	dir := os.Getenv("BENCH_TEST_FSIZE")
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 512, Max: 512}); err != nil {
		t.Fatal(err)
	}
	old := []byte(strings.Repeat("old ", 100))
	path := filepath.Join(dir, "file")
	if err := WriteFile(path, old); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, bytes.Repeat([]byte("new "), 1000)); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("WriteFile beyond the limit = %v; want EFBIG", err)
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, old) {
		t.Errorf("the old file is %d bytes, %v; want it intact", len(got), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("%v was left behind", left)
	}
	d, err := CreateOn(Folder(dir), dir, Manifest{Name: "x"})
	if err != nil {
		t.Fatal(err) // a small manifest is within the limit
	}
	if err := d.Seal(sampleCell(), nil); err == nil {
		t.Error("Seal succeeded beyond the limit")
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "cells")); len(left) > 0 {
		t.Errorf("a half-written cell was left behind: %v", left)
	}
}

// Runs written by older versions stay readable, and say the same.
func TestRunsOfEverySchemaAreRead(t *testing.T) {
	if current := filepath.Join("testdata", "run-2-checked"); *update {
		if err := os.RemoveAll(current); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(current, os.DirFS(sampleRun(t))); err != nil {
			t.Fatal(err)
		}
	}
	for _, schema := range []string{"run-1", "run-2", "run-2-checked"} { // run-2: before its list protected itself
		run, err := Load(filepath.Join("testdata", schema))
		if err != nil {
			t.Fatal(err)
		}
		if run.Manifest.Kind != KindCompare {
			t.Errorf("%s: kind %q; want %q", schema, run.Manifest.Kind, KindCompare)
		}
		c := run.Cells[0]
		if got := Summarize(Total(c.Intervals, Response)); got.Count != 4 || got.Max < 1_000_000 || got.Min != 300 {
			t.Errorf("%s: response time = %+v; want 4 values from 300 µs to 1 s", schema, got)
		}
		if c.Counts.StaleRetry != 1 || c.Counts.Dropped != 2 || c.Counts.Intended != 7 {
			t.Errorf("%s: counts = %+v", schema, c.Counts)
		}
		if want := "poisson 7 constant 300/s"; c.Pacer != want {
			t.Errorf("%s: pacer %q; want %q, from the cell's rate and seed", schema, c.Pacer, want)
		}
	}
}

func FuzzDecodeCell(f *testing.F) {
	files, err := cellFiles(sampleCell())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(files[cellFile], files[hlogFile], files[countsFile], files[usageFile])
	f.Fuzz(func(t *testing.T, cell, hlog, counts, usage []byte) {
		c, err := decodeCell(map[string][]byte{cellFile: cell, hlogFile: hlog, countsFile: counts, usageFile: usage})
		if err != nil {
			return
		}
		if _, err := cellFiles(c); err != nil {
			t.Fatalf("a cell was read that cannot be written: %v", err)
		}
	})
}

// No secret that has a name or a form of its own reaches any file, and targets that differ in one alone stay
// readable, as one.
func TestNoSecretIsStored(t *testing.T) {
	const canary = "canary42canary42canary42"
	root := t.TempDir()
	c := sampleCell()
	c.Topology = "url-http___u_" + FileName("?token="+canary)
	for i, name := range []string{"/?token=" + canary + "1", "/?token=" + canary + "2", "a,b%2\n"} {
		h := NewHistogram()
		_ = h.RecordValue(int64(500 + i))
		c.Intervals[0].Hists[Series{Response, name}] = Pack(h)
	}
	c.Intervals[0].Counts.Add(OK, 3)
	c.Counts = TotalCounts(c.Intervals)
	c.Diagnostics = []Diagnostic{{Message: "log: Authorization: Bearer " + canary}}
	d, err := Create(root, Manifest{
		Name: "x", Started: c.Started, Config: map[string]string{"password": canary, "mix": "http://u:" + canary + "@h/"},
		Topologies: []TopologyRecord{{Name: c.Topology, Ref: "url:http://u:" + canary + "@127.0.0.1"}},
		Scenarios:  []ScenarioRecord{{Name: "page", Targets: []TargetRecord{{Name: "/?token=" + canary + "1"}}}},
		Spec:       []byte(`{"app":"https://x/?api_key=` + canary + `"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	err = d.Seal(c, map[string][]byte{
		"logs/a.log": []byte("x\nSECRET_KEY='" + canary + "'\n"), "conf/a": []byte("env = TOKEN=" + canary + "\n"),
	})
	if err == nil {
		err = errors.Join(d.Finish(Complete, time.Second), AppendHistory(root, []Entry{{App: "http://u:" + canary + "@h"}}))
	}
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if entry.IsDir() {
			return err
		}
		if data, _ := os.ReadFile(path); strings.Contains(path+string(data), "canary42") {
			t.Errorf("%s holds the secret", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	run, err := Load(d.Path)
	if err != nil {
		t.Fatal(err)
	}
	hists := run.Cells[0].Intervals[0].Hists
	merged := hists[Series{Response, run.Manifest.Scenarios[0].Targets[0].Name}]
	if merged == nil || merged.TotalCount() != 2 || hists[Series{Response, "a,b%2\n"}] == nil {
		t.Errorf("the targets read back as %v", hists)
	}
}
