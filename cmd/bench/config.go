package main

import (
	"bench/internal/secret"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"bench/experiments"
	"bench/experiments/gate"
	"bench/targets"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settle fills in the flags that the command line leaves out: from BENCH_NAME in the environment,
// then from flags: in the bench.yaml of the app or of the working folder. Commands without an app
// read no file. Permissions come from neither.
func settle(c *cobra.Command, s *shell) error {
	env := s.env
	if c.Name() == keeperCommand {
		return nil
	}
	if err := knownVariables(c.Root(), env); err != nil {
		return err
	}
	app := c.Flags().Lookup("app")
	var errs []error
	if app != nil && !app.Changed && env["BENCH_APP"] != "" {
		errs = append(errs, app.Value.Set(env["BENCH_APP"]))
	}
	file := map[string][]string{}
	if app != nil || c.Name() == "load" {
		dir := ""
		if app != nil {
			dir = app.Value.String()
		}
		if dir == "" && c.Name() == "gate" {
			dir = gateFolder(c, env)
		}
		var err error
		if file, err = fileFlags(c, dir); err != nil {
			return err
		}
	}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" || f.Name == "app" {
			return
		}
		values, source := file[f.Name], fmt.Sprintf("%s: flags.%s", targets.ProjectFile, f.Name)
		if value := env[variable(f.Name)]; value != "" {
			values, source = strings.Split(value, "\n"), fmt.Sprintf("%s=%q", variable(f.Name), value)
		}
		if granted, is := permissions[f.Name]; is && len(values) > 0 {
			values = granted(s, source, values)
		}
		if len(values) == 0 {
			return
		}
		from(f, source)
		if err := setFlag(f, values); err != nil {
			errs = append(errs, usagef("%s: %w", source, err))
		}
	})
	// Flags that exclude each other do so wherever they were set.
	if err := c.ValidateFlagGroups(); err != nil {
		errs = append(errs, experiments.Misuse(err))
	}
	if len(errs) == 0 {
		errs = append(errs, outOfRange(c))
	}
	return errors.Join(errs...)
}

// ownVariables are environment variables that do not stand for a flag.
var ownVariables = []string{"BENCH_CACHE"}

// knownVariables refuses a variable that does not stand for a flag of any command: a misspelt setting
// would be ignored silently.
func knownVariables(root *cobra.Command, env map[string]string) error {
	known := map[string]bool{}
	for _, name := range ownVariables {
		known[name] = true
	}
	var learn func(*cobra.Command)
	learn = func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) { known[variable(f.Name)] = true })
		for _, sub := range c.Commands() {
			learn(sub)
		}
	}
	learn(root)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if strings.HasPrefix(name, "BENCH_") && env[name] != "" && !known[name] {
			return usagef("%s=%q in the environment: no command has a flag --%s, and it is not one of %s",
				name, env[name], flagOf(name), strings.Join(ownVariables, ", "))
		}
	}
	return nil
}

// gateFolder is the folder whose bench.yaml holds a gate's flags, if that is not the working folder:
// of two folders the one that is judged, and none for the bundled project.
func gateFolder(c *cobra.Command, env map[string]string) string {
	value := func(name string) string {
		f := c.Flags().Lookup(name)
		if given := env[variable(name)]; given != "" && !f.Changed {
			return given
		}
		return f.Value.String()
	}
	return gate.Spec{Base: value("base"), Head: value("head")}.Folder(value("self-test") == "true")
}

// variable is the environment variable that stands for a flag.
func variable(flag string) string {
	return "BENCH_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// flagOf is the flag that a variable would stand for.
func flagOf(variable string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(variable, "BENCH_")), "_", "-")
}

// setFlag sets a flag; a repeatable one takes any number of values.
func setFlag(f *pflag.Flag, values []string) error {
	f.Changed = true
	if list, many := f.Value.(pflag.SliceValue); many {
		if len(values) == 1 {
			values = strings.Split(values[0], ",")
		}
		return list.Replace(values)
	}
	return f.Value.Set(strings.Join(values, ","))
}

// fileFlags reads the flags: section. A key that is not a flag of any command is an error.
func fileFlags(c *cobra.Command, app string) (map[string][]string, error) {
	dir := app
	if dir == experiments.Bundled {
		return nil, nil
	}
	if dir == "" {
		dir = "."
		if _, err := os.Stat(targets.ProjectFile); err != nil {
			return nil, nil
		}
	}
	project, err := targets.LoadProject(dir)
	if err != nil {
		return nil, experiments.Misuse(err)
	}
	flags := map[string][]string{}
	for key, value := range project.Flags {
		if !flagOfAnyCommand(c.Root(), key) {
			return nil, usagef("%s: flags.%s: no command has a flag --%s", targets.ProjectFile, key, key)
		}
		if list, many := value.([]any); many {
			for _, word := range list {
				flags[key] = append(flags[key], fmt.Sprint(word))
			}
			continue
		}
		flags[key] = []string{fmt.Sprint(value)}
	}
	return flags, nil
}

func flagOfAnyCommand(root *cobra.Command, name string) bool {
	for _, c := range root.Commands() {
		if c.Flags().Lookup(name) != nil {
			return true
		}
	}
	return false
}

// flagValues is every flag of a command with its value, for the manifest.
func flagValues(c *cobra.Command) map[string]string {
	values := map[string]string{}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && f.Name != "out" { // where the results are is not part of them
			values[f.Name] = f.Value.String()
			if user, _, has := strings.Cut(values[f.Name], ":"); has && f.Name == "user" {
				values[f.Name] = user + ":" + secret.Redacted // a password has no shape that would give it away
			}
		}
	})
	return values
}
