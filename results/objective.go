package results

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"bench/stats"
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
	o := Objective{Metric: strings.ToLower(strings.TrimSpace(text[:at]))}
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
	d, err := time.ParseDuration(strings.ReplaceAll(value, " ", "")) // reports write 50 ms
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
	return fmt.Sprintf("%s < %s", o.Metric, short(time.Duration(math.Round(o.Limit*1e3))))
}

// short is a duration without units of which there are none: 5m, not 5m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// What an objective can come to.
const (
	Met       = "met"
	Missed    = "missed"
	Undecided = "undecided" // too few requests to tell
)

// Judged is how a load did against an objective. Value and verdict rest on the same requests: all
// that were due, dropped, failed and abandoned ones among them.
type Judged struct {
	Objective string `json:"objective"`
	// Value is in microseconds, or a share of 1 for errors; nil: too few requests got a successful
	// response for the metric to have one.
	Value    *float64 `json:"value,omitempty"`
	Verdict  string   `json:"verdict"`
	Met      bool     `json:"met"` // the verdict is Met
	Requests uint64   `json:"requests"`
	Needed   uint64   `json:"requests_needed,omitempty"` // for any limit to be met
}

// Judge holds a load against the objective. The verdict is that of the value: met if it is below the
// limit. With fewer requests than Fewest it is Met for none, and Missed only where even so few show
// it; the rest is Undecided. A load without a successful response meets no limit.
func (o Objective) Judge(h *Histogram, counts Counts) Judged {
	part, whole := o.share(h, counts)
	j := Judged{Objective: o.String(), Value: o.value(h, counts), Requests: counts.Intended, Needed: o.Fewest()}
	few := j.Requests < j.Needed
	switch {
	case counts.OK == 0:
		j.Verdict = Missed
	case few && stats.AtLeast(part, j.Requests, o.Allowed()) > shownBy:
		j.Verdict = Undecided
	case o.Misses(part, whole):
		j.Verdict = Missed
	case few:
		j.Verdict = Undecided
	default:
		j.Verdict = Met
	}
	j.Met = j.Verdict == Met
	return j
}

// shownBy is a significance level: requests too few to show that a limit is met show that it is
// missed when, at the limit, as many beyond it would be less probable than this.
const shownBy = 0.05

// Fewest is the number of requests that any load needs to meet the objective: with 3/(1−q), none of
// which lies beyond the limit, the share that does is below 1−q with a confidence of 95 % (the rule
// of three; Hanley and Lippman-Hand, JAMA 1983). Mean and max need none.
func (o Objective) Fewest() uint64 {
	if o.Metric == "mean" || o.Metric == "max" {
		return 0
	}
	const rounding = 1e-9 // 1 − 0.9 is not exactly 0.1
	return uint64(math.Ceil(3 / o.Allowed() * (1 - rounding)))
}

// value is the metric of all requests that were due: microseconds, or a share of 1 for errors. A
// percentile is that of nearest rank among them, where those without a successful response are
// slower than any other; if it falls among these, or they are part of a maximum, there is no value.
func (o Objective) value(h *Histogram, c Counts) *float64 {
	part, whole := o.share(h, c)
	unanswered := int64(c.Timeout + c.InFlight)
	wrong := int64(c.Failed()) - unanswered
	var v float64
	switch o.Metric {
	case "errors":
		if whole > 0 {
			v = part / whole
		}
	case "mean":
		if whole == 0 {
			return nil
		}
		v = part / whole * o.Limit
	case "max":
		if wrong+unanswered > 0 || c.OK == 0 {
			return nil
		}
		v = float64(h.Max())
	default:
		rank := stats.Rank(o.Quantile, int64(c.Intended))
		if rank > int64(c.OK) || rank == 0 {
			return nil
		}
		v = float64(atRanks(h, []int64{rank})[0])
	}
	return &v
}

// Misses reports whether a load with this part of the whole, as Share gives them, is beyond the limit.
func (o Objective) Misses(part, whole float64) bool {
	switch o.Metric {
	case "errors", "mean":
		return part >= o.Allowed()*whole && part > 0
	case "max":
		return part > 0
	}
	return part > whole-float64(stats.Rank(o.Quantile, int64(whole)))
}

// Allowed is the limit on part over whole, as Share gives them, where requests are many.
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
// of. Both may be summed over intervals. Requests without a successful response count as slower than
// any limit, and in a mean as twice the limit.
func (o Objective) Share(iv Interval) (part, whole float64) {
	var response *Histogram
	if o.Metric != "errors" { // which needs none
		response = Total([]Interval{iv}, Response)
	}
	return o.share(response, iv.Counts)
}

// share is Share of all requests of a load. Response times include timeouts and abandoned requests,
// with the time that they were waited for; they also miss any longer limit.
func (o Objective) share(h *Histogram, c Counts) (part, whole float64) {
	wrong := float64(c.HTTPError + c.BadBody + c.ConnectError + c.Reset + c.Dropped)
	unanswered := float64(c.Timeout + c.InFlight)
	switch o.Metric {
	case "errors":
		return float64(c.Failed()), float64(c.Intended)
	case "mean":
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
