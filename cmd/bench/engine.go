package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bench/experiments"
	"bench/internal/secret"
	"bench/loadgen"
	"bench/loadgen/native"
	"bench/loadgen/vegeta"
	"bench/results"

	"github.com/spf13/pflag"
)

// engineOptions are the flags that say how a load is sent.
type engineOptions struct {
	name   string
	shards int
	timer  string
	pin    []int
	// secure and http1 are for https, which only the engine vegeta speaks.
	secure *tls.Config
	http1  bool
}

func (o *engineOptions) flags(f *pflag.FlagSet, timer native.Timer) {
	f.StringVar(&o.name, "engine", "auto", "`ENGINE`: native, vegeta, or auto (native where possible)")
	f.StringVar(&o.timer, "timer", string(timer), "`HOW` the native engine waits until a request is due: "+timers())
	f.IntSliceVar(&o.pin, "pin", nil, "bind the native engine's threads to `CORES`, such as 0,1")
}

func timers() string {
	var names []string
	for _, p := range native.Timers {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ")
}

// choose picks the engine for loads on the given URLs, and says why auto did not pick the native one.
func (o engineOptions) choose(urls ...string) (engine loadgen.Engine, why string, err error) {
	n := native.Engine{Shards: o.shards, Timer: native.Timer(o.timer), Pin: o.pin}
	if !strings.Contains(" "+timers()+",", " "+o.timer+",") {
		return nil, "", usagef("--timer %q: want one of %s", o.timer, timers())
	}
	if o.shards < 0 {
		return nil, "", usagef("--threads %d: want a number of threads, or 0 for one for every four cores", o.shards)
	}
	for _, core := range o.pin {
		if core < 0 || core > 1023 {
			return nil, "", usagef("--pin %s: there is no such core", strconv.Itoa(core))
		}
	}
	for _, url := range urls {
		if why = n.Unsupported(loadgen.Plan{URL: url}); why != "" {
			break
		}
	}
	other := vegeta.Engine{TLS: o.secure, HTTP1: o.http1}
	switch {
	case o.name == "vegeta":
		return other, "", nil
	case o.name == "native" && why != "":
		return nil, "", experiments.Misuse(fmt.Errorf("--engine native: %s; use auto or vegeta", why))
	case o.name == "auto" && why != "":
		return other, why, nil
	case o.name == "native" || o.name == "auto":
		return n, "", nil
	}
	return nil, "", usagef("--engine %q: want auto, native or vegeta", o.name)
}

// chooseFor picks the engine for one plan, which that engine must be able to run.
func (o engineOptions) chooseFor(p loadgen.Plan) (engine loadgen.Engine, why string, err error) {
	engine, why, err = o.choose(p.URL)
	if v, is := engine.(vegeta.Engine); is {
		if cannot := v.Unsupported(p); cannot != "" {
			return nil, "", usagef("%s; the engine for this load is vegeta", cannot)
		}
	}
	return engine, why, err
}

// calibrate measures what the engine can send on this machine, if it supports that.
func calibrate(ctx context.Context, e loadgen.Engine, wanted bool) (*results.Calibration, error) {
	n, can := e.(native.Engine)
	if !can || !wanted {
		return nil, nil
	}
	c, err := n.Calibrate(ctx)
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// fixedEngines are those of the experiments that leave no choice, by kind of run.
var fixedEngines = map[string]loadgen.Engine{
	// The generator of a gate has to leave as much of the machine as possible to the servers.
	results.KindGate:     native.Engine{Shards: 1, Timer: native.Sleep},
	results.KindCapacity: native.Engine{},
	results.KindTune:     native.Engine{},
	results.KindClaims:   native.Engine{},
}

// storedEngine is the engine that a stored run was measured with, set up as then.
func storedEngine(m results.Manifest, urls []string) (loadgen.Engine, error) {
	if fixed := fixedEngines[m.Kind]; fixed != nil {
		return fixed, nil
	}
	var o engineOptions
	f := pflag.NewFlagSet("engine", pflag.ContinueOnError)
	o.flags(f, native.Sleep)
	f.IntVar(&o.shards, "threads", 0, "")
	f.BoolVar(&o.http1, "http1", false, "")
	tls := tlsOptions{
		insecure: m.Config["insecure"] == "true", ca: m.Config["cacert"], cert: m.Config["cert"], key: m.Config["key"],
	}
	var errs []error
	f.VisitAll(func(flag *pflag.Flag) {
		value := strings.Trim(m.Config[flag.Name], "[]")
		if value != "" && m.Config[flag.Name] != secret.Redacted { // as older versions stored cores
			errs = append(errs, flag.Value.Set(value))
		}
	})
	// Cores that this machine lacks say nothing here.
	o.pin = slices.DeleteFunc(o.pin, func(core int) bool { return !native.HasCore(core) })
	if len(urls) > 0 && strings.HasPrefix(urls[0], "https:") {
		secure, err := tls.config(loadgen.Plan{URL: urls[0]})
		errs, o.secure = append(errs, err), secure
	}
	if err := errors.Join(errs...); err != nil {
		return nil, experiments.Misusef("the settings of its engine, in manifest.json under config: %w", err)
	}
	engine, _, err := o.choose(urls...)
	return engine, err
}
