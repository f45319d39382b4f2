package page

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bench/results"
)

// Subject writes what a run was about: the app with its versions, the machine, and when it began.
func Subject(m results.Manifest) string {
	var parts []string
	if app := m.App.Name; app != "" {
		if m.App.Commit != "" {
			app += " at " + m.App.Commit
		}
		parts = append(parts, app)
	}
	if versions := versionsOf(m.Tools); versions != "" {
		parts = append(parts, versions)
	}
	if machine := machine(m.Host); machine != "" {
		parts = append(parts, machine)
	}
	return strings.Join(append(parts, m.Started.UTC().Format("2 Jan 2006, 15:04 UTC")), " · ")
}

// versionsOf are the versions of what was run, without that of bench itself.
func versionsOf(tools map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(tools)) {
		if tools[name] != "" && name != "bench" {
			parts = append(parts, name+" "+tools[name])
		}
	}
	return strings.Join(parts, ", ")
}

// machine is what a run was measured on.
func machine(h results.Host) string {
	var parts []string
	if h.Cores > 0 {
		parts = append(parts, Count(h.Cores, "core"))
	}
	if h.Memory > 0 {
		parts = append(parts, fmt.Sprintf("%.0f GiB", float64(h.Memory)/(1<<30)))
	}
	return strings.Join(parts, ", ")
}
