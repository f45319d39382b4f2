package page

import (
	"fmt"
	"strings"

	"bench/results"
	"bench/stats"
)

// Numbers as people read them: one place for all reports.

// Unknown stands for what was not measured.
const Unknown = "—"

// Number writes a rate or a count with at least three significant digits and commas at the thousands:
// 3.14, 27.2, 428, 1,239.
func Number(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	text := fmt.Sprintf("%.0f", v)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// Micros writes microseconds in the unit that suits their size.
func Micros(us int64) string {
	switch {
	case us < 1000:
		return fmt.Sprintf("%d µs", us)
	case us < 10_000:
		return fmt.Sprintf("%.2f ms", float64(us)/1e3)
	case us < 100_000:
		return fmt.Sprintf("%.1f ms", float64(us)/1e3)
	case us < 1_000_000:
		return fmt.Sprintf("%.0f ms", float64(us)/1e3)
	}
	return fmt.Sprintf("%.2f s", float64(us)/1e6)
}

// Millis writes milliseconds of CPU time.
func Millis(ms float64) string {
	if ms < 1 {
		return fmt.Sprintf("%.3f ms", ms)
	}
	return fmt.Sprintf("%.2f ms", ms)
}

// MiB writes a size of memory.
func MiB(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

// Percent writes a share of 1: 0.123 is 12.3 %, 0.987 is 99 %, 0.00012 is 0.012 %.
func Percent(share float64) string {
	switch percent := share * 100; {
	case percent == 0:
		return "0 %"
	case percent < 0.1:
		return fmt.Sprintf("%.2g %%", percent)
	case percent < 1:
		return fmt.Sprintf("%.2f %%", percent)
	case percent < 20:
		return fmt.Sprintf("%.1f %%", percent)
	default:
		return fmt.Sprintf("%.0f %%", percent)
	}
}

// Judged writes what was measured of an objective, and what keeps it from being decided.
func Judged(o results.Judged) string {
	value := "too many requests got no successful response"
	switch {
	case o.Value == nil:
	case strings.HasPrefix(o.Objective, "errors"):
		value = Percent(*o.Value)
	default:
		value = Micros(int64(*o.Value))
	}
	if o.Verdict == results.Undecided {
		needed, _, _ := strings.Cut(Count(o.Needed, "request"), " ")
		value += fmt.Sprintf("; %s, where it takes %s to tell", Count(o.Requests, "request"), needed)
	}
	return value
}

// Change writes a ratio as a change: 1.052 is +5.2 %.
func Change(ratio float64) string { return fmt.Sprintf("%+.1f %%", (ratio-1)*100) }

// Factor writes a ratio with three significant digits: 3.14×, 27.2×, 428×.
func Factor(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f×", v)
	case v >= 10:
		return fmt.Sprintf("%.1f×", v)
	case v >= 1:
		return fmt.Sprintf("%.2f×", v)
	}
	return fmt.Sprintf("%.3f×", v)
}

// Interval writes an estimate with its interval, in the format of the number and with its unit once:
// 1,239 [1,096, 1,358], 5.67× [5.61, 5.72], 2.06 ms [1.91, 2.20].
func Interval(i stats.Interval, format func(float64) string) string {
	switch {
	case !i.Measured() && i.Value == 0:
		return Unknown
	case i.High == 0 && i.Low > 0:
		return "≥ " + format(i.Low)
	case i.Low == 0 && i.High > 0:
		return "≤ " + format(i.High)
	case !i.Known() && i.Low == i.High:
		return format(i.Value) + " (no CI)"
	}
	value, low, high := format(i.Value), format(i.Low), format(i.High)
	if u := unit(value); unit(low) == u && unit(high) == u {
		low, high = strings.TrimSuffix(low, u), strings.TrimSuffix(high, u)
	}
	return fmt.Sprintf("%s [%s, %s]", value, low, high)
}

// unit is what follows the digits of a number.
func unit(number string) string { return number[strings.LastIndexAny(number, "0123456789")+1:] }

// Whole writes a number of things without their name: 7, 1,239.
func Whole[N int | int64 | uint64](n N) string {
	if n >= 1000 {
		return Number(float64(n))
	}
	return fmt.Sprint(n)
}

// Count writes a number of things: 1 thread, 2 threads, 6 boxes.
func Count[N int | int64 | uint64](n N, thing string) string {
	text := Whole(n)
	switch {
	case n == 1:
		return text + " " + thing
	case strings.HasSuffix(thing, "s"), strings.HasSuffix(thing, "x"):
		return text + " " + thing + "es"
	}
	return text + " " + thing + "s"
}

// List joins names as in a sentence: a, b and c.
func List(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// Range writes the ends of an interval: 1,684 – 1,803. An estimate without an interval has none.
func Range(i stats.Interval, format func(float64) string) string {
	switch {
	case i.High == 0 && i.Low > 0:
		return "≥ " + format(i.Low)
	case i.Low == 0 && i.High > 0:
		return "≤ " + format(i.High)
	case !i.Known():
		return Unknown
	}
	return between(format(i.Low), format(i.High))
}

// between are the ends of an interval, with a unit that they share at the second.
func between(low, high string) string {
	if u := unit(high); unit(low) == u {
		low = strings.TrimSuffix(low, u)
	}
	return low + " – " + high
}

// Bar draws a share of a length in eighths of a character, for tables of a terminal.
func Bar(share float64, length int) string {
	eighths := int(min(1, max(0, share))*float64(length)*8 + 0.5)
	bar := strings.Repeat("█", eighths/8)
	if part := eighths % 8; part > 0 {
		bar += string([]rune("▏▎▍▌▋▊▉")[part-1])
	}
	return bar
}
