// Package foreign reads what other load generators have stored, as the intervals, counts and histograms of
// this project. What a format does not hold is said in the result, and never filled in.
package foreign

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"bench/results"
)

// Result is what another tool measured.
type Result struct {
	Tool      string
	URL       string // scheme and host of the requests; "" if the format does not say
	Started   time.Time
	Duration  time.Duration // within which requests were sent; 0: unknown
	Intervals []results.Interval
	Counts    results.Counts
	Targets   []Target
	Reasons   []results.Reason
	// Missing says what the format does not hold, and what its figures mean.
	Missing []results.Diagnostic
}

// Target is what became of the requests of one target.
type Target struct {
	Name, Method string
	Counts       results.Counts
	Statuses     map[int]uint64
}

// Options are what a file may not say about itself.
type Options struct {
	Unit     time.Duration // of the values of a histogram; 0: as the file says
	Duration time.Duration // of the load; 0: as the file says
}

// Format is a form of results.
type Format struct {
	Name string
	Says string // what it is, for help
	// begins reports whether a file may be of this form, judged by its first bytes.
	begins func(head []byte) bool
	read   func(io.Reader, Options) (*Result, error)
}

// Formats is the table of all formats. Of several that a file may be, the first one is meant.
var Formats = []Format{
	{"vegeta-json", "vegeta encode --to json", vegetaJSONBegins, readVegetaJSON},
	{"k6", "k6 run --out json=FILE", k6Begins, readK6},
	{"k6-summary", "k6's summary, which is refused: it has no distribution", k6SummaryBegins, refuseK6Summary},
	{"vegeta-csv", "vegeta encode --to csv", vegetaCSVBegins, readVegetaCSV},
	{"hlog", "interval logs of HdrHistogram (V2)", hlogBegins, readHlog},
	{"hgrm", "percentiles of HdrHistogram, also in the output of wrk2 --latency", hgrmBegins, readHgrm},
	{"vegeta", "vegeta attack, its own binary form", vegetaGobBegins, readVegetaGob},
}

// headBytes are looked at to find a file's format.
const headBytes = 64 << 10

// Read reads a result of any format, or of the one that is named.
func Read(r io.Reader, format string, o Options) (*Result, error) {
	in := bufio.NewReaderSize(r, headBytes)
	head, err := in.Peek(headBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var names []string
	for _, f := range Formats {
		names = append(names, f.Name)
		if f.Name != format && (format != "" || !f.begins(head)) {
			continue
		}
		result, err := f.read(in, o)
		if err != nil {
			return nil, fmt.Errorf("reading it as %s (%s): %w", f.Name, f.Says, err)
		}
		if result.Counts.Intended == 0 {
			return nil, fmt.Errorf("reading it as %s (%s): it holds no request", f.Name, f.Says)
		}
		return result, result.Counts.Check()
	}
	if format != "" {
		return nil, fmt.Errorf("%q is not a format of results: want one of %s", format, strings.Join(names, ", "))
	}
	return nil, fmt.Errorf("it is none of %s", strings.Join(names, ", "))
}

// counted from when a request was sent: that is all that most tools keep.
var fromSending = results.Diagnostic{
	Code: "service-time-only",
	Message: "the times count from when a request was sent, not from when it was due: what a stalled server made " +
		"later requests wait is not in them (coordinated omission)",
	Hint: "Repeat the load with `bench load --rate`, which records both.",
}

// unknownArrivals is missing wherever a tool stores what it sent, and not what it should have sent.
var unknownArrivals = results.Diagnostic{
	Code:    "no-offered-rate",
	Message: "the rate that was to be offered is not stored, nor are requests that were due and never sent",
	Hint:    "Compare the rate with the one that was asked for.",
}

// notOurs is missing from all that another tool recorded.
func notOurs(tool string) results.Diagnostic {
	return results.Diagnostic{
		Code: "imported",
		Message: "this is what " + tool + " recorded. Whether the generator itself was slow, and what the machine did " +
			"meanwhile, is not stored, so the load has no better grade than DEGRADED",
	}
}

// lines calls use with each line, of at most a mebibyte, and adds its number to an error.
func lines(r io.Reader, use func(line []byte) error) error {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 0, 64<<10), 1<<20)
	number := 0
	for in.Scan() {
		number++
		line := bytes.TrimSpace(in.Bytes())
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		if len(line) == 0 {
			continue
		}
		if err := use(line); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("line %d: %w", number+1, err)
	}
	return nil
}

// firstLine is the first line that is not empty.
func firstLine(head []byte) []byte {
	line, _, _ := bytes.Cut(bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))), []byte("\n"))
	return bytes.TrimSpace(line)
}
