package foreign

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"bench/results"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

var (
	hgrmHead = regexp.MustCompile(`(?m)^\s*Value\s+Percentile\s+TotalCount`)
	wrkRun   = regexp.MustCompile(`^Running \S+ test @ (\S+)$`)
	wrkEnd   = regexp.MustCompile(`^(\d+) requests in ([\d.]+)(us|ms|s|m|h), `)
	wrkBad   = regexp.MustCompile(`^Non-2xx or 3xx responses: (\d+)$`)
	wrkLost  = regexp.MustCompile(`^Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)$`)
)

func hgrmBegins(head []byte) bool { return hgrmHead.Match(head) || wrkRun.Match(firstLine(head)) }

// hgrm is a percentile table, alone or in the output of wrk2.
type hgrm struct {
	in       bool // the table; of wrk2's two, the first one is corrected for coordinated omission
	rows     []hgrmRow
	wrk      bool
	url      string
	took     time.Duration
	requests uint64
	bad      uint64
	lost     [4]uint64 // connect, read, write, timeout
}

type hgrmRow struct {
	value float64
	total uint64
}

func readHgrm(r io.Reader, o Options) (*Result, error) {
	var h hgrm
	if err := lines(r, h.line); err != nil {
		return nil, err
	}
	if len(h.rows) == 0 {
		return nil, errors.New("there is no percentile table in it: wrk2 prints one with --latency")
	}
	unit := o.Unit
	if unit == 0 && h.wrk {
		unit = time.Millisecond
	}
	if unit == 0 {
		return nil, errors.New("a percentile table does not say the unit of its values: name it with --unit ns, us, ms or s")
	}
	if o.Duration > 0 {
		h.took = o.Duration
	}
	if h.took == 0 {
		return nil, errors.New("a percentile table does not say how long the load was: name it with --duration")
	}
	return h.result(unit)
}

func (h *hgrm) line(line []byte) error {
	text := string(line)
	switch {
	case hgrmHead.MatchString(text):
		h.in = len(h.rows) == 0
	case h.in && !strings.HasPrefix(text, "#"):
		return h.row(strings.Fields(text))
	case strings.HasPrefix(text, "#"):
		h.in = false
	}
	return h.wrkLine(text)
}

// wrkLine reads what wrk2 prints around the table.
func (h *hgrm) wrkLine(text string) (err error) {
	if m := wrkRun.FindStringSubmatch(text); m != nil {
		h.wrk, h.url = true, m[1]
	}
	if m := wrkEnd.FindStringSubmatch(text); m != nil {
		if h.took, err = time.ParseDuration(m[2] + m[3]); err != nil {
			return err
		}
		if h.requests, err = strconv.ParseUint(m[1], 10, 40); err != nil {
			return err
		}
	}
	if m := wrkBad.FindStringSubmatch(text); m != nil {
		h.bad, err = strconv.ParseUint(m[1], 10, 40)
	}
	if m := wrkLost.FindStringSubmatch(text); m != nil {
		for i := range h.lost {
			if h.lost[i], err = strconv.ParseUint(m[i+1], 10, 40); err != nil {
				return err
			}
		}
	}
	return err
}

func (h *hgrm) row(fields []string) error {
	if len(fields) < 3 {
		return fmt.Errorf("%d columns in the percentile table, want 3 or 4", len(fields))
	}
	value, err := strconv.ParseFloat(fields[0], 64)
	if err != nil || !(value >= 0 && value < 1e15) {
		return fmt.Errorf("%q is not a value", fields[0])
	}
	total, err := strconv.ParseUint(fields[2], 10, 64)
	if err != nil || total > 1e12 {
		return fmt.Errorf("%q is not a count", fields[2])
	}
	if n := len(h.rows); n > 0 && (value < h.rows[n-1].value || total < h.rows[n-1].total) {
		return errors.New("the percentile table does not rise")
	}
	h.rows = append(h.rows, hgrmRow{value, total})
	return nil
}

func (h *hgrm) result(unit time.Duration) (*Result, error) {
	tool, kind := "HdrHistogram", results.Service
	if h.wrk {
		tool, kind = "wrk2", results.Response
	}
	packed, clamped := hdr.NewPacked(results.LowestMicros, results.HighestMicros, results.SignificantDigits), uint64(0)
	before := uint64(0)
	for _, row := range h.rows {
		if n := row.total - before; n > 0 {
			us := int64(math.Round(min(row.value*float64(unit)/1e3, float64(results.HighestMicros)+1)))
			if us > results.HighestMicros {
				us, clamped = results.HighestMicros, clamped+n
			}
			if err := packed.RecordValues(us, int64(n)); err != nil {
				return nil, err
			}
		}
		before = row.total
	}
	return h.finish(tool, kind, packed, clamped), nil
}

// finish adds the counts. wrk2 begins its table after a calibration, and puts the times of responses with an
// error status among the others.
func (h *hgrm) finish(tool string, kind results.Kind, times *results.Packed, clamped uint64) *Result {
	timed := uint64(times.TotalCount())
	answered := max(h.requests, timed)
	failed := min(h.bad, answered-timed)
	var c results.Counts
	c.Add(results.OK, answered-failed)
	c.Add(results.HTTPError, failed)
	c.Add(results.ConnectError, h.lost[0])
	c.Add(results.Reset, h.lost[1]+h.lost[2])
	c.Add(results.Timeout, h.lost[3])
	out := &Result{
		Tool: tool, Duration: h.took, Counts: c, Missing: h.missing(tool, answered, timed, failed, clamped),
		Intervals: []results.Interval{{
			Length: h.took, Counts: c, Hists: map[results.Series]*results.Packed{{Kind: kind, Target: "requests"}: times},
		}},
		Targets: []Target{{Name: "requests", Counts: c, Statuses: map[int]uint64{}}},
	}
	if u, err := url.Parse(h.url); err == nil && u.Host != "" {
		out.URL = u.Scheme + "://" + u.Host
	}
	return out
}

// missing is what the table does not hold.
func (h *hgrm) missing(tool string, answered, timed, failed, clamped uint64) []results.Diagnostic {
	list := []results.Diagnostic{notOurs(tool), {Code: "percentiles-only", Message: fmt.Sprintf(
		"the distribution is known at %d percentiles: between two of them, times count as the longer one, and nothing "+
			"is known of single seconds", len(h.rows)),
	}, unknownArrivals}
	if !h.wrk {
		list = append(list, fromSending)
	}
	if answered > timed {
		list = append(list, results.Diagnostic{Code: "partly-timed", Message: fmt.Sprintf(
			"%d of %d responses have a time: wrk2 leaves out those of its calibration", timed, answered)})
	}
	if h.bad > failed {
		list = append(list, results.Diagnostic{Code: "failures-timed", Message: fmt.Sprintf(
			"%d responses had an error status; the times of at least %d of them are among the others and cannot be told "+
				"apart, so those count as successful here", h.bad, h.bad-failed)})
	}
	if clamped > 0 {
		list = append(list, results.Diagnostic{Code: "clamped",
			Message: fmt.Sprintf("%d times were longer than an hour, and count as an hour", clamped)})
	}
	return list
}
