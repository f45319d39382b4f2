// Package accesslog reads when requests came, and which, from the logs of servers and load balancers
// and from plain lists of times.
package accesslog

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"bench/internal/strict"
)

// Request is a recorded request.
type Request struct {
	At     time.Duration // since the first one
	Method string        // empty: the log does not say
	Path   string        // and query
}

// Log is what was read.
type Log struct {
	Requests []Request // in time order
	Format   string
	// Skipped is the number of lines without a request, comments left aside; Cut says that the last
	// line of the file is one of them, because it is not complete.
	Skipped int
	Cut     bool
}

// Limits of a log. Requests take more memory than times alone.
const (
	mostTimes    = 50_000_000
	mostRequests = 2_000_000
	longestLine  = 1 << 20
	mostSkipped  = 10 // percent of the lines, in a format that anything might resemble
)

// record is a line's time, in nanoseconds of Unix time, and its request.
type record struct {
	at           int64
	method, path string
}

// Read reads a log, which may be compressed with gzip. The first line that holds a request decides the
// format of all. Whether the requests themselves are kept is the caller's choice; the times always are.
//
// Requests in the same second, which is the resolution of most logs, are spread evenly over it. Times
// that go back, as in logs written at the end of each request, are sorted.
func Read(r io.Reader, keep bool) (Log, error) {
	text, err := plain(r)
	if err != nil {
		return Log{}, err
	}
	in := reader{keep: keep, most: mostTimes}
	if keep {
		in.most = mostRequests
	}
	if isDocument(text) {
		err = in.document(text)
	} else {
		err = in.lines(text)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) { // such as a package that is being written
		in.skip("")
		in.whole, err = false, nil
	}
	if err != nil {
		return Log{}, err
	}
	return in.log()
}

// isDocument reports whether a text is JSON of more lines than objects, or of fewer.
func isDocument(text *bufio.Reader) bool {
	start, _ := text.Peek(256)
	begin := strings.TrimLeft(string(start), " \t\r\n")
	inner := strings.TrimLeft(strings.TrimPrefix(begin, "["), " \t\r\n")
	return strings.HasPrefix(inner, "{") && (inner != begin || strings.HasPrefix(strings.TrimLeft(begin, "{ \t\r"), "\n"))
}

// document reads objects that are in an array, or over several lines each.
func (in *reader) document(text *bufio.Reader) error {
	decoder := json.NewDecoder(text)
	if start, _ := text.Peek(256); strings.HasPrefix(strings.TrimSpace(string(start)), "[") {
		if _, err := decoder.Token(); err != nil {
			return err
		}
	}
	in.whole = true
	for decoder.More() {
		var object json.RawMessage
		if err := decoder.Decode(&object); err != nil {
			return fmt.Errorf("object %d: %w", in.number+1, err)
		}
		if err := in.line(string(object)); err != nil {
			return err
		}
	}
	return nil
}

func (in *reader) lines(text *bufio.Reader) error {
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, longestLine)
	lines.Split(in.splitLine)
	for lines.Scan() {
		line := lines.Text()
		if strings.Contains(line, "\x1b") {
			line = colours.ReplaceAllString(line, "")
		}
		if err := in.line(strings.TrimSpace(line)); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("line %d: %w", in.number+1, err)
	}
	return nil
}

// plain is the text of a file: unpacked, in UTF-8, and without a byte order mark.
func plain(r io.Reader) (*bufio.Reader, error) {
	b := bufio.NewReader(r)
	if start, _ := b.Peek(2); string(start) == "\x1f\x8b" {
		unpacked, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("unpacking: %w", err)
		}
		b = bufio.NewReader(unpacked)
	}
	start, _ := b.Peek(3)
	switch {
	case string(start) == "\xef\xbb\xbf":
		_, err := b.Discard(3)
		return b, err
	case len(start) >= 2 && (string(start[:2]) == "\xff\xfe" || string(start[:2]) == "\xfe\xff"):
		data, err := io.ReadAll(b)
		return bufio.NewReader(bytes.NewReader(strict.Text(data))), err
	}
	return b, nil
}

// reader reads a log line by line.
type reader struct {
	keep    bool
	most    int
	format  *format // known from the first line with a request on
	columns columns // of a table
	records []record
	number  int    // of the line
	first   string // line without a request
	at      int    // its number
	skipped int
	last    bool // the last line was skipped
	whole   bool // the file's last line has its end
	long    bool // within a line that is left out because it is too long
	part    bool // not all times are whole seconds
}

