package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"bench/experiments"
	"bench/results"
	"bench/results/bundle"

	"github.com/spf13/cobra"
)

func newBundleCommand(s *shell) *cobra.Command {
	var o sharedFlags
	var file string
	c := &cobra.Command{
		Use:   "bundle RUN",
		Short: "Make one file of a run, to send to somebody",
		Long: `bundle packs a run directory, with its measurements, configurations, logs and report, into one file that
bench report, verify and diff take in place of a folder. Secrets of a known form were left out when the
run was written; look into its logs before you publish one.`,
		Example: `  bench bundle bench-runs/20260102T030405Z-compare-1a2b3c4d
  bench verify 20260102T030405Z-compare-1a2b3c4d.bench.tar.gz
  bench report 20260102T030405Z-compare-1a2b3c4d.bench.tar.gz --open`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeRuns,
		RunE: func(_ *cobra.Command, args []string) error {
			if file == "" {
				file = filepath.Base(filepath.Clean(args[0])) + bundle.Extension
			}
			if err := results.CheckOutput(file); err != nil {
				return experiments.Misuse(err)
			}
			var out bytes.Buffer
			if err := bundle.Write(&out, args[0]); err != nil {
				return experiments.Misuse(err)
			}
			size := out.Len()
			if err := results.WriteFile(file, out.Bytes()); err != nil {
				return err
			}
			if o.json {
				return s.json(map[string]any{"schema": "bench.bundle/1", "file": file, "bytes": size})
			}
			_, err := fmt.Fprintf(s.out, "%s (%d KiB)\n", file, (size+1023)/1024)
			return err
		},
	}
	c.Flags().StringVar(&file, "to", "", "write the bundle to `FILE` (default: the run's name"+bundle.Extension+")")
	o.add(c, "json")
	return c
}

// runAt is the run directory that an argument names: itself, or what is in the bundle, opened below a folder.
func runAt(path, below string) (string, error) {
	if !bundle.Is(path) {
		return path, nil
	}
	dir, err := bundle.Open(path, below)
	if err != nil {
		return "", experiments.Misuse(err)
	}
	return dir, nil
}

// withRuns calls use with the directories of the runs that are named. Bundles are opened into a scratch
// folder, which is removed after it.
func withRuns(s *shell, paths []string, use func(dirs []string) error) error {
	scratch, err := os.MkdirTemp(s.env["TMPDIR"], "bench-bundle-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch) // nothing depends on it
	var dirs []string
	for i, path := range paths {
		dir, err := runAt(path, filepath.Join(scratch, fmt.Sprint(i)))
		if err != nil {
			return err
		}
		dirs = append(dirs, dir)
	}
	return use(dirs)
}
