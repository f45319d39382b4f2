package accuracy

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/gonum/stat"
)

// Request is what wrk is to send, in proportion to its weight.
type Request struct {
	Method, Path string
	Header       http.Header
	Body         []byte
	Weight       uint32
}

// WrkStart is how long wrk runs before it counts: its connections are opened all at once, and those
// that meet a full listen queue are made only after 1 s or 3 s.
const WrkStart = 4 * time.Second

// WrkThroughput is the number of responses per second that wrk gets from a mix in a closed loop, over a
// time. wrk counts the responses within its duration, so that what it loses at both ends is taken out
// by the difference of a long and a short run. What it leaves under way when it ends keeps the server
// busy for a while yet, which is waited for.
func WrkThroughput(
	ctx context.Context, url string, mix []Request, connections int, over time.Duration,
) (perSecond float64, err error) {
	dir, err := os.MkdirTemp("", "bench-wrk-")
	if err != nil {
		return 0, fmt.Errorf("a folder for wrk's script: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	script := filepath.Join(dir, "mix.lua")
	if err := os.WriteFile(script, []byte(wrkScript(mix)), 0o600); err != nil {
		return 0, fmt.Errorf("writing wrk's script: %w", err)
	}
	var counts, took [2]float64
	for i, d := range []time.Duration{WrkStart, WrkStart + over} {
		if counts[i], took[i], err = runWrk(ctx, url, script, connections, d); err != nil {
			return 0, err
		}
		left := time.Duration(2 * float64(connections) / counts[i] * took[i] * float64(time.Second))
		select {
		case <-time.After(min(left, WrkStart)):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return gained(counts, took), nil
}

// gained is the rate of what the second run has more than the first.
func gained(counts, took [2]float64) float64 { return (counts[1] - counts[0]) / (took[1] - took[0]) }

// wrkScript draws from the mix by weight.
func wrkScript(mix []Request) string {
	var out strings.Builder
	out.WriteString("local requests, of = {}, {}\ninit = function(args)\n")
	for _, r := range mix {
		fmt.Fprintf(&out, "  table.insert(requests, wrk.format(%s, %s, {", luaString(r.Method), luaString(r.Path))
		for name, values := range r.Header {
			fmt.Fprintf(&out, "[%s]=%s,", luaString(name), luaString(strings.Join(values, ", ")))
		}
		body := "nil"
		if len(r.Body) > 0 {
			body = luaString(string(r.Body))
		}
		fmt.Fprintf(&out, "}, %s))\n  for i = 1, %d do table.insert(of, #requests) end\n", body, max(1, r.Weight))
	}
	out.WriteString("end\nrequest = function() return requests[of[math.random(#of)]] end\n")
	return out.String()
}

// luaString writes any bytes as a string of Lua.
func luaString(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for i := range len(text) {
		if c := text[i]; c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, `\%03d`, c)
		}
	}
	out.WriteByte('"')
	return out.String()
}

var (
	wrkCount  = regexp.MustCompile(`(\d+) requests in (\S+),`)
	wrkFailed = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
)

func runWrk(
	ctx context.Context, url, script string, connections int, d time.Duration,
) (count, seconds float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*d+30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "wrk", "-t1", "-c", strconv.Itoa(connections), "-d",
		strconv.Itoa(int(d.Round(time.Second).Seconds()))+"s", "--timeout", "60s", "-s", script, url).CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("wrk: %w: %s", err, lastLine(string(out)))
	}
	found := wrkCount.FindSubmatch(out)
	if found == nil {
		return 0, 0, fmt.Errorf("wrk: %w: %s", ErrUnreadable, lastLine(string(out)))
	}
	if failed := wrkFailed.FindSubmatch(out); failed != nil {
		return 0, 0, fmt.Errorf("wrk: %s of %s responses have a wrong status", failed[1], found[1])
	}
	took, err := duration(string(found[2]))
	if err != nil {
		return 0, 0, fmt.Errorf("wrk: %w: %w", ErrUnreadable, err)
	}
	count, err = strconv.ParseFloat(string(found[1]), 64)
	return count, took.Seconds(), err
}

// Throughput is one closed loop that was measured by bench and by wrk in turns.
type Throughput struct {
	Topology, Scenario string
	Connections        int
	Ours, Wrk          []float64 // responses per second, in turns: ours before the first of wrk and after its last
	Cells              string    // how long bench's were, and what limited them
}

// mostApart is the greatest permitted difference.
const mostApart = 0.05

// Row sets bench's figure against wrk's.
func (p Throughput) Row() Row {
	ours, wrk := mean(p.Ours), mean(p.Wrk)
	apart, se := p.apart()
	return Row{
		Test: "throughput", Tool: "bench and wrk", Setting: fmt.Sprintf("%s on %s, %d connections", p.Scenario, p.Topology,
			p.Connections),
		Measured: fmt.Sprintf("bench %.4g/s [%.4g, %.4g] in %s, wrk %.4g/s [%.4g, %.4g]: %+.1f %% ± %.1f", ours,
			slices.Min(p.Ours), slices.Max(p.Ours), p.Cells, wrk, slices.Min(p.Wrk), slices.Max(p.Wrk), 100*apart, 100*se),
		Wanted: "within 5 %", Verdict: verdict(apart >= -mostApart && apart <= mostApart),
	}
}

// apart is the difference of the two relative to wrk's figure, each turn of wrk against the cells before and after it,
// and its standard error.
func (p Throughput) apart() (apart, se float64) {
	var turns []float64
	for i, wrk := range p.Wrk {
		turns = append(turns, math.Log(p.Ours[i]*p.Ours[i+1])/2-math.Log(wrk))
	}
	m, sd := stat.MeanStdDev(turns, nil)
	return math.Expm1(m), sd / math.Sqrt(float64(len(turns)))
}

func mean(values []float64) (sum float64) {
	for _, v := range values {
		sum += v / float64(len(values))
	}
	return sum
}
