package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"bench/experiments"
	"bench/fleet"
	"bench/fleet/hosts"
	"bench/fleet/link"
	"bench/loadgen"
	"bench/reports/page"

	"github.com/spf13/cobra"
)

const workerCommand = "worker"

// workerOptions are the flags of bench worker.
type workerOptions struct {
	sharedFlags
	token, queue string // files of tokens
	serve        bool
}

func newWorkerCommand(s *shell) *cobra.Command {
	var o workerOptions
	c := &cobra.Command{
		Use:   workerCommand,
		Short: "Send parts of loads for a bench elsewhere, or keep servers for it",
		Long: `worker reads an invitation from its standard input, and sends the parts of loads that the bench which
wrote it asks for, until its input ends. bench load --workers and bench compare --fleet start workers
themselves; nobody has to, except for --workers join:N: there you start each with --join and the token that
bench load has written for it.

With --jobs, it carries out the jobs of a queue (bench jobs), one at a time, in the folder where it was
started, until Ctrl-C; a job that is then under way goes back to the queue.

A worker loads only its own machine and the hosts named with --allow-host: what it is asked to do cannot
extend that. When the other bench is gone, it ends the load within two seconds and keeps what it measured.
With --servers, it starts the servers that it is told to, as this user, and ends them when the other bench is
gone.`,
		Example: `  bench worker --join worker-1.json --allow-host app.example.com
  bench worker --jobs bench1.json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case o.dryRun:
				return foreseeWorker(s, o)
			case o.queue != "":
				return workOnJobs(c.Context(), s, o.queue, o.allow)
			}
			return work(c, s, o)
		},
	}
	o.add(c, "allow-host", "dry-run")
	c.Flags().StringVar(&o.token, "join", "", "work for the bench load that wrote the token in `FILE`")
	c.Flags().StringVar(&o.queue, "jobs", "", "carry out the jobs of the queue that the token in `FILE` is for")
	c.Flags().StringVar(&o.socket, "unix-socket", "", "connect to the socket `PATH`")
	c.Flags().BoolVar(&o.serve, serversFlag, false, "start servers for the other bench")
	c.MarkFlagsMutuallyExclusive("join", "jobs", serversFlag)
	return c
}

// work works for one bench, until that bench has no more to do.
func work(c *cobra.Command, s *shell, o workerOptions) error {
	cache, err := s.cacheDir()
	if err != nil {
		return err
	}
	_, binary, err := ownProgram()
	if err != nil {
		return err
	}
	w := fleet.Worker{
		Version: version, Binary: binary, Dir: filepath.Join(cache, "fleet"), Guard: o.guard(), Engine: readEngine,
		Duties: hosts.Exchange(o.guard()),
	}
	if o.serve {
		station, err := stationOf(s)
		if err != nil {
			return err
		}
		defer station.Close()
		w.Duties = station.Duties()
	}
	var in, out = c.InOrStdin(), s.stdout
	if o.token != "" {
		conn, err := dialHub(c.Context(), o.token)
		if err != nil {
			return err
		}
		defer conn.Close()
		in, out = conn, conn
	}
	err = w.Serve(c.Context(), in, out)
	if err != nil && c.Context().Err() == nil {
		return experiments.Invalidf("%w", err)
	}
	return err
}

// foreseeWorker is --dry-run: whom a worker would work for, and on what.
func foreseeWorker(s *shell, o workerOptions) error {
	from := "the bench that writes to its standard input"
	for file, text := range map[string]string{o.token: "the bench load at %s", o.queue: "the queue of jobs at %s"} {
		if file == "" {
			continue
		}
		read, err := link.ReadToken(file)
		if err != nil {
			return experiments.Misuse(err)
		}
		from = fmt.Sprintf(text, read.Address)
	}
	_, err := fmt.Fprintf(s.out, "would work for %s, and load %s\n", from,
		page.List(append([]string{"this machine"}, o.allow...)))
	return err
}

// ownProgram is the path of this program and its SHA-256.
func ownProgram() (path, hash string, err error) {
	path, err = os.Executable()
	if err != nil {
		return "", "", fmt.Errorf("finding the program's own path: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", "", fmt.Errorf("reading this program: %w", err)
	}
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", "", fmt.Errorf("reading this program: %w", err)
	}
	return path, hex.EncodeToString(sum.Sum(nil)), nil
}

// engineRecord is the engine of a load as it travels to workers.
type engineRecord struct {
	Name     string `json:"name"`
	Threads  int    `json:"threads,omitempty"`
	Timer    string `json:"timer"`
	Pin      []int  `json:"pin,omitempty"`
	Insecure bool   `json:"insecure,omitempty"`
	HTTP1    bool   `json:"http1,omitempty"`
	URL      string `json:"url"`
}

// record is the engine that the flags ask for, for workers that send to a URL.
func (o engineOptions) record(url string, tls tlsOptions) (json.RawMessage, error) {
	return json.Marshal(engineRecord{o.name, o.shards, o.timer, o.pin, tls.insecure, tls.http1, url})
}

// readEngine makes the engine that a record asks for.
func readEngine(data json.RawMessage) (loadgen.Engine, error) {
	var r engineRecord
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("reading the engine: %w", err)
	}
	o := engineOptions{name: r.Name, shards: r.Threads, timer: r.Timer, pin: r.Pin, http1: r.HTTP1}
	var err error
	tls := tlsOptions{insecure: r.Insecure, http1: r.HTTP1}
	if o.secure, err = tls.config(loadgen.Plan{URL: r.URL}); err != nil {
		return nil, err
	}
	engine, _, err := o.choose(r.URL)
	return engine, err
}
