package main

import (
	"strings"
	"time"

	"bench/loadgen/native"
	"bench/loadgen/pacing"
	"bench/targets"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// loadOptions are the flags of bench load.
type loadOptions struct {
	sharedFlags
	rate      string
	pacer     string
	arrivals  string
	replay    replayOptions
	duration  time.Duration
	requests  uint64
	maxErrors string

	connections int
	newConns    bool
	fixedConns  bool
	perConn     int
	sources     []string
	timeout     time.Duration

	request   requestOptions
	tls       tlsOptions
	slow      []string
	slowEvery time.Duration
	incidents []string

	slo           string
	hdr           string
	engine        engineOptions
	workers       workersOptions
	noCalibration bool
	noReport      bool
	config        map[string]string // every flag with its value, for the record
	// wholePacer means that no duration was given: a pacer that ends, or a number of requests, is run
	// to its end.
	wholePacer bool
}

// replayOptions say which recorded arrivals are repeated, and how.
type replayOptions struct {
	file     string
	speed    float64
	requests bool
	methods  []string
}

// requestOptions say what is requested.
type requestOptions struct {
	headers []string
	method  string
	body    string
	user    string

	mix      string
	sessions string
	feed     string
	targets  string
	format   string
}

func (o *loadOptions) flags(c *cobra.Command) {
	f := c.Flags()
	o.pacingFlags(f)
	o.request.flags(f)
	o.connectionFlags(f)
	o.tls.flags(f)
	f.StringVar(&o.slo, "slo", "",
		"`OBJECTIVES` such as 'p99<50ms,errors<0.1%'; exit code 3 if one is missed,\n4 if there are too few requests")
	f.StringVar(&o.maxErrors, "max-errors", "50%",
		"exit code 5 if more than this `SHARE` of the requests fail; 100%: never")
	f.StringVar(&o.hdr, "hdr", "", "write the histograms to `FILE` as an HdrHistogram interval log")
	f.BoolVar(&o.noCalibration, "no-calibration", false,
		"skip the generator calibration: 0.3 s against a null server")
	f.IntVarP(&o.engine.shards, "threads", "t", 0, "`N` threads of the native engine; 0: one for every four cores")
	o.engine.flags(f, native.Auto)
	o.workers.flags(f)
	o.add(c, "json", "out", "seed", "allow-host", "dry-run")
	f.BoolVar(&o.noReport, "no-report", false, "keep no run and write no report")
	c.MarkFlagsMutuallyExclusive("rate", "pacer", "replay")
	c.MarkFlagsMutuallyExclusive("mix", "sessions", "targets")
	c.MarkFlagsMutuallyExclusive("replay-requests", "mix", "sessions")
}

// pacingFlags say when requests are sent, and for how long.
func (o *loadOptions) pacingFlags(f *pflag.FlagSet) {
	f.StringVar(&o.rate, "rate", "",
		"open loop at `RATE` requests per second; also 30/m, 1/5s. 0 or max: as many as\nthe connections take, a closed loop")
	f.DurationVarP(&o.duration, "duration", "d", 10*time.Second,
		"how long to send requests; unless given, a pacer or recording that ends, or -n,\nis run to its end")
	f.Uint64VarP(&o.requests, "requests", "n", 0, "send at most `N` requests (of sessions: visits)")
	f.StringVar(&o.arrivals, "arrivals", "constant", "with --rate: constant or poisson")
	f.StringVar(&o.pacer, "pacer", "", "open loop by a `PACER`: "+strings.Join(pacing.Names(), ", "))
	f.StringVar(&o.replay.file, "replay", "",
		"open loop with the arrival times in `FILE`: an access log in one of many formats,\nor one time per line")
	f.Float64Var(&o.replay.speed, "replay-speed", 1, "replay `N` times as fast")
	f.BoolVar(&o.replay.requests, "replay-requests", false, "replay the log's requests too, not only its times")
	f.StringSliceVar(&o.replay.methods, "replay-methods", []string{"GET", "HEAD"},
		"`METHODS` of the requests that are replayed; others are left out")
}

// flags say what is requested.
func (o *requestOptions) flags(f *pflag.FlagSet) {
	f.StringArrayVarP(&o.headers, "header", "H", nil, "header field `'NAME: VALUE'` of every request (repeatable)")
	f.StringVarP(&o.method, "method", "m", "", "`METHOD` of the request; unless given, GET, or POST with a body")
	f.StringVarP(&o.body, "body", "b", "", "`BODY` of the request, or @FILE")
	f.StringVarP(&o.user, "user", "u", "", "`NAME:PASSWORD` for basic authentication; also http://NAME:PASSWORD@HOST")
	f.StringVar(&o.mix, "mix", "", "`FILE` with a mix of targets in YAML")
	f.StringVar(&o.sessions, "sessions", "", "`FILE` with sessions in YAML: each arrival is a visit of several requests")
	f.StringVar(&o.targets, "targets", "", "`FILE` with targets in vegeta's formats, or a browser's HAR file")
	f.StringVar(&o.format, "format", "",
		"`FORMAT` of --targets: "+strings.Join(targets.ListFormats(), ", ")+"; unless given, the file shows it")
	f.StringVar(&o.feed, "feed", "", "`FILE` whose columns replace {{column}} in paths, headers and bodies: CSV or JSON")
}

// connectionFlags say how connections are used.
func (o *loadOptions) connectionFlags(f *pflag.FlagSet) {
	f.IntVarP(&o.connections, "connections", "c", 32, "`N` connections: at most (open loop), or exactly (closed loop)")
	f.DurationVar(&o.timeout, "timeout", 10*time.Second, "time limit for one request")
	f.BoolVar(&o.newConns, "new-connections", false, "open a connection for each request")
	f.BoolVar(&o.fixedConns, "fixed-connections", false,
		"open loop: open all connections before the load starts, rather than when needed")
	f.IntVar(&o.perConn, "requests-per-connection", 0, "close a connection after `N` requests; 0: never")
	f.StringSliceVar(&o.sources, "source", nil,
		"local `ADDRESSES` to connect from in turn: each has its own range of ports")
	f.StringVar(&o.socket, "unix-socket", "", "connect to the socket `PATH`; the URL then says only what is requested")
	f.StringSliceVar(&o.slow, "slow", nil,
		"N slow clients in addition to the load: `KIND:N`, where KIND is headers, body, read or idle")
	f.StringArrayVar(&o.incidents, "incident", nil, "what happens during the load, such as "+
		"`'25% slow-clients headers 200 for 50%'`\nor '50% connections idle 5000' (repeatable)")
	f.DurationVar(&o.slowEvery, "slow-every", time.Second, "how often a slow client sends or reads a byte")
}
