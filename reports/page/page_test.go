package page

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bench/reports/plot"
	"bench/results"
	"bench/stats"
)

func sample() Document {
	return Document{
		Kind: "compare", Title: "bench compare: shop",
		Outcome:  Outcome{Verdict: Passed, Label: "VALID"},
		Headline: "uwsgi serves 3.00× as many requests as runserver.",
		Lead:     []string{"At 200 requests per second, p99 is 45.1 ms with runserver and 2.10 ms with uwsgi."},
		Heading:  "6 blocks · 2026-01-02 03:04 UTC · 1m40s",
		Sections: []Section{
			{ID: "rates", Title: "Throughput by scenario", Tables: []Table{{
				Columns: Columns("topology", "#req/s"), Note: "Closed loop.",
				Rows: [][]string{{"runserver", "300"}, {"uwsgi", "1,239"}},
			}}},
			{ID: "why", Title: "Why", Items: []Item{{Name: "uwsgi", Text: "The CPU was saturated."}}},
			{ID: "diagnostics", Title: "Diagnostics", Diagnostics: []results.Diagnostic{
				{Code: "late", Message: "the search ended after 660 ms", Hint: "Use --thorough."},
			}},
			{ID: "figures", Title: "Figures", Figures: []plot.Figure{
				plot.OverTime("over-time", "Response time over the run",
					[]plot.Series{{Name: "uwsgi", Points: plot.Sequence([]float64{900, 950})}}),
			}},
			{ID: "method", Title: "Method", Folded: true, Text: []string{"Measured in blocks."},
				Commands: []string{"bench compare --seed 5"}},
		},
		Data:  map[string]string{"schema": "bench.compare/2"},
		Files: []File{{"junit.xml", []byte("<testsuite/>\n")}},
	}
}

func ExampleText() {
	_ = Text(os.Stdout, sample())
	// Output:
	// VALID (1 note): uwsgi serves 3.00× as many requests as runserver.
	// At 200 requests per second, p99 is 45.1 ms with runserver and 2.10 ms with uwsgi.
	// 6 blocks · 2026-01-02 03:04 UTC · 1m40s
	//
	// Throughput by scenario
	//   topology   req/s
	//   runserver    300
	//   uwsgi      1,239
	//   Closed loop.
	//
	// Why
	//   uwsgi: The CPU was saturated.
	//
	// Diagnostics
	//   note: late: the search ended after 660 ms. Use --thorough.
}

func TestMarkdown(t *testing.T) {
	var out bytes.Buffer
	if err := Markdown(&out, sample()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"### ✅ VALID (1 note): uwsgi serves 3.00× as many requests as runserver.\n",
		"\n#### Throughput by scenario\n\n| topology | req/s |\n|---|---:|\n| runserver | 300 |\n| uwsgi | 1,239 |\n" +
			"\nClosed loop.\n",
		"\n- **uwsgi**: The CPU was saturated.\n",
		"\n- **note** late: the search ended after 660 ms. Use --thorough.\n",
		"\n<details><summary>Method</summary>\n\nMeasured in blocks.\n\n- `bench compare --seed 5`\n\n</details>\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "#### Figures") {
		t.Error("a title with nothing below it")
	}
}

// Sections without content and tables without rows are left out.
func TestEmptySectionsAreLeftOut(t *testing.T) {
	d := Document{Kind: "x", Data: map[string]string{"schema": "x/1"}, Sections: []Section{
		{ID: "empty", Title: "Nothing here"},
		{ID: "rows", Title: "No rows here", Tables: []Table{{Columns: Columns("a", "b")}}},
		{ID: "some", Title: "Something", Items: []Item{{Text: "an item"}}},
	}}
	for _, f := range formats {
		var out bytes.Buffer
		if err := f.write(&out, d); err != nil {
			t.Fatal(err)
		}
		if text := withoutCode(out.String()); strings.Contains(text, " here") {
			t.Errorf("%s:\n%s", f.file, text)
		}
	}
}

func TestEveryFormatIsWritten(t *testing.T) {
	dir := t.TempDir()
	if err := WriteAll(dir, sample()); err != nil {
		t.Fatal(err)
	}
	names := []string{"junit.xml", "plots/over-time.svg", "plots/over-time.png"}
	for _, f := range formats {
		names = append(names, f.file)
	}
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil || !strings.Contains(string(data), `"kind": "over-time"`) ||
		!strings.Contains(string(data), `"schema": "bench.compare/2"`) {
		t.Errorf("report.json lacks its data or its figures: %v\n%s", err, data)
	}
}

