package main

import (
	"bench/experiments"
	"bench/servers/setup"

	"github.com/spf13/cobra"
)

func newSetupCommand(s *shell) *cobra.Command {
	var o common
	c := &cobra.Command{
		Use:   "setup",
		Short: "Install what the topologies need: nginx, and Django and uWSGI in an environment of their own",
		Long: `setup installs nginx from the system's packages (with sudo only when it is not root; the web
server that they start is disabled again) and
Django and uWSGI from PyPI, by their hashes, into a virtual environment in bench's cache
folder. Where PyPI cannot be reached it takes the system's packages of them. What is there
already stays; it may be run at any time.`,
		Example: "  bench setup",
		RunE: func(c *cobra.Command, _ []string) error {
			cache, err := s.cacheDir()
			if err != nil {
				return err
			}
			do := setup.Setup{Cache: cache, Path: s.env["PATH"], Env: s.user(), Say: s.errs}
			if err := do.Run(c.Context()); err != nil {
				return &experiments.Error{Verdict: experiments.Refused, Err: err}
			}
			if !o.json {
				return nil
			}
			return runDoctor(c.Context(), s, true)
		},
	}
	o.add(c, "json")
	return c
}
