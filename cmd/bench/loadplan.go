package main

import (
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"bench/experiments"
	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/targets"
)

// plan is what the URL and the flags describe.
func (o loadOptions) plan(rawURL string) (loadgen.Plan, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return loadgen.Plan{}, usagef("%q: want a URL http://HOST:PORT/PATH or https://, without a user name", rawURL)
	}
	p := loadgen.Plan{
		URL: origin(u), Mode: loadgen.Closed, Duration: o.duration,
		Conns:   loadgen.Conns{Max: o.connections, New: o.newConns, Fixed: o.fixedConns, Requests: o.perConn},
		Timeout: o.timeout, Seed: newSeed(o.seed),
	}
	for _, text := range o.sources {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return p, experiments.Misuse(fmt.Errorf("--source: %w", err))
		}
		p.Conns.Sources = append(p.Conns.Sources, addr)
	}
	if p.Slow, err = loadgen.ParseSlow(o.slow, o.slowEvery); err != nil {
		return p, experiments.Misuse(fmt.Errorf("--slow: %w", err))
	}
	if p.Mix, err = o.requests(u); err != nil {
		return p, err
	}
	p.Mix = p.Mix.WithSeed(p.Seed)
	if p.Pacer, err = o.pacing(p.Seed); err != nil {
		return p, err
	}
	if p.Pacer != nil {
		p.Mode = loadgen.Open
		if length := pacing.Length(p.Pacer); o.wholePacer && length > 0 {
			p.Duration = length
		}
	}
	return p, nil
}

// origin is the server of a URL. A zone stays escaped, as URLs have it.
func origin(u *url.URL) string { return (&url.URL{Scheme: u.Scheme, Host: u.Host}).String() }

// requests is the mix of requests to the server at the URL.
func (o loadOptions) requests(u *url.URL) (targets.Mix, error) {
	feed, err := loadFeed(o.feed)
	if err != nil {
		return targets.Mix{}, err
	}
	switch {
	case o.mix != "":
		return fileMix("--mix", o.mix, func(data []byte) (targets.Mix, error) {
			mix, err := targets.ParseMix(data, targets.FilesBeside(o.mix))
			mix.Feed = feed
			return mix, err
		})
	case o.sessions != "":
		return fileMix("--sessions", o.sessions, func(data []byte) (targets.Mix, error) {
			return targets.ParseSessions(data, feed, targets.FilesBeside(o.sessions))
		})
	case o.targets != "" && feed != nil:
		return targets.Mix{}, usagef("--feed works with --mix, --sessions or a URL: lists of targets do not have {{column}}")
	case o.targets != "":
		return fileMix("--targets", o.targets, func(data []byte) (targets.Mix, error) {
			list, err := targets.ParseList(o.format, data, origin(u), targets.FilesBeside(o.targets))
			return list.Mix, err
		})
	}
	path := u.RequestURI()
	if feed != nil {
		// RequestURI escapes {{column}}.
		path = strings.NewReplacer("%7B", "{", "%7D", "}", "%7b", "{", "%7d", "}").Replace(path)
	}
	return targets.Mix{Targets: []targets.Target{{Name: "url", Method: "GET", Path: path}}, Feed: feed}, nil
}

// fileMix reads the mix in a file that a flag names.
func fileMix(flag, file string, parse func([]byte) (targets.Mix, error)) (targets.Mix, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return targets.Mix{}, experiments.Misuse(fmt.Errorf("%s: %w", flag, err))
	}
	mix, err := parse(data)
	if err == nil {
		err = mix.Validate()
	}
	if err != nil {
		return mix, experiments.Misuse(fmt.Errorf("%s %s: %w", flag, file, err))
	}
	return mix, nil
}

func loadFeed(file string) (*targets.Feed, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, experiments.Misuse(fmt.Errorf("--feed: %w", err))
	}
	feed, err := targets.ParseFeed(file, data)
	if err != nil {
		return nil, experiments.Misuse(err)
	}
	return feed, nil
}

// pacing is the pacer of an open loop; nil for a closed one.
func (o loadOptions) pacing(seed uint64) (pacing.Pacer, error) {
	switch {
	case o.arrivals != "constant" && o.rate == "":
		return nil, usagef("--arrivals %s works with --rate only; with --pacer, write --pacer 'poisson …'", o.arrivals)
	case o.speed != 1 && o.replay == "":
		return nil, usagef("--replay-speed works with --replay only")
	case o.replay != "":
		return o.recording()
	case o.pacer != "":
		p, err := pacing.Parse(o.pacer)
		if err != nil {
			return nil, experiments.Misuse(fmt.Errorf("--pacer: %w", err))
		}
		return p, nil
	case o.rate == "":
		return nil, nil
	}
	rate, err := pacing.ParseRate(o.rate)
	if err != nil {
		return nil, experiments.Misuse(fmt.Errorf("--rate: %w", err))
	}
	switch constant := (pacing.Constant{PerSecond: rate}); o.arrivals {
	case "constant":
		return constant, nil
	case "poisson":
		return pacing.Poisson{Of: constant, Seed: seed}, nil
	}
	return nil, usagef("--arrivals %q: want constant or poisson", o.arrivals)
}

// recording is the pacer that repeats the arrivals in a file.
func (o loadOptions) recording() (pacing.Pacer, error) {
	f, err := os.Open(o.replay)
	if err != nil {
		return nil, experiments.Misuse(fmt.Errorf("--replay: %w", err))
	}
	defer f.Close()
	times, err := pacing.ParseArrivals(f)
	if err != nil {
		return nil, experiments.Misuse(fmt.Errorf("--replay %s: %w", o.replay, err))
	}
	return pacing.Replay{Times: times, Speed: o.speed}, nil
}
