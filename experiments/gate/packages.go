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

// environments gives each version an interpreter with what it requires, where that differs:
// one environment would fit one version only.
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
		return nil // each names its own already
	}
	for i, list := range lists {
		if list.Local() != "" && apps[i].Python != "" {
			env.Warn(results.Diagnostic{Code: "shared-packages", Message: fmt.Sprintf(
				"the requirements differ, but no environment can be made of %s: both versions run with app.python", list.Local())})
			return nil
		}
	}
	env.Say("the requirements differ: each version that lists some gets an environment of its own")
	for i, list := range lists {
		if list.File() == "" {
			continue // it keeps the interpreter that it names, or bench's own
		}
		python, err := env.Environment(ctx, list, apps[i].Python)
		if err != nil && ctx.Err() == nil {
			python, err = env.Environment(ctx, list, apps[i].Python) // an index may be out of reach for a moment
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if apps[i].Python, both[i].broken = python, err; err != nil && unreachable(err) {
			return experiments.Invalidf(
				"the packages of %s could not be had, which is no fault of its code: %w", both[i].name, err)
		}
	}
	return nil
}

// unreachable reports whether pip failed because of the network, and not of what it was asked.
func unreachable(err error) bool {
	return networkFault.MatchString(err.Error())
}

var networkFault = regexp.MustCompile(`(?i)temporary failure in name resolution|failed to establish a new connection|` +
	`connection (refused|reset|broken)|read timed out|max retries exceeded|network is unreachable|5\d\d server error`)

// sameEnvironment makes the one environment that both versions run in, where bench.yaml asks
// for one: now, so that it does not count as time of the gate.
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

// requirementsOf reads the lists of both versions: those that bench.yaml names, or a
// requirements.txt beside it.
func requirementsOf(both [2]side) (lists [2]setup.Requirements, err error) {
	for i, version := range both {
		app := version.project.App
		file := app.Requirements
		if beside := filepath.Join(app.Dir, "requirements.txt"); file == "" && app.Dir != "" && experiments.IsFile(beside) {
			file = beside
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

// requirementsDiffer tells the report that packages are part of what was compared.
func requirementsDiffer(both [2]side) []results.Diagnostic {
	if len(both[0].packages)+len(both[1].packages) == 0 {
		return nil
	}
	return []results.Diagnostic{{
		Code:    "requirements-differ",
		Message: fmt.Sprintf("base requires %s, head %s", packageList(both[0].packages), packageList(both[1].packages)),
		Hint: "What the gate says is of the packages as well as of the code. " +
			"To judge the code alone, give both the same requirements.",
	}}
}

// lockFiles say which packages a project is meant to run with, and are none that bench installs.
var lockFiles = []string{"poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock"}

// locksDiffer warns where such a file differs: both versions then run with the same packages.
func locksDiffer(both [2]side) (causes []results.Diagnostic) {
	if len(both[0].packages)+len(both[1].packages) > 0 || both[0].project.App.Python != both[1].project.App.Python {
		return nil // each has an environment of its own
	}
	for _, name := range lockFiles {
		var data [2][]byte
		for i, version := range both {
			data[i], _ = os.ReadFile(filepath.Join(version.project.App.Dir, name))
		}
		if !bytes.Equal(data[0], data[1]) {
			causes = append(causes, results.Diagnostic{
				Code: "packages-not-compared", Message: name + " differs between the versions, but both run with the same packages",
				Hint: "Export it to a list, and name that in app.requirements of bench.yaml: " +
					"then each version gets an environment of its own.",
			})
		}
	}
	return causes
}

// secret is what a URL says of who asks.
var secret = regexp.MustCompile(`://[^/@\s]*@`)

func packageList(all []string) string {
	var lines []string
	for _, line := range all {
		if !strings.HasPrefix(line, "-") { // an option, of where packages come from
			line, _, _ = strings.Cut(line, " --hash")
			lines = append(lines, secret.ReplaceAllString(line, "://"))
		}
	}
	const most = 5
	switch {
	case len(lines) == 0:
		return "nothing that the other does not"
	case len(lines) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(lines[:most], ", "), len(lines)-most)
	}
	return strings.Join(lines, ", ")
}
