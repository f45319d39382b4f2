package ladder

import (
	"fmt"
	"maps"
	"slices"

	"bench/reports/compare"
	"bench/reports/page"
	"bench/results"
	"bench/stats"
)

// Evidence is what the servers did under the closed loop, unless it says otherwise.
type Evidence struct {
	Concurrency int             `json:"concurrency"`          // at a time; 0: those of all connections; -1: unknown
	EventLoop   bool            `json:"event_loop,omitempty"` // those of all connections, by event loops
	Response    results.Summary `json:"response_us"`
	// Common is the response time at the rate that is offered to all rungs.
	CommonRate float64            `json:"common_rate,omitempty"`
	Common     results.Summary    `json:"response_at_common_rate_us"`
	CPU        map[string]float64 `json:"cpu_ms_per_request"`
	BusyCores  map[string]float64 `json:"busy_cores"`
	// App and QueueWait divide the service time of a request, on average; nil: nobody says.
	App       *stats.Interval `json:"app_ms,omitempty"`
	QueueWait *stats.Interval `json:"queue_wait_ms,omitempty"`
	// Wait is the distribution of the wait, where the app says of each response how long it worked on it.
	Wait        results.Summary `json:"queue_wait_us"`
	TimedBy     string          `json:"timed_by,omitempty"`         // app or server
	WorkersBusy *stats.Interval `json:"workers_busy,omitempty"`     // share of the time; nil: nobody counts it
	ListenQueue *float64        `json:"listen_queue_max,omitempty"` // connections, the longest seen; nil: not known
	Overflows   uint64          `json:"listen_overflows"`
	PerConn     float64         `json:"requests_per_connection"`
	Failed      uint64          `json:"failed"`
	Limit       string          `json:"limit,omitempty"` // generator, workers, interpreter, cpu or threads
	LimitText   string          `json:"limit_text,omitempty"`
}

// Who says how long a request was worked on.
const (
	timedByApp    = "app"    // Server-Timing
	timedByServer = "server" // a counter
)

// evidence is what the servers did.
func (r *Report) evidence(t compare.Topology, l compare.Load) Evidence {
	e := Evidence{
		Concurrency: t.Concurrency, EventLoop: t.EventLoop,
		Response: l.Response, CPU: l.CPU, BusyCores: l.BusyCores, PerConn: l.PerConn,
		Overflows: l.Server.ListenOverflows, Failed: l.Counts.Failed(), Wait: l.Wait, ListenQueue: longestQueue(l.Server),
	}
	waiting := r.compared.Waiting(t, l)
	e.App, e.QueueWait, e.WorkersBusy = known(waiting.App), known(waiting.Queue), known(waiting.Busy)
	switch {
	case waiting.ByApp:
		e.TimedBy = timedByApp
	case e.App != nil:
		e.TimedBy = timedByServer
	}
	e.Limit, e.LimitText = r.compared.Limit(t, l)
	if common := r.compared.CommonRate(); common != nil {
		e.CommonRate = common.Offered
		if at := t.Load(r.Scenario, common.Load); at != nil {
			e.Common = at.Response
		}
	}
	return e
}

// known is an interval; nil if nothing was measured.
func known(i stats.Interval) *stats.Interval {
	if !i.Measured() {
		return nil
	}
	return &i
}

// longestQueue is that of any process, as seen; nil if nobody looked.
func longestQueue(s results.Server) (longest *float64) {
	for _, counters := range s.Counters {
		if n, looked := counters[results.ListenQueueMax]; looked && (longest == nil || n > *longest) {
			longest = &n
		}
	}
	return longest
}

func (r *Report) evidenceTable() page.Table {
	t := page.Table{Columns: page.Columns("rung", "#mean time in the app", "#mean wait", "#p99 of the wait",
		"#workers busy", "concurrency", "#listen queue", "#CPU per request", "by tier", "#requests per connection",
		"#failed", "limit")}
	for _, rung := range r.Rungs {
		e := rung.Evidence
		t.Rows = append(t.Rows, []string{
			rung.Name, measured(e.App, page.Millis), measured(e.QueueWait, page.Millis), tail(e.Wait),
			measured(e.WorkersBusy, page.Percent), concurrency(e), queue(e), perRequest(e.CPU),
			compare.TierList(e.CPU),
			page.Number(e.PerConn), fmt.Sprint(e.Failed), e.Limit,
		})
	}
	t.Note = "In the closed loop. " + r.timedBy() + " Listen queues are the longest seen, by looking five times a " +
		"second; overflows are connections that the kernel turned away."
	return t
}

// timedBy says whose word the time in the app is, and what the wait then is.
func (r *Report) timedBy() string {
	by := map[string][]string{}
	for _, rung := range r.Rungs {
		by[rung.Evidence.TimedBy] = append(by[rung.Evidence.TimedBy], rung.Name)
	}
	const app = "The time in the app is what it says itself (Server-Timing), and the wait the rest of the service time " +
		"of the same responses: in queues, in other servers and on the way."
	switch count := len(by[timedByServer]); {
	case count == 0 && len(by[timedByApp]) == 0:
		return "Neither the app nor a server says how long requests were worked on."
	case count == 0:
		return app
	}
	server := "by the server's count, over all requests, those included that no worker saw"
	if len(by[timedByApp]) == 0 {
		return "The time in the app is that of a worker, " + server + "; the wait is the rest of the service time."
	}
	return app + " Of " + page.List(by[timedByServer]) + " it is that of a worker, " + server + "."
}

func measured(i *stats.Interval, format func(float64) string) string {
	if i == nil {
		return page.Unknown
	}
	return page.Interval(*i, format)
}

func tail(s results.Summary) string {
	if s.Count == 0 {
		return page.Unknown
	}
	return page.Micros(s.P99)
}

func concurrency(e Evidence) string {
	switch {
	case e.Concurrency > 0:
		return fmt.Sprint(e.Concurrency)
	case e.EventLoop:
		return "event loop"
	case e.Concurrency == 0:
		return "a thread each"
	}
	return page.Unknown
}

func queue(e Evidence) string {
	text := page.Unknown
	if e.ListenQueue != nil {
		text = fmt.Sprintf("%.0f", *e.ListenQueue)
	}
	if e.Overflows > 0 {
		text += fmt.Sprintf(", %s", page.Count(e.Overflows, "overflow"))
	}
	return text
}

func perRequest(byTier map[string]float64) string {
	if len(byTier) == 0 {
		return page.Unknown
	}
	return page.Millis(total(byTier))
}

func total(byTier map[string]float64) (sum float64) {
	for _, tier := range slices.Sorted(maps.Keys(byTier)) {
		sum += byTier[tier]
	}
	return sum
}

// limits say what limited each rung.
func (r *Report) limits() (items []page.Item) {
	for _, rung := range r.Rungs {
		if text := rung.Evidence.LimitText; text != "" {
			items = append(items, page.Item{Name: rung.Name, Text: text})
		}
	}
	return items
}
