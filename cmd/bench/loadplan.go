package main

import (
	"errors"
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

// loadPlan turns the URL and the flags into a plan.
func loadPlan(rawURL string, o loadOptions) (loadgen.Plan, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return loadgen.Plan{}, usagef("%q: want http://HOST:PORT/PATH or https://, without a user name", rawURL)
	}
	p := loadgen.Plan{
		URL: u.Scheme + "://" + u.Host, Mode: loadgen.Closed, Duration: o.duration,
		Conns: loadgen.Conns{Max: o.connections, New: o.newConns, Fixed: o.fixedConns, Requests: o.perConn}, Timeout: o.timeout,
		Seed: newSeed(o.seed),
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
	if p.Mix, err = loadMix(u, &p, o); err != nil {
		return p, err
	}
	p.Mix = p.Mix.WithSeed(p.Seed)
	if p.Pacer, err = loadPacer(o, p.Seed); err != nil {
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

func loadMix(u *url.URL, p *loadgen.Plan, o loadOptions) (targets.Mix, error) {
	feed, err := loadFeed(o.feed)
	if err != nil {
		return targets.Mix{}, err
	}
	switch {
	case strings.Count(fmt.Sprint(o.mix != "", o.targets != "", o.sessions != ""), "true") > 1:
		return targets.Mix{}, usagef("--mix, --sessions and --targets exclude each other")
	case o.mix != "" || o.sessions != "":
		name, file := "--mix", o.mix
		if o.sessions != "" {
			name, file = "--sessions", o.sessions
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return targets.Mix{}, experiments.Misuse(fmt.Errorf("%s: %w", name, err))
		}
		var mix targets.Mix
		if o.sessions != "" {
			mix, err = targets.ParseSessions(data, feed)
		} else {
			mix, err = targets.ParseMix(data)
			mix.Feed = feed
		}
		if err = errors.Join(err, mix.Validate()); err != nil {
			return mix, experiments.Misuse(fmt.Errorf("%s %s: %w", name, file, err))
		}
		return mix, nil
	case o.targets != "" && o.feed != "":
		return targets.Mix{}, usagef("--feed goes with --mix, --sessions or a URL: vegeta's formats know no {{column}}")
	case o.targets != "":
		f, err := os.Open(o.targets)
		if err != nil {
			return targets.Mix{}, experiments.Misuse(fmt.Errorf("--targets: %w", err))
		}
		defer f.Close()
		mix, base, err := targets.ParseVegeta(o.format, f)
		if err != nil {
			return mix, experiments.Misuse(fmt.Errorf("--targets %s: %w", o.targets, err))
		}
		if base != p.URL {
			return mix, usagef("--targets %s asks %s, the command line %s", o.targets, base, p.URL)
		}
		return mix, nil
	}
	path := u.RequestURI()
	if feed != nil {
		// {{column}} in a URL arrives escaped.
		path = strings.NewReplacer("%7B", "{", "%7D", "}", "%7b", "{", "%7d", "}").Replace(path)
	}
	return targets.Mix{Targets: []targets.Target{{Name: "url", Method: "GET", Path: path}}, Feed: feed}, nil
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

func loadPacer(o loadOptions, seed uint64) (pacing.Pacer, error) {
	if given := strings.Count(fmt.Sprint(o.rate != "", o.pacer != "", o.replay != ""), "true"); given > 1 {
		return nil, usagef("--rate, --pacer and --replay exclude each other")
	}
	if o.arrivals != "constant" && o.rate == "" {
		return nil, usagef("--arrivals %s goes with --rate; a pacer says it itself: --pacer 'poisson …'", o.arrivals)
	}
	if o.speed != 1 && o.replay == "" {
		return nil, usagef("--replay-speed goes with --replay")
	}
	if o.replay != "" {
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
	if o.pacer != "" {
		p, err := pacing.Parse(o.pacer)
		if err != nil {
			return nil, experiments.Misuse(fmt.Errorf("--pacer: %w", err))
		}
		return p, nil
	}
	if o.arrivals != "constant" && o.arrivals != "poisson" {
		return nil, usagef("--arrivals %q: want constant or poisson", o.arrivals)
	}
	if o.rate == "" {
		return nil, nil
	}
	rate, err := pacing.ParseRate(o.rate)
	if err != nil {
		return nil, experiments.Misuse(fmt.Errorf("--rate: %w", err))
	}
	if o.arrivals == "poisson" {
		return pacing.Poisson{Of: pacing.Constant{PerSecond: rate}, Seed: seed}, nil
	}
	return pacing.Constant{PerSecond: rate}, nil
}
