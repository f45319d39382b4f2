package experiments_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bench/experiments"
	"bench/experiments/compare"
	"bench/loadgen"
	"bench/reports/page"
	"bench/results"
	"bench/scenarios"
)

// instant is an engine that takes no time: every request is answered after a millisecond.
type instant struct {
	mu        sync.Mutex
	fail      error
	uncertain error // why it cannot be calibrated
}

func (e *instant) String() string { return "instant" }

func (e *instant) Calibrate(context.Context) (results.Calibration, error) {
	return results.Calibration{Ceiling: 1e6}, e.uncertain
}

func (e *instant) Run(_ context.Context, p loadgen.Plan, _ loadgen.Guard, rec *loadgen.Recorder) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail != nil {
		return e.fail
	}
	rec.Start(0)
	shard, n := rec.Shard(p.Part), uint64(100)
	if p.Mode == loadgen.Open {
		n = p.Intended()
	}
	for i := range n {
		at := time.Duration(i) * time.Millisecond
		shard.Record(loadgen.Sample{Due: at, Sent: at, End: at + time.Millisecond})
	}
	return nil
}

// life is a comparison of two servers that are already running, and the events of it.
type life struct {
	env    experiments.Env
	engine *instant
	spec   compare.Spec
	events []experiments.Event
	// at is called before each event is recorded.
	at func(experiments.Event)
}

func newLife(t *testing.T) *life {
	t.Helper()
	app := t.TempDir()
	yaml := "app: {wsgi: 'a:b', settings: s, health: /}\nmix: [{name: home, path: /}]\n"
	if err := os.WriteFile(filepath.Join(app, "bench.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	var urls []string
	for range 2 {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = fmt.Fprint(w, "hello")
		}))
		t.Cleanup(server.Close)
		urls = append(urls, "url:"+server.URL)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := &life{engine: &instant{}, spec: compare.Spec{
		App: app, Topologies: strings.Join(urls, ","), Preset: "quick", Blocks: 1, Seed: 1, BootTimeout: 5 * time.Second,
	}}
	l.env = experiments.Env{
		Results: filepath.Join(t.TempDir(), "runs"), Cache: t.TempDir(), Temporary: t.TempDir(),
		Keeper: []string{self, keep}, Engine: l.engine, SharedMachine: true, // with other tests
		Emit: func(e experiments.Event) {
			if l.at != nil {
				l.at(e)
			}
			l.events = append(l.events, e)
		},
	}
	return l
}

// kinds are the kinds of the events, with repetitions removed.
func (l *life) kinds() (kinds []string) {
	for _, e := range l.events {
		kinds = append(kinds, e.Kind())
	}
	return slices.Compact(kinds)
}

// kept are the run directories left behind.
func (l *life) kept() []string {
	runs, _ := filepath.Glob(filepath.Join(l.env.Results, "*-compare-*"))
	return runs
}

func TestEventsCoverARunFromStartToReport(t *testing.T) {
	t.Parallel()
	l := newLife(t)
	result, err := compare.Run(t.Context(), l.env, l.spec)
	if err != nil {
		t.Fatal(err)
	}
	// Each of the two topologies is checked, and then booted once for its cells: those of the plan. Its load step
	// with new connections is left out where the server is too fast for it.
	run, err := results.Load(result.Dir)
	if err != nil {
		t.Fatal(err)
	}
	cells := len(run.Cells) / 2
	if cells != 4 && cells != 5 {
		t.Errorf("%d cells of each topology; want 4, or 5", cells)
	}
	want := []string{"doing", "run-started", "doing", "booted", "doing", "booted", "scheduled"}
	for range 2 {
		want = append(want, "booted")
		for range cells {
			want = append(want, "cell-started", "cell-done")
		}
	}
	want = append(want, "done")
	got := l.kinds()
	if !slices.Contains(got, "estimated") {
		t.Errorf("no event says what is known so far: %v", got)
	}
	// How often these come depends on how long a load takes, and on what was void.
	got = slices.Compact(slices.DeleteFunc(got, func(kind string) bool { return kind == "second" || kind == "estimated" }))
	if !slices.Equal(got, slices.Compact(want)) {
		t.Errorf("events:\n%v; want\n%v", got, slices.Compact(want))
	}
	done := l.events[len(l.events)-1].(experiments.Done)
	if done.Dir != result.Dir || done.Status != results.Complete || done.Verdict != result.Outcome.Verdict {
		t.Errorf("the last event is %+v; the result %s, %+v", done, result.Dir, result.Outcome)
	}
	run, err = results.Load(result.Dir)
	if err != nil || !strings.Contains(string(run.Manifest.Spec), `"preset": "quick"`) {
		t.Errorf("the run holds the spec %s, %v", run.Manifest.Spec, err)
	}
	for _, name := range []string{"manifest.json", "report.json", "report.html", "../" + results.HistoryFile} {
		if _, err := os.Stat(filepath.Join(result.Dir, name)); err != nil {
			t.Error(err)
		}
	}
}

