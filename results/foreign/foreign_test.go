package foreign

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"bench/results"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	vegeta "github.com/tsenart/vegeta/v12/lib"
)

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// attack is what vegeta would record of 400 requests in four seconds, of which some fail.
func attack() (list []vegeta.Result) {
	for i := range 400 {
		r := vegeta.Result{
			Attack: "try", Seq: uint64(i), Code: 200, Method: "GET", URL: "http://127.0.0.1:8000/a?n=1",
			Timestamp: began.Add(time.Duration(i) * 10 * time.Millisecond), Latency: time.Duration(i+1) * time.Millisecond,
		}
		switch i % 100 {
		case 10:
			r.Code, r.Error = 503, "503 Service Unavailable"
		case 20:
			r.Code, r.Error = 0, `Get "http://127.0.0.1:8000/a": dial tcp 127.0.0.1:8000: connect: connection refused`
		case 30:
			r.Code, r.Error = 0, `Get "http://127.0.0.1:8000/a": context deadline exceeded (Client.Timeout exceeded)`
		case 40:
			r.Code, r.URL = 0, "http://127.0.0.1:8000/b"
			r.Error = "read tcp 127.0.0.1:5->127.0.0.1:8000: read: connection reset by peer"
		}
		list = append(list, r)
	}
	return list
}

