package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// version is set by the linker in releases.
var version = "devel"

func newVersionCommand(s *shell) *cobra.Command {
	var o sharedFlags
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		RunE: func(*cobra.Command, []string) error {
			if o.json {
				return s.json(map[string]string{
					"schema": "bench.version/1", "version": version,
					"go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
				})
			}
			_, err := fmt.Fprintf(s.out, "bench %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	o.add(c, "json")
	return c
}