type cancel = context.CancelCauseFunc

// What happens when a step fails. The life is the same for every kind of run; this one compares.
func TestWhatAFailedRunLeavesBehind(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	failAt := func(l *life, cell int, fail func()) {
		l.at = func(e experiments.Event) {
			if started, is := e.(scenarios.CellStarted); is && started.Cell == cell {
				fail()
			}
		}
	}
	for _, row := range []struct {
		says  string
		spoil func(*testing.T, *life, cancel)
		error string // "" for none
		kept  bool
		last  string // event
	}{
		{"a mistake in the spec: nothing starts", func(_ *testing.T, l *life, _ cancel) {
			l.spec.Baseline = "nobody"
		}, `baseline "nobody"`, false, ""},
		{"a target that is not allowed is refused before anything starts", func(_ *testing.T, l *life, _ cancel) {
			l.spec.Topologies = "url:http://192.0.2.1"
		}, "target refused", false, ""},
		{"the generator cannot be calibrated: no directory", func(_ *testing.T, l *life, _ cancel) {
			l.engine.uncertain = boom
		}, "boom", false, "doing"},
		{"no place for the results", func(t *testing.T, l *life, _ cancel) {
			if err := os.WriteFile(l.env.Results, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "creating the run directory", false, "doing"},
		{"an error before the first cell: nothing was measured, nothing is kept", func(_ *testing.T, l *life, _ cancel) {
			l.engine.fail = boom
		}, "boom", false, "doing"},
		{"an error later: what was measured is kept and reported", func(_ *testing.T, l *life, _ cancel) {
			failAt(l, 3, func() { l.engine.fail = boom })
		}, "boom", true, "done"},
		{"an interrupt: likewise, and the error says where", func(_ *testing.T, l *life, end cancel) {
			failAt(l, 3, func() { end(errors.New("enough")) })
		}, "enough: the measurements so far are in ", true, "done"},
		{"a history that cannot be written does not affect the result", func(t *testing.T, l *life, _ cancel) {
			if err := os.MkdirAll(filepath.Join(l.env.Results, results.HistoryFile), 0o700); err != nil {
				t.Fatal(err)
			}
		}, "", true, "diagnostic"},
	} {
		t.Run(row.says, func(t *testing.T) {
			t.Parallel()
			l := newLife(t)
			ctx, end := context.WithCancelCause(t.Context())
			defer end(nil)
			row.spoil(t, l, end)
			result, err := compare.Run(ctx, l.env, l.spec)
			if row.error == "" && err != nil || row.error != "" && (err == nil || !strings.Contains(err.Error(), row.error)) {
				t.Errorf("Run = %v; want %q", err, row.error)
			}
			if kept := l.kept(); (len(kept) == 1) != row.kept || (result.Dir != "") != row.kept {
				t.Fatalf("kept are %v, the result is in %q", kept, result.Dir)
			}
			last := ""
			if n := len(l.events); n > 0 {
				last = l.events[n-1].Kind()
			}
			if last != row.last {
				t.Errorf("events %v; want %q last", l.kinds(), row.last)
			}
			if !row.kept {
				return
			}
			run, loadErr := results.Load(result.Dir)
			if loadErr != nil {
				t.Fatal(loadErr)
			}
			if partial := run.Manifest.Status == results.Partial; partial != (err != nil) {
				t.Errorf("the status is %s, the error %v", run.Manifest.Status, err)
			}
			written, readErr := os.ReadFile(filepath.Join(result.Dir, "report.json"))
			var shown strings.Builder
			if err := errors.Join(readErr, page.JSON(&shown, result.Document)); err != nil || shown.String() != string(written) {
				t.Errorf("what is shown is not the report in the run directory: %v", err)
			}
			var text strings.Builder
			grade := regexp.MustCompile("^" + result.Document.Outcome.Label + `( \([^)]+\))?: `)
			if err := page.Text(&text, result.Document); err != nil || !grade.MatchString(text.String()) {
				t.Errorf("the text does not begin with the grade: %v\n%.80s", err, text.String())
			}
		})
	}
}

// A report is made from the directory alone, and is the same every time.
func TestAReportIsMadeAgain(t *testing.T) {
	t.Parallel()
	l := newLife(t)
	result, err := compare.Run(t.Context(), l.env, l.spec)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(result.Dir, "report.json")
	first, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	document, err := experiments.Report(result.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	if err := page.JSON(&printed, document); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(file); err != nil || string(again) != string(first) || printed.String() != string(first) {
		t.Errorf("the report differs when it is made again, or from what is printed: %v", err)
	}
	if _, err := experiments.Report(t.TempDir()); err == nil || !misused(err) {
		t.Errorf("a report of an empty folder: %v", err)
	}
}

func misused(err error) bool {
	var of *experiments.Error
	return errors.As(err, &of) && of.Verdict == experiments.Misused
}
