package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"bench/experiments"
	"bench/fleet"
	"bench/fleet/place"
	"bench/loadgen"
	"bench/loadgen/native"
	"bench/reports/page"
	"bench/results"

	"github.com/spf13/pflag"
)

// workersOptions say who sends a load, if it is not this process alone.
type workersOptions struct {
	where string
	ssh   string
	pods  podOptions
	join  joinOptions
}

func (o *workersOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.where, "workers", "", "send the load from several `WORKERS`: "+place.Forms())
	f.StringVar(&o.ssh, "ssh", "ssh", "with --workers ssh: the `COMMAND` for ssh, such as 'ssh -p 2222 -i KEY'")
	o.pods.flags(f)
	o.join.flags(f)
}

// measurer carries out a load: this process, or workers, which the function that it returns ends.
func (o loadOptions) measurer(ctx context.Context, s *shell, p loadgen.Plan, engine loadgen.Engine) (
	loadgen.Measurer, func() error, error) {
	if o.workers.where == "" {
		return loadgen.Local{Engine: engine, Guard: o.guard()}, func() error { return nil }, nil
	}
	config, err := o.fleet(ctx, s, p)
	if err != nil {
		return nil, nil, err
	}
	f, err := fleet.Open(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	return f, f.Close, nil
}

// several are processes of this program that send loads to this machine.
func several(ctx context.Context, s *shell, n int) (loadgen.Measurer, func() error, error) {
	cache, err := s.cacheDir()
	if err != nil {
		return nil, nil, err
	}
	program, binary, err := ownProgram()
	if err != nil {
		return nil, nil, err
	}
	where, err := place.Parse(fmt.Sprintf("local:%d", n), place.Options{
		Program: program, Binary: binary, Args: []string{workerCommand}, Env: s.user(),
	})
	if err != nil {
		return nil, nil, err
	}
	engine, err := engineOptions{name: "native", timer: string(native.Sleep)}.record("", tlsOptions{})
	if err != nil {
		return nil, nil, err
	}
	f, err := fleet.Open(ctx, fleet.Config{
		Place: where, Version: version, Binary: binary, Dir: filepath.Join(cache, "fleet"), Engine: engine,
	})
	if err != nil {
		return nil, nil, err
	}
	return f, f.Close, nil
}

// fleet is what the flags say about workers.
func (o loadOptions) fleet(ctx context.Context, s *shell, p loadgen.Plan) (c fleet.Config, err error) {
	cache, err := s.cacheDir()
	if err != nil {
		return c, err
	}
	program, binary, err := ownProgram()
	if err != nil {
		return c, err
	}
	where, err := o.place(s, p, program, binary)
	if err != nil {
		return c, err
	}
	if _, local := where.(place.Local); local { // they share the ports of one machine
		remote, err := o.guard().Resolve(ctx, p.URL)
		if err := errors.Join(err, p.CheckPorts(remote)); err != nil {
			return c, err
		}
	}
	engine, err := o.engine.record(p.URL, o.tls)
	if err != nil {
		return c, err
	}
	return fleet.Config{
		Place: where, Version: version, Binary: binary, Dir: filepath.Join(cache, "fleet"), Engine: engine,
	}, nil
}

// place is where the workers run, for a program and its SHA-256.
func (o loadOptions) place(s *shell, p loadgen.Plan, program, binary string) (fleet.Place, error) {
	args := []string{workerCommand}
	for _, host := range o.allow {
		args = append(args, "--allow-host", host)
	}
	if o.socket != "" {
		socket, err := filepath.Abs(o.socket)
		if err != nil {
			return nil, err
		}
		args = append(args, "--unix-socket", socket)
	}
	where, err := place.Parse(o.workers.where, place.Options{
		Program: program, Binary: binary, Args: args, Env: s.user(), SSH: strings.Fields(o.workers.ssh),
		Pods: o.workers.pods.record(p), Join: o.workers.join.record(s),
	})
	if err == nil {
		err = o.fitsWorkers(p, where)
	}
	if err != nil {
		return nil, experiments.Misuse(err)
	}
	return where, nil
}

// fitsWorkers refuses what workers cannot do, or would do to another server than is meant.
func (o loadOptions) fitsWorkers(p loadgen.Plan, where fleet.Place) error {
	names := where.Workers()
	_, local := where.(place.Local)
	job, pods := where.(*place.Kubernetes)
	join, comes := where.(*place.Join)
	local = local || comes && loopback("tcp://"+o.workers.join.listen)
	switch {
	case len(names) > p.Conns.Max:
		return usagef("--workers %s: %d workers for %d connections: want at least one for each (-c)",
			o.workers.where, len(names), p.Conns.Max)
	case o.tls.ca != "" || o.tls.cert != "":
		return errors.New("--cacert and --cert work without --workers only: keys are not sent to workers")
	case !local && o.socket != "":
		return errors.New("--unix-socket works with --workers local:N only: a socket is on one machine")
	case !local && (len(names) > 1 || pods) && loopback(p.URL):
		return usagef("%s is each worker's own machine: name the server by an address that all of them reach", p.URL)
	case pods:
		return job.Validate()
	case comes:
		return join.Validate()
	}
	return nil
}

// loopback reports whether a URL names the machine that asks for it.
func loopback(rawURL string) bool {
	u, err := url.Parse(rawURL)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.Unmap().IsLoopback() || strings.EqualFold(u.Hostname(), "localhost")
}

// writeWorkers writes a table of the workers: how well their clocks are known, and what each of them measured.
func writeWorkers(out io.Writer, workers []results.Worker) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "worker	host	clock offset	±	start late	intended	ok	p50	p99	grade	")
	for _, of := range workers {
		grade := string(of.Grade)
		if of.Lost != "" {
			grade = "LOST"
		}
		fmt.Fprintf(w, "%s	%s	%v	%v	%v	%d	%d	%s	%s	%s	\n", of.Name, of.Host,
			of.ClockOffset.Round(time.Microsecond), of.ClockBound.Round(time.Microsecond), of.StartLate.Round(time.Microsecond),
			of.Counts.Intended, of.Counts.OK, page.Micros(of.Response.P50), page.Micros(of.Response.P99), grade)
	}
	_ = w.Flush() // into a string: cannot fail
}