// splitLine notes whether the last line has an end, and leaves out lines that are too long.
func (in *reader) splitLine(data []byte, atEOF bool) (int, []byte, error) {
	n, line, err := bufio.ScanLines(data, atEOF)
	switch {
	case n > 0:
		in.whole = data[n-1] == '\n'
	case len(data) == longestLine:
		n = len(data)
		if !in.long {
			in.number++
			in.skip(string(data[:100]))
		}
		in.long = true
		return n, nil, nil
	}
	if n > 0 && in.long {
		in.long, line = false, nil
	}
	return n, line, err
}

// skip leaves out a line that is no request.
func (in *reader) skip(text string) {
	in.last = true
	if in.skipped++; in.skipped == 1 {
		in.first, in.at = text, in.number
	}
}

func (in *reader) line(text string) error {
	in.number++
	if text == "" || in.columns.read(text, in.format == nil) {
		return nil
	}
	if text[0] == '#' {
		return nil
	}
	r, is := in.parse(text)
	if !is {
		in.skip(text)
		return nil
	}
	in.last = false
	if len(in.records) == in.most {
		return fmt.Errorf("line %d: more than %d requests", in.number, in.most)
	}
	in.part = in.part || r.at%int64(time.Second) != 0
	if !in.keep {
		r.method, r.path = "", ""
	}
	in.records = append(in.records, r)
	return nil
}

// parse reads a line in the log's format, or finds out what that is.
func (in *reader) parse(text string) (record, bool) {
	if in.format != nil {
		r, is := in.format.parse(text, &in.columns)
		return r, is && r.sensible()
	}
	for i := range formats {
		if r, is := formats[i].parse(text, &in.columns); is && r.sensible() {
			in.format = &formats[i]
			return r, true
		}
	}
	return record{}, false
}

// sensible reports whether the time is after 1970, and so early that sums of two do not overflow.
func (r record) sensible() bool { return r.at >= 0 && r.at < 1<<62 }

func (in *reader) log() (Log, error) {
	l := Log{Skipped: in.skipped, Cut: in.last && !in.whole}
	if in.format == nil {
		if in.at == 0 {
			return l, errors.New("no lines with times")
		}
		return l, fmt.Errorf("line %d: no time of a request in %.60q: want an access log (of common or combined form, "+
			"JSON, CSV with a header, W3C extended), or lines that begin with seconds or RFC 3339 times", in.at, in.first)
	}
	if in.beforeAll() {
		in.records = in.records[:len(in.records)-1]
		l.Skipped, l.Cut, in.skipped = l.Skipped+1, true, in.skipped+1
	}
	lines := in.skipped + len(in.records)
	if l.Cut {
		lines, in.skipped = lines-1, in.skipped-1
	}
	if in.format.weak && in.skipped*100 > mostSkipped*lines {
		return l, fmt.Errorf(
			"%d of %d lines have no time, the first of them line %d, %.60q: this looks like a log of another kind",
			in.skipped, lines, in.at, in.first)
	}
	l.Format = in.format.name
	slices.SortStableFunc(in.records, func(a, b record) int { return cmp.Compare(a.at, b.at) })
	if !in.part {
		spread(in.records)
	}
	l.Requests = make([]Request, len(in.records))
	for i, r := range in.records {
		l.Requests[i] = Request{At: time.Duration(r.at - in.records[0].at), Method: r.method, Path: r.path}
	}
	return l, nil
}

// beforeAll reports whether the last line, which has no end, lacks digits of its time.
func (in *reader) beforeAll() bool {
	last := len(in.records) - 1
	if in.whole || in.last || !in.format.weak || last < 1 {
		return false
	}
	return !slices.ContainsFunc(in.records[:last], func(r record) bool { return r.at <= in.records[last].at })
}

// Times are the arrival times.
func (l Log) Times() []time.Duration {
	times := make([]time.Duration, len(l.Requests))
	for i, r := range l.Requests {
		times[i] = r.At
	}
	return times
}

// spread spreads the records of each whole second evenly over it.
func spread(all []record) {
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].at == all[i].at {
			j++
		}
		second, n := all[i].at, int64(j-i)
		for k := i; k < j; k++ {
			all[k].at = second + int64(k-i)*int64(time.Second)/n
		}
		i = j
	}
}
