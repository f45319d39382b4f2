package main

import (
	"strings"

	"bench/experiments"
	"bench/servers/setup"

	"github.com/spf13/cobra"
)

func newSetupCommand(s *shell) *cobra.Command {
	var o sharedFlags
	var with []string
	c := &cobra.Command{
		Use:   "setup",
		Short: "Install what the topologies need: nginx, and Django and uWSGI in their own environment",
		Long: `setup installs Django and uWSGI from PyPI, pinned by hash, in a virtual environment in bench's
cache folder, and nginx from the system's packages (with sudo unless run as root), whose web server it
disables. It leaves alone what is already installed, and can be run at any time. A second setup waits for
the first, and Ctrl-C for the package manager.

With --with it also installs what other topologies need: Python servers into bench's environment, pinned
by hash, and Caddy and HAProxy from the system's packages. An app with an interpreter of its own
needs a Python server in that one's environment. With --fleet it sets up every host that has servers.`,
		Example: "  bench setup\n  bench setup --with gunicorn,uvicorn\n  bench setup --fleet fleet.yaml",
		RunE: func(c *cobra.Command, _ []string) error {
			optional, err := setup.Optional(with)
			if err != nil {
				return experiments.Misuse(err)
			}
			if o.fleet.file != "" {
				args := []string{"setup", "--with=" + strings.Join(with, ",")}
				if o.dryRun {
					args = append(args, "--dry-run")
				}
				return o.fleet.onHosts(c.Context(), s, args...)
			}
			cache, err := s.cacheDir()
			if err != nil {
				return err
			}
			do := setup.Setup{Cache: cache, Path: s.env["PATH"], Env: s.user(), Say: s.errs, With: optional, Dry: o.dryRun}
			if err := do.Run(c.Context()); err != nil {
				return experiments.SetupError(err)
			}
			if !o.json {
				return nil
			}
			return runDoctor(c.Context(), s, true)
		},
	}
	c.Flags().StringSliceVar(&with, "with", nil,
		"install what these need, too: `NAMES` of topologies or tools (whitenoise), popular, or all")
	o.add(c, "fleet", "json", "dry-run")
	c.MarkFlagsMutuallyExclusive("fleet", "json")
	return c
}
