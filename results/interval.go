package results

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"bench/internal/secret"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Kind says which of a request's times a histogram counts.
type Kind string

const (
	Response Kind = "response" // end − due, of successful responses; a timeout counts at its limit
	Service  Kind = "service"  // end − sent, of the same requests
	Lateness Kind = "lateness" // sent − due, of every request sent: the generator's or the pool's delay
	Failure  Kind = "failure"  // end − due, of failed requests, kept separate: an error may be fast
	Connect  Kind = "connect"  // time to open each connection
	Wakeup   Kind = "wakeup"   // sampled: from a response's arrival in the kernel to its reading
	TTFB     Kind = "ttfb"     // first byte − sent
	App      Kind = "app"      // time in the app, of successful responses whose app says it
	Wait     Kind = "wait"     // end − sent − the time in the app, of the same responses
)

// Kinds lists every kind, in file order.
var Kinds = []Kind{Response, Service, Lateness, Failure, Connect, TTFB, Wakeup, App, Wait}

// Series names one histogram of an interval. Target is empty for kinds that belong to no
// target.
type Series struct {
	Kind   Kind
	Target string
}

// tag is the series as an interval log has it, where a comma ends the tag and a line break the entry.
func (s Series) tag() string { return string(s.Kind) + ";" + tagEscapes.Replace(s.Target) }

var tagEscapes = strings.NewReplacer("%", "%25", ",", "%2C", " ", "%20", "\n", "%0A", "\r", "%0D")

// targetOf is the target of a tag. Older logs have a percent sign as it is.
func targetOf(tag string) string {
	if target, err := url.PathUnescape(tag); err == nil {
		return target
	}
	return tag
}

// withoutSecrets are histograms by target as they may be written. Targets that differ in a secret alone
// become one.
func withoutSecrets(hists map[Series]*Packed) map[Series]*Packed {
	clean := make(map[Series]*Packed, len(hists))
	for s, h := range hists {
		s.Target = secret.Redact(s.Target)
		if other := clean[s]; other != nil {
			sum := NewHistogram()
			other.MergeInto(sum)
			h.MergeInto(sum)
			h = Pack(sum)
		}
		clean[s] = h
	}
	return clean
}

// Interval is what ended within [Start, Start+Length), measured from the start of the plan.
type Interval struct {
	Start  time.Duration
	Length time.Duration
	Counts Counts
	Hists  map[Series]*Packed
}

// Total merges the histograms of one kind over all targets and intervals.
func Total(intervals []Interval, kind Kind) *Histogram {
	sum := NewHistogram()
	for _, iv := range intervals {
		for series, h := range iv.Hists {
			if series.Kind == kind {
				h.MergeInto(sum)
			}
		}
	}
	return sum
}

// TotalByTarget merges the histograms of one kind for each target.
func TotalByTarget(intervals []Interval, kind Kind) map[string]*Histogram {
	sums := map[string]*Histogram{}
	for _, iv := range intervals {
		for series, h := range iv.Hists {
			if series.Kind != kind {
				continue
			}
			if sums[series.Target] == nil {
				sums[series.Target] = NewHistogram()
			}
			h.MergeInto(sums[series.Target])
		}
	}
	return sums
}

// TotalCounts adds the counts of all intervals.
func TotalCounts(intervals []Interval) Counts {
	var sum Counts
	for _, iv := range intervals {
		sum = sum.Plus(iv.Counts)
	}
	return sum
}

// writeHlog writes the histograms as an HdrHistogram V2 interval log, which any reader of that
// format understands. The tag of a line is "kind;target".
func writeHlog(w io.Writer, intervals []Interval) error {
	log := hdr.NewHistogramLogWriter(w)
	const about = "[bench: microseconds; tag = kind;target; times since the start of the plan]"
	if err := log.OutputComment(about); err != nil {
		return err
	}
	if err := log.OutputLogFormatVersion(); err != nil {
		return err
	}
	if err := log.OutputLegend(); err != nil {
		return err
	}
	for _, iv := range intervals {
		hists := withoutSecrets(iv.Hists)
		byTag := func(a, b Series) int { return strings.Compare(a.tag(), b.tag()) }
		for _, s := range slices.SortedFunc(maps.Keys(hists), byTag) {
			h := hists[s]
			h.SetTag(s.tag())
			h.SetStartTimeMs(iv.Start.Milliseconds())
			h.SetEndTimeMs((iv.Start + iv.Length).Milliseconds())
			if err := log.OutputIntervalPackedHistogram(h); err != nil {
				return fmt.Errorf("writing the histogram %s: %w", s.tag(), err)
			}
		}
	}
	return nil
}

