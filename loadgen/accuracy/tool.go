// Package accuracy checks load generators, bench's own engines and others, against what is known
// independently: the schedule, the kernel's timestamps, queueing theory, a server that stalls.
// It compares what each tool reports.
package accuracy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Load is the load that a tool is to send.
type Load struct {
	URL         string
	Rate        float64 // 0: a closed loop
	Connections int
	Duration    time.Duration
	Poisson     bool
	Seed        uint64
}

// Report is what a tool reports of a load, and what it cost.
type Report struct {
	Count          float64 // requests answered
	Mean, P50, P75 time.Duration
	P90, P99       time.Duration
	Late50, Late99 time.Duration // lateness, if the tool knows it
	Woke50         time.Duration // delay compared with kernel timestamps, if the tool knows it
	Achieved       float64
	Intended       float64
	Grade          string
	Diagnostics    []string
	CPU            time.Duration // of the tool and its children
	MaxRSS         int64
}

// Tool is one load generator.
type Tool struct {
	Name string
	// Open says that it can hold a rate.
	Open bool
	// Poisson says that it can send Poisson arrivals.
	Poisson bool
	command func(Load) []string
	stdin   func(Load) string
	parse   func(Load, string) (Report, error)
	// own says that the report itself includes the cost of the load, without start-up.
	own bool
}

// ErrUnreadable means that a tool's output was not understood.
var ErrUnreadable = errors.New("output not understood")

