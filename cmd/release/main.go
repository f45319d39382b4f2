// Command release makes what a release of bench consists of besides its binaries: the notices of what they
// contain, and Python wheels. The Makefile and .goreleaser.yaml call it.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"bench/internal/notices"
	"bench/internal/wheel"

	"github.com/spf13/cobra"
)

func main() {
	root := &cobra.Command{Use: "release", Short: "Make the parts of a release of bench", SilenceUsage: true}
	root.AddCommand(newNoticesCommand(), newWheelCommand())
	if root.ExecuteContext(context.Background()) != nil {
		os.Exit(1)
	}
}

func newNoticesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "notices", Short: "Write " + notices.File + ", in the folder of go.mod", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			parts, err := notices.Read(c.Context(), ".")
			if err != nil {
				return err
			}
			var out bytes.Buffer
			if err := notices.Write(&out, parts); err != nil {
				return err
			}
			return os.WriteFile(notices.File, out.Bytes(), 0o644)
		},
	}
}

func newWheelCommand() *cobra.Command {
	var binary, dir string
	w := wheel.Wheel{
		Name: "django-bench-suite", Command: "bench", Licences: map[string][]byte{},
		Summary: "Which deployment serves your Django app fastest, by how much, and why?",
	}
	c := &cobra.Command{
		Use: "wheel", Short: "Pack a binary into a Python wheel, in the folder of go.mod", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			name, err := w.FileName()
			if err != nil {
				return err
			}
			if w.Program, err = os.ReadFile(binary); err != nil {
				return err
			}
			if w.Readme, err = os.ReadFile("docs/PYPI.md"); err != nil {
				return err
			}
			for _, file := range []string{"LICENSE", notices.File} {
				if w.Licences[file], err = os.ReadFile(file); err != nil {
					return err
				}
			}
			var out bytes.Buffer
			if err := w.Write(&out); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), filepath.Join(dir, name))
			return os.WriteFile(filepath.Join(dir, name), out.Bytes(), 0o644)
		},
	}
	f := c.Flags()
	f.StringVar(&binary, "binary", "bin/bench", "`FILE` to pack")
	f.StringVar(&w.Version, "version", "", "`VERSION` in the form of PEP 440")
	f.StringVar(&w.Platform, "platform", "linux/amd64", "`PLATFORM` of the binary, as Go names it")
	f.StringVar(&dir, "out", "dist", "write the wheel into `DIR`")
	_ = c.MarkFlagRequired("version")
	return c
}