// readHlog adds the histograms of an interval log to the intervals they belong to.
func readHlog(r io.Reader, intervals []Interval) error {
	at := map[time.Duration]int{}
	for i := range intervals {
		at[intervals[i].Start] = i
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4<<20)
	for number := 1; lines.Scan(); number++ {
		line := lines.Text()
		if line == "" || line[0] == '#' || line[0] == '"' {
			continue
		}
		start, series, h, err := parseHlogLine(line)
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		i, known := at[start]
		if !known {
			return fmt.Errorf("line %d: the counts have no interval that starts at %v", number, start)
		}
		if intervals[i].Hists == nil {
			intervals[i].Hists = map[Series]*Packed{}
		}
		if intervals[i].Hists[series] != nil {
			return fmt.Errorf("line %d: %s at %v appears twice", number, series.tag(), start)
		}
		intervals[i].Hists[series] = h
	}
	for i := range intervals {
		intervals[i].Hists = withoutSecrets(intervals[i].Hists)
	}
	return lines.Err()
}

func parseHlogLine(line string) (start time.Duration, series Series, h *Packed, err error) {
	tag, rest, found := strings.Cut(line, ",")
	kind, target, tagged := strings.Cut(strings.TrimPrefix(tag, "Tag="), ";")
	if !found || !tagged || !strings.HasPrefix(tag, "Tag=") {
		return 0, series, nil, errors.New("it does not start with Tag=kind;target")
	}
	if !slices.Contains(Kinds, Kind(kind)) {
		return 0, series, nil, fmt.Errorf("unknown kind %q", kind)
	}
	fields := strings.Split(rest, ",")
	if len(fields) != 4 {
		return 0, series, nil, fmt.Errorf("%d fields after the tag, want 4", len(fields))
	}
	seconds, err := strconv.ParseFloat(fields[0], 64)
	if err != nil || !(seconds >= 0 && seconds < 1e9) {
		return 0, series, nil, fmt.Errorf("start time %q", fields[0])
	}
	start = time.Duration(seconds*1e3+0.5) * time.Millisecond
	h, err = decodeHistogram([]byte(fields[3]))
	return start, Series{Kind(kind), targetOf(target)}, h, err
}

var countsHeader = []string{
	"start_s", "length_s", "intended", "sent", "ok", "http_error", "bad_body", "connect_error",
	"reset", "timeout", "dropped", "in_flight", "stale_retry",
}

func (t Counts) fields() []uint64 {
	return []uint64{
		t.Intended, t.Sent, t.OK, t.HTTPError, t.BadBody, t.ConnectError,
		t.Reset, t.Timeout, t.Dropped, t.InFlight, t.StaleRetry,
	}
}

func countsOf(f []uint64) Counts {
	return Counts{
		Intended: f[0], Sent: f[1], OK: f[2], HTTPError: f[3], BadBody: f[4], ConnectError: f[5],
		Reset: f[6], Timeout: f[7], Dropped: f[8], InFlight: f[9], StaleRetry: f[10],
	}
}

func formatSeconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', 3, 64)
}

func parseSeconds(s string) (time.Duration, error) {
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil || !(seconds >= 0 && seconds < 1e9) {
		return 0, fmt.Errorf("%q is not a time in seconds", s)
	}
	return time.Duration(seconds*1e3+0.5) * time.Millisecond, nil
}

func writeCounts(w io.Writer, intervals []Interval) error {
	out := csv.NewWriter(w)
	rows := [][]string{countsHeader}
	for _, iv := range intervals {
		row := []string{formatSeconds(iv.Start), formatSeconds(iv.Length)}
		for _, n := range iv.Counts.fields() {
			row = append(row, strconv.FormatUint(n, 10))
		}
		rows = append(rows, row)
	}
	return out.WriteAll(rows)
}

func readCounts(r io.Reader) ([]Interval, error) {
	rows, err := readCSV(r, countsHeader)
	if err != nil {
		return nil, err
	}
	var intervals []Interval
	for i, row := range rows {
		var iv Interval
		if iv.Start, err = parseSeconds(row[0]); err != nil {
			return nil, fmt.Errorf("row %d: %w", i+1, err)
		}
		if iv.Length, err = parseSeconds(row[1]); err != nil {
			return nil, fmt.Errorf("row %d: %w", i+1, err)
		}
		var fields []uint64
		for _, text := range row[2:] {
			n, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("row %d: %w", i+1, err)
			}
			fields = append(fields, n)
		}
		iv.Counts = countsOf(fields)
		if err := iv.Counts.Check(); err != nil {
			return nil, fmt.Errorf("row %d: %w", i+1, err)
		}
		intervals = append(intervals, iv)
	}
	return intervals, nil
}

// readCSV reads a table whose first row must be the given header.
func readCSV(r io.Reader, header []string) ([][]string, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = len(header)
	rows, err := in.ReadAll()
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 || !slices.Equal(rows[0], header) {
		return nil, fmt.Errorf("the first row is not %s", strings.Join(header, ","))
	}
	return rows[1:], nil
}

// EncodeHlog returns the intervals as an HdrHistogram interval log.
func EncodeHlog(intervals []Interval) ([]byte, error) {
	var out bytes.Buffer
	err := writeHlog(&out, intervals)
	return out.Bytes(), err
}