// Run runs the tool, on the given cores if any.
func (t Tool) Run(ctx context.Context, l Load, cores string) (Report, error) {
	argv := t.command(l)
	if cores != "" {
		argv = append([]string{"taskset", "-c", cores}, argv...)
	}
	// Every load ends on its own; this is for a tool that does not.
	ctx, cancel := context.WithTimeout(ctx, 2*l.Duration+30*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	if t.stdin != nil {
		c.Stdin = strings.NewReader(t.stdin(l))
	}
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil && len(out) == 0 {
		return Report{}, fmt.Errorf("%s: %w: %s", t.Name, err, lastLine(stderr.String()))
	}
	r, err := t.parse(l, string(out))
	if err != nil {
		return r, fmt.Errorf("%s: %w (%s)", t.Name, err, lastLine(stderr.String()+string(out)))
	}
	if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok && !t.own {
		r.CPU = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		r.MaxRSS = int64(usage.Maxrss) << 10
	}
	return r, nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// Ours is one of bench's own engines, run as its users run it.
func Ours(bench, engine, timer string) Tool {
	name := "bench " + engine
	if timer != "" {
		name += " " + timer
	}
	return Tool{
		Name: name, Open: true, Poisson: true, own: true,
		command: func(l Load) []string {
			argv := []string{bench, "load", l.URL, "--json", "--no-report", "--engine", engine, "-t1", "--no-calibration",
				"-c", strconv.Itoa(l.Connections), "-d", l.Duration.String(), "--seed", strconv.FormatUint(l.Seed, 10)}
			if timer != "" {
				argv = append(argv, "--timer", timer)
			}
			if l.Rate > 0 {
				argv = append(argv, "--rate", fmt.Sprint(l.Rate))
			}
			if l.Poisson {
				argv = append(argv, "--arrivals", "poisson")
			}
			return argv
		},
		parse: parseOurs,
	}
}

func parseOurs(_ Load, out string) (Report, error) {
	type summary struct{ Mean, P50, P75, P90, P99 float64 }
	var j struct {
		Counts      map[string]float64
		Response    summary `json:"response_us"`
		Lateness    summary `json:"lateness_us"`
		Wakeup      summary `json:"wakeup_us"`
		Rate        struct{ Achieved float64 }
		Grade       string
		Diagnostics []struct{ Code string }
		Generator   struct {
			CPU float64 `json:"cpu_seconds"`
			RSS int64   `json:"max_rss_bytes"`
		}
	}
	if err := json.Unmarshal([]byte(out), &j); err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	us := func(v float64) time.Duration { return time.Duration(v * float64(time.Microsecond)) }
	r := Report{
		Count: j.Counts["ok"], Intended: j.Counts["intended"], Achieved: j.Rate.Achieved, Grade: j.Grade,
		Mean: us(j.Response.Mean), P50: us(j.Response.P50), P75: us(j.Response.P75),
		P90: us(j.Response.P90), P99: us(j.Response.P99),
		Late50: us(j.Lateness.P50), Late99: us(j.Lateness.P99), Woke50: us(j.Wakeup.P50),
		CPU: us(j.Generator.CPU * 1e6), MaxRSS: j.Generator.RSS,
	}
	for _, c := range j.Diagnostics {
		r.Diagnostics = append(r.Diagnostics, c.Code)
	}
	return r, nil
}

// Peers are the other tools that this package can run and whose output it can read.
func Peers(floor string) []Tool {
	seconds := func(l Load) string { return strconv.Itoa(int(l.Duration.Seconds())) }
	conns := func(l Load) string { return strconv.Itoa(l.Connections) }
	return []Tool{
		{Name: "C floor", command: func(l Load) []string {
			host, port, _ := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(l.URL, "/"), "http://"), ":")
			return []string{floor, host, port, conns(l), seconds(l)}
		}, parse: fields(map[string]string{"count": `(\d+) responses`})},
		{Name: "wrk", command: func(l Load) []string {
			return []string{"wrk", "-t1", "-c" + conns(l), "-d" + seconds(l) + "s", "--latency", l.URL}
		}, parse: fields(map[string]string{
			"count": `(\d+) requests in`, "mean": `Latency\s+(\S+)`,
			"p50": `50%\s+(\S+)`, "p75": `75%\s+(\S+)`, "p90": `90%\s+(\S+)`, "p99": `99%\s+(\S+)`,
		})},
		{Name: "wrk2", Open: true, command: func(l Load) []string {
			rate := fmt.Sprint(max(l.Rate, 1))
			return []string{"wrk2", "-t1", "-c" + conns(l), "-d" + seconds(l) + "s", "-R" + rate, "--latency", l.URL}
		}, parse: fields(map[string]string{
			"count": `(\d+) requests in`, "mean": `Latency\s+(\S+)`, "p50": `50\.000%\s+(\S+)`,
			"p75": `75\.000%\s+(\S+)`, "p90": `90\.000%\s+(\S+)`, "p99": `99\.000%\s+(\S+)`,
		})},
		{Name: "h2load", Open: true, command: func(l Load) []string {
			argv := []string{"h2load", "--h1", "-t1", "-c" + conns(l), "-D" + seconds(l), l.URL}
			if l.Rate > 0 {
				argv = append(argv, "--rps="+fmt.Sprint(max(1, int(l.Rate)/l.Connections)))
			}
			return argv
		}, parse: fields(map[string]string{"count": `(\d+) succeeded`, "mean": `time for request:\s+\S+\s+\S+\s+(\S+)`})},
		{Name: "vegeta", Open: true,
			stdin: func(l Load) string { return "GET " + l.URL + "\n" },
			command: func(l Load) []string {
				rate, workers := fmt.Sprint(l.Rate), "10"
				if l.Rate == 0 {
					rate, workers = "0", conns(l)
				}
				return []string{"sh", "-c", `vegeta attack -rate=` + rate + ` -workers=` + workers +
					` -max-workers=` + conns(l) + ` -connections=` + conns(l) +
					` -max-body=0 -duration=` + l.Duration.String() + ` | vegeta report -type=json`}
			}, parse: parseVegeta},
		{Name: "hey", Open: true, command: func(l Load) []string {
			argv := []string{"hey", "-c", conns(l), "-z", l.Duration.String()}
			if l.Rate > 0 {
				argv = append(argv, "-q", fmt.Sprint(l.Rate/float64(l.Connections)))
			}
			return append(argv, l.URL)
		}, parse: fields(map[string]string{
			"count": `\[200\]\s+(\d+)`, "mean": `Average:\s+(\S+)`,
			"p50": `50%+ in (\S+)`, "p75": `75%+ in (\S+)`, "p90": `90%+ in (\S+)`, "p99": `99%+ in (\S+)`,
		})},
		{Name: "autocannon", command: func(l Load) []string {
			return []string{"autocannon", "-c", conns(l), "-d", seconds(l), "--json", l.URL}
		}, parse: parseAutocannon},
		{Name: "oha", Open: true, command: func(l Load) []string {
			argv := []string{"oha", "--no-tui", "-j", "-c", conns(l), "-z", l.Duration.String()}
			if l.Rate > 0 {
				argv = append(argv, "-q", fmt.Sprint(l.Rate), "--latency-correction")
			}
			return append(argv, l.URL)
		}, parse: parseOha},
		{Name: "k6", Open: true, stdin: k6Script,
			command: func(Load) []string {
				const figures = "avg,p(50),p(75),p(90),p(99)"
				return []string{"k6", "run", "--quiet", "--no-usage-report", "--summary-trend-stats", figures, "-"}
			},
			parse: fields(map[string]string{
				"count": `http_reqs\.*:\s+(\d+)`,
				"mean":  `http_req_duration\.*:.*?avg=(\S+)`,
				"p50":   `http_req_duration\.*:.*?p\(50\)=(\S+)`,
				"p75":   `http_req_duration\.*:.*?p\(75\)=(\S+)`,
				"p90":   `http_req_duration\.*:.*?p\(90\)=(\S+)`,
				"p99":   `http_req_duration\.*:.*?p\(99\)=(\S+)`,
			})},
	}
}

