package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// release is set by the linker in releases.
var release string

// version names the release and the commit that bench was built from, in every manifest too:
// 0.1.0+1a2b3c4d5e6f, or devel+1a2b3c4d5e6f.dirty where files differed from the commit.
var version = versionOf(release, debug.ReadBuildInfo)

func versionOf(release string, read func() (*debug.BuildInfo, bool)) string {
	info, known := read()
	if !known {
		return cmp.Or(release, "devel")
	}
	if module := info.Main.Version; release == "" && module != "(devel)" && !strings.HasPrefix(module, "v0.0.0-") {
		release, _, _ = strings.Cut(strings.TrimPrefix(module, "v"), "+") // built by go install from a module proxy
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	name := cmp.Or(release, "devel")
	if commit := settings["vcs.revision"]; commit != "" {
		name += "+" + commit[:min(12, len(commit))]
		if settings["vcs.modified"] == "true" {
			name += ".dirty"
		}
	}
	return name
}

func newVersionCommand(s *shell) *cobra.Command {
	var o sharedFlags
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version, and the commit that bench was built from",
		RunE: func(*cobra.Command, []string) error {
			if o.json {
				return s.json(map[string]string{
					"schema": "bench.version/1", "version": version,
					"go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
				})
			}
			_, err := fmt.Fprintln(s.out, versionLine())
			return err
		},
	}
	o.add(c, "json")
	return c
}

// versionLine is what bench version and bench --version print.
func versionLine() string {
	return fmt.Sprintf("bench %s %s %s/%s", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
