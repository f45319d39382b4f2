package export

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"bench/results"
)

func ExampleBenchstat() {
	run, err := results.Load("../../results/testdata/run-1")
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = Benchstat(os.Stdout, run)
	// Output:
	// pkg: bench/compare
	// Benchmark/topology=uwsgi/scenario=page/load=rate-300 3 0 req/s 900 p50-µs 1000447 p99-µs 133333 cpu-µs/req
}

// made is a run with a thousand responses of 1 to 1000 ms, and an invalid cell that must not count.
func made() *results.Run {
	h := results.NewHistogram()
	for ms := int64(1); ms <= 1000; ms++ {
		_ = h.RecordValue(ms * 1000)
	}
	interval := results.Interval{Hists: map[results.Series]*results.Packed{{Kind: results.Response}: results.Pack(h)}}
	cell := func(topology string, grade results.Grade) *results.Cell {
		return &results.Cell{
			Topology: topology, Scenario: "page", Load: "rate-100", Mode: results.OpenLoop, Duration: 10, Grade: grade,
			Counts: results.Counts{Intended: 1000, Sent: 1000, OK: 1000}, Successful: 1000,
			Intervals: []results.Interval{interval},
		}
	}
	return &results.Run{Cells: []*results.Cell{cell("=HYPERLINK(1)", results.Valid), cell("uwsgi", results.Invalid)}}
}

func TestHGRMHasThePercentilesOfTheHistogram(t *testing.T) {
	var out bytes.Buffer
	if err := HGRM(&out, made()); err != nil {
		t.Fatal(err)
	}
	rows, last := 0, 0.0
	for lines := bufio.NewScanner(&out); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 || strings.HasPrefix(lines.Text(), "#") || fields[0] == "Value" {
			continue
		}
		value, _ := strconv.ParseFloat(fields[0], 64)
		percentile, err := strconv.ParseFloat(fields[1], 64)
		if err != nil || value < last {
			t.Fatalf("%q after %g: %v", lines.Text(), last, err)
		}
		// The value of percentile p of 1, 2 … 1000 ms is 1000·p ms, within the histogram's three digits.
		if want := 1000 * percentile; want > 1 && (value < want*0.998 || value > want*1.002+1) {
			t.Errorf("percentile %g is %g ms; want %g", percentile, value, want)
		}
		rows, last = rows+1, value
	}
	if rows < 40 || last < 999 || last > 1001 {
		t.Errorf("%d rows, the last of %g ms", rows, last)
	}
}

func TestCSVHoldsNoFormula(t *testing.T) {
	var out bytes.Buffer
	if err := CSV(&out, made()); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != 3 ||
		rows[1][2] != "'=HYPERLINK(1)" || rows[1][11] != "1000" || rows[2][10] != "INVALID" {
		t.Errorf("%v: %q", err, rows)
	}
}

func TestOnlyMeasurementsAreExported(t *testing.T) {
	for _, f := range Formats[1:] {
		var out bytes.Buffer
		if err := f.Write(&out, made()); err != nil || strings.Contains(out.String(), "uwsgi") {
			t.Errorf("%s: %v\n%s", f.Name, err, out.String())
		}
	}
}

func TestOpenMetrics(t *testing.T) {
	var out bytes.Buffer
	if err := OpenMetrics(&out, made()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# TYPE bench_throughput gauge\n",
		`bench_throughput{topology="=HYPERLINK(1)",scenario="page",load="rate-100"} 100` + "\n",
		`quantile="0.5"} 0.5`, `quantile="0.99"} 0.99`, "\n# EOF\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