func TestNumbers(t *testing.T) {
	for _, row := range []struct{ got, want string }{
		{Number(0), "0"}, {Number(3.14159), "3.14"}, {Number(27.18), "27.2"}, {Number(428.4), "428"},
		{Number(1239.4), "1,239"},
		{Number(999.6), "1,000"}, {Number(1234567), "1,234,567"},
		{Micros(52863), "52.9 ms"}, {Micros(512), "512 µs"}, {Micros(6540), "6.54 ms"},
		{Micros(244_000), "244 ms"}, {Micros(1_500_000), "1.50 s"},
		{Millis(0.45), "0.450 ms"}, {Millis(2.5), "2.50 ms"}, {MiB(30 << 20), "30.0 MiB"},
		{Percent(0), "0 %"}, {Percent(0.00012), "0.012 %"}, {Percent(0.0032), "0.32 %"},
		{Percent(0.123), "12.3 %"}, {Percent(0.987), "99 %"},
		{Change(1.052), "+5.2 %"}, {Change(0.9), "-10.0 %"},
		{Factor(428.4), "428×"}, {Factor(27.18), "27.2×"}, {Factor(3.14159), "3.14×"}, {Factor(0.3171), "0.317×"},
		{Interval(stats.Interval{Value: 1239, Low: 1096, High: 1358, Confidence: 0.95, N: 6}, Number),
			"1,239 [1,096, 1,358]"},
		{Interval(stats.Interval{Value: 5, Low: 5, High: 5, N: 1}, Number), "5.00 (no CI)"},
		{Interval(stats.Interval{Value: 2.06, Low: 0.627, High: 6.78, Confidence: 0.95, N: 3}, Millis),
			"2.06 ms [0.627, 6.78]"},
		{Interval(stats.Interval{Value: 1.1, Low: 0.9, High: 1.2, Confidence: 0.95, N: 3}, Change),
			"+10.0 % [-10.0, +20.0]"},
		{Interval(stats.Interval{Value: 5.667, Low: 5.61, High: 12.4, Confidence: 0.95, N: 6}, Factor),
			"5.67× [5.61, 12.4]"},
		{Interval(stats.Interval{}, Number), "—"},
		{Interval(stats.Between(1096, 0, ""), Number), "≥ 1,096"}, {Interval(stats.Between(0, 50, ""), Number), "≤ 50.0"},
		{Interval(stats.Between(90, 1000, ""), Number), "300 [90.0, 1,000]"},
		{Count(1, "thread"), "1 thread"}, {Count(2, "thread"), "2 threads"}, {Count(0, "pair"), "0 pairs"},
		{Count(uint64(1200), "request"), "1,200 requests"}, {Count(2, "class"), "2 classes"},
		{List(nil), ""}, {List([]string{"a"}), "a"}, {List([]string{"a", "b", "c"}), "a, b and c"},
	} {
		if row.got != row.want {
			t.Errorf("%q; want %q", row.got, row.want)
		}
	}
}

func ExampleInterval() {
	rate := stats.Interval{Value: 1239.2, Low: 1096, High: 1358, Confidence: 0.95, N: 6}
	fmt.Println(Interval(rate, Number))
	fmt.Println(Interval(stats.Between(1096, 0, "search"), Number))
	// Output:
	// 1,239 [1,096, 1,358]
	// ≥ 1,096
}

// What ran where stands before the notes, once, and only where there were hosts.
func TestHostsStandBeforeTheNotes(t *testing.T) {
	d := Document{Sections: []Section{{ID: "capacity"}, Diagnosed(nil), {ID: "method"}}}
	d.AddHosts(results.Manifest{})
	if len(d.Sections) != 3 {
		t.Errorf("%d sections where all ran on one machine", len(d.Sections))
	}
	m := results.Manifest{Fleet: []results.FleetHost{{Name: "app", Kind: "ssh", Target: "a", Runs: []string{"uwsgi"}}}}
	d.AddHosts(m)
	d.AddHosts(m)
	if len(d.Sections) != 4 || d.Sections[1].ID != HostsSection || d.Sections[1].Tables[0].Rows[0][4] != "uwsgi" {
		t.Errorf("%+v: want the hosts once, before the notes", d.Sections)
	}
}
