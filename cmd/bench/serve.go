package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"bench/serve"

	"github.com/spf13/cobra"
)

func newServeCommand(s *shell) *cobra.Command {
	var port uint16
	var open bool
	var o sharedFlags
	c := &cobra.Command{
		Use:   "serve [RUNS]",
		Short: "Browse, filter and overlay runs in a browser, and follow one that is under way",
		Long: `serve shows the runs in a folder (default: bench-runs) in a browser: a list that filters, the report
of each run, one figure of several laid over one another, trends, and the events of a run that is under
way. It listens on loopback only, wants the token that is in the address it prints, and changes nothing.
It ends with Ctrl-C.`,
		Example: `  bench serve
  bench serve ../other/bench-runs --port 8200 --open`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			folder := "bench-runs"
			if len(args) > 0 {
				folder = args[0]
			}
			if o.dryRun {
				_, err := fmt.Fprintf(s.out, "would serve the runs in %s on 127.0.0.1, %s, until Ctrl-C\n", folder, portText(port))
				return err
			}
			return runServe(c.Context(), s, folder, port, open)
		},
	}
	c.Flags().Uint16Var(&port, "port", 0, "listen on `PORT` of 127.0.0.1 (default: a free one)")
	c.Flags().BoolVar(&open, "open", false, "open the address in a browser")
	o.add(c, "dry-run")
	return c
}

func portText(port uint16) string {
	if port == 0 {
		return "on a free port"
	}
	return fmt.Sprintf("port %d", port)
}

func runServe(ctx context.Context, s *shell, folder string, port uint16, open bool) error {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
	if err != nil {
		return usagef("--port %d: %w", port, err)
	}
	defer listener.Close()
	token := rand.Text()
	pages, err := serve.New(folder, listener.Addr().String(), token)
	if err != nil {
		return usagef("%w: want a folder of run directories, such as bench-runs", err)
	}
	defer pages.Close()
	address := fmt.Sprintf("http://%v/?token=%s", listener.Addr(), token)
	fmt.Fprintln(s.stdout, address) // the token is a secret, and this is how it is told
	if open {
		if err := openAddress(s, address); err != nil {
			return err
		}
	}
	server := &http.Server{
		Handler: pages, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	go func() {
		<-ctx.Done()
		_ = server.Close() // nothing is lost: whoever follows a run is cut off, and reads can be repeated
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving %s: %w", folder, err)
	}
	return nil // ending it is how it is used
}
