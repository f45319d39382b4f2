package results

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Objective is a limit that a load must meet, such as "p99 < 250ms" or "errors < 0.1%".
type Objective struct {
	Metric string // pNN[.NN], mean, max or errors
	// Quantile in percent, for the pNN metrics.
	Quantile float64
	// Limit in microseconds, or as a share of 1 for errors. A value equal to it fails.
	Limit float64
}

// ParseError reports a text that does not parse, with the column of the error.
type ParseError struct {
	Text   string
	Column int // from 1
	Reason string
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("parsing %q: column %d: %s", e.Text, e.Column, e.Reason)
}

// ParseObjective reads one objective.
func ParseObjective(text string) (Objective, error) {
	fail := func(column int, format string, args ...any) (Objective, error) {
		return Objective{}, &ParseError{text, column + 1, fmt.Sprintf(format, args...)}
	}
	at := strings.IndexByte(text, '<')
	if at < 0 {
		return fail(len(text), "no '<'; write a limit such as p99 < 250ms or errors < 0.1%%")
	}
	o := Objective{Metric: strings.TrimSpace(text[:at])}
	value := strings.TrimSpace(text[at+1:])
	column := len(text) - len(strings.TrimLeft(text[at+1:], " \t"))
	switch {
	case o.Metric == "errors":
		digits, percent := strings.CutSuffix(value, "%")
		share, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		if err != nil {
			return fail(column, "%q is not a share; write 0.1%% or 0.001", value)
		}
		if percent {
			share /= 100
		}
		if !(share >= 1e-8 && share <= 1) {
			return fail(column, "the share %s is not within (0, 100%%]", value)
		}
		o.Limit = share
		return o, nil
	case o.Metric == "mean", o.Metric == "max":
	case strings.HasPrefix(o.Metric, "p"):
		q, err := strconv.ParseFloat(o.Metric[1:], 64)
		if err != nil || !(q > 0 && q < 100) {
			return fail(0, "%q is not a percentile within (0, 100)", o.Metric)
		}
		o.Quantile = q
	default:
		return fail(0, "unknown metric %q; want p50, p99, p99.9, mean, max or errors", o.Metric)
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		return fail(column, "%q is not a duration; write 250ms or 1.5s", value)
	}
	if d <= 0 || d > time.Hour {
		return fail(column, "the limit %s is not within (0, 1h]", value)
	}
	o.Limit = float64(d) / float64(time.Microsecond)
	return o, nil
}

// ParseObjectives reads a comma-separated list. Columns of errors count from the start of
// the whole list.
func ParseObjectives(text string) ([]Objective, error) {
	var list []Objective
	column := 0
	for part := range strings.SplitSeq(text, ",") {
		o, err := ParseObjective(part)
		if err != nil {
			e := err.(*ParseError)
			return nil, &ParseError{text, column + e.Column, e.Reason}
		}
		list = append(list, o)
		column += len(part) + 1
	}
	return list, nil
}

// String returns the objective in the form that ParseObjective reads.
func (o Objective) String() string {
	if o.Metric == "errors" {
		return fmt.Sprintf("errors < %s%%", strconv.FormatFloat(math.Round(o.Limit*1e8)/1e6, 'g', -1, 64))
	}
	return fmt.Sprintf("%s < %v", o.Metric, time.Duration(math.Round(o.Limit*1e3)))
}

// Value returns the metric of a load: microseconds, or a share of 1 for errors. Dropped
// requests count as errors, since they got no response.
func (o Objective) Value(h *Histogram, counts Counts) float64 {
	switch o.Metric {
	case "errors":
		if counts.Intended == 0 {
			return 0
		}
		return float64(counts.Failed()) / float64(counts.Intended)
	case "mean":
		return h.Mean()
	case "max":
		return float64(h.Max())
	}
	return float64(Percentile(h, o.Quantile))
}

// Met reports whether the load meets the limit. Requests without a successful response count
// as slower than any limit, and in a mean as twice the limit: if 1 % fail and 1 % are slow, p99
// is missed. A load without a successful response meets no limit.
func (o Objective) Met(h *Histogram, counts Counts) bool {
	if counts.OK == 0 {
		return false
	}
	if o.Metric == "errors" {
		return o.Value(h, counts) < o.Limit
	}
	part, whole := o.share(h, counts)
	if o.Metric == "max" {
		return part == 0
	}
	return part < o.Allowed()*whole
}

// Allowed is the limit on part over whole, as Share gives them: they must stay below it, or in
// the case of max must not exceed it.
func (o Objective) Allowed() float64 {
	switch o.Metric {
	case "errors":
		return o.Limit
	case "mean":
		return 1
	case "max":
		return 0
	}
	return 1 - o.Quantile/100
}

// Share is the part of an interval that the objective limits, and the whole that it is a part
// of. Unlike Value, both may be summed over intervals. Requests without a successful response
// count as slower than any limit, and in a mean as twice the limit.
func (o Objective) Share(iv Interval) (part, whole float64) {
	c := iv.Counts
	if o.Metric == "errors" {
		return float64(c.Failed()), float64(c.Intended)
	}
	return o.share(Total([]Interval{iv}, Response), c)
}

// share is Share of an objective on response times. These include timeouts and abandoned
// requests, with the time that they were waited for; they also miss any longer limit.
func (o Objective) share(h *Histogram, c Counts) (part, whole float64) {
	wrong := float64(c.HTTPError + c.BadBody + c.ConnectError + c.Reset + c.Dropped)
	unanswered := float64(c.Timeout + c.InFlight)
	if o.Metric == "mean" {
		n := float64(h.TotalCount())
		return h.Mean()*n + 2*o.Limit*wrong + o.Limit*unanswered, o.Limit * (n + wrong)
	}
	for _, bar := range h.Distribution() {
		if float64(bar.To) >= o.Limit {
			part += float64(bar.Count)
		}
	}
	return max(part, unanswered) + wrong, float64(c.Intended)
}
