package experiments

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"bench/results"
	"bench/scenarios"
	"bench/servers"
	"bench/targets"
)

// Manifest is what a stack contributes to a run's manifest: the app, the machine and its tools.
func (e Env) Manifest(ctx context.Context, st *Stack) results.Manifest {
	host := st.Site.Host
	m := results.Manifest{
		Host: host.Record(), Tools: map[string]string{},
		App: results.AppRecord{Name: st.Project.App.Name, WSGI: st.Project.App.WSGI},
	}
	if st.fleet != nil {
		m.Fleet = st.fleet.Record()
	}
	m.Diagnostics = slices.Clone(st.Site.Notes)
	for name, v := range host.Tools.Versions() {
		m.Tools[name] = v
	}
	if st.Bundled && m.App.Name != "" {
		m.App.Hash = targets.BundledHash()
	} else if !st.Bundled {
		m.App.Commit = e.commitOf(ctx, st.Project.App.Dir)
	}
	return m
}

// Arms are the records of topologies as the stack boots them.
func (st *Stack) Arms(arms []scenarios.Arm) ([]results.TopologyRecord, error) {
	var records []results.TopologyRecord
	for _, arm := range arms {
		b, err := arm.Topology.Canonical(st.Project.App, st.Site.Placed())
		if err != nil {
			return nil, Misuse(err)
		}
		records = append(records, b.Record(arm.Name))
	}
	return records, nil
}

// CheckTimelines reports incidents of scenarios that cannot be done to a topology, before anything starts.
func CheckTimelines(app targets.App, arms []scenarios.Arm, all []scenarios.Scenario) error {
	for _, arm := range arms {
		for _, s := range all {
			if len(s.Timeline) == 0 {
				continue
			}
			if err := Check(app, servers.ThisHost(), arm, s.CheckTimeline); err != nil {
				return fmt.Errorf("scenario %s on %s: %w", cmp.Or(s.File, s.Name), arm.Name, err)
			}
		}
	}
	return nil
}

// Check holds the blueprint of an arm against what is to be done to it; what cannot be is a misuse.
func Check(app targets.App, host servers.Host, arm scenarios.Arm, check func(servers.Blueprint) error) error {
	b, err := arm.Topology.Canonical(app, host)
	if err == nil {
		err = check(b)
	}
	if err != nil {
		return Misuse(err)
	}
	return nil
}

// commitOf is the commit of the folder's checkout, marked if files differ from it.
func (e Env) commitOf(ctx context.Context, dir string) string {
	program := servers.LookPath("git", e.Path)
	if program == "" {
		return ""
	}
	git := func(args ...string) (string, error) {
		c := exec.CommandContext(ctx, program, append([]string{"-C", dir}, args...)...)
		c.Env = e.User
		out, err := c.Output()
		return strings.TrimSpace(string(out)), err
	}
	commit, err := git("rev-parse", "--short=12", "HEAD")
	if err != nil {
		return ""
	}
	if changed, err := git("status", "--porcelain", "--", "."); err == nil && changed != "" {
		commit += "-dirty"
	}
	return commit
}
