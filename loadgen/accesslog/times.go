package accesslog

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// bracketLayouts are the times that logs put into brackets. Those of the common log format come first:
// no other kind of log has them.
var bracketLayouts = []struct {
	layout string
	common bool
}{
	{"02/Jan/2006:15:04:05 -0700", true},
	{"02/Jan/2006:15:04:05", true},
	{"02/Jan/2006 15:04:05", false},
	{"Mon Jan _2 15:04:05 2006", false},
}

// bracketTime reads a time as it stands in brackets. Fractions of a second are understood everywhere.
func bracketTime(text string) (at int64, common, is bool) {
	for _, l := range bracketLayouts {
		if t, err := time.Parse(l.layout, text); err == nil {
			return t.UnixNano(), l.common, true
		}
	}
	at, is = isoTime(text)
	return at, false, is
}

// isoLayouts are RFC 3339 and what is taken for it. A zone that is not given is as good as any: only
// differences matter.
var isoLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 Z0700", "2006-01-02 15:04:05",
}

func isoTime(text string) (int64, bool) {
	if len(text) < len("2006-01-02T15:04:05") || text[4] != '-' && text[4] != '/' {
		return 0, false
	}
	text = strings.Replace(text, "/", "-", 2)
	text = strings.Replace(text, ",", ".", 1) // ISO 8601 allows both before a fraction
	for _, layout := range isoLayouts {
		if t, err := time.Parse(layout, text); err == nil && t.Year() >= 1970 && t.Year() < 2100 {
			return t.UnixNano(), true
		}
	}
	return 0, false
}

// leastUnix is the least number of seconds, in nanoseconds, that is taken for Unix time: 2001.
const leastUnix = 1_000_000_000 * int64(time.Second)

// numberTime reads seconds. Numbers too large for seconds of Unix time in this millennium are its
// milliseconds, microseconds or nanoseconds.
func numberTime(text string) (int64, bool) {
	if text == "" || strings.Trim(text, "0123456789.") != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, false
	}
	unit := time.Second
	switch {
	case v >= 1e17:
		unit = time.Nanosecond
	case v >= 1e14:
		unit = time.Microsecond
	case v >= 1e11:
		unit = time.Millisecond
	}
	if v*float64(unit) >= 1<<62 {
		return 0, false
	}
	whole, fraction := math.Modf(v)
	return int64(whole)*int64(unit) + int64(math.Round(fraction*float64(unit))), true
}

// anyTime reads a time in any of these forms.
func anyTime(text string) (int64, bool) {
	if at, is := numberTime(text); is {
		return at, true
	}
	at, _, is := bracketTime(strings.Trim(text, "[]"))
	return at, is
}
