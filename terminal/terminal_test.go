package terminal

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bench/experiments"
	"bench/internal/inert"
	"bench/results"
	"bench/scenarios"
	"bench/stats"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

var began = time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)

// drawn applies events, a second apart, and draws the result as plain text.
func drawn(width, height int, events ...experiments.Event) string {
	s, now := NewState(began), began
	for _, e := range events {
		now = now.Add(time.Second)
		s.Apply(e, now)
	}
	return ansi.Strip(s.Draw(width, height, now))
}

// comparing are the events of a comparison in the middle of a cell.
func comparing() []experiments.Event {
	known := stats.Interval{Value: 412.3, Low: 395.1, High: 428.8, Confidence: 0.95, N: 3}
	ratio := stats.Interval{Value: 4.1, Low: 3.9, High: 4.3, Confidence: 0.95, N: 3}
	return []experiments.Event{
		experiments.RunStarted{Run: "compare", Plan: []string{"2 topologies, page and io"}, Estimate: time.Minute},
		scenarios.Booted{Arm: "runserver"},
		scenarios.Booted{Arm: "uwsgi:workers=2"},
		scenarios.CellStarted{Arm: "uwsgi:workers=2", Scenario: "page", Load: "closed", Block: 2, Cell: 7, Of: 20},
		scenarios.CellDone{Arm: "uwsgi:workers=2", Cell: 7, Of: 20, Rate: 412, P99: 9800 * time.Microsecond,
			Diagnostics: []results.Diagnostic{{Code: "steal", Message: "the hypervisor took 8 % of a core"}}},
		scenarios.Estimated{Arm: "uwsgi:workers=2", Measure: "maximum throughput, page", Unit: "req/s", Value: known},
		scenarios.Estimated{
			Arm: "uwsgi:workers=2", Measure: "maximum throughput, page", Baseline: "runserver", Value: ratio,
		},
		scenarios.CellStarted{Arm: "runserver", Scenario: "page", Load: "closed", Block: 2, Cell: 8, Of: 20,
			Remaining: 40 * time.Second},
		scenarios.Second{Arm: "runserver", Elapsed: time.Second, Length: 5 * time.Second, Rate: 101,
			P50: 9 * time.Millisecond, P99: 71 * time.Millisecond, Counts: results.Counts{Intended: 104, OK: 101, Timeout: 3}},
	}
}

func TestTheViewShowsWhatIsKnownSoFar(t *testing.T) {
	want := strings.TrimSpace(`
bench compare  0:09, about 0:39 left  2 topologies, page and io
████████░░░░░░░░░░░░░░░░ cell 8 of 20, block 2
  ● runserver page closed  101 req/s  p50 9.00 ms  p99 71.0 ms  3 failed

● runserver        not measured yet
● uwsgi:workers=2  maximum throughput, page 412 [395, 429] req/s  4.10× [3.9, 4.3] so far against runserver

! the hypervisor took 8 % of a core`)
	if got := drawn(120, 40, comparing()...); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAGateShowsTheChangeSoFar(t *testing.T) {
	slower := stats.Interval{Value: 1.19, Low: 1.12, High: 1.271, Confidence: 0.95, N: 4}
	got := drawn(60, 20,
		experiments.RunStarted{Run: "gate"}, scenarios.Booted{Arm: "base"},
		scenarios.Estimated{Arm: "head", Measure: "CPU time per request", Baseline: "base", Value: slower},
		scenarios.Estimated{Arm: "head", Measure: "median response time", Baseline: "base", Value: slower},
		experiments.EstimateSoFar{Text: "pair 5, 40s of 3m0s: inconclusive", Step: 5, Elapsed: 40 * time.Second,
			Budget: 3 * time.Minute})
	for _, want := range []string{
		"CPU time per requ…  +19 % [+12, +27] so far", "median response t…  +19 % [+12, +27] so far",
		"about 2:20 left", "pair 5, 40s of 3m0s: inconclusive",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

// Whatever the size of the window, and however much there is to show, the view stays within it.
func TestTheViewFitsItsWindow(t *testing.T) {
	events := comparing()
	for i := range 40 {
		name := fmt.Sprintf("topology-with-a-long-name-%d", i)
		events = append(events, scenarios.Booted{Arm: name}, experiments.Diagnostic{
			Diagnostic: results.Diagnostic{Code: name, Message: strings.Repeat("something was wrong, ", 20)},
		})
	}
	for _, size := range [][2]int{{200, 50}, {120, 30}, {80, 24}, {60, 20}, {60, 8}, {20, 3}, {1, 1}} {
		lines := strings.Split(drawn(size[0], size[1], events...), "\n")
		if len(lines) > size[1] {
			t.Errorf("%d lines in a window of %v", len(lines), size)
		}
		for _, line := range lines {
			if lipgloss.Width(line) > max(size[0], 20) {
				t.Errorf("%q in a window of %v", line, size)
			}
		}
		if size[0] >= 60 && size[1] >= 20 && !strings.Contains(strings.Join(lines, "\n"), "runserver") {
			t.Errorf("the load under way is not shown in a window of %v", size)
		}
	}
}

func TestNamesCannotControlTheTerminal(t *testing.T) {
	for _, payload := range inert.Payloads {
		bad := []results.Diagnostic{{Code: payload, Message: payload}}
		known := stats.Interval{Value: 1, N: 1}
		s := NewState(began)
		for _, e := range []experiments.Event{
			experiments.RunStarted{Run: "compare", Plan: []string{payload}}, scenarios.Doing{Text: payload},
			scenarios.CellStarted{Arm: payload, Scenario: payload, Load: payload, Cell: 1, Of: 2},
			scenarios.Second{Arm: payload, Elapsed: 1},
			scenarios.CellDone{Arm: "b" + payload, Diagnostics: bad},
			scenarios.Estimated{Arm: payload, Measure: payload, Unit: "req/s", Value: known},
			scenarios.Estimated{Arm: payload, Measure: payload, Baseline: payload, Value: known},
			experiments.EstimateSoFar{Text: payload},
		} {
			s.Apply(e, began)
		}
		for _, c := range ansi.Strip(s.Draw(200, 50, began)) {
			if c != '\n' && inert.Unsafe(c) {
				t.Fatalf("%q is shown with %q", payload, c)
			}
		}
	}
}

// Where nothing can be redrawn, there is a line every five seconds, and at once what has to stay.
func TestLinesComeEveryFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		lines := &Lines{To: &out}
		for range 12 {
			lines.Show(scenarios.Doing{Text: "working"})
			time.Sleep(time.Second)
		}
		lines.Show(experiments.Message{Text: "installed"})
		lines.Close()
		if want := strings.Repeat("bench: working\n", 3) + "bench: installed\n"; out.String() != want {
			t.Errorf("got %q; want %q", out.String(), want)
		}
	})
}