func encode(t testing.TB, encoder func(*bytes.Buffer) vegeta.Encoder) []byte {
	var out bytes.Buffer
	e := encoder(&out)
	for _, r := range attack() {
		if err := e.Encode(&r); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

var encoders = map[string]func(*bytes.Buffer) vegeta.Encoder{
	"vegeta":      func(b *bytes.Buffer) vegeta.Encoder { return vegeta.NewEncoder(b) },
	"vegeta-json": func(b *bytes.Buffer) vegeta.Encoder { return vegeta.NewJSONEncoder(b) },
	"vegeta-csv":  func(b *bytes.Buffer) vegeta.Encoder { return vegeta.NewCSVEncoder(b) },
}

// The three forms of vegeta hold the same, and its own metrics agree with what is read.
func TestVegeta(t *testing.T) {
	var metrics vegeta.Metrics
	for _, r := range attack() {
		metrics.Add(&r)
	}
	metrics.Close()
	for name, encoder := range encoders {
		r, err := Read(bytes.NewReader(encode(t, encoder)), "", Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := results.Counts{Intended: 400, Sent: 400, OK: 384, HTTPError: 4, ConnectError: 4, Timeout: 4, Reset: 4}
		if r.Counts != want || r.Tool != "vegeta" || r.URL != "http://127.0.0.1:8000" || !r.Started.Equal(began) {
			t.Errorf("%s: %+v of %s at %s, %v", name, r.Counts, r.Tool, r.URL, r.Started)
		}
		if r.Counts.Intended != metrics.Requests || math.Abs(metrics.Success-float64(r.Counts.OK)/400) > 1e-9 {
			t.Errorf("%s: vegeta counts %d requests, %g successful", name, metrics.Requests, metrics.Success)
		}
		if rate := 400 / r.Duration.Seconds(); math.Abs(rate-100) > 0.01 {
			t.Errorf("%s: %g requests per second, sent at 100", name, rate)
		}
		if len(r.Intervals) != 4 || results.TotalCounts(r.Intervals) != want || len(r.Targets) != 2 {
			t.Errorf("%s: %d intervals, %d targets", name, len(r.Intervals), len(r.Targets))
		}
		h := results.Total(r.Intervals, results.Service)
		if h.TotalCount() != 388 || math.Abs(float64(h.Max())-400e3) > 400 {
			t.Errorf("%s: %d times, the longest %d µs", name, h.TotalCount(), h.Max())
		}
		if len(r.Reasons) != 4 || !says(r, "service-time-only") || !says(r, "no-offered-rate") {
			t.Errorf("%s: reasons %v, missing %v", name, r.Reasons, r.Missing)
		}
	}
}

func says(r *Result, code string) bool {
	for _, d := range r.Missing {
		if d.Code == code {
			return true
		}
	}
	return false
}

// The figures in the test are those of k6's own summary of the load in testdata/k6.json (k6 1.1.0, at
// 20 iterations per second, of two requests each, one of which is not found).
func TestK6(t *testing.T) {
	file, err := os.Open("testdata/k6.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := Read(file, "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Counts.Intended != 62 || r.Counts.OK != 31 || r.Counts.HTTPError != 31 || r.Tool != "k6" {
		t.Errorf("%s: %+v", r.Tool, r.Counts)
	}
	times := results.Total(r.Intervals, results.Service)
	failures := results.Total(r.Intervals, results.Failure)
	times.Merge(failures)
	for _, figure := range []struct {
		name      string
		got, want float64
	}{
		{"mean", times.Mean(), 1470.9}, {"shortest", float64(times.Min()), 294.76},
		{"longest", float64(times.Max()), 5312.6},
	} {
		if math.Abs(figure.got/figure.want-1) > 0.002 {
			t.Errorf("%s: %g µs, and k6 says %g", figure.name, figure.got, figure.want)
		}
	}
	if rate := 62 / r.Duration.Seconds(); math.Abs(rate-41.2) > 1.5 || r.URL != "http://127.0.0.1:9471" {
		t.Errorf("%g requests per second to %s, and k6 says 41.2", rate, r.URL)
	}
	if len(r.Targets) != 2 || r.Targets[0].Name != "home" || r.Targets[1].Name != "GET /missing" {
		t.Errorf("targets %+v", r.Targets)
	}
	if results.Total(r.Intervals, results.TTFB).TotalCount() != 31 {
		t.Error("the times to the first byte are missing")
	}
}

func TestK6SummariesAreRefused(t *testing.T) {
	_, err := Read(strings.NewReader(`{"metrics": {"http_req_duration": {"avg": 1, "p(95)": 2}}}`), "", Options{})
	if err == nil || !strings.Contains(err.Error(), "--out json") {
		t.Errorf("Read = %v", err)
	}
}

// known is a histogram of nanoseconds with a geometry of its own.
func known() *hdr.Histogram {
	h := hdr.New(1, int64(time.Hour), 3)
	for i := range int64(10000) {
		_ = h.RecordValue(i * i * 10) // up to a second
	}
	return h
}

// A log that the library of HdrHistogram writes is read with its percentiles, whatever its unit and geometry.
func TestIntervalLogs(t *testing.T) {
	var out bytes.Buffer
	w := hdr.NewHistogramLogWriter(&out)
	_ = w.OutputLogFormatVersion()
	_ = w.OutputStartTime(began.UnixMilli())
	_ = w.OutputLegend()
	for second := range int64(3) {
		h := known()
		h.SetTag([]string{"read", "write", "read"}[second])
		h.SetStartTimeMs(second * 1000)
		h.SetEndTimeMs(second*1000 + 1000)
		if err := w.OutputIntervalHistogram(h); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Read(bytes.NewReader(out.Bytes()), "", Options{Unit: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	if r.Counts.OK != 30000 || r.Duration != 3*time.Second || !r.Started.Equal(began) || len(r.Targets) != 2 {
		t.Errorf("%+v in %v from %v, %d targets", r.Counts, r.Duration, r.Started, len(r.Targets))
	}
	agree(t, results.Total(r.Intervals, results.Service))
	_, err = Read(bytes.NewReader(out.Bytes()), "", Options{})
	if err == nil || !strings.Contains(err.Error(), "--unit") {
		t.Errorf("without a unit: %v", err)
	}
}

// agree compares percentiles with those of the known histogram.
func agree(t *testing.T, got *results.Histogram) {
	t.Helper()
	for _, percent := range []float64{10, 50, 90, 99, 99.9, 100} {
		want := float64(results.Percentile(known(), percent)) / 1e3
		if have := float64(results.Percentile(got, percent)); math.Abs(have-want) > want*0.003+1 {
			t.Errorf("p%g is %g µs, want %g", percent, have, want)
		}
	}
}

// So is a table of percentiles, which the same library prints.
func TestPercentileTables(t *testing.T) {
	var table bytes.Buffer
	if _, err := known().PercentilesPrint(&table, 5, 1e6); err != nil {
		t.Fatal(err)
	}
	r, err := Read(bytes.NewReader(table.Bytes()), "", Options{Unit: time.Millisecond, Duration: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	agree(t, results.Total(r.Intervals, results.Service))
	if r.Counts.OK != 10000 || !says(r, "percentiles-only") {
		t.Errorf("%+v, %v", r.Counts, r.Missing)
	}
	for _, o := range []Options{{Unit: time.Millisecond}, {Duration: time.Second}} {
		if _, err := Read(bytes.NewReader(table.Bytes()), "", o); err == nil {
			t.Errorf("%+v is enough", o)
		}
	}
	// In the output of wrk2 it says all of that itself.
	wrk2 := "Running 10s test @ http://127.0.0.1:8000/index.html\n  2 threads and 100 connections\n" +
		"  Latency Distribution (HdrHistogram - Recorded Latency)\n 50.000%    1.00ms\n\n" +
		"  Detailed Percentile spectrum:\n" + table.String() +
		"----------------------------------------------------------\n  10100 requests in 10.00s, 1.00MB read\n" +
		"  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 60\nRequests/sec:   1010.00\n"
	r, err = Read(strings.NewReader(wrk2), "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	agree(t, results.Total(r.Intervals, results.Response))
	want := results.Counts{Intended: 10110, Sent: 10110, OK: 10040, HTTPError: 60, ConnectError: 1, Reset: 5, Timeout: 4}
	if r.Tool != "wrk2" || r.Duration != 10*time.Second || r.Counts != want || r.URL != "http://127.0.0.1:8000" {
		t.Errorf("%s: %+v in %v, %s", r.Tool, r.Counts, r.Duration, r.URL)
	}
}

// Results of many targets over a long time take bounded memory, in the order in which they come.
func TestBounds(t *testing.T) {
	rec := newRecorder()
	for i := range 5000 {
		at := began.Add(time.Duration(i*7919%5000) * 10 * time.Second)
		err := rec.add(request{sent: at, took: time.Millisecond, name: fmt.Sprint(i % 500), method: "GET"})
		if err != nil {
			t.Fatal(err)
		}
	}
	r := rec.result("test")
	if len(r.Intervals) > mostIntervals || len(r.Targets) > mostTargets+1 ||
		results.TotalCounts(r.Intervals) != r.Counts {
		t.Errorf("%d intervals, %d targets, %+v", len(r.Intervals), len(r.Targets), r.Counts)
	}
	for i, iv := range r.Intervals[1:] {
		if before := r.Intervals[i]; iv.Start < before.Start+before.Length {
			t.Fatalf("the interval at %v begins before the one at %v has ended", iv.Start, before.Start)
		}
	}
}

func TestWhatIsNotAResult(t *testing.T) {
	for _, text := range []string{
		"", "hello\n", "{}", "{\"a\": 1}\n", "1,2,3\n", "\x00\x01\x02", "Value Percentile TotalCount\n1 2\n",
		`{"metric":"http_req_duration","type":"Point","data":{"time":"1970-01-01T00:00:00Z","value":1}}`,
		`{"metric":"http_req_duration","type":"Point","data":{"time":"2026-01-01T00:00:00Z","value":-1}}`,
		"Tag=a,0,1,2,HISTFAAAA\n", "0,1,2,!!\n", "\xfd\x7f\xff\xff\xffResult",
	} {
		if r, err := Read(strings.NewReader(text), "", Options{Unit: time.Second, Duration: time.Second}); err == nil {
			t.Errorf("%q was read: %+v", text, r)
		}
	}
}

func Example() {
	table := "       Value     Percentile TotalCount 1/(1-Percentile)\n\n" +
		"       2.000 0.500000000000         50           2.00\n       9.000 1.000000000000        100            inf\n"
	r, err := Read(strings.NewReader(table), "hgrm", Options{Unit: time.Millisecond, Duration: time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Counts.OK, results.Percentile(results.Total(r.Intervals, results.Service), 50), "µs")
	for _, missing := range r.Missing {
		fmt.Println(missing.Code)
	}
	// Output:
	// 100 2000 µs
	// imported
	// percentiles-only
	// no-offered-rate
	// service-time-only
}

// Whatever a file holds, it is read or refused, and what is read adds up.
func FuzzRead(f *testing.F) {
	for _, encoder := range encoders {
		data := encode(f, encoder)
		f.Add(data[:min(len(data), 2000)])
	}
	k6, err := os.ReadFile("testdata/k6.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(k6[:2000])
	var table bytes.Buffer
	_, _ = known().PercentilesPrint(&table, 1, 1e6)
	f.Add(table.Bytes())
	var log bytes.Buffer
	_ = hdr.NewHistogramLogWriter(&log).OutputIntervalHistogram(known())
	f.Add(log.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, format := range Formats {
			r, err := Read(bytes.NewReader(data), format.Name, Options{Unit: time.Millisecond, Duration: time.Second})
			if err != nil {
				continue
			}
			if err := r.Counts.Check(); err != nil || results.TotalCounts(r.Intervals) != r.Counts || len(r.Targets) == 0 {
				t.Fatalf("%s: %v; %+v in %d intervals", format.Name, err, r.Counts, len(r.Intervals))
			}
		}
	})
}
