package main

import (
	"bench/experiments"
	"bench/servers/setup"

	"github.com/spf13/cobra"
)

func newSetupCommand(s *shell) *cobra.Command {
	var o sharedFlags
	c := &cobra.Command{
		Use:   "setup",
		Short: "Install what the topologies need: nginx, and Django and uWSGI in their own environment",
		Long: `setup installs nginx from the system's packages (with sudo unless run as root, and disables the web
server that they start), and Django and uWSGI from PyPI, pinned by hash, in a virtual environment in
bench's cache folder. If PyPI cannot be reached, it falls back to the system's packages. It leaves
alone what is already installed, and can be run at any time.`,
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
