package foreign

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"bench/results"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

var (
	hlogStart = regexp.MustCompile(`^#\[StartTime: ([\d.]+)`)
	hlogOwn   = regexp.MustCompile(`(?m)^#\[bench: microseconds`)
	hlogLine  = regexp.MustCompile(`^(?:Tag=[^,]*,)?[\d.]+,[\d.]+,[\d.]+,[A-Za-z0-9+/]+=*$`)
)

func hlogBegins(head []byte) bool {
	for line := range bytes.SplitSeq(head, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && line[0] != '"' {
			return hlogLine.Match(line) || bytes.HasPrefix(line, []byte("Tag=")) || bytes.Contains(line, []byte(",HISTF"))
		}
	}
	return false
}

// hlogReader reads an interval log: a histogram for each interval and tag.
type hlogReader struct {
	unit      time.Duration
	started   time.Time
	intervals []results.Interval
	targets   map[string]bool
	clamped   uint64
}

func readHlog(r io.Reader, o Options) (*Result, error) {
	if o.Unit == 0 {
		return nil, errors.New("an interval log does not say the unit of its values: name it with --unit ns, us, ms or s")
	}
	h := hlogReader{unit: o.Unit, targets: map[string]bool{}}
	if err := lines(r, h.line); err != nil {
		return nil, err
	}
	if len(h.intervals) == 0 {
		return nil, errors.New("there is no histogram in it")
	}
	return h.result(), nil
}

func (h *hlogReader) line(line []byte) error {
	text := string(line)
	switch {
	case hlogOwn.MatchString(text):
		return errors.New("this is a file of a run of bench: `bench report RUN` reads it with the rest of the run")
	case text[0] == '#':
		if m := hlogStart.FindStringSubmatch(text); m != nil {
			seconds, err := strconv.ParseFloat(m[1], 64)
			if err != nil || !(seconds >= 0 && seconds < 7e9) {
				return fmt.Errorf("start time %q", m[1])
			}
			h.started = time.UnixMicro(int64(seconds * 1e6)).UTC()
		}
		return nil
	case text[0] == '"': // the legend
		return nil
	}
	return h.interval(text)
}

func (h *hlogReader) interval(text string) error {
	tag := "requests"
	if rest, tagged := strings.CutPrefix(text, "Tag="); tagged {
		tag, text, _ = strings.Cut(rest, ",")
	}
	fields := strings.Split(text, ",")
	if len(fields) != 4 {
		return fmt.Errorf("%d fields, want start, length, maximum and histogram", len(fields))
	}
	var times [2]time.Duration
	for i := range times {
		seconds, err := strconv.ParseFloat(fields[i], 64)
		if err != nil || !(seconds >= 0 && seconds < 7e9) {
			return fmt.Errorf("%q is not a time in seconds", fields[i])
		}
		times[i] = time.Duration(seconds*1e3) * time.Millisecond
	}
	decoded, err := decodeAny([]byte(fields[3]))
	if err != nil {
		return err
	}
	if !h.targets[tag] && len(h.targets) >= mostTargets {
		tag = others
	}
	h.targets[tag] = true
	return h.merge(times[0], max(times[1], time.Millisecond), tag, decoded)
}

// merge adds a histogram to its interval. Intervals with one start are one.
func (h *hlogReader) merge(start, length time.Duration, tag string, decoded *hdr.Histogram) error {
	at := len(h.intervals) - 1
	for at >= 0 && h.intervals[at].Start != start && at > len(h.intervals)-mostTargets {
		at--
	}
	if at < 0 || h.intervals[at].Start != start {
		if len(h.intervals) >= 24*3600 {
			return errors.New("more intervals than a day has seconds")
		}
		at = len(h.intervals)
		h.intervals = append(h.intervals, results.Interval{
			Start: start, Length: length, Hists: map[results.Series]*results.Packed{},
		})
	}
	iv := &h.intervals[at]
	series := results.Series{Kind: results.Service, Target: tag}
	if iv.Hists[series] == nil {
		iv.Hists[series] = hdr.NewPacked(results.LowestMicros, results.HighestMicros, results.SignificantDigits)
	}
	for _, bar := range decoded.Distribution() {
		if bar.Count <= 0 {
			continue
		}
		us := int64(math.Round(min(float64(bar.To)*float64(h.unit)/1e3, float64(results.HighestMicros)+1)))
		if us > results.HighestMicros {
			us, h.clamped = results.HighestMicros, h.clamped+uint64(bar.Count)
		}
		if err := iv.Hists[series].RecordValues(us, bar.Count); err != nil {
			return err
		}
		iv.Counts.Add(results.OK, uint64(bar.Count))
	}
	return iv.Counts.Check()
}

func (h *hlogReader) result() *Result {
	first, end := h.intervals[0].Start, time.Duration(0)
	out := &Result{Tool: "HdrHistogram", Started: h.started}
	byTarget := map[string]*Target{}
	for i := range h.intervals {
		iv := &h.intervals[i]
		iv.Start = max(0, iv.Start-first)
		end = max(end, iv.Start+iv.Length)
		for series, packed := range iv.Hists {
			t := byTarget[series.Target]
			if t == nil {
				t = &Target{Name: series.Target, Statuses: map[int]uint64{}}
				byTarget[series.Target] = t
			}
			t.Counts.Add(results.OK, uint64(packed.TotalCount()))
		}
		out.Counts = out.Counts.Plus(iv.Counts)
	}
	for _, t := range byTarget {
		out.Targets = append(out.Targets, *t)
	}
	out.Intervals, out.Duration = h.intervals, end
	out.Missing = []results.Diagnostic{notOurs(out.Tool), fromSending, unknownArrivals, {
		Code: "no-failures", Message: "an interval log holds no failed requests",
	}}
	return out
}

// mostCounts is the size of the largest geometry that is read: 1 ns to an hour at three digits has a
// thirtieth of it.
const mostCounts = 1 << 20

// decodeAny decodes a histogram of any sensible geometry.
func decodeAny(encoded []byte) (*hdr.Histogram, error) {
	err := results.CheckHistogram(encoded, func(h results.HistogramHeader) (int64, error) {
		if h.Lowest < 1 || h.Highest < 2*h.Lowest || h.Digits < 0 || h.Digits > 5 || h.Offset != 0 {
			return 0, fmt.Errorf("covers %d to %d at %d digits", h.Lowest, h.Highest, h.Digits)
		}
		perDoubling := 2 * math.Pow10(int(h.Digits))
		doublings := math.Log2(float64(h.Highest)/float64(h.Lowest)) + 2
		if perDoubling*doublings > mostCounts {
			return 0, fmt.Errorf("%d to %d at %d digits has more counts than are read", h.Lowest, h.Highest, h.Digits)
		}
		return mostCounts, nil
	})
	if err != nil {
		return nil, err
	}
	decoded, err := hdr.Decode(encoded)
	if err != nil {
		return nil, fmt.Errorf("histogram: %w", err)
	}
	return decoded, nil
}
