package gate

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"bench/experiments"
	"bench/results"
	"bench/servers/setup"
	"bench/targets"
)

// environments gives each version an interpreter with the packages it requires, if these differ: a
// single environment would suit only one version.
func environments(ctx context.Context, env experiments.Env, both *[2]side) error {
	lists, err := requirementsOf(*both)
	if err != nil {
		return err
	}
	apps := [2]*targets.App{&both[0].project.App, &both[1].project.App}
	both[0].packages, both[1].packages = lists[0].Differ(lists[1])
	if same := len(both[0].packages)+len(both[1].packages) == 0; same {
		return sameEnvironment(ctx, env, apps, lists)
	}
	if apps[0].Python != "" && apps[1].Python != "" && apps[0].Python != apps[1].Python {
		return nil // each already names its own
	}
	for i, list := range lists {
		if list.Local() != "" && apps[i].Python != "" {
			env.Warn(results.Diagnostic{Code: "shared-packages", Severity: results.Warning, Message: fmt.Sprintf(
				"the requirements differ, but %s cannot be put into an environment: both versions use app.python", list.Local())})
			return nil
		}
	}
	env.Say("the requirements differ: each version with a list of its own gets its own environment")
	for i, list := range lists {
		if list.File() == "" {
			continue // it keeps the interpreter it names, or bench's own
		}
		python, err := env.Environment(ctx, list, apps[i].Python)
		if err != nil && ctx.Err() == nil {
			python, err = env.Environment(ctx, list, apps[i].Python) // an index may be unreachable for a moment
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if apps[i].Python, both[i].broken = python, err; err != nil && unreachable(err) {
			return experiments.Invalidf(
				"the packages of %s could not be downloaded, which is not the fault of its code: %w", both[i].name, err)
		}
	}
	return nil
}

// unreachable reports whether pip failed because of the network rather than the packages.
func unreachable(err error) bool {
	return networkFault.MatchString(err.Error())
}

var networkFault = regexp.MustCompile(`(?i)temporary failure in name resolution|failed to establish a new connection|` +
	`connection (refused|reset|broken)|read timed out|max retries exceeded|network is unreachable|5\d\d server error`)

// sameEnvironment makes the one environment that both versions run in, if bench.yaml requests one:
// now, so that this does not count as time of the gate.
func sameEnvironment(
	ctx context.Context, env experiments.Env, apps [2]*targets.App, lists [2]setup.Requirements,
) (err error) {
	named := apps[0].Requirements != "" || apps[1].Requirements != ""
	if apps[0].Python != "" || apps[1].Python != "" || !named {
		return nil
	}
	list := lists[0]
	if list.File() == "" {
		list = lists[1]
	}
	if apps[0].Python, err = env.Environment(ctx, list, ""); err != nil {
		return err
	}
	apps[1].Python = apps[0].Python
	return nil
}

// requirementsOf reads the lists of both versions: those that bench.yaml names, or the
// requirements.txt next to it.
func requirementsOf(both [2]side) (lists [2]setup.Requirements, err error) {
	for i, version := range both {
		app := version.project.App
		file := app.Requirements
		if next := filepath.Join(app.Dir, "requirements.txt"); file == "" && app.Dir != "" && experiments.IsFile(next) {
			file = next
		}
		if file == "" {
			continue
		}
		if lists[i], err = setup.ReadRequirements(file); err != nil {
			return lists, experiments.Misuse(err)
		}
	}
	return lists, nil
}

// requirementsDiffer reports that packages are part of what was compared.
func requirementsDiffer(both [2]side) []results.Diagnostic {
	if len(both[0].packages)+len(both[1].packages) == 0 {
		return nil
	}
	return []results.Diagnostic{{
		Code:    "requirements-differ",
		Message: fmt.Sprintf("base requires %s, head %s", packageList(both[0].packages), packageList(both[1].packages)),
		Hint: "The verdict covers the packages as well as the code. " +
			"To judge the code alone, give both versions the same requirements.",
	}}
}

// lockFiles list the packages a project is meant to run with; bench installs from them only if told to.
var lockFiles = []string{"poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock"}

// locksDiffer warns if such a file differs, since both versions run with the same packages.
func locksDiffer(both [2]side) (warnings []results.Diagnostic) {
	if len(both[0].packages)+len(both[1].packages) > 0 || both[0].project.App.Python != both[1].project.App.Python {
		return nil // each has an environment of its own
	}
	for _, name := range lockFiles {
		var data [2][]byte
		for i, version := range both {
			data[i], _ = os.ReadFile(filepath.Join(version.project.App.Dir, name))
		}
		if !bytes.Equal(data[0], data[1]) {
			warnings = append(warnings, results.Diagnostic{
				Code: "packages-not-compared", Message: name + " differs between the versions, but both run with the same packages",
				Hint: "Name uv.lock or poetry.lock, or a list exported from another, in app.requirements of bench.yaml: " +
					"then each version gets its own environment.",
				Severity: results.Warning,
			})
		}
	}
	return warnings
}

// credentials matches the credentials in a URL.
var credentials = regexp.MustCompile(`://[^/@\s]*@`)

func packageList(all []string) string {
	var lines []string
	for _, line := range all {
		if !strings.HasPrefix(line, "-") { // an option, such as an index
			line, _, _ = strings.Cut(line, " --hash")
			lines = append(lines, credentials.ReplaceAllString(line, "://"))
		}
	}
	const most = 5
	switch {
	case len(lines) == 0:
		return "nothing more"
	case len(lines) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(lines[:most], ", "), len(lines)-most)
	}
	return strings.Join(lines, ", ")
}