func k6Script(l Load) string {
	options := fmt.Sprintf(`{executor:"constant-vus",vus:%d,duration:"%v"}`, l.Connections, l.Duration)
	if l.Rate > 0 {
		options = fmt.Sprintf(
			`{executor:"constant-arrival-rate",rate:%d,timeUnit:"1s",duration:"%v",preAllocatedVUs:%d,maxVUs:%d}`,
			int(l.Rate), l.Duration, l.Connections, l.Connections)
	}
	return `import http from "k6/http";
export const options = {discardResponseBodies:true, scenarios:{s:` + options + `}};
export default function () { http.get("` + l.URL + `"); }
`
}

// Installed splits the tools into those that are installed and those that are missing.
func Installed(tools []Tool) (installed, missing []Tool) {
	for _, t := range tools {
		argv := t.command(Load{URL: "http://127.0.0.1:1/", Connections: 1, Duration: time.Second, Rate: 1})
		name := argv[0]
		if name == "sh" {
			name = strings.Fields(argv[2])[0]
		}
		if _, err := exec.LookPath(name); err == nil {
			installed = append(installed, t)
		} else {
			missing = append(missing, t)
		}
	}
	return installed, missing
}

// fields reads a report with one regular expression per figure.
func fields(patterns map[string]string) func(Load, string) (Report, error) {
	compiled := map[string]*regexp.Regexp{}
	for name, p := range patterns {
		compiled[name] = regexp.MustCompile(p)
	}
	return func(l Load, out string) (r Report, err error) {
		for name, pattern := range compiled {
			found := pattern.FindStringSubmatch(out)
			if found == nil {
				return r, fmt.Errorf("%w: no %s", ErrUnreadable, name)
			}
			switch name {
			case "count":
				r.Count, err = strconv.ParseFloat(found[1], 64)
			default:
				var d time.Duration
				d, err = duration(found[1])
				*map[string]*time.Duration{"mean": &r.Mean, "p50": &r.P50, "p75": &r.P75, "p90": &r.P90, "p99": &r.P99}[name] = d
			}
			if err != nil {
				return r, fmt.Errorf("%w: %s: %w", ErrUnreadable, name, err)
			}
		}
		r.Achieved = r.Count / l.Duration.Seconds()
		return r, nil
	}
}

// duration reads "1.5ms", "12us", or a bare number of seconds, as the tools write them.
func duration(text string) (time.Duration, error) {
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		return time.Duration(s * float64(time.Second)), nil
	}
	return time.ParseDuration(text)
}

func parseVegeta(_ Load, out string) (Report, error) {
	var j struct {
		Latencies map[string]float64
		Requests  float64
		Rate      float64
		Codes     map[string]float64 `json:"status_codes"`
	}
	if err := json.Unmarshal([]byte(out), &j); err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	ns := func(name string) time.Duration { return time.Duration(j.Latencies[name]) }
	return Report{
		Count: j.Codes["200"], Achieved: j.Rate,
		Mean: ns("mean"), P50: ns("50th"), P90: ns("90th"), P99: ns("99th"),
	}, nil
}

func parseAutocannon(l Load, out string) (Report, error) {
	var j struct {
		Latency  map[string]any
		Requests struct{ Total float64 }
	}
	if err := json.Unmarshal([]byte(out), &j); err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	ms := func(name string) time.Duration {
		v, _ := j.Latency[name].(float64)
		return time.Duration(v * float64(time.Millisecond))
	}
	return Report{
		Count: j.Requests.Total, Achieved: j.Requests.Total / l.Duration.Seconds(),
		Mean: ms("average"), P50: ms("p50"), P75: ms("p75"), P90: ms("p90"), P99: ms("p99"),
	}, nil
}

func parseOha(l Load, out string) (Report, error) {
	var j struct {
		Summary     struct{ Average float64 }
		Percentiles map[string]float64 `json:"latencyPercentiles"`
		Codes       map[string]float64 `json:"statusCodeDistribution"`
	}
	if err := json.Unmarshal([]byte(out), &j); err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	s := func(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }
	return Report{
		Count: j.Codes["200"], Achieved: j.Codes["200"] / l.Duration.Seconds(), Mean: s(j.Summary.Average),
		P50: s(j.Percentiles["p50"]), P75: s(j.Percentiles["p75"]), P90: s(j.Percentiles["p90"]),
		P99: s(j.Percentiles["p99"]),
	}, nil
}
