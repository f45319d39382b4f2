package main

import (
	"context"
	"fmt"
	"runtime"

	"bench/servers/setup"

	"github.com/spf13/cobra"
)

func (s *shell) setupCommand() *cobra.Command {
	var asJSON bool
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
			do, err := s.setup()
			if err != nil {
				return err
			}
			if err := do.Run(c.Context()); err != nil {
				return codedError{exitRefused, err}
			}
			if !asJSON {
				return nil
			}
			return s.doctor(c.Context(), true)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write what doctor then finds to stdout as JSON")
	return c
}

// setup is what installs things for this user.
func (s *shell) setup() (setup.Setup, error) {
	cache, err := s.cacheDir()
	var env []string
	for key, value := range s.env {
		env = append(env, key+"="+value) // pip and apt have their own settings there
	}
	return setup.Setup{Cache: cache, Path: s.env["PATH"], Env: env, Say: s.errs}, err
}

// environment is the interpreter of an environment with those packages, made from base.
func (s *shell) environment(ctx context.Context, list setup.Requirements, base string) (python string, err error) {
	do, err := s.setup()
	if err != nil {
		return "", err
	}
	if python, err = do.Environment(ctx, list, base); err != nil {
		return "", codedError{exitRefused, err}
	}
	return python, nil
}

func (s *shell) versionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return s.json(map[string]string{"schema": "bench.version/1", "version": version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH})
			}
			_, err := fmt.Fprintf(s.out, "bench %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write it to stdout as JSON")
	return c
}
